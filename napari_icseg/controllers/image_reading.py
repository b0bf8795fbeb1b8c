"""What the thread that reads images does beside: their objects, and the progress of decoding."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from napari_icseg.controllers.image_objects import ImageObjects
from napari_icseg.controllers.layers import WHOLE_PIXELS
from trainers.errors import IcsegError

if TYPE_CHECKING:
    from pathlib import Path

    from napari_icseg.controllers.activity import Activity, Task
    from napari_icseg.controllers.image_loader import LoadedImage
    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.project.records import ImageRecord


def with_objects(session: ProjectSession, loaded: LoadedImage) -> LoadedImage:
    """Returns the image with its objects, drawn if it is small; runs in the reading thread.

    Without them, if the project was closed meanwhile: the image is then not shown either. An
    image that has another size than when it was labelled is refused: its objects do not fit.
    """
    project, pixels = session.project, loaded.pixels
    if project is None or pixels is None:
        return loaded
    try:
        record = project.image(loaded.image_id)
        if (pixels.shape[0], pixels.shape[1]) != record.shape:
            return replace(loaded, pixels=None, error=_other_size(record, pixels.shape))
        objects = ImageObjects(project, loaded.image_id)
        if pixels.size <= WHOLE_PIXELS:
            objects.prepare((pixels.shape[0], pixels.shape[1]), project.classes())
    except IcsegError:
        return loaded
    return replace(loaded, objects=objects)


def _other_size(record: ImageRecord, shape_hw: tuple[int, ...]) -> str:
    return (
        f"the file is now {shape_hw[1]} x {shape_hw[0]} pixels, but was {record.width} x "
        f"{record.height} when it came into the project, and its labels would not fit. Put the "
        "former file back."
    )


class DecodingProgress:
    """Shows in napari's activity dock how far the decoding of a large image is.

    Called in the reading thread, which decodes one image at a time.
    """

    def __init__(self, activity: Activity) -> None:
        self._activity = activity
        self._path: Path | None = None
        self._task: Task | None = None

    def __call__(self, path: Path, share: float) -> None:
        """Notes the progress, 0..1, of an image; 1 ends it, and so does another image."""
        if path != self._path and self._task is not None:
            self._task.done()
            self._task = None
        if self._task is None and share < 1:
            self._path = path
            self._task = self._activity.start(f"Decoding {path.name}, once", num_total=100)
        if self._task is not None:
            self._task.update(round(share * 100))
            if share >= 1:
                self._task.done()
                self._task = None
