"""Labels brought into a project from the command line."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from napari_icseg.project.errors import ProjectError
from napari_icseg.project.import_mapping import ImportPreview, checked_mapping, mapped, preview
from napari_icseg.project.import_plan import ImportedImage, Merge, apply_plan
from napari_icseg.project.import_sources import (
    TITLES,
    ImportFormat,
    ImportSource,
    PlannedImport,
    plan_source,
)
from napari_icseg.project.project import Project
from napari_icseg.project.watching import Watch
from trainers.errors import DataError
from trainers.io.folders import discover
from trainers.io.images import IMAGE_SUFFIXES, image_size

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from napari_icseg.project.import_plan import ImportPlan, ImportReport
    from napari_icseg.project.reader import ProjectReader

Progress = Callable[[int, int], None]

_MASKS = (ImportFormat.MASKS, ImportFormat.INSTANCES)


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What to import and how: `mapping` names the project's class for a file's, None skips it."""

    source: Path
    images: Path
    format: ImportFormat | None = None
    mapping: Mapping[str, str | None] = field(default_factory=dict)
    merge: Merge = "skip"
    skip_missing: bool = False


def import_into(
    project_path: Path, request: ImportRequest, *, progress: Progress | None = None
) -> ImportReport:
    """Imports labels into a project, which is made if there is none.

    Args:
        project_path: The project file.
        request: What and how. Images that the project does not have are added.
        progress: Called with (done, total).

    Raises:
        DataError: what was found is broken or does not fit.
        ProjectError: the project cannot be used, images are missing, or there is no such class.

    """
    is_new = not project_path.exists()
    project = (
        Project.create(project_path, root=request.images) if is_new else Project.open(project_path)
    )
    try:
        with project:
            plan = _plan(project, request, progress).plan
            mapping = checked_mapping(plan, request.mapping)
            return apply_plan(project, mapped(plan, mapping), merge=request.merge)
    except BaseException:
        if is_new:
            project_path.unlink(missing_ok=True)
        raise


def preview_import(
    project_path: Path, request: ImportRequest, *, progress: Progress | None = None
) -> tuple[str, ImportPreview]:
    """Returns the title of the format that was found and what the import would do.

    Raises:
        DataError: what was found is broken or does not fit.
        ProjectError: as `import_into`; nothing is written in any case.

    """
    with _read_only(project_path, request.images) as reader:
        planned = _plan(reader, request, progress)
        mapping = checked_mapping(planned.plan, request.mapping)
        return TITLES[planned.format], preview(mapped(planned.plan, mapping), reader)


@contextmanager
def _read_only(project_path: Path, images: Path) -> Iterator[ProjectReader]:
    from napari_icseg.project.snapshot import ProjectSnapshot

    if project_path.exists():
        with ProjectSnapshot.open(project_path) as view:
            yield view
    else:
        with (
            tempfile.TemporaryDirectory() as folder,
            Project.create(Path(folder, project_path.name), root=images) as project,
        ):
            yield project


def _plan(
    reader: ProjectReader, request: ImportRequest, progress: Progress | None
) -> PlannedImport:
    if not request.images.is_dir():
        raise ProjectError(f"there is no folder {request.images} with images.")
    source = ImportSource(
        request.source, request.images.absolute(), request.format, request.skip_missing
    )
    planned = plan_source(reader, source, Watch(progress))
    if planned.format not in _MASKS:
        return planned
    return replace(planned, plan=_with_other_images(planned.plan, request.images))


def _with_other_images(plan: ImportPlan, folder: Path) -> ImportPlan:
    """Adds the images that have no mask: masks beside them are a data set, and they belong."""
    known = {image.path for image in plan.images}
    new = [path.absolute() for path in _image_files(folder)]
    more = tuple(ImportedImage(path, image_size(path)) for path in new if path not in known)
    return replace(plan, images=plan.images + more)


def _image_files(images: Path) -> list[Path]:
    try:
        return [item.image for item in discover(images).items]
    except DataError:
        return sorted(p for p in images.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES)
