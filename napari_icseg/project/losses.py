"""What an export could not keep, counted over all images and told in few sentences."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_icseg.project.formats import Feature, Kept
from napari_icseg.project.records import ImageStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from napari_icseg.project.formats import ExportFormat
    from napari_icseg.project.records import ImageRecord, ObjectRecord

REPORT_NAME = "export_report.txt"
_MAX_NAMED = 3


@dataclass(frozen=True, slots=True)
class Loss:
    """Something lost on one image; `count` things of the kind `what`, "object" for instance."""

    image_path: str
    text: str
    count: int = 1
    what: str = "image"


def record_losses(
    format_: ExportFormat, image: ImageRecord, objects: Sequence[ObjectRecord]
) -> list[Loss]:
    """Return what a format loses of an image beside the shapes of its objects."""
    scored = [each for each in objects if each.score is not None or each.is_crowd]
    unfinished = image.status is ImageStatus.IN_PROGRESS
    found = {
        Feature.SCORES: Loss(image.path, format_.loss(Feature.SCORES), len(scored), "object"),
        Feature.BLANK: Loss(
            image.path, format_.loss(Feature.BLANK), int(image.status is ImageStatus.BLANK)
        ),
        Feature.SPLITS: Loss(image.path, format_.loss(Feature.SPLITS), int(bool(image.split))),
        Feature.NOTES: Loss(
            image.path, format_.loss(Feature.NOTES), int(bool(image.notes) or unfinished)
        ),
    }
    return [
        loss
        for feature, loss in found.items()
        if format_.kept(feature) is not Kept.YES and loss.count
    ]


def aggregated(losses: Iterable[Loss]) -> tuple[str, ...]:
    """Return one sentence for each kind of loss: how many, on which images, what happened."""
    by_kind: dict[tuple[str, str], list[Loss]] = defaultdict(list)
    for loss in losses:
        by_kind[loss.what, loss.text].append(loss)
    return tuple(_sentence(what, text, each) for (what, text), each in by_kind.items())


def report_text(format_: ExportFormat, losses: Sequence[str], num_images: int, num: int) -> str:
    """Return the text of the report that lies beside an export."""
    lines = [
        f"{format_.title}: {_counted(num, 'object')} on {_counted(num_images, 'image')}",
        "",
        "What this export could not keep:" if losses else "Nothing was lost.",
        *(f"- {loss}" for loss in losses),
    ]
    return "\n".join(lines) + "\n"


def _sentence(what: str, text: str, losses: Sequence[Loss]) -> str:
    paths = list(dict.fromkeys(loss.image_path for loss in losses))
    names = ", ".join(paths[:_MAX_NAMED]) + (", ..." if len(paths) > _MAX_NAMED else "")
    where = "" if what == "image" else f" on {_counted(len(paths), 'image')}"
    return f"{_counted(sum(loss.count for loss in losses), what)}{where} ({names}): {text}."


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
