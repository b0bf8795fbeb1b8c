"""The course of every export of several files: written aside, moved into place, or nothing."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from napari_icseg.project.losses import REPORT_NAME, Loss, aggregated, record_losses, report_text
from napari_icseg.project.publishing import publish, staging_folder
from napari_icseg.project.watching import Watch, WorkCancelled
from trainers.io.atomic import write_text_atomic

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from napari_icseg.project.formats import ExportFormat
    from napari_icseg.project.reader import ProjectReader
    from napari_icseg.project.records import ImageRecord, ObjectRecord


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export wrote, and in `losses`, for the user, what the format could not keep."""

    files: tuple[Path, ...]
    num_images: int
    num_objects: int
    losses: tuple[str, ...] = ()
    cancelled: bool = False


CANCELLED = ExportReport((), 0, 0, cancelled=True)


class FormatWriter(Protocol):
    """Writes one format; several threads call `write_image` at once."""

    @property
    def format(self) -> ExportFormat:
        """What it writes."""

    def write_image(
        self, stage: Path, image: ImageRecord, objects: Sequence[ObjectRecord]
    ) -> list[Loss]:
        """Write what belongs to one image; return what its objects' shapes lose."""

    def finish(self, stage: Path) -> None:
        """Write the lists and tables, after all images."""


def export_files(
    reader: ProjectReader,
    out: Path,
    images: Sequence[ImageRecord],
    writer: FormatWriter,
    watch: Watch,
) -> ExportReport:
    """Write `images` below `out` and a report beside them; files of the same names are replaced.

    Raises:
        DataError: if a file cannot be written.

    """
    try:
        with staging_folder(out) as stage:
            work = functools.partial(_write_image, reader, writer, stage)
            written = tuple(watch.map(work, images))
            writer.finish(stage)
            losses = aggregated(loss for each in written for loss in each.losses)
            num_objects = sum(each.num_objects for each in written)
            write_report(stage, writer.format, losses, len(images), num_objects)
            files = publish(stage, out)
    except WorkCancelled:
        return CANCELLED
    return ExportReport(files, len(images), num_objects, losses)


def write_report(
    folder: Path, format_: ExportFormat, losses: Sequence[str], num_images: int, num_objects: int
) -> Path:
    """Write what an export lost, for those who get its files."""
    path = folder / REPORT_NAME
    write_text_atomic(path, report_text(format_, losses, num_images, num_objects))
    return path


@dataclass(frozen=True, slots=True)
class _Written:
    num_objects: int
    losses: tuple[Loss, ...]


def _write_image(
    reader: ProjectReader, writer: FormatWriter, stage: Path, image: ImageRecord
) -> _Written:
    objects = reader.objects(image.id)
    losses = record_losses(writer.format, image, objects)
    losses += writer.write_image(stage, image, objects)
    return _Written(len(objects), tuple(losses))
