"""The accepted objects of the image on screen: shown, painted, selected, deleted, re-classed."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_icseg.controllers import hints
from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.image_objects import ImageObjects
from napari_icseg.controllers.notify import errors_shown, show_error
from napari_icseg.controllers.object_index import ObjectIndex
from napari_icseg.controllers.object_map import ObjectMap
from napari_icseg.project.mask_shapes import touches
from napari_icseg.project.records import NewObject, ObjectSource
from trainers.io.rle import unite

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_icseg.controllers.boxes import Box
    from napari_icseg.controllers.class_chooser import ClassChooser
    from napari_icseg.controllers.frames import Frame
    from napari_icseg.controllers.hints import Hint
    from napari_icseg.controllers.layers import ViewerLayers
    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.project.records import ClassRecord, ObjectRecord

NAMING_DELAY_MS = 200
MAX_NAMED = 5000
"""More objects in sight are not named in napari's status bar."""
TOO_COARSE = hints.Hint("Zoom in to paint: the image is shown coarser than it is.", "warning")


class ObjectEditor:
    """Keeps the objects layer equal to the project, and the project equal to the brush.

    A paint stroke (brush, eraser, fill, polygon) is one operation of the project's history.
    Emits `selection_changed(ids)` when other objects are selected, or those were changed.
    """

    selection_changed = Signal(object)

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
        self._selected: tuple[int, ...] = ()
        self._shape_hw = (1, 1)
        self._objects: ImageObjects | None = None
        self._brush_id: int | None = None
        self._reading = Background(session.gui, "objects")
        self._naming = QTimer()
        self._naming.setSingleShot(True)
        self._naming.setInterval(NAMING_DELAY_MS)
        self._naming.timeout.connect(self._name_now)
        layers.framed.connect(self._on_layers_framed)

    @property
    def selected_id(self) -> int | None:
        """The object that was selected last."""
        return self._selected[-1] if self._selected else None

    @property
    def selected(self) -> tuple[ObjectRecord, ...]:
        """The objects that Del deletes and a digit re-classes, in the order of their choice."""
        found = (self._index.get(object_id) for object_id in self._selected)
        return tuple(record for record in found if record is not None)

    @property
    def objects(self) -> tuple[ObjectRecord, ...]:
        """All objects of the image on screen that can be seen."""
        hidden = {known.id for known in self._classes.classes if not known.is_visible}
        return tuple(record for record in self._index.all() if record.class_id not in hidden)

    @property
    def shape_hw(self) -> tuple[int, int]:
        """Height and width of the image on screen in pixels."""
        return self._shape_hw

    def near(self, box: Box) -> tuple[ObjectRecord, ...]:
        """The objects whose boxes meet a box of the image."""
        return tuple(self._index.near(box))

    def show(
        self, image_id: int, shape_hw: tuple[int, int], objects: ImageObjects | None = None
    ) -> None:
        """Shows the objects of an image of this size.

        Args:
            image_id: the image.
            shape_hw: its height and width in pixels.
            objects: of the image, if a thread has read them already.

        """
        project = self._session.project
        if objects is None and project is not None:
            objects = ImageObjects(project, image_id)
        self._forget_objects()
        self._image_id, self._shape_hw, self._objects = image_id, shape_hw, objects
        self._selected, self._brush_id, self._map = (), None, None
        self._redraw()
        self.selection_changed.emit(())

    def leave(self) -> None:
        """Another image is being opened."""
        self._forget_objects()
        self._image_id, self._map, self._selected = None, None, ()
        self.selection_changed.emit(())

    def read(self, image_id: int) -> None:
        """Takes over what changed in the project; costs in proportion to that."""
        objects = self._objects
        if image_id != self._image_id or objects is None:
            return
        if objects.needs_thread:
            self._read_in_thread(image_id)
            return
        boxes = objects.update()
        if not boxes or self._map is None:
            return
        self._map.draw_changes(boxes, self._layers.write_objects)
        self._name_objects()
        self._keep_selection()

    def read_shown(self) -> None:
        """Takes over what changed in the project after much of it changed at once."""
        if self._image_id is not None:
            self.read(self._image_id)

    def read_classes(self) -> None:
        """Shows everything again after a class was added or changed."""
        if self._objects is not None:
            self._objects.update()
            self._redraw()
            self.unselect()

    def _redraw(self) -> None:
        """Draws all objects anew: here, or for a large image in the thread that draws frames."""
        objects = self._objects
        if objects is None:
            return
        if self._layers.is_windowed:
            self._layers.draw_objects(partial(self._draw_frame, objects, self._classes.classes))
            return
        serial, prepared = 0, objects.first_map
        objects.first_map = None
        objects.update()
        if prepared is not None and prepared.classes == tuple(self._classes.classes):
            prepared.draw_changes(objects.boxes_since(serial, prepared.frame.box))
            self._take_map(prepared)
            return
        old = None if self._layer is None else self._layer.data
        self._take_map(ObjectMap(self._shape_hw, self._classes.classes, objects.index, reuse=old))

    def _draw_frame(
        self, objects: ImageObjects, classes: Sequence[ClassRecord], frame: Frame
    ) -> ObjectMap:
        """Draws the objects of a part of a large image; called in a thread."""
        serial = objects.serial
        drawn = ObjectMap(self._shape_hw, classes, objects.index, frame=frame)
        drawn.serial = serial
        return drawn

    def _on_layers_framed(self, drawn: ObjectMap | None) -> None:
        """The layers of a large image took another part of it."""
        objects = self._objects
        if drawn is None or objects is None or drawn.index is not objects.index:
            return
        drawn.draw_changes(objects.boxes_since(drawn.serial, drawn.frame.box))
        self._take_map(drawn)

    def _take_map(self, drawn: ObjectMap) -> None:
        is_first, self._map = self._map is None, drawn
        self._connect(self._layers.show_objects(drawn, self._classes.classes))
        if is_first:
            self._layers.activate_objects()
        self._name_objects()
        self._keep_selection()

    def _keep_selection(self) -> None:
        """Has the selected objects outlined, and the brush paint what it painted."""
        if self._selected:
            self.select(*(key for key in self._selected if key in self._index))
        elif self._brush_id is not None and self._brush_id in self._index:
            self._paint_on(self._brush_id)
        else:
            self._offer_new_value()

    def _paint_on(self, object_id: int) -> None:
        self._brush_id = object_id
        if self._layer is not None and self._map is not None:
            self._layer.selected_label = self._map.value_of(object_id)

    @property
    def _index(self) -> ObjectIndex:
        return ObjectIndex() if self._objects is None else self._objects.index

    def _read_in_thread(self, image_id: int) -> None:
        """Reads all objects again: thousands changed."""
        project, shape_hw = self._session.project, self._shape_hw
        if project is None:
            return

        def read() -> ImageObjects:
            return ImageObjects(project, image_id)

        def show(objects: ImageObjects) -> None:
            if self._image_id == image_id:
                self.show(image_id, shape_hw, objects)
            else:
                objects.close()

        self._reading.run(read, show, lambda error: show_error(str(error)))

    def _forget_objects(self) -> None:
        if self._objects is not None:
            self._objects.close()
        self._objects = None

    def select_at(self, row: int, col: int, *, adds: bool = False) -> None:
        """Selects the topmost object at an image pixel; added to those selected, or taken away."""
        record = None if self._map is None else self._map.object_at(row, col)
        if record is None:
            if not adds:
                self.unselect()
            self._say(hints.NO_OBJECT_HERE)
            return
        others = tuple(key for key in self._selected if key != record.id) if adds else ()
        was_selected = adds and record.id in self._selected
        self.select(*others, *(() if was_selected else (record.id,)))
        self._say_selected()

    def select_in(self, box: Box) -> None:
        """Selects the visible objects that have a pixel in a box of the image."""
        window = (slice(box.top, box.bottom), slice(box.left, box.right))
        visible = {record.id for record in self.objects}
        found = [r.id for r in self.near(box) if r.id in visible and touches(r.mask, window)]
        self.select(*found)
        self._say_selected()

    def select_all(self) -> None:
        """Selects all visible objects of the image."""
        self.select(*(record.id for record in self.objects))
        self._say_selected()

    def select(self, *object_ids: int) -> None:
        """Selects objects: outlined, and the brush paints the last one."""
        found = [self._index.get(object_id) for object_id in object_ids]
        records = [record for record in found if record is not None]
        if self._map is None or not records:
            self.unselect()
            return
        self._selected = tuple(record.id for record in records)
        self._layers.show_selection(unite([record.mask for record in records]))
        self._paint_on(self._selected[-1])
        self.selection_changed.emit(self._selected)

    def unselect(self) -> None:
        """Lets go of the selected objects."""
        self._selected = ()
        self._layers.show_selection(None)
        self._offer_new_value()
        self.selection_changed.emit(())

    def _say_selected(self) -> None:
        records = self.selected
        if len(records) == 1:
            found = self._classes.by_id(records[0].class_id)
            self._say(hints.selected(found.name if found is not None else "object"))
        else:
            self._say(hints.selected_many(len(records)))

    def delete_selected(self) -> None:
        """Deletes the selected objects; undo brings them back."""
        project = self._session.project
        if project is None or not self._selected:
            self._say(hints.SELECT_FIRST)
            return
        project.delete_objects(self._selected)
        self._say(hints.Hint("Deleted. {undo} brings it back.", "done"))

    def set_class_of_selected(self, class_id: int) -> None:
        """Gives the selected objects another class; without one, the brush takes the class."""
        project = self._session.project
        if project is None or not self._selected:
            self._offer_new_value()
            return
        with errors_shown():
            project.set_class(self._selected, class_id)

    def use_tool(self, mode: str) -> None:
        """Takes napari's "paint" or "erase" tool in hand, or "pan_zoom" for clicking."""
        self._layers.activate_objects()
        if self._layer is not None:
            self._layer.mode = mode
            is_coarse = self._map is not None and self._map.frame.step > 1
            self._say(TOO_COARSE if is_coarse and mode != "pan_zoom" else hints.TOOLS[mode])

    def close(self) -> None:
        """Stops listening to the layer and the project."""
        self._layers.framed.disconnect(self._on_layers_framed, missing_ok=True)
        self._naming.stop()
        self._forget_objects()
        self._reading.close()
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
        """Names them soon: it takes longer than drawing, and the next click must not wait."""
        self._naming.start()

    def _name_now(self) -> None:
        """Lets napari's status bar name the class under the mouse, and the writers keep it."""
        if self._map is None or self._layer is None:
            return
        names = {record.id: record.name for record in self._classes.classes}
        objects = self._map.objects_here
        if len(objects) > MAX_NAMED:
            return
        self._layer.features = {
            "index": [0, *(self._map.value_of(record.id) for record in objects)],
            "class": ["background", *(names[record.class_id] for record in objects)],
        }

    def _offer_new_value(self) -> None:
        """The brush paints a new object of the current class."""
        current, self._brush_id = self._classes.current, None
        if self._layer is not None and self._map is not None and current is not None:
            self._layer.selected_label = self._map.new_value(current.id)

    def _on_layer_paint(self, _event: object) -> None:
        """A stroke ended: save it, or take it back if it cannot be saved."""
        if self._map is None:
            return
        if self._map.frame.step > 1:
            self._say(TOO_COARSE)
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
            self._paint_on(added[0].id)
        self._say(hints.Hint("Saved what you painted. Ctrl+Z takes it back.", "done"))
