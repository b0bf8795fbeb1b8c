"""The frozen records that a project hands out; threads may share them.

Coordinates inside `mask` are (row, col) in image pixels, see `trainers.io.rle.RleMask`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from trainers.io.rle import RleMask


class ImageStatus(StrEnum):
    """How far an image is. LABELLED and BLANK are the two that training uses."""

    UNLABELLED = "unlabelled"
    IN_PROGRESS = "in_progress"
    LABELLED = "labelled"
    BLANK = "blank"

    @property
    def is_done(self) -> bool:
        """Whether the labels of the image are complete (all background, if it is blank)."""
        return self in (ImageStatus.LABELLED, ImageStatus.BLANK)


class ObjectSource(StrEnum):
    """Who made an object's mask."""

    MANUAL = "manual"
    PROMPT = "prompt"
    MODEL = "model"
    IMPORT = "import"


class ReviewState(StrEnum):
    """What became of the proposal that a round's model made for an image.

    EDITED: a person took it over and corrected it, or still does. The state stays when the image
    is marked as labelled, and ACCEPTED becomes EDITED when a person changes the objects later.
    """

    WAITING = "waiting"
    ACCEPTED = "accepted"
    EDITED = "edited"
    REJECTED = "rejected"
    BLANK = "blank"


class OperationKind(StrEnum):
    """What one row of the operation log did."""

    ADD_IMAGES = "add_images"
    REMOVE_IMAGES = "remove_images"
    SET_STATUS = "set_status"
    SET_SPLIT = "set_split"
    SET_NOTES = "set_notes"
    MOVE_IMAGES = "move_images"
    ADD_OBJECTS = "add_objects"
    REPLACE_MASK = "replace_mask"
    EDIT_OBJECTS = "edit_objects"
    SET_CLASS = "set_class"
    DELETE_OBJECTS = "delete_objects"
    EDIT_CLASSES = "edit_classes"
    ADD_PROPOSALS = "add_proposals"
    ACCEPT_PROPOSALS = "accept_proposals"
    REJECT_PROPOSALS = "reject_proposals"
    ADD_ROUND = "add_round"
    ADD_REVIEWS = "add_reviews"
    ACCEPT_REVIEW = "accept_review"
    EDIT_REVIEW = "edit_review"
    REJECT_REVIEW = "reject_review"
    BLANK_REVIEW = "blank_review"
    IMPORT = "import"


class OperationState(StrEnum):
    """Where an operation stands relative to the undo cursor.

    DONE below the cursor, UNDONE above it; ABANDONED was undone and then overtaken by a new
    action: it stays in the log for the record and can no longer be redone.
    """

    DONE = "done"
    UNDONE = "undone"
    ABANDONED = "abandoned"


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """One image of the project; `path` is POSIX and relative to the project's root."""

    id: int
    path: str
    height: int
    width: int
    status: ImageStatus
    split: str | None
    num_objects: int
    notes: str

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.height, self.width

    @property
    def name(self) -> str:
        """The file's name without its folders."""
        return self.path.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class ClassRecord:
    """One class; `position` counts from 0, so key `position + 1` chooses it.

    Objects of a class that is not visible are neither drawn nor selected; those of a locked one
    are drawn, but no edit touches them. Neither means anything to exports and trainings.
    """

    id: int
    name: str
    color: str
    position: int
    is_visible: bool = True
    is_locked: bool = False


@dataclass(frozen=True, slots=True)
class ClassFlags:
    """The ids of the classes that are hidden, and of those that are locked."""

    hidden: frozenset[int] = frozenset()
    locked: frozenset[int] = frozenset()

    @classmethod
    def from_text(cls, text: str) -> ClassFlags:
        """Return the flags of `to_text`; ValueError, TypeError or KeyError for other texts."""
        stored = json.loads(text)
        return cls(frozenset(map(int, stored["hidden"])), frozenset(map(int, stored["locked"])))

    def to_text(self) -> str:
        """Return JSON."""
        return json.dumps({"hidden": sorted(self.hidden), "locked": sorted(self.locked)})


@dataclass(frozen=True, slots=True)
class ObjectRecord:
    """One accepted object. `score` is the model's (0..1), None for what a person drew.

    `is_crowd` is COCO's mark of a region of many objects; only imports set it.
    """

    id: int
    image_id: int
    class_id: int
    mask: RleMask
    source: ObjectSource
    score: float | None
    is_crowd: bool = False


@dataclass(frozen=True, slots=True)
class ProposalRecord:
    """A pseudo-label that waits for a decision; it trains nothing until accepted."""

    id: int
    image_id: int
    class_id: int
    mask: RleMask
    score: float | None
    round_id: int | None


@dataclass(frozen=True, slots=True)
class RoundRecord:
    """One model run that was used on this project; `info` is free JSON (metrics, settings)."""

    id: int
    created_unix_s: float
    model: str
    run_dir: str
    info: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewObject:
    """An object to be added: what `ObjectRecord` has, less what the project decides."""

    class_id: int
    mask: RleMask
    source: ObjectSource
    score: float | None = None
    is_crowd: bool = False


@dataclass(frozen=True, slots=True)
class NewProposal:
    """A proposal to be added."""

    class_id: int
    mask: RleMask
    score: float | None = None


@dataclass(frozen=True, slots=True)
class ReviewRecord:
    """What a round's model proposed for an image and what was decided; one at most an image.

    Attributes:
        confidence: mean probability of the image's pixels, 0..1; None if unknown.
        predicted_iou: the foreground IoU that is to be expected, 0..1; None if unknown.
        doubt_path: a PNG of how unsure each pixel is, relative to the round's `run_dir`.
        num_proposals: how many objects the model proposed.

    """

    image_id: int
    round_id: int
    state: ReviewState
    confidence: float | None
    predicted_iou: float | None
    doubt_path: str | None
    num_proposals: int = 0


@dataclass(frozen=True, slots=True)
class NewReview:
    """A model's proposal for a whole image, to be reviewed; attributes as in `ReviewRecord`."""

    image_id: int
    proposals: tuple[NewProposal, ...]
    confidence: float | None = None
    predicted_iou: float | None = None
    doubt_path: str | None = None


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the labels of an image come from.

    Attributes:
        review: "manual", or how a model's proposal became labels: "accepted", "edited", "blank".
        round_id: of that proposal.
        model: that made it.

    """

    review: str
    round_id: int | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class AddedImages:
    """What `add_images` did: the new records, those already there, and the files left out."""

    added: tuple[ImageRecord, ...]
    existing: tuple[ImageRecord, ...]
    skipped: tuple[tuple[Path, str], ...]

    @property
    def images(self) -> tuple[ImageRecord, ...]:
        """Every asked-for image that is in the project now, the new ones first."""
        return self.added + self.existing


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One row of the operation log, newest first in `Project.history`."""

    id: int
    created_unix_s: float
    kind: OperationKind
    summary: str
    image_id: int | None
    state: OperationState
    can_be_undone: bool


@dataclass(frozen=True, slots=True)
class UndoResult:
    """What an undo or redo changed."""

    operation_id: int
    kind: OperationKind
    summary: str
    image_ids: tuple[int, ...]
    object_ids: tuple[int, ...]
