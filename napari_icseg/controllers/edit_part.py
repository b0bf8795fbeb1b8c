"""Selected objects changed by keys, the edit bar and the knife; each change is one operation."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari_icseg.controllers import hints
from napari_icseg.controllers import object_operations as operations
from napari_icseg.controllers.boxes import Box
from napari_icseg.controllers.canvas import PAN_ZOOM
from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.notify import errors_shown, show_error
from napari_icseg.controllers.object_operations import Edit, NothingToDoError, Scene
from napari_icseg.controllers.prompt_drags import BoxDrag, StrokeDrag
from napari_icseg.controllers.tools import CLICK
from napari_icseg.project.mask_snap import REACH_PX
from napari_icseg.widgets.edit_bar import EditBar
from napari_icseg.widgets.labelling_dock import Slot

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from napari_icseg.controllers.desk import Desk
    from napari_icseg.project.records import ObjectRecord

KNIFE, SELECT = "knife", "select"
NEAR_PX = REACH_PX + 2
OPERATIONS: Mapping[str, Callable[[Scene], Edit]] = {
    "merge": operations.merge,
    "separate": operations.separate,
    "fill_holes": operations.fill_holes,
    "smooth": operations.smooth,
    "grow": operations.grow,
    "shrink": operations.shrink,
    "keep_largest": operations.keep_largest,
    "snap_to_edge": operations.snap_to_edge,
}


class EditPart:
    """One for a desk; see `desk.Part`."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._editor = desk, desk.editor
        self._background = Background(desk.session.gui, "edit")
        self.bar = EditBar()
        desk.dock.put(Slot.EDIT, self.bar)
        self.bar.triggered.connect(desk.dock.action)
        self._editor.selection_changed.connect(self._on_selection_changed)
        sketch = desk.tools.sketch
        desk.tools.register(KNIFE, StrokeDrag(sketch, self._on_cut))
        box = BoxDrag(sketch, self._on_box, self._on_press)
        desk.tools.register(SELECT, box, modifier="Control")
        desk.dock.tool_bar.add_tool(
            "tool_knife", "knife", "Knife: a line drawn across objects cuts them ({tool_knife})"
        )
        desk.dock.tool_bar.add_tool(
            "tool_polygon",
            "polygon",
            "Polygon: click its corners; Enter or a double click ends it ({tool_polygon})",
        )
        self._on_selection_changed(())

    def actions(self) -> Mapping[str, Callable[[], object]]:
        """All operations, and what leads to them."""
        return {
            **{name: partial(self._run, operation) for name, operation in OPERATIONS.items()},
            "tool_knife": self._use_knife,
            "tool_polygon": self._use_polygon,
            "split_at_clicks": self._split_at_clicks,
            "select_all": self._editor.select_all,
            "copy_to_next": self._copy_to_next,
        }

    def close(self) -> None:
        """Stops listening."""
        self._editor.selection_changed.disconnect(self._on_selection_changed, missing_ok=True)
        self._background.close()

    # the selection --------------------------------------------------------------------------

    def _on_selection_changed(self, ids: tuple[int, ...]) -> None:
        self.bar.set_selected(len(ids))

    def _on_box(self, box: Box) -> None:
        self._desk.loop.clear()
        self._editor.select_in(box.clip(self._editor.shape_hw))

    def _on_press(self, point_rc: tuple[float, float], _is_positive: bool) -> None:
        self._editor.select_at(round(point_rc[0]), round(point_rc[1]))

    # operations -----------------------------------------------------------------------------

    def _run(self, operation: Callable[[Scene], Edit]) -> None:
        """Computes an operation on the selected objects in a thread, then does it."""
        if not self._editor.selected:
            self._desk.loop.say(hints.SELECT_FIRST)
            return
        scene = self._scene()
        self._compute(scene.objects, partial(operation, scene))

    def _compute(self, objects: tuple[ObjectRecord, ...], work: Callable[[], Edit]) -> None:
        image_id = self._desk.loop.image_id
        if image_id is not None:
            self._background.run(work, partial(self._apply, image_id, objects), self._fail)

    def _apply(self, image_id: int, objects: tuple[ObjectRecord, ...], edit: Edit) -> None:
        """Does it, unless the image or one of the objects is another one by now."""
        project = self._desk.session.project
        if project is None or image_id != self._desk.loop.image_id:
            return
        if project.objects_by_ids(record.id for record in objects) != _by_id(objects):
            self._desk.loop.say(hints.Hint("The objects were changed meanwhile.", "warning"))
            return
        with errors_shown():
            added = project.edit_objects(
                image_id,
                replace=edit.replace,
                delete=edit.delete,
                add=edit.add,
                summary=edit.summary,
            )
            gone = set(edit.delete)
            left = [record.id for record in objects if record.id not in gone]
            self._editor.select(*left, *(record.id for record in added))
            done = edit.summary[:1].upper() + edit.summary[1:]
            self._desk.loop.say(hints.Hint(f"{done}: done. {{undo}} takes it back.", "done"))

    def _fail(self, error: Exception) -> None:
        if isinstance(error, NothingToDoError):
            self._desk.loop.say(hints.Hint(str(error), "warning"))
        else:
            show_error(str(error))

    def _scene(self) -> Scene:
        objects, image_id = self._editor.selected, self._desk.loop.image_id
        near = {
            record.id: tuple(o for o in self._editor.near(_around(record)) if o.id != record.id)
            for record in objects
        }
        image = self._desk.images.reader(objects[0].image_id if image_id is None else image_id)
        return Scene(objects, near, self._editor.shape_hw, lambda window: image()[window])

    # knife, seeds, copies ---------------------------------------------------------------------

    def _use_knife(self) -> None:
        self._editor.use_tool(PAN_ZOOM)
        self._desk.tools.choose(KNIFE)
        self._desk.loop.say(hints.KNIFE)

    def _use_polygon(self) -> None:
        self._desk.tools.choose(CLICK)
        self._editor.use_tool("polygon")

    def _on_cut(self, path_rc: list[tuple[float, float]], _is_positive: bool) -> None:
        objects = self._editor.selected or self._under(path_rc)
        self._compute(objects, partial(operations.cut, objects, path_rc))

    def _under(self, path_rc: list[tuple[float, float]]) -> tuple[ObjectRecord, ...]:
        """The visible objects whose boxes a line meets."""
        rows, cols = zip(*path_rc, strict=True)
        box = Box(int(min(rows)), int(min(cols)), int(max(rows)) + 2, int(max(cols)) + 2)
        seen = {record.id for record in self._editor.objects}
        return tuple(record for record in self._editor.near(box) if record.id in seen)

    def _split_at_clicks(self) -> None:
        """Splits the accepted object on which the clicks lie, one piece a click."""
        seeds = [(c.row, c.col) for c in self._desk.loop.state.clicks if c.is_positive]
        under = [
            record
            for record in self._editor.objects
            if len(seeds) > 1 and sum(record.mask.contains(*seed) for seed in seeds) > 1
        ]
        if not under:
            self._desk.loop.say(hints.SPLIT_AT_CLICKS)
            return
        record = under[-1]
        self._desk.loop.clear()
        self._compute((record,), partial(operations.split, record, seeds, self._editor.shape_hw))

    def _copy_to_next(self) -> None:
        """Copies the selected objects, or all, to the next image of the list, and goes there."""
        desk, project = self._desk, self._desk.session.project
        objects = self._editor.selected or self._editor.objects
        next_id = desk.images.neighbour(+1)
        if project is None or next_id is None or not objects:
            desk.loop.say(hints.last_image(+1) if objects else hints.NOTHING_TO_COPY)
            return
        image = project.image(next_id)
        copies = operations.copies_for(objects, project.objects(next_id), image.shape)
        with errors_shown():
            if copies:
                project.add_objects(next_id, copies)
            desk.images.go(next_id)


def _by_id(objects: tuple[ObjectRecord, ...]) -> tuple[ObjectRecord, ...]:
    return tuple(sorted(objects, key=lambda record: record.id))


def _around(record: ObjectRecord) -> Box:
    """The box of an object and what it could reach."""
    own = Box.of_mask(record.mask)
    return Box(own.top - NEAR_PX, own.left - NEAR_PX, own.bottom + NEAR_PX, own.right + NEAR_PX)
