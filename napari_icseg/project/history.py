"""The operation log: each action's changes, and how to take them back and forth.

An operation stores the *other side* of every row it touched: after it was done, the rows as
they were before; after it was undone, the rows as they were after. Undo and redo are then the
same act, `swap`: put the stored rows in place and store those that were there. One transaction
holds the change and its log row, so that the log is always true.
"""

from __future__ import annotations

import json
import time
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from napari_icseg.project.records import OperationState

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from napari_icseg.project.records import OperationKind

Table = Literal["classes", "images", "objects", "proposals", "reviews"]
Row = dict[str, Any]
Side = dict[tuple[Table, int], Row | None]
"""Rows by table and id; None stands for a row that is not there."""

# parents come before children: the triggers that count objects need the image's row
_RANK: dict[Table, int] = {"classes": 0, "images": 1, "objects": 2, "proposals": 3, "reviews": 4}
# by which column proposals belong to a row of these tables
_PROPOSAL_COLUMN: dict[Table, str] = {"images": "image_id", "classes": "class_id"}
# what triggers derive from other rows; storing it would count twice
_DERIVED = {"images": {"num_objects"}}


@dataclass(frozen=True, slots=True)
class Touched:
    """The ids that an operation changed, for those who show them."""

    images: frozenset[int]
    objects: frozenset[int]
    image_list: bool
    classes: bool

    def united(self, other: Touched) -> Touched:
        """Return what both together changed."""
        return Touched(
            self.images | other.images,
            self.objects | other.objects,
            self.image_list or other.image_list,
            self.classes or other.classes,
        )


NOTHING_TOUCHED = Touched(frozenset(), frozenset(), image_list=False, classes=False)


class Operation:
    """Row changes inside one open transaction, remembering each row's first state."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._before: Side = {}
        self._images: set[int] = set()
        self._images_of_objects: set[int] = set()
        self._image_list = False

    @property
    def is_empty(self) -> bool:
        """Whether nothing was changed."""
        return not self._before

    @property
    def images(self) -> frozenset[int]:
        """The ids of the images that were changed, or whose rows were."""
        return frozenset(self._images)

    def has_touched(self, table: Table, row_id: int) -> bool:
        """Return whether a row was changed."""
        return (table, row_id) in self._before

    @property
    def images_of_objects(self) -> frozenset[int]:
        """The ids of the images on which objects came, went or changed."""
        return frozenset(self._images_of_objects)

    def insert(self, table: Table, values: Mapping[str, object]) -> int:
        """Add a row and return its id."""
        row_id = _insert(self._connection, table, values)
        self._before[table, row_id] = None
        self._image_list |= table == "images"
        self._note_image(table, row_id, values)
        return row_id

    def update(self, table: Table, row_id: int, values: Mapping[str, object]) -> bool:
        """Change a row; return whether it was different before. The row must exist."""
        row_id, row = self._existing(table, row_id)
        if all(row[key] == value for key, value in values.items()):
            return False
        self._before.setdefault((table, row_id), row)
        self._note_image(table, row_id, row)
        _update(self._connection, table, row_id, values)
        return True

    def delete(self, table: Table, row_id: int) -> None:
        """Remove a row that must exist."""
        row_id, row = self._existing(table, row_id)
        self._before.setdefault((table, row_id), row)
        self._note_image(table, row_id, row)
        self._image_list |= table == "images"
        self._connection.execute(f"DELETE FROM {table} WHERE id = ?", (row_id,))

    def log(
        self, kind: OperationKind, summary: str, *, image_id: int | None, undoable: bool
    ) -> None:
        """Write the log row.

        What was undone before can no longer be redone, except after an operation that cannot
        be undone itself: the user did not choose to go another way.
        """
        if self._before and undoable:
            self._connection.execute(
                "UPDATE operations SET state = ? WHERE state = ?",
                (OperationState.ABANDONED, OperationState.UNDONE),
            )
        side = _pack(self._before) if undoable else b""
        self._connection.execute(
            "INSERT INTO operations (created_unix_s, kind, summary, image_id, undoable, other_side)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                time.time(),
                kind,
                summary,
                None if image_id is None else int(image_id),
                undoable,
                side,
            ),
        )

    def touched(self) -> Touched:
        """Return what this operation changed."""
        return _touched(self._before, self._images, image_list=self._image_list)

    def _existing(self, table: Table, row_id: int) -> tuple[int, Row]:
        row_id = int(row_id)  # arrays hand out NumPy's integers, which JSON does not know
        row = _fetch(self._connection, table, row_id)
        if row is None:
            raise KeyError(f"{table} {row_id}")
        return row_id, row

    def _note_image(self, table: Table, row_id: int, row: Mapping[str, object]) -> None:
        _note_image(self._images, table, row_id, row)
        if table == "objects":
            _note_image(self._images_of_objects, table, row_id, row)


def other_side(connection: sqlite3.Connection, operation_id: int) -> Side:
    """Return the rows that an operation has stored."""
    question = "SELECT other_side FROM operations WHERE id = ?"
    return _unpack(connection.execute(question, (operation_id,)).fetchone()[0])


def swap(
    connection: sqlite3.Connection, operation_id: int, stored: Side, state: OperationState
) -> Touched:
    """Exchange an operation's stored rows with those in the tables and set its state."""
    stored = _without_overtaken(connection, stored)
    stored = {**stored, **_displaced(connection, stored)}
    current = {key: _fetch(connection, *key) for key in stored}
    # rows refer to each other in both directions of time; only the end state must be whole
    connection.execute("PRAGMA defer_foreign_keys = ON")
    # what goes makes room for what comes
    for table, row_id in sorted(stored, key=lambda key: (stored[key] is not None, _RANK[key[0]])):
        _put(connection, table, row_id, current[table, row_id], stored[table, row_id])
    connection.execute(
        "UPDATE operations SET state = ?, other_side = ? WHERE id = ?",
        (state, _pack(current), operation_id),
    )
    images: set[int] = set()
    for side in (stored, current):
        for (table, row_id), row in side.items():
            _note_image(images, table, row_id, row or {})
    image_list = any(
        key[0] == "images" and (row is None or current[key] is None) for key, row in stored.items()
    )
    return _touched(stored, images, image_list=image_list)


def _displaced(connection: sqlite3.Connection, stored: Side) -> Side:
    """Return the rows that operations which undo passes by have put in the way, as absent.

    For an image that comes back: the same file, added anew. For an image or class that goes:
    the proposals and the review that a program made for it unasked. For the review of one round
    that takes the place of another's: the other's proposals. They go and come with the operation
    from now on. Nothing else can be there: edits came later and have been undone before.
    """
    displaced: Side = {}
    for (table, row_id), row in stored.items():
        if row is None and table in _PROPOSAL_COLUMN:
            displaced |= _followers_of(connection, table, row_id)
        elif row is not None and table == "images":
            question = "SELECT id FROM images WHERE path = ? AND id != ?"
            for (other,) in connection.execute(question, (row["path"], row_id)).fetchall():
                displaced["images", other] = None
                displaced |= _followers_of(connection, "images", other)
        elif row is not None and table == "reviews":
            question = "SELECT 1 FROM reviews WHERE id = ? AND round_id != ?"
            if connection.execute(question, (row_id, row["round_id"])).fetchone():
                displaced |= _followers_of(connection, "images", row["image_id"], with_review=False)
    return {key: None for key in displaced if key not in stored}


def _followers_of(
    connection: sqlite3.Connection, table: Table, row_id: int, *, with_review: bool = True
) -> Side:
    question = f"SELECT id FROM proposals WHERE {_PROPOSAL_COLUMN[table]} = ?"
    found: list[tuple[Table, int]] = [
        ("proposals", row[0]) for row in connection.execute(question, (row_id,))
    ]
    if table == "images" and with_review:
        question = "SELECT id FROM reviews WHERE image_id = ?"
        found += [("reviews", row[0]) for row in connection.execute(question, (row_id,))]
    return dict.fromkeys(found)


def _without_overtaken(connection: sqlite3.Connection, stored: Side) -> Side:
    """Leave out the proposals that a later round has replaced, unless their review comes back.

    A few of them alone would be taken for all that the model proposed.
    """
    coming = {
        row["image_id"]: row["round_id"]
        for (table, _), row in stored.items()
        if table == "reviews" and row is not None
    }
    question = (
        "SELECT 1 FROM reviews WHERE image_id = ? AND round_id != ? "
        "AND NOT EXISTS (SELECT 1 FROM proposals WHERE id = ?)"
    )

    def is_overtaken(key: tuple[Table, int], row: Row | None) -> bool:
        if key[0] != "proposals" or row is None or row["round_id"] is None:
            return False
        image_id, round_id = row["image_id"], row["round_id"]
        if image_id in coming:
            return bool(coming[image_id] != round_id)
        values = (image_id, round_id, key[1])
        return connection.execute(question, values).fetchone() is not None

    return {key: row for key, row in stored.items() if not is_overtaken(key, row)}


def _put(
    connection: sqlite3.Connection, table: Table, row_id: int, old: Row | None, new: Row | None
) -> None:
    if new is None:
        connection.execute(f"DELETE FROM {table} WHERE id = ?", (row_id,))
    elif old is None:
        _insert(connection, table, new)
    else:
        _update(connection, table, row_id, new)


def _insert(connection: sqlite3.Connection, table: Table, values: Mapping[str, object]) -> int:
    marks = ", ".join("?" * len(values))
    statement = f"INSERT INTO {table} ({', '.join(values)}) VALUES ({marks})"
    row_id = connection.execute(statement, tuple(values.values())).lastrowid
    assert row_id is not None  # an INSERT that did not raise has one
    return row_id


def _update(
    connection: sqlite3.Connection, table: Table, row_id: int, values: Mapping[str, object]
) -> None:
    pairs = ", ".join(f"{key} = ?" for key in values)
    connection.execute(f"UPDATE {table} SET {pairs} WHERE id = ?", (*values.values(), row_id))


def _fetch(connection: sqlite3.Connection, table: Table, row_id: int) -> Row | None:
    cursor = connection.execute(f"SELECT * FROM {table} WHERE id = ?", (row_id,))
    values = cursor.fetchone()
    if values is None:
        return None
    derived = _DERIVED.get(table, set())
    names = [column[0] for column in cursor.description]
    return {name: value for name, value in zip(names, values, strict=True) if name not in derived}


def _note_image(images: set[int], table: Table, row_id: int, row: Mapping[str, object]) -> None:
    if table == "images":
        images.add(row_id)
    elif isinstance(image_id := row.get("image_id"), int):
        images.add(image_id)


def _touched(side: Side, images: Iterable[int], *, image_list: bool) -> Touched:
    return Touched(
        images=frozenset(images),
        objects=frozenset(row_id for table, row_id in side if table == "objects"),
        image_list=image_list,
        classes=any(table == "classes" for table, _ in side),
    )


def _pack(side: Side) -> bytes:
    entries = [[table, row_id, _to_json(row)] for (table, row_id), row in side.items()]
    return zlib.compress(json.dumps(entries, separators=(",", ":")).encode())


def _unpack(data: bytes) -> Side:
    entries = json.loads(zlib.decompress(data))
    return {(table, row_id): _from_json(row) for table, row_id, row in entries}


def _to_json(row: Row | None) -> Row | None:
    # COCO's compressed RLE is ASCII, so the one binary column fits JSON as text
    if row is None or "counts" not in row:
        return row
    return {**row, "counts": row["counts"].decode("ascii")}


def _from_json(row: Row | None) -> Row | None:
    if row is None or "counts" not in row:
        return row
    return {**row, "counts": row["counts"].encode("ascii")}
