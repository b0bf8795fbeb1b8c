"""Import and export of whole projects, for the command line and the dock."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from napari_icseg.project.errors import ProjectError
from napari_icseg.project.exporting import STARTED, ExportReport, export_labels
from napari_icseg.project.importing import import_coco, import_folder, import_masks
from napari_icseg.project.project import Project
from napari_icseg.project.snapshot import ProjectSnapshot
from trainers.errors import DataError
from trainers.io.folders import discover
from trainers.io.images import IMAGE_SUFFIXES

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from napari_icseg.project.import_plan import ImportReport
    from napari_icseg.project.reader import ProjectReader
    from napari_icseg.project.records import ImageStatus

Progress = Callable[[int, int], None]


def import_into(
    project_path: Path, source: Path, images: Path, *, progress: Progress | None = None
) -> ImportReport:
    """Imports labels into a project, which is made if there is none.

    Args:
        project_path: The project file.
        source: A COCO file, a folder of masks, or a data set with images and masks.
        images: Folder with the images.
        progress: Called with (done, total).

    Raises:
        DataError: what was found is broken or does not fit.
        ProjectError: the project cannot be used, or images are missing.

    """
    is_new = not project_path.exists()
    project = Project.create(project_path, root=images) if is_new else Project.open(project_path)
    try:
        with project:
            return _import(project, source, images, progress)
    except BaseException:
        if is_new:
            project_path.unlink(missing_ok=True)
        raise


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


def _import(
    project: Project, source: Path, images: Path, progress: Progress | None
) -> ImportReport:
    if source.is_file():
        return import_coco(project, source, images, progress=progress)
    if not source.is_dir():
        raise ProjectError(f"there is no file or folder {source} to import from.")
    if _is_data_set(source):
        return import_folder(project, source, progress=progress)
    project.add_images(_image_files(images))
    return import_masks(project, source, progress=progress)


def _is_data_set(folder: Path) -> bool:
    """Whether a folder has images of its own beside the masks."""
    try:
        return any(item.mask is not None for item in discover(folder).items)
    except DataError:
        return False


def _image_files(images: Path) -> list[Path]:
    if not images.is_dir():
        raise ProjectError(f"there is no folder {images} with images.")
    try:
        return [item.image for item in discover(images).items]
    except DataError:
        return sorted(p for p in images.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES)
