"""Export of whole projects, for the command line and the dock."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from napari_icseg.project.exporting import STARTED, ExportReport, export_labels
from napari_icseg.project.snapshot import ProjectSnapshot

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from napari_icseg.project.reader import ProjectReader
    from napari_icseg.project.records import ImageStatus

Progress = Callable[[int, int], None]


def export_to(
    project_path: Path, out: Path, format_name: str, *, progress: Progress | None = None
) -> ExportReport:
    """Exports a project that may be open in the GUI at the same time; see `export_view`."""
    with ProjectSnapshot.open(project_path) as view:
        return export_view(view, out, format_name, progress=progress)


def export_view(
    view: ProjectReader,
    out: Path,
    format_name: str,
    *,
    statuses: Collection[ImageStatus] = STARTED,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> ExportReport:
    """Exports into a folder.

    Args:
        view: A project or a snapshot of one.
        out: Folder; gets the files and export_report.txt.
        format_name: A key of `EXPORT_FORMATS`.
        statuses: Which images.
        progress: Called with (done, total).
        cancelled: Asked between images.

    Raises:
        ProjectError: no image has one of the statuses.
        DataError: a file cannot be written.

    """
    return export_labels(
        view, out, format_name, statuses=statuses, progress=progress, cancelled=cancelled
    )
