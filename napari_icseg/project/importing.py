"""COCO files, folders and mask files brought into a project.

Each import reads everything first and then changes the project in one transaction, so that a
broken file leaves no trace, and one undo takes all of it back. Images that somebody worked on
already are left alone unless `merge` says otherwise.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from napari_icseg.project.coco_plan import plan_coco
from napari_icseg.project.image_index import ImageIndex
from napari_icseg.project.import_plan import ImportPlan, ImportReport, Merge, apply_plan
from napari_icseg.project.mask_plan import MaskKind, plan_folder, plan_masks
from napari_icseg.project.watching import Watch, WorkCancelled

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_icseg.project.project import Project

__all__ = ["ImportReport", "MaskKind", "Merge", "import_coco", "import_folder", "import_masks"]


def import_coco(
    project: Project,
    coco_path: Path | str,
    images_dir: Path | str | None = None,
    *,
    merge: Merge = "skip",
    skip_missing: bool = False,
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> ImportReport:
    """Import a COCO file whose images lie in `images_dir`, by default beside the file.

    Classes go by name; missing ones are added. Images with annotations become LABELLED,
    unless the file carries the status that this program exported. `progress` gets the number
    of images read so far and their total.

    Raises:
        DataError: if the file is broken, or an image has another size than it says.
        ProjectError: if images are missing (unless `skip_missing`) or differ in size from the
            project's; the project is unchanged.

    """
    path = Path(os.path.abspath(coco_path))
    folder = path.parent if images_dir is None else Path(os.path.abspath(images_dir))

    watch = Watch(progress, cancelled)
    return _import(
        project, lambda: plan_coco(path, folder, skip_missing=skip_missing, watch=watch), merge
    )


def import_folder(
    project: Project,
    folder: Path | str,
    *,
    merge: Merge = "skip",
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> ImportReport:
    """Import the images of a folder with their splits and, where there are such, their masks.

    For the layouts see `trainers.io.folders.discover`. Each connected region of a class in a
    mask becomes an object; an image with a mask is LABELLED, or BLANK if the mask is empty.

    Raises:
        DataError: if there are no images, or a mask is broken or of another size.
        ProjectError: if no image can be used; the project is unchanged.

    """
    path, names = Path(os.path.abspath(folder)), _class_names(project)
    watch = Watch(progress, cancelled)
    return _import(project, lambda: plan_folder(path, names, watch), merge)


def import_masks(
    project: Project,
    masks_dir: Path | str,
    *,
    kind: MaskKind = "semantic",
    default_class: str | None = None,
    merge: Merge = "skip",
    progress: Callable[[int, int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> ImportReport:
    """Import mask files for images that the project has already, matched by name.

    `masks_dir` may be what `export_png` wrote. `semantic`: value 1 is the first class (of
    `classes.txt` beside the masks, else of the project), each connected region an object.
    `instances`: each id is an object; its class comes from `instances.json`, else it is
    `default_class`, by default the project's first.

    Raises:
        DataError: if a mask is broken or of another size than its image.
        ProjectError: if no mask fits an image; the project is unchanged.

    """
    folder, names, images = (
        Path(os.path.abspath(masks_dir)),
        _class_names(project),
        ImageIndex.of(project),
    )
    default = names[0] if default_class is None else default_class

    watch = Watch(progress, cancelled)
    return _import(project, lambda: plan_masks(images, folder, kind, names, default, watch), merge)


def _import(project: Project, plan: Callable[[], ImportPlan], merge: Merge) -> ImportReport:
    try:
        planned = plan()
    except WorkCancelled:
        return ImportReport(0, 0, 0, cancelled=True)
    return apply_plan(project, planned, merge=merge)


def _class_names(project: Project) -> tuple[str, ...]:
    return tuple(known.name for known in project.classes())
