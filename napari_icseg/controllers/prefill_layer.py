"""Proposals on the canvas: dashed outlines in their class's colour, faintly filled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.project.records import ClassRecord, ProposalRecord
    from trainers.io.rle import RleMask

LAYER = "proposals"
FILL_ALPHA = 0.22
DASH_PX = 4
_BELOW = ("image", "objects")
_CLEAR = (0.0, 0.0, 0.0, 0.0)


class ProposalsLayer:
    """Keeps a layer equal to the proposals of the image shown; there is none without any."""

    def __init__(self, viewer: Any, session: ProjectSession) -> None:
        self._viewer = viewer
        self._session_ref = ref(session)  # the table below must not keep its own keys alive
        self._layer: Any | None = None
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
        project = None if session is None else session.project
        image_id = None if session is None else session.current_image_id
        if project is None or image_id is None:
            self._remove()
            return
        proposals = project.proposals(image_id)
        if not proposals:
            self._remove()
            return
        classes = project.classes()
        self._show(paint(proposals, classes, project.image(image_id).shape), classes)

    def _show(self, values: NDArray[np.uint8], classes: Sequence[ClassRecord]) -> None:
        from napari.utils.colormaps import DirectLabelColormap

        colormap = DirectLabelColormap(color_dict=colors(classes))
        layer = self.layer
        if layer is not None and layer.data.shape == values.shape:
            layer.colormap = colormap
            layer.data = values
            return
        self._remove()
        active = self._viewer.layers.selection.active
        layer = self._viewer.add_labels(values, name=LAYER, colormap=colormap, opacity=1.0)
        layer.editable = False
        self._layer = layer
        layers = self._viewer.layers
        above = 1 + max((layers.index(n) for n in _BELOW if n in layers), default=-1)
        layers.move(layers.index(layer), above)
        # the user's tools stay on the layer on which they were
        layers.selection.active = active if active in layers else None

    def _remove(self) -> None:
        layer, self._layer = self.layer, None
        if layer is not None:
            self._viewer.layers.remove(layer)


def paint(
    proposals: Iterable[ProposalRecord],
    classes: Sequence[ClassRecord],
    shape_hw: tuple[int, int],
) -> NDArray[np.uint8]:
    """Return layer values, uint8 (H, W), of proposals that lie inside the image.

    0 is nothing; class number n (from 0) has 1 + 2n on the inside and 2 + 2n on the dashes.
    """
    number_of = {record.id: number % 127 for number, record in enumerate(classes)}
    values = np.zeros(shape_hw, dtype=np.uint8)
    for proposal in proposals:
        mask, number = proposal.mask, number_of[proposal.class_id]
        box = np.s_[mask.row : mask.row + mask.height, mask.col : mask.col + mask.width]
        crop = mask.crop()
        window = values[box]
        window[crop] = 1 + 2 * number
        window[_dashes(crop, mask)] = 2 + 2 * number
    return values


def colors(classes: Sequence[ClassRecord]) -> Mapping[int | None, Any]:
    """Return the colour of each value that `paint` gives."""
    from napari.utils.colormaps.standardize_color import transform_color

    by_value: dict[int | None, Any] = {None: _CLEAR, 0: _CLEAR}
    for number, record in enumerate(classes[:127]):
        red, green, blue, _ = transform_color(record.color)[0]
        by_value[1 + 2 * number] = (red, green, blue, FILL_ALPHA)
        by_value[2 + 2 * number] = (red, green, blue, 1.0)
    return by_value


def _dashes(crop: NDArray[np.bool_], mask: RleMask) -> NDArray[np.bool_]:
    """Return the pixels of the outline that are drawn, bool like `crop`."""
    padded = np.pad(crop, 1)
    inner = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    rows = np.arange(mask.row, mask.row + mask.height)[:, None]
    cols = np.arange(mask.col, mask.col + mask.width)[None, :]
    is_drawn: NDArray[np.bool_] = (rows + cols) // DASH_PX % 2 == 0
    return crop & ~inner & is_drawn


_LAYERS: WeakKeyDictionary[ProjectSession, ProposalsLayer] = WeakKeyDictionary()


def draw_proposals(viewer: Any, session: ProjectSession) -> ProposalsLayer:
    """Have the session's proposals drawn in its viewer; docks may all ask for it."""
    if session not in _LAYERS:
        _LAYERS[session] = ProposalsLayer(viewer, session)
    return _LAYERS[session]
