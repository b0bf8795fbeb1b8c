"""Questions to a project file: everything that can be read without changing it."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_icseg.project.records import (
    ClassFlags,
    ClassRecord,
    HistoryEntry,
    ImageRecord,
    ImageStatus,
    ObjectRecord,
    ObjectSource,
    OperationKind,
    OperationState,
    ProposalRecord,
    RoundRecord,
)
from napari_icseg.project.review_reader import ReviewReader
from napari_icseg.project.sqlite_errors import damage_errors
from trainers.io.rle import RleMask

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MASK = "row, col, height, width, counts"
_IMAGES = "SELECT id, path, height, width, status, split, num_objects, notes FROM images"
_CLASSES = "SELECT id, name, color, position FROM classes"
_OBJECTS = f"SELECT id, image_id, class_id, source, score, is_crowd, {_MASK} FROM objects"
_PROPOSALS = f"SELECT id, image_id, class_id, score, round_id, {_MASK} FROM proposals"

# a list of 100,000 images asks for each one's status; calling the enumeration is four times slower
_STATUS = {status.value: status for status in ImageStatus}


class ProjectReader(ReviewReader):
    """Read access over one connection; safe to call from any thread.

    Each call holds the connection for its own duration only. An export that takes minutes
    uses a `ProjectSnapshot` instead, which has its own connection and an unchanging view.
    """

    @property
    def name(self) -> str:
        """The project's name: its file's without the suffix."""
        return self.file.stem

    @property
    def root(self) -> Path:
        """The folder that image paths are relative to (absolute)."""
        stored = self._rows("SELECT value FROM meta WHERE key = 'root'")[0][0]
        return Path(self.file.parent, stored)

    # images -------------------------------------------------------------------------------

    def images(self, status: ImageStatus | None = None) -> tuple[ImageRecord, ...]:
        """Return all images in the order they were added, or those of one status."""
        if status is None:
            rows = self._rows(f"{_IMAGES} ORDER BY id")
        else:
            rows = self._rows(f"{_IMAGES} WHERE status = ? ORDER BY id", status)
        return self._records(_image, rows)

    def image(self, image_id: int) -> ImageRecord:
        """Return one image; `ProjectError` if there is none with this id."""
        return self._one(_image, _IMAGES, image_id, "image")

    def image_by_path(self, path: str) -> ImageRecord | None:
        """Return the image with this stored path (POSIX, relative to the root), if any."""
        rows = self._rows(f"{_IMAGES} WHERE path = ?", path)
        return self._records(_image, rows)[0] if rows else None

    def absolute_path(self, image_id: int) -> Path:
        """Return where the image file should be; it is not checked to exist."""
        return self.root / self.image(image_id).path

    def num_images(self) -> dict[ImageStatus, int]:
        """Return the number of images of each status (0 for a status nothing has)."""
        counts = dict(self._rows("SELECT status, COUNT(*) FROM images GROUP BY status"))
        return {status: counts.get(status.value, 0) for status in ImageStatus}

    # classes ------------------------------------------------------------------------------

    def classes(self) -> tuple[ClassRecord, ...]:
        """Return the classes in the order of the keys that choose them."""
        rows = self._rows(f"{_CLASSES} ORDER BY position, id")
        return self._records(partial(_class, self.class_flags()), rows)

    def class_by_id(self, class_id: int) -> ClassRecord:
        """Return one class; `ProjectError` if there is none with this id."""
        return self._one(partial(_class, self.class_flags()), _CLASSES, class_id, "class")

    def class_flags(self) -> ClassFlags:
        """Return which classes are hidden, and which are locked."""
        rows = self._rows("SELECT value FROM meta WHERE key = 'class_flags'")
        with damage_errors(self.file):
            return ClassFlags.from_text(rows[0][0]) if rows else ClassFlags()

    def num_members(self, class_id: int) -> tuple[int, int, int]:
        """Return how many objects a class has, on how many images, and how many proposals."""
        question = "SELECT COUNT(*), COUNT(DISTINCT image_id) FROM objects WHERE class_id = ?"
        num, num_images = self._rows(question, int(class_id))[0]
        proposals = self._rows("SELECT COUNT(*) FROM proposals WHERE class_id = ?", int(class_id))
        return int(num), int(num_images), int(proposals[0][0])

    def num_objects_by_class(self, image_id: int) -> dict[int, int]:
        """Return how many accepted objects of each class an image has; 0 is left out."""
        question = "SELECT class_id, COUNT(*) FROM objects WHERE image_id = ? GROUP BY class_id"
        return dict(self._rows(question, int(image_id)))

    # objects and proposals ----------------------------------------------------------------

    def objects(self, image_id: int) -> tuple[ObjectRecord, ...]:
        """Return the accepted objects of an image, oldest first."""
        rows = self._rows(f"{_OBJECTS} WHERE image_id = ? ORDER BY id", int(image_id))
        return self._records(_object, rows)

    def objects_by_ids(self, object_ids: Iterable[int]) -> tuple[ObjectRecord, ...]:
        """Return those of these objects that exist, of any images, oldest first."""
        rows = self._rows_of(f"{_OBJECTS} WHERE id IN ({{}}) ORDER BY id", object_ids)
        return self._records(_object, rows)

    def images_with_class(self, class_id: int) -> frozenset[int]:
        """Return the ids of the images that have objects of a class."""
        question = "SELECT DISTINCT image_id FROM objects WHERE class_id = ?"
        return frozenset(int(row[0]) for row in self._rows(question, int(class_id)))

    def object_by_id(self, object_id: int) -> ObjectRecord:
        """Return one object; `ProjectError` if there is none with this id."""
        return self._one(_object, _OBJECTS, object_id, "object")

    def proposals(self, image_id: int) -> tuple[ProposalRecord, ...]:
        """Return what waits for a decision on an image, the surest first."""
        rows = self._rows(f"{_PROPOSALS} WHERE image_id = ? ORDER BY score DESC, id", int(image_id))
        return self._records(_proposal, rows)

    def proposal(self, proposal_id: int) -> ProposalRecord:
        """Return one proposal; `ProjectError` if there is none with this id."""
        return self._one(_proposal, _PROPOSALS, proposal_id, "proposal")

    # the project's past -------------------------------------------------------------------

    def rounds(self) -> tuple[RoundRecord, ...]:
        """Return the model runs used on this project, oldest first."""
        rows = self._rows("SELECT id, created_unix_s, model, run_dir, info FROM rounds ORDER BY id")
        return tuple(
            RoundRecord(row[0], row[1], row[2], row[3], json.loads(row[4])) for row in rows
        )

    def history(self, limit: int = 100) -> tuple[HistoryEntry, ...]:
        """Return the newest `limit` operations, newest first, undone ones included."""
        rows = self._rows(
            "SELECT id, created_unix_s, kind, summary, image_id, state, undoable "
            "FROM operations ORDER BY id DESC LIMIT ?",
            limit,
        )
        return self._records(_history_entry, rows)


def _image(row: Sequence[Any]) -> ImageRecord:
    return ImageRecord(row[0], row[1], row[2], row[3], _STATUS[row[4]], row[5], row[6], row[7])


def _class(flags: ClassFlags, row: Sequence[Any]) -> ClassRecord:
    is_visible, is_locked = row[0] not in flags.hidden, row[0] in flags.locked
    return ClassRecord(row[0], row[1], row[2], row[3], is_visible, is_locked)


def _round(row: Sequence[Any]) -> RoundRecord:
    return RoundRecord(row[0], row[1], row[2], row[3], json.loads(row[4]))


def _mask(row: Sequence[Any]) -> RleMask:
    return RleMask(*row)


def _object(row: Sequence[Any]) -> ObjectRecord:
    return ObjectRecord(
        row[0], row[1], row[2], _mask(row[6:]), ObjectSource(row[3]), row[4], bool(row[5])
    )


def _proposal(row: Sequence[Any]) -> ProposalRecord:
    return ProposalRecord(row[0], row[1], row[2], _mask(row[5:]), row[3], row[4])


def _history_entry(row: Sequence[Any]) -> HistoryEntry:
    kind, state = OperationKind(row[2]), OperationState(row[5])
    return HistoryEntry(row[0], row[1], kind, row[3], row[4], state, bool(row[6]))
