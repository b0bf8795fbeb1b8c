"""napari readers: single SEM images become layers; projects and folders open in the dock."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

LayerData = tuple[Any, dict[str, Any], str]
NO_LAYERS: list[tuple[None]] = [(None,)]
"""npe2's word for "read, but there is no layer to add"."""


def get_reader(path: str | list[str]) -> Callable[[str | list[str]], list[Any]] | None:
    """The reader for a path, or None if it is not ours."""
    from trainers.io.images import IMAGE_SUFFIXES

    if isinstance(path, list):
        are_images = all(Path(item).suffix.lower() in IMAGE_SUFFIXES for item in path)
        return read_images if path and are_images else None
    if Path(path).suffix == ".icseg" or Path(path).is_dir():
        return open_in_dock
    return read_images if Path(path).suffix.lower() in IMAGE_SUFFIXES else None


def read_images(path: str | list[str]) -> list[LayerData]:
    """Image layers, uint8 or uint16 (H, W) grey, with contrast limits that suit SEM images.

    Raises:
        DataError: a file is damaged or no usable image.

    """
    from trainers.io.images import contrast_limits, read_image

    layers: list[LayerData] = []
    for item in [path] if isinstance(path, str) else path:
        image = read_image(item)
        options = {"name": Path(item).stem, "contrast_limits": contrast_limits(image)}
        layers.append((image, options, "image"))
    return layers


def open_in_dock(path: str | list[str]) -> list[Any]:
    """Opens a project or a folder of images in the Labelling dock of the current viewer.

    Without a viewer a project's first image and its objects become layers.
    """
    import napari

    target = Path(path if isinstance(path, str) else path[0])
    viewer = napari.current_viewer()
    if viewer is None:
        return read_first_image(target)
    _dock, widget = viewer.window.add_plugin_dock_widget("napari-icseg", "Labelling")
    widget.controller.projects.open(target)
    return list(NO_LAYERS)


def read_first_image(path: Path) -> list[LayerData]:
    """A project's first image, and its objects as labels int32 (H, W): 0, 1, 2, ...

    Raises:
        ProjectError: it is no project, or a damaged or newer one.
        DataError: the image cannot be read.

    """
    from napari_icseg.project.rendering import decode, render_instances
    from napari_icseg.project.snapshot import ProjectSnapshot

    with ProjectSnapshot.open(path) as project:
        images = project.images()
        if not images:
            return []
        layers = read_images(str(project.absolute_path(images[0].id)))
        objects = decode(project.objects(images[0].id))
        labels = render_instances(objects, images[0].shape).labels
    return [*layers, (labels, {"name": "objects"}, "labels")]
