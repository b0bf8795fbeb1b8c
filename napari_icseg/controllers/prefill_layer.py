"""Proposals on the canvas: dashed outlines in their class's colour, faintly filled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

import numpy as np

from napari_icseg.controllers.boxes import Box
from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.layer_data import put, write_labels
from napari_icseg.controllers.proposal_paint import (
    Look,
    Scene,
    Sprite,
    Sprites,
    coarse_frame,
    colors,
    sprites_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.project.records import ClassRecord

LAYER = "proposals"
MAX_AT_ONCE = 40
"""More new proposals are prepared in a thread; more that differ are drawn with all the others."""
FEW = 4
SMALL_PIXELS = 1 << 18
"""A layer of no more pixels is drawn as a whole sooner than in more than `FEW` parts."""
_BELOW = ("image", "objects")


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
        self._scene: Scene | None = None
        self._sprites = Sprites()
        self._drawn: dict[int, Look] = {}
        self._drawn_on: Any | None = None
        self._focused: int | None = None
        self._threshold = 0.0
        self._background = Background(session.gui, "proposals-drawn")
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
        self._background.close()
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

    def set_look(self, *, focused: int | None, threshold: float) -> None:
        """Frame one proposal, and only dot those whose score is lower."""
        if (focused, threshold) != (self._focused, self._threshold):
            self._focused, self._threshold = focused, threshold
            self._redraw()

    def _draw(self) -> None:
        """Read the proposals and draw them; what is new and much is prepared in a thread."""
        session = self._session_ref()
        if session is None or session.project is None or session.current_image_id is None:
            return
        project, image_id = session.project, session.current_image_id
        shape_hw = project.image(image_id).shape
        self._scene = Scene(project.proposals(image_id), project.classes(), shape_hw)
        self._prepare()

    def _prepare(self) -> None:
        scene = self._scene
        if scene is None:
            return
        missing = self._sprites.missing(scene)
        if len(missing) <= MAX_AT_ONCE:
            self._sprites.take(sprites_of(missing, scene.shape_hw), scene.shape_hw)
            self._redraw()
            return

        def take(sprites: dict[int, Sprite]) -> None:
            # what came meanwhile is prepared as well, perhaps of another image
            self._sprites.take(sprites, scene.shape_hw)
            self._prepare()

        self._background.run(lambda: sprites_of(missing, scene.shape_hw), take, _raise)

    def _redraw(self) -> None:
        """Draw what differs from what is drawn."""
        scene = self._scene
        if scene is None or self._sprites.missing(scene):
            return
        self._sprites.forget_others(scene)
        layer = self.layer or self._add(scene.shape_hw)
        frame = coarse_frame(scene.shape_hw)
        is_same = layer.data.shape == frame.shape_hw and self._drawn_on is layer
        if not scene.proposals and not layer.visible and is_same and not self._drawn:
            return
        if scene.classes != self._classes:
            self._classes, layer.colormap = scene.classes, _colormap(scene.classes)
        looks = self._sprites.looks(scene, focused=self._focused, threshold=self._threshold)
        changed = [
            self._drawn.get(key, looks.get(key))
            for key in self._drawn.keys() | looks.keys()
            if self._drawn.get(key) != looks.get(key)
        ]
        boxes = [look.box for look in changed if look is not None]
        num_at_once = FEW if layer.data.size <= SMALL_PIXELS else MAX_AT_ONCE
        if is_same and layer.visible and len(boxes) <= num_at_once:
            for box in boxes:
                patch: Any = self._sprites.paint(looks.values(), box)
                write_labels(layer, box, patch)
        else:
            whole = Box(0, 0, *frame.shape_hw)
            put(layer, self._sprites.paint(looks.values(), whole), frame)
        self._drawn, self._drawn_on = looks, layer
        if layer.visible != bool(scene.proposals):  # napari draws it anew even if that is the same
            layer.visible = bool(scene.proposals)
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
        layer, self._layer, self._scene = self.layer, None, None
        self._drawn, self._drawn_on = {}, None
        if layer is not None:
            self._viewer.layers.remove(layer)


def _colormap(classes: Sequence[ClassRecord]) -> Any:
    from napari.utils.colormaps import DirectLabelColormap

    return DirectLabelColormap(color_dict=colors(classes))


def _raise(error: Exception) -> None:
    raise error


_LAYERS: WeakKeyDictionary[ProjectSession, ProposalsLayer] = WeakKeyDictionary()


def draw_proposals(viewer: Any, session: ProjectSession) -> ProposalsLayer:
    """Have the session's proposals drawn in its viewer; docks may all ask for it."""
    if session not in _LAYERS:
        _LAYERS[session] = ProposalsLayer(viewer, session)
    return _LAYERS[session]
