"""What napari's layers are told, with as little work for napari as possible."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from napari_icseg.controllers.boxes import Box
    from napari_icseg.controllers.frames import Frame

MAX_PARTIAL_PIXELS = 1 << 19
"""A larger part of the objects layer is not drawn on its own: all of it is as quick."""
_LOOKS = ("contrast_limits_range", "contrast_limits", "gamma", "colormap")


def put(
    layer: Any,
    data: NDArray[Any],
    frame: Frame,
    *,
    is_shared: bool = False,
    unmeasured_by: Any | None = None,
) -> None:
    """Gives a layer other pixels at another place, drawing it once.

    Args:
        layer: of napari.
        data: of the frame's shape; copied into the layer's array where that fits.
        frame: where the pixels lie.
        is_shared: the layer takes the array itself.
        unmeasured_by: the viewer, if another layer covers the whole image: see `unmeasured`.

    """
    # each of these makes napari slice and draw the layer; together they take three times as long
    blocked = getattr(layer, "_block_refresh", nullcontext)
    quiet = nullcontext() if unmeasured_by is None else unmeasured(unmeasured_by, layer)
    with blocked(), quiet:
        if layer.data is not data:
            fits = layer.data.shape == data.shape and layer.data.dtype == data.dtype
            if fits and not is_shared:
                layer.data[...] = data
            else:
                layer.data = data if is_shared else data.copy()
        if tuple(layer.scale) != frame.scale:
            layer.scale = frame.scale
        if tuple(layer.translate) != frame.translate:
            layer.translate = frame.translate
    layer.refresh(extent=False, thumbnail=False, highlight=False)


@contextmanager
def unmeasured(viewer: Any, layer: Any) -> Iterator[None]:
    """Keep the viewer from measuring how far all layers reach: it takes longer than all the rest.

    For changes inside of what another layer covers.
    """
    measure = viewer._on_layers_change  # noqa: SLF001
    with ExitStack() as stack:
        for name in ("extent", "_extent_augmented"):
            if hasattr(layer.events, name):
                stack.enter_context(getattr(layer.events, name).blocker())
        for name in ("data", "scale", "translate"):
            stack.enter_context(getattr(layer.events, name).blocker(measure))
        yield


def add_image(
    add: Callable[..., Any], name: str, pixels: NDArray[Any], limits: tuple[float, float]
) -> Any:
    """Adds a grey image layer with its own copy of the pixels."""
    return add(name, "add_image", pixels.copy(), contrast_limits=limits, colormap="gray")


def follow_look(layer: Any, other: Any) -> Callable[[], None]:
    """Makes a layer look like another; returns what ends that."""

    def copy(_event: object = None) -> None:
        for name in _LOOKS:
            value = getattr(other, name)
            if (
                not np.array_equal(getattr(layer, name), value)
                if name != "colormap"
                else (layer.colormap.name != value.name)
            ):
                setattr(layer, name, value)
        layer.visible = other.visible

    events = [getattr(other.events, name) for name in (*_LOOKS, "visible")]
    for event in events:
        event.connect(copy)
    copy()

    def end() -> None:
        for event in events:
            event.disconnect(copy)

    return end


def write_labels(layer: Any, box: Box, patch: NDArray[np.int32]) -> None:
    """Puts label values, int32 (h, w), into a box of a labels layer and draws only that.

    napari's own `data_setitem` does so too, but takes it for a stroke of the brush and keeps
    it in an undo history of its own.
    """
    layer.data[box.slices] = patch
    shown = layer._slice.image  # noqa: SLF001
    shares = np.may_share_memory(shown.raw, layer.data)
    is_plain = layer.contour == 0 and layer.visible and shown.view.shape == layer.data.shape
    if patch.size > MAX_PARTIAL_PIXELS or not is_plain or not shares:
        layer.refresh(extent=False, thumbnail=False, highlight=False)
        return
    shown.view[box.slices] = layer.colormap._data_to_texture(patch)  # noqa: SLF001
    layer._accumulate_updated_slice(box.slices)  # noqa: SLF001
    layer._partial_labels_refresh()  # noqa: SLF001


def take_as_current(layer: Any, color: Any, symbol: str, size: float) -> None:
    """What the next point of a points layer looks like."""
    layer.current_face_color = color
    layer.current_border_color = (1.0, 1.0, 1.0, 1.0)
    layer.current_symbol = symbol
    layer.current_size = size
