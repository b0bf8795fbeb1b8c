"""The tables of a project file, their version, and the way from older versions.

A released version's tables never change: a new version adds one entry to `MIGRATIONS`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from trainers.io.palette import PALETTE

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping

APPLICATION_ID = 0x49435347  # "ICSG", tells our files from those of other SQLite programs

DEFAULT_CLASSES = (("metal", PALETTE[0]), ("via", PALETTE[1]))

_MASK_COLUMNS = """
    row INTEGER NOT NULL, col INTEGER NOT NULL,
    height INTEGER NOT NULL, width INTEGER NOT NULL, counts BLOB NOT NULL
"""

# AUTOINCREMENT: an id is never given twice, so a redone object cannot meet its own number.
# STRICT (SQLite 3.37): damage that changes a value's type is found by the check on opening.
_VERSION_1 = f"""
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE migrations (
    version INTEGER PRIMARY KEY, applied_unix_s REAL NOT NULL, program TEXT NOT NULL
) STRICT;
CREATE TABLE classes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL, color TEXT NOT NULL, position INTEGER NOT NULL
) STRICT;
CREATE TABLE images (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    path TEXT NOT NULL UNIQUE,
    height INTEGER NOT NULL, width INTEGER NOT NULL,
    status TEXT NOT NULL DEFAULT 'unlabelled',
    split TEXT, notes TEXT NOT NULL DEFAULT '',
    num_objects INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE objects (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    image_id INTEGER NOT NULL REFERENCES images(id),
    class_id INTEGER NOT NULL REFERENCES classes(id),
    {_MASK_COLUMNS},
    source TEXT NOT NULL, score REAL, is_crowd INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX objects_by_image ON objects(image_id);
CREATE INDEX objects_by_class ON objects(class_id);
CREATE TRIGGER count_added AFTER INSERT ON objects BEGIN
    UPDATE images SET num_objects = num_objects + 1 WHERE id = NEW.image_id;
END;
CREATE TRIGGER count_deleted AFTER DELETE ON objects BEGIN
    UPDATE images SET num_objects = num_objects - 1 WHERE id = OLD.image_id;
END;
CREATE TABLE rounds (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    created_unix_s REAL NOT NULL, model TEXT NOT NULL, run_dir TEXT NOT NULL, info TEXT NOT NULL
) STRICT;
CREATE TABLE proposals (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    image_id INTEGER NOT NULL REFERENCES images(id),
    class_id INTEGER NOT NULL REFERENCES classes(id),
    {_MASK_COLUMNS},
    score REAL, round_id INTEGER REFERENCES rounds(id)
) STRICT;
CREATE INDEX proposals_by_image ON proposals(image_id);
CREATE INDEX proposals_by_class ON proposals(class_id);
CREATE TABLE operations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    created_unix_s REAL NOT NULL,
    kind TEXT NOT NULL, summary TEXT NOT NULL, image_id INTEGER,
    state TEXT NOT NULL DEFAULT 'done', undoable INTEGER NOT NULL DEFAULT 1,
    other_side BLOB NOT NULL
) STRICT;
CREATE INDEX operations_by_state ON operations(state, undoable, id);
"""

# one row an image: what a round's model proposes for it, and what a person decided
_REVIEWS = """
CREATE TABLE reviews (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    image_id INTEGER NOT NULL UNIQUE REFERENCES images(id),
    round_id INTEGER NOT NULL REFERENCES rounds(id),
    state TEXT NOT NULL, num_proposals INTEGER NOT NULL,
    confidence REAL, predicted_iou REAL, doubt_path TEXT
) STRICT;
CREATE INDEX reviews_by_state ON reviews(state, round_id);
CREATE INDEX reviews_by_round ON reviews(round_id);
CREATE INDEX operations_by_time ON operations(created_unix_s, kind);
"""


def _add_reviews(connection: sqlite3.Connection) -> None:
    for statement in _REVIEWS.split(";"):  # executescript would end the transaction
        connection.execute(statement)


def _program() -> str:
    try:
        return f"napari-icseg {version('napari-icseg')}"
    except PackageNotFoundError:  # run from a source folder that was never installed
        return "napari-icseg (source)"


# from version -> the function that brings a connection, inside a transaction, to version + 1
MIGRATIONS: Mapping[int, Callable[[sqlite3.Connection], None]] = {1: _add_reviews}


@dataclass(frozen=True, slots=True)
class Schema:
    """The version that this program writes and the migrations that lead to it."""

    version: int = 2
    migrations: Mapping[int, Callable[[sqlite3.Connection], None]] = field(
        default_factory=lambda: MIGRATIONS
    )


CURRENT = Schema()


def create_tables(connection: sqlite3.Connection, *, root: str, schema: Schema = CURRENT) -> None:
    """Fill an empty database with the tables, the default classes and the root folder."""
    connection.executescript(_VERSION_1)
    connection.executemany(
        "INSERT INTO classes (name, color, position) VALUES (?, ?, ?)",
        [(name, color, place) for place, (name, color) in enumerate(DEFAULT_CLASSES)],
    )
    connection.execute("INSERT INTO meta VALUES ('root', ?)", (root,))
    connection.execute("INSERT INTO meta VALUES ('created_by', ?)", (_program(),))
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    _note_version(connection, 1)
    migrate(connection, schema)


def schema_version(connection: sqlite3.Connection) -> int:
    """Return the version of the tables in the file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def migrate(connection: sqlite3.Connection, schema: Schema = CURRENT) -> None:
    """Bring the tables to `schema.version`, all steps in one transaction or none of them."""
    start = schema_version(connection)
    if start >= schema.version:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in range(start, schema.version):
            schema.migrations[step](connection)
            _note_version(connection, step + 1)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _note_version(connection: sqlite3.Connection, number: int) -> None:
    connection.execute(f"PRAGMA user_version = {number}")
    connection.execute("INSERT INTO migrations VALUES (?, ?, ?)", (number, time.time(), _program()))
