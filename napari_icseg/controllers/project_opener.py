"""From a folder of images, or a project file, to an open project."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_icseg.controllers.session import SkippedFile
from napari_icseg.controllers.wording import counted
from napari_icseg.project.project import SUFFIX, Project
from trainers.errors import DataError
from trainers.io.folders import discover

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True, eq=False)
class OpenedProject:
    """An open project, what could not be used, and what to tell the user."""

    project: Project
    skipped: tuple[SkippedFile, ...]
    message: str


def project_file_of(folder: Path) -> Path:
    """Where the project of a folder lies: FOLDER/FOLDERNAME.icseg."""
    folder = folder.absolute()
    return folder / f"{folder.name}{SUFFIX}"


def open_any(path: Path, *, progress: Callable[[str], None] | None = None) -> OpenedProject:
    """Opens a project file, or a folder, whose project is made if there is none.

    A new project gets the folder's images, and its masks where there are any. An existing one
    gets the images that are new. Slow for large folders: call it in a thread.

    Raises:
        DataError: the folder has no images.
        ProjectError: the project is locked, damaged or newer.

    """
    path = path.absolute()
    if path.is_dir():
        return _open_folder(path, progress or (lambda _text: None))
    return OpenedProject(Project.open(path), (), f"Opened {path.name}.")


def _open_folder(folder: Path, progress: Callable[[str], None]) -> OpenedProject:
    file = project_file_of(folder)
    if not file.exists():
        existing = sorted(folder.glob(f"*{SUFFIX}"))
        if len(existing) == 1:
            file = existing[0]
    is_new = not file.exists()
    paths = _image_paths(folder, must_exist=is_new)
    project = Project.create(file) if is_new else Project.open(file)
    try:
        return _fill(project, folder, paths, is_new=is_new, progress=progress)
    except BaseException:
        project.close()
        if is_new:
            file.unlink(missing_ok=True)
        raise


def _fill(
    project: Project,
    folder: Path,
    paths: list[Path],
    *,
    is_new: bool,
    progress: Callable[[str], None],
) -> OpenedProject:
    added = project.add_images(
        paths, progress=lambda done, num: progress(f"Looking at {done} of {num} images…")
    )
    message = f"Opened {project.file.name}: {counted(len(project.images()), 'image')}"
    if is_new and any(item.mask is not None for item in discover(folder).items):
        progress("Importing the masks…")
        from napari_icseg.project.importing import import_folder

        report = import_folder(project, folder)
        message += f", {counted(report.num_objects, 'object')} imported from its masks"
    skipped = tuple(SkippedFile(path.name, reason) for path, reason in added.skipped)
    if skipped:
        message += f"; {counted(len(skipped), 'file')} cannot be read (see the list)"
    return OpenedProject(project, skipped, f"{message}.")


def _image_paths(folder: Path, *, must_exist: bool) -> list[Path]:
    try:
        return [item.image for item in discover(folder).items]
    except DataError:
        # an old project whose images have gone can still be opened and exported
        if must_exist:
            raise
        return []
