"""What a project remembers of each round: the `info` of its table `rounds`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_icseg.project.reader import ProjectReader
    from napari_icseg.project.records import RoundRecord

READING, READ = "reading", "read"
_SCORES = ("iou", "pixel_accuracy", "dice")
_IDS = ("labelled", "blank", "validation", "unlabelled")


@dataclass(frozen=True)
class RoundInfo:
    """One round: which images, who made their labels, which model, which numbers.

    Attributes:
        number: from 1 on.
        method: see `trainers.semi_supervised`.
        preset: of both trainings.
        epochs: of each training; None left it to the preset.
        started_unix_s: when its labels were written.
        state: READING while its proposals come into the project, READ afterwards; empty before.
        labelled, blank: ids of the images with labels, as they were; blank ones have no object.
        validation: those of them that only measure.
        unlabelled: ids of the images that the model was to label.
        sources: how many of the images with labels are manual, accepted, edited and blank.
        is_new_validation: the validation images are others than those of the round before.
        before: scores of the last round's model, where it had the same validation images.
        teacher: scores of the model that learned from the labels alone.
        student: scores of the one that learned from both.
        kept_foreground: share of the objects' pixels in the first model's labels that counted,
            0..1; None where none were made, or not known.
        num_actions: what people did from the start of the round before to that of this one.
        seconds: from the start to the end.
        num_proposed: images with a proposal.
        left_out: in words, which proposals were not taken, and why.

    """

    number: int = 0
    method: str = ""
    preset: str = ""
    epochs: int | None = None
    started_unix_s: float = 0.0
    state: str = ""
    labelled: tuple[int, ...] = ()
    blank: tuple[int, ...] = ()
    validation: tuple[int, ...] = ()
    unlabelled: tuple[int, ...] = ()
    sources: Mapping[str, int] = field(default_factory=dict)
    is_new_validation: bool = False
    before: Mapping[str, float] = field(default_factory=dict)
    teacher: Mapping[str, float] = field(default_factory=dict)
    student: Mapping[str, float] = field(default_factory=dict)
    kept_foreground: float | None = None
    num_actions: int = 0
    seconds: float = 0.0
    num_proposed: int = 0
    left_out: tuple[str, ...] = ()

    @property
    def num_labels(self) -> int:
        """Images with labels that were used, validation included."""
        return len(self.labelled) + len(self.blank)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON; ids are together under `images`."""
        known = asdict(self)
        images = {name: list(known.pop(name)) for name in _IDS}
        return {**known, "left_out": list(self.left_out), "images": images}


def info_of(stored: Mapping[str, Any]) -> RoundInfo | None:
    """Return what `to_json` gave; None for any other JSON, such as another program's round."""
    images = stored.get("images")
    if not isinstance(images, dict) or not isinstance(stored.get("number"), int):
        return None
    known = {each.name: stored[each.name] for each in fields(RoundInfo) if each.name in stored}
    try:
        ids = {name: tuple(map(int, images.get(name, ()))) for name in _IDS}
        left_out = tuple(map(str, known.pop("left_out", ())))
        return RoundInfo(**{**known, **ids, "left_out": left_out})
    except (TypeError, ValueError):
        return None


def scores_of(metrics: Mapping[str, Any]) -> dict[str, float]:
    """Return what is remembered of a training's metrics."""
    found = {name: metrics.get(name) for name in _SCORES}
    return {name: float(value) for name, value in found.items() if isinstance(value, int | float)}


def known_rounds(reader: ProjectReader) -> tuple[tuple[RoundRecord, RoundInfo], ...]:
    """Return the rounds of this dock, oldest first: one that was resumed late is noted late."""
    pairs = ((record, info_of(record.info)) for record in reader.rounds())
    known = [(record, info) for record, info in pairs if info is not None]
    return tuple(sorted(known, key=lambda pair: pair[1].number))
