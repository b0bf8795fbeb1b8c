"""The accepted objects of the image on screen, kept equal to the project."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer

from napari_icseg.controllers.brush import Brush
from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.image_objects import ImageObjects
from napari_icseg.controllers.notify import show_error
from napari_icseg.controllers.object_index import ObjectIndex
from napari_icseg.controllers.object_map import ObjectMap
from napari_icseg.controllers.selection import Selection

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
        self._shape_hw = (1, 1)
        self._objects: ImageObjects | None = None
        self.selection = Selection(layers, classes, say, lambda: self._index)
        self.selection.changed.connect(self._on_selection_changed)
        self._brush = Brush(session, layers, classes, say, self.read)
        self._reading = Background(session.gui, "objects")
        self._naming = QTimer()
        self._naming.setSingleShot(True)
        self._naming.setInterval(NAMING_DELAY_MS)
        self._naming.timeout.connect(self._name_now)
        layers.framed.connect(self._on_layers_framed)

    @property
    def selected_id(self) -> int | None:
        """The object that was selected last."""
        ids = self.selection.ids
        return ids[-1] if ids else None

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
        self._map = None
        self._brush.hold(self._layer, None, image_id)
        self.selection.forget()
        self._brush.object_id = None
        self._redraw()

    def leave(self) -> None:
        """Another image is being opened."""
        self._forget_objects()
        self._image_id = self._map = None
        self._brush.hold(self._layer, None, None)
        self.selection.forget()

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
        self._layer = self._layers.show_objects(drawn, self._classes.classes)
        self._brush.hold(self._layer, drawn, self._image_id)
        if is_first:
            self._layers.activate_objects()
        self._name_objects()
        self._keep_selection()

    def _keep_selection(self) -> None:
        """Has the selected objects outlined, and the brush paint what it painted."""
        if self.selection.ids:
            self.selection.set(key for key in self.selection.ids if key in self._index)
        elif self._brush.object_id is not None and self._brush.object_id in self._index:
            self._brush.paint_on(self._brush.object_id)
        else:
            self._brush.offer_new_value()

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
        if self._map is not None:
            self.selection.pick(self._map.object_at(row, col), adds=adds)

    def unselect(self) -> None:
        """Lets go of the selected objects."""
        self.selection.clear()
        self._brush.offer_new_value()

    def _on_selection_changed(self, ids: tuple[int, ...]) -> None:
        if ids:
            self._brush.paint_on(ids[-1])
        else:
            self._brush.offer_new_value()

    def offer_new_value(self) -> None:
        """The brush paints a new object of the current class."""
        self._brush.offer_new_value()

    def use_tool(self, mode: str) -> None:
        """Takes napari's "paint", "erase" or "polygon" in hand, or "pan_zoom" for clicking."""
        self._brush.use(mode)

    def close(self) -> None:
        """Stops listening to the layer and the project."""
        self._layers.framed.disconnect(self._on_layers_framed, missing_ok=True)
        self._naming.stop()
        self._forget_objects()
        self._reading.close()
        self._brush.hold(None, None, None)

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
