"""Reading and drawing of one frame of a large image, in a thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_icseg.controllers.frames import Frame
from napari_icseg.prompting.freed_memory import give_back_memory
from trainers.io.lazy_image import overview_step

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_icseg.controllers.object_map import ObjectMap
    from trainers.io.lazy_image import LazyImage

Objects = Callable[[Frame], "ObjectMap"]
Overlay = Callable[[Frame], "NDArray[Any] | None"]
Filter = Callable[["NDArray[Any]"], "NDArray[Any]"]


@dataclass(frozen=True, eq=False)
class FrameContent:
    """What the layers are to hold.

    Args:
        frame: where it lies.
        pixels: uint8 or uint16, of the frame's shape.
        objects: drawn for the frame, if anything draws objects.
        overlay: uint8, the candidate's layer; None: to be drawn when shown, it is quick.
        overview: uint8 or uint16, the whole image, coarse; None: as before.

    """

    frame: Frame
    pixels: NDArray[Any]
    objects: ObjectMap | None
    overlay: NDArray[Any] | None
    overview: NDArray[Any] | None = None


def read_frame(
    source: LazyImage,
    frame: Frame,
    overview_at: int | None,
    objects: Objects | None,
    overlay: Overlay | None,
    change: Filter | None,
) -> FrameContent:
    """Return what the layers are to hold of a frame; for a thread.

    Args:
        source: the image.
        frame: of it.
        overview_at: step of the picture of the whole image that is to come with it, or None.
        objects: draws the objects, if anything does.
        overlay: draws what takes long of the candidate's layer.
        change: of the pixels, for the view alone.

    Raises:
        DataError: the file cannot be read there.

    """
    give_back_memory()  # what the frames before left
    steps = [step for step in (frame.step, overview_at) if step is not None]
    own = overview_step(source.shape)
    # where that is quick nobody makes an overview: one begun here would stay as coarse as it is
    if not source.is_quick(own) and any(s >= own and not source.is_quick(s) for s in steps):
        source.start_overview()
    overview = None
    if overview_at is not None:
        whole = [slice(0, side) for side in source.shape]
        overview = source.read(whole[0], whole[1], overview_at)
    rows, cols = frame.box.slices
    pixels = source.read(rows, cols, frame.step)
    if change is not None:
        pixels = change(pixels)
        overview = None if overview is None else change(overview)
    return FrameContent(
        frame,
        pixels,
        None if objects is None else objects(frame),
        None if overlay is None else overlay(frame),
        overview,
    )
