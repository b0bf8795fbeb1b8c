"""napari's brush, eraser, fill and polygon on the objects layer, saved to the project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer

from napari_icseg.controllers import hints
from napari_icseg.controllers.notify import errors_shown
from napari_icseg.project.records import NewObject, ObjectSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_icseg.controllers.class_chooser import ClassChooser
    from napari_icseg.controllers.hints import Hint
    from napari_icseg.controllers.layers import ViewerLayers
    from napari_icseg.controllers.object_map import ObjectMap
    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.controllers.stroke import StrokeEdits

TOO_COARSE = hints.Hint("Zoom in to paint: the image is shown coarser than it is.", "warning")


class Brush:
    """A stroke is one operation of the project's history, or is taken back.

    Calls `read(image_id)` after a stroke was saved.
    """

    def __init__(
        self,
        session: ProjectSession,
        layers: ViewerLayers,
        classes: ClassChooser,
        say: Callable[[Hint], None],
        read: Callable[[int], None],
    ) -> None:
        self._session = session
        self._layers = layers
        self._classes = classes
        self._say = say
        self._read = read
        self._layer: Any | None = None
        self._map: ObjectMap | None = None
        self._image_id: int | None = None
        self.object_id: int | None = None
        """The object that the brush paints on; None: it paints a new one."""
        self._late = QTimer()
        self._late.setSingleShot(True)
        self._late.timeout.connect(self._on_late_timeout)

    def hold(self, layer: Any | None, drawn: ObjectMap | None, image_id: int | None) -> None:
        """Paints in this layer from now on, which shows this map of an image's objects."""
        if self._late.isActive():  # what was painted on the image that goes
            self._late.stop()
            self._on_late_timeout()
        self._map, self._image_id = drawn, image_id
        if layer is self._layer:
            return
        if self._layer is not None:
            self._layer.events.paint.disconnect(self._on_layer_paint)
        self._layer = layer
        if layer is not None:
            layer.events.paint.connect(self._on_layer_paint)

    def paint_on(self, object_id: int) -> None:
        """The brush extends an object."""
        self.object_id = object_id
        if self._layer is not None and self._map is not None:
            self._layer.selected_label = self._map.value_of(object_id)

    def offer_new_value(self) -> None:
        """The brush paints a new object of the current class."""
        current, self.object_id = self._classes.current, None
        if self._layer is not None and self._map is not None and current is not None:
            self._layer.selected_label = self._map.new_value(current.id)

    def use(self, mode: str) -> None:
        """Takes napari's "paint", "erase" or "polygon" in hand, or "pan_zoom" for clicking."""
        self._layers.activate_objects()
        if self._layer is not None:
            self._layer.mode = mode
            is_coarse = self._map is not None and self._map.frame.step > 1
            self._say(TOO_COARSE if is_coarse and mode != "pan_zoom" else hints.TOOLS[mode])

    def _on_layer_paint(self, _event: object) -> None:
        """A stroke ended. For a polygon or a fill napari says so before it has drawn it."""
        edits = None if self._map is None else self._map.take_stroke()
        if edits:
            self._save(edits)
        else:
            self._late.start()

    def _on_late_timeout(self) -> None:
        if self._map is not None:
            self._save(self._map.take_stroke())

    def _save(self, edits: StrokeEdits) -> None:
        """Saves what was painted, or takes it back if it cannot be saved."""
        if self._map is None:
            return
        if self._map.frame.step > 1:
            self._say(TOO_COARSE)
        with errors_shown():
            try:
                self._save_stroke(edits)
            finally:
                self._map.discard_stroke()
                self._layers.refresh_objects()

    def _save_stroke(self, edits: StrokeEdits) -> None:
        project, current = self._session.project, self._classes.current
        if not edits or project is None or current is None or self._image_id is None:
            return
        added = project.edit_objects(
            self._image_id,
            replace=dict(edits.replaced),
            delete=edits.deleted,
            add=[NewObject(current.id, mask, ObjectSource.MANUAL) for mask in edits.added],
            summary="paint",
        )
        self._read(self._image_id)
        if added:
            # the next stroke goes on with it; it is not selected, so that a digit does not
            # change its class
            self.paint_on(added[0].id)
        self._say(hints.Hint("Saved what you painted. {undo} takes it back.", "done"))
