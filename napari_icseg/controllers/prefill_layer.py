"""Proposals on the canvas: dashed outlines in their class's colour, faintly filled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

import numpy as np

from napari_icseg.controllers.boxes import Box
from napari_icseg.controllers.frames import Frame
from napari_icseg.controllers.layer_data import put
from napari_icseg.controllers.layers import WHOLE_PIXELS
from napari_icseg.controllers.mask_view import mask_pixels

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.project.records import ClassRecord, ProposalRecord

LAYER = "proposals"
FILL_ALPHA = 0.22
DASH_PX = 4
_BELOW = ("image", "objects")
_CLEAR = (0.0, 0.0, 0.0, 0.0)


class ProposalsLayer:
    """Keeps a layer equal to the proposals of the image shown.

    The layer is made with the first image and hidden while there are no proposals: making
    one takes the GUI thread far longer than drawing in it.
    """

    def __init__(self, viewer: Any, session: ProjectSession) -> None:
        self._viewer = viewer
        self._session_ref = ref(session)  # the table below must not keep its own keys alive
        self._layer: Any | None = None
        self._classes: tuple[ClassRecord, ...] = ()
        for signal, slot in self._slots():
            signal.connect(slot)
        self._draw()

    @property
    def layer(self) -> Any | None:
        """The napari layer, while it is in the viewer."""
        is_there = self._layer is not None and self._layer in self._viewer.layers
        return self._layer if is_there else None

    def close(self) -> None:
        """Take the layer away and stop listening."""
        for signal, slot in self._slots():
            signal.disconnect(slot, missing_ok=True)
        self._remove()

    def _slots(self) -> tuple[tuple[Any, Any], ...]:
        session = self._session_ref()
        if session is None:
            return ()
        return (
            (session.image_shown, self._on_session_image),
            (session.labels_changed, self._on_session_image),
            (session.classes_changed, self._draw),
            (session.closing, self._remove),
        )

    def _on_session_image(self, image_id: int) -> None:
        session = self._session_ref()
        if session is not None and image_id == session.current_image_id:
            self._draw()

    def _draw(self) -> None:
        session = self._session_ref()
        if session is None or session.project is None or session.current_image_id is None:
            return
        project, image_id = session.project, session.current_image_id
        proposals, shape_hw = project.proposals(image_id), project.image(image_id).shape
        layer = self.layer or self._add(shape_hw)
        frame = coarse_frame(shape_hw)
        if not proposals and not layer.visible and layer.data.shape == frame.shape_hw:
            return
        classes = project.classes()
        if classes != self._classes:
            self._classes, layer.colormap = classes, _colormap(classes)
        put(layer, paint(proposals, classes, shape_hw), frame)
        layer.visible = bool(proposals)
        self._place(layer)

    def _add(self, shape_hw: tuple[int, int]) -> Any:
        active = self._viewer.layers.selection.active
        frame = coarse_frame(shape_hw)
        values = np.zeros(frame.shape_hw, dtype=np.uint8)
        layer = self._viewer.add_labels(
            values,
            name=LAYER,
            opacity=1.0,
            visible=False,
            scale=frame.scale,
            translate=frame.translate,
        )
        layer.editable = False
        self._layer, self._classes = layer, ()
        # the user's tools stay on the layer on which they were
        self._viewer.layers.selection.active = active
        return layer

    def _place(self, layer: Any) -> None:
        """Put the layer right above those that it must not cover the prompts of."""
        layers = self._viewer.layers
        below = [layers.index(name) for name in _BELOW if name in layers]
        wanted = 1 + max(below, default=-1)
        if layers.index(layer) not in (wanted, wanted - 1):
            layers.move(layers.index(layer), wanted)

    def _remove(self) -> None:
        layer, self._layer = self.layer, None
        if layer is not None:
            self._viewer.layers.remove(layer)


def coarse_frame(shape_hw: tuple[int, int]) -> Frame:
    """Return a whole image, of a large one each n x n pixels as one."""
    frame = Frame.whole(shape_hw)
    while frame.shape_hw[0] * frame.shape_hw[1] > WHOLE_PIXELS:
        frame = Frame(frame.box, frame.step * 2)
    return frame


def paint(
    proposals: Iterable[ProposalRecord],
    classes: Sequence[ClassRecord],
    shape_hw: tuple[int, int],
) -> NDArray[np.uint8]:
    """Return layer values, uint8, of proposals that lie inside an image of this shape.

    They have the shape of its `coarse_frame`. 0 is nothing; class number n (from 0) has 1 + 2n
    on the inside and 2 + 2n on the dashes.
    """
    number_of = {record.id: number % 127 for number, record in enumerate(classes)}
    frame = coarse_frame(shape_hw)
    values = np.zeros(frame.shape_hw, dtype=np.uint8)
    for proposal in proposals:
        number, box = number_of[proposal.class_id], frame.pixels(Box.of_mask(proposal.mask))
        crop = mask_pixels(proposal.mask, frame, box)
        window = values[box.slices]
        window[crop] = 1 + 2 * number
        window[_dashes(crop, box)] = 2 + 2 * number
    return values


def _colormap(classes: Sequence[ClassRecord]) -> Any:
    from napari.utils.colormaps import DirectLabelColormap

    return DirectLabelColormap(color_dict=colors(classes))


def colors(classes: Sequence[ClassRecord]) -> Mapping[int | None, Any]:
    """Return the colour of each value that `paint` gives."""
    from napari.utils.colormaps.standardize_color import transform_color

    by_value: dict[int | None, Any] = {None: _CLEAR, 0: _CLEAR}
    for number, record in enumerate(classes[:127]):
        red, green, blue, _ = transform_color(record.color)[0]
        by_value[1 + 2 * number] = (red, green, blue, FILL_ALPHA)
        by_value[2 + 2 * number] = (red, green, blue, 1.0)
    return by_value


def _dashes(crop: NDArray[np.bool_], box: Box) -> NDArray[np.bool_]:
    """Return the pixels of the outline that are drawn, bool like `crop`."""
    padded = np.pad(crop, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    rows = np.arange(box.top, box.bottom)[:, None]
    cols = np.arange(box.left, box.right)[None, :]
    is_drawn: NDArray[np.bool_] = (rows + cols) // DASH_PX % 2 == 0
    return crop & ~inner & is_drawn


_LAYERS: WeakKeyDictionary[ProjectSession, ProposalsLayer] = WeakKeyDictionary()


def draw_proposals(viewer: Any, session: ProjectSession) -> ProposalsLayer:
    """Have the session's proposals drawn in its viewer; docks may all ask for it."""
    if session not in _LAYERS:
        _LAYERS[session] = ProposalsLayer(viewer, session)
    return _LAYERS[session]
