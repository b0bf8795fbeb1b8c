"""The accepted objects of the image on screen: shown, painted, selected, deleted, re-classed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_icseg.controllers import hints
from napari_icseg.controllers.notify import errors_shown
from napari_icseg.controllers.object_map import ObjectMap
from napari_icseg.project.records import NewObject, ObjectSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_icseg.controllers.class_chooser import ClassChooser
    from napari_icseg.controllers.hints import Hint
    from napari_icseg.controllers.layers import ViewerLayers
    from napari_icseg.controllers.session import ProjectSession


class ObjectEditor:
    """Keeps the objects layer equal to the project, and the project equal to the brush.

    A paint stroke (brush, eraser, fill, polygon) is one operation of the project's history.
    """

    def __init__(
        self,
        session: ProjectSession,
        layers: ViewerLayers,
        classes: ClassChooser,
        say: Callable[[Hint], None],
    ) -> None:
        self._session = session
        self._layers = layers
        self._classes = classes
        self._say = say
        self._image_id: int | None = None
        self._map: ObjectMap | None = None
        self._layer: Any | None = None
        self._selected_id: int | None = None

    @property
    def selected_id(self) -> int | None:
        """The object that Del deletes and a digit re-classes."""
        return self._selected_id

    def show(self, image_id: int, shape_hw: tuple[int, int]) -> None:
        """Shows the objects of an image of this size."""
        self._image_id, self._selected_id = image_id, None
        project = self._session.project
        objects = () if project is None else project.objects(image_id)
        old = None if self._layer is None else self._layer.data
        self._map = ObjectMap(shape_hw, self._classes.classes, objects, reuse=old)
        self._connect(self._layers.show_objects(self._map, self._classes.classes))
        self._layers.activate_objects()
        self._name_objects()
        self._offer_new_value()

    def leave(self) -> None:
        """Another image is being opened."""
        self._image_id, self._map, self._selected_id = None, None, None

    def read(self, image_id: int) -> None:
        """Shows the project's objects again after they changed."""
        project = self._session.project
        if image_id != self._image_id or project is None or self._map is None:
            return
        self._map.set_objects(project.objects(image_id))
        self._layers.refresh_objects()
        self._name_objects()
        if self._selected_id is None:
            self._offer_new_value()
        elif any(record.id == self._selected_id for record in self._map.objects):
            self.select(self._selected_id)
        else:
            self.unselect()

    def read_shown(self) -> None:
        """Shows the project's objects again after much of it changed at once."""
        if self._image_id is not None:
            self.read(self._image_id)

    def read_classes(self) -> None:
        """Shows everything again after a class was added or changed."""
        if self._map is not None and self._image_id is not None:
            shape = self._map.labels.shape
            self.show(self._image_id, (shape[0], shape[1]))

    def select_at(self, row: int, col: int) -> None:
        """Selects the topmost object at an image pixel."""
        record = None if self._map is None else self._map.object_at(row, col)
        if record is None:
            self.unselect()
            self._say(hints.NO_OBJECT_HERE)
            return
        self.select(record.id)
        found = self._classes.by_id(record.class_id)
        self._say(hints.selected(found.name if found is not None else "object"))

    def select(self, object_id: int | None) -> None:
        """Selects an object: outlined, and the brush paints it."""
        if self._map is None or object_id is None:
            return
        record = next(r for r in self._map.objects if r.id == object_id)
        self._selected_id = object_id
        self._layers.show_selection(record.mask)
        if self._layer is not None:
            self._layer.selected_label = self._map.value_of(object_id)

    def unselect(self) -> None:
        """Lets go of the selected object."""
        self._selected_id = None
        self._layers.show_selection(None)
        self._offer_new_value()

    def delete_selected(self) -> None:
        """Deletes the selected object; undo brings it back."""
        project = self._session.project
        if project is None or self._selected_id is None:
            self._say(hints.Hint("Ctrl+click an object to select it first.", "info"))
            return
        project.delete_objects([self._selected_id])
        self._say(hints.Hint("Deleted. Ctrl+Z brings it back.", "done"))

    def set_class_of_selected(self, class_id: int) -> None:
        """Gives the selected object another class; without one, the brush takes the class."""
        project = self._session.project
        if project is None or self._selected_id is None:
            self._offer_new_value()
            return
        project.set_class([self._selected_id], class_id)

    def use_tool(self, mode: str) -> None:
        """Takes napari's "paint" or "erase" tool in hand, or "pan_zoom" for clicking."""
        self._layers.activate_objects()
        if self._layer is not None:
            self._layer.mode = mode
            self._say(hints.TOOLS[mode])

    def close(self) -> None:
        """Stops listening to the layer."""
        self._connect(None)

    def _connect(self, layer: Any | None) -> None:
        if layer is self._layer:
            return
        if self._layer is not None:
            self._layer.events.paint.disconnect(self._on_layer_paint)
        self._layer = layer
        if layer is not None:
            layer.events.paint.connect(self._on_layer_paint)

    def _name_objects(self) -> None:
        """Lets napari's status bar name the class under the mouse, and the writers keep it."""
        if self._map is None or self._layer is None:
            return
        names = {record.id: record.name for record in self._classes.classes}
        objects = self._map.objects
        self._layer.features = {
            "index": [0, *(self._map.value_of(record.id) for record in objects)],
            "class": ["background", *(names[record.class_id] for record in objects)],
        }

    def _offer_new_value(self) -> None:
        """The brush paints a new object of the current class."""
        current = self._classes.current
        if self._layer is not None and self._map is not None and current is not None:
            self._layer.selected_label = self._map.new_value(current.id)

    def _on_layer_paint(self, _event: object) -> None:
        """A stroke ended: save it, or take it back if it cannot be saved."""
        if self._map is None:
            return
        with errors_shown():
            try:
                self._save_stroke(self._map)
            finally:
                self._map.discard_stroke()
                self._layers.refresh_objects()

    def _save_stroke(self, objects: ObjectMap) -> None:
        project, current = self._session.project, self._classes.current
        edits = objects.take_stroke()
        if not edits or project is None or current is None or self._image_id is None:
            return
        added = project.edit_objects(
            self._image_id,
            replace=dict(edits.replaced),
            delete=edits.deleted,
            add=[NewObject(current.id, mask, ObjectSource.MANUAL) for mask in edits.added],
            summary="paint",
        )
        self.read(self._image_id)
        if added and self._layer is not None:
            # the next stroke goes on with it; it is not selected, so that a digit does not
            # change its class
            self._layer.selected_label = objects.value_of(added[0].id)
        self._say(hints.Hint("Saved what you painted. Ctrl+Z takes it back.", "done"))
