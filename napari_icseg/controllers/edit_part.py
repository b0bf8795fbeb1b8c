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
from napari_icseg.controllers.wording import counted
from napari_icseg.project.mask_snap import REACH_PX
from napari_icseg.widgets.edit_bar import EditBar
from napari_icseg.widgets.labelling_dock import Slot

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from napari_icseg.controllers.desk import Desk
    from napari_icseg.project.project import Project
    from napari_icseg.project.records import ObjectRecord

KNIFE, SELECT = "knife", "select"
NEAR_PX = REACH_PX + 2
MAX_AT_ONCE = 50
"""More objects are deleted or re-classed in the thread."""
MAX_LOOKED_AT = 300
"""Of more objects the shapes are not looked at to know what can be done."""
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
        self._looking = Background(desk.session.gui, "shapes")
        self.bar = EditBar()
        desk.dock.put(Slot.EDIT, self.bar)
        self.bar.triggered.connect(desk.dock.action)
        self._selection = desk.editor.selection
        self._selection.changed.connect(self._on_selection_changed)
        desk.classes.chosen.connect(self._on_class_chosen)
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
            "select_all": self._selection.pick_all,
            "delete": self._delete,
        }

    def close(self) -> None:
        """Stops listening."""
        self._selection.changed.disconnect(self._on_selection_changed, missing_ok=True)
        self._desk.classes.chosen.disconnect(self._on_class_chosen, missing_ok=True)
        self._background.close()
        self._looking.close()

    # the selection --------------------------------------------------------------------------

    def _on_selection_changed(self, ids: tuple[int, ...]) -> None:
        """Offers what the number of objects allows at once, what their shapes allow soon."""
        records = self._selection.records
        possible = operations.possible_for(len(ids))
        if not ids or len(ids) > MAX_LOOKED_AT:
            self.bar.set_selected(len(ids), possible)
            return
        self.bar.set_selected(len(ids), possible - operations.FOR_SHAPES)
        look = partial(operations.possible, records, self._editor.shape_hw)
        self._looking.run(look, partial(self._offer, records), self._fail)

    def _offer(self, records: tuple[ObjectRecord, ...], possible: frozenset[str]) -> None:
        if records == self._selection.records:
            self.bar.set_selected(len(records), possible)

    def _on_box(self, box: Box) -> None:
        self._desk.loop.clear()
        self._selection.pick_in(box.clip(self._editor.shape_hw))

    def _on_press(self, point_rc: tuple[float, float], _is_positive: bool) -> None:
        self._editor.select_at(round(point_rc[0]), round(point_rc[1]))

    # operations -----------------------------------------------------------------------------

    def _run(self, operation: Callable[[Scene], Edit]) -> None:
        """Does an operation on the selected objects, in the thread."""
        project, image_id = self._desk.session.project, self._desk.session.current_image_id
        if not self._selection.ids or project is None or image_id is None:
            self._desk.loop.say(hints.SELECT_FIRST)
            return
        shape_hw, image = self._editor.shape_hw, self._desk.images.reader(image_id)

        def work(objects: tuple[ObjectRecord, ...]) -> Edit:
            neighbours = {record.id: self._neighbours(project, record) for record in objects}
            scene = Scene(objects, neighbours, shape_hw, lambda window: image()[window])
            return operation(scene)

        self._do(self._selection.ids, work)

    def _neighbours(self, project: Project, record: ObjectRecord) -> tuple[ObjectRecord, ...]:
        """The objects around one, as they are now; called in the thread."""
        near = self._editor.near(_around(record))
        return project.objects_by_ids(other.id for other in near if other.id != record.id)

    def _do(self, ids: Sequence[int], work: Callable[[tuple[ObjectRecord, ...]], Edit]) -> None:
        """Has an edit of objects computed and saved in the thread.

        It gets the objects as they are then: the keys may be faster than the thread.
        """
        project, image_id = self._desk.session.project, self._desk.session.current_image_id
        if project is None or image_id is None:
            return

        def change() -> tuple[Edit, tuple[ObjectRecord, ...]]:
            found = {record.id: record for record in project.objects_by_ids(ids)}
            objects = tuple(found[key] for key in ids if key in found)
            edit = work(objects)
            added = project.edit_objects(
                image_id,
                replace=edit.replace,
                delete=edit.delete,
                add=edit.add,
                summary=edit.summary,
                based_on=objects,
            )
            return edit, added

        self._background.run(change, partial(self._on_done, image_id, tuple(ids)), self._fail)

    def _on_done(
        self,
        image_id: int,
        ids: tuple[int, ...],
        done: tuple[Edit, tuple[ObjectRecord, ...]],
    ) -> None:
        edit, added = done
        if image_id != self._desk.session.current_image_id:
            return
        if self._selection.ids and set(self._selection.ids) <= set(ids):
            left = [key for key in ids if key not in edit.delete]
            wanted = (*left, *(record.id for record in added))
            if wanted != self._selection.ids:  # else they were outlined again already
                self._selection.set(wanted)
        what = edit.summary[:1].upper() + edit.summary[1:]
        note = f" {edit.note}" if edit.note else ""
        self._desk.loop.say(hints.Hint(f"{what}: done.{note} {{undo}} takes it back.", "done"))

    def _fail(self, error: Exception) -> None:
        if isinstance(error, NothingToDoError):
            self._desk.loop.say(hints.Hint(str(error), "warning"))
        else:
            show_error(str(error))

    def _delete(self) -> None:
        """Deletes the selected objects; undo brings them back."""
        self._change("Deleted", lambda project, ids: project.delete_objects(ids))

    def _on_class_chosen(self, class_id: int) -> None:
        """Gives the selected objects the class; without any, the brush takes it."""
        if not self._selection.ids:
            self._editor.offer_new_value()
            return
        self._change("Changed the class", lambda project, ids: project.set_class(ids, class_id))

    def _change(self, done: str, change: Callable[[Project, tuple[int, ...]], object]) -> None:
        """Changes the rows of the selected objects: a few at once, many in the thread."""
        project, ids = self._desk.session.project, self._selection.ids
        if project is None or not ids:
            self._desk.loop.say(hints.SELECT_FIRST)
            return
        hint = hints.Hint(f"{done} of {counted(len(ids), 'object')}. {{undo}} takes it back.")
        if done == "Deleted":
            hint = hints.Hint(f"Deleted {counted(len(ids), 'object')}. {{undo}} brings back.")
        if len(ids) > MAX_AT_ONCE:
            say = partial(self._desk.loop.say, hint)
            self._background.run(lambda: change(project, ids), lambda _none: say(), self._fail)
            return
        with errors_shown():
            change(project, ids)
            self._desk.loop.say(hint)

    # knife, seeds ----------------------------------------------------------------------------

    def _use_knife(self) -> None:
        self._editor.use_tool(PAN_ZOOM)
        self._desk.tools.choose(KNIFE)
        self._desk.loop.say(hints.KNIFE)

    def _use_polygon(self) -> None:
        self._desk.tools.choose(CLICK)
        self._editor.use_tool("polygon")

    def _on_cut(self, path_rc: list[tuple[float, float]], _is_positive: bool) -> None:
        ids = self._selection.ids or [record.id for record in self._under(path_rc)]
        self._do(ids, lambda objects: operations.cut(objects, path_rc))

    def _under(self, path_rc: Sequence[tuple[float, float]]) -> tuple[ObjectRecord, ...]:
        """The objects that can be edited whose boxes a line meets."""
        rows, cols = zip(*path_rc, strict=True)
        box = Box(int(min(rows)), int(min(cols)), int(max(rows)) + 2, int(max(cols)) + 2)
        return self._selection.near(box)

    def _split_at_clicks(self) -> None:
        """Splits the accepted object on which the clicks lie, one piece a click."""
        seeds = [(c.row, c.col) for c in self._desk.loop.state.clicks if c.is_positive]
        under = [
            record
            for record in (self._under(seeds) if len(seeds) > 1 else ())
            if sum(record.mask.contains(*seed) for seed in seeds) > 1
        ]
        if not under:
            self._desk.loop.say(hints.SPLIT_AT_CLICKS)
            return
        self._desk.loop.clear()
        shape_hw = self._editor.shape_hw
        self._do([under[-1].id], lambda found: operations.split(found, seeds, shape_hw))


def _around(record: ObjectRecord) -> Box:
    """The box of an object and what it could reach."""
    own = Box.of_mask(record.mask)
    return Box(own.top - NEAR_PX, own.left - NEAR_PX, own.bottom + NEAR_PX, own.right + NEAR_PX)
