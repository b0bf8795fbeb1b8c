"""The prompts beyond clicks: box, scribble, an object to correct; and the bar of tools."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_icseg.controllers import hints
from napari_icseg.controllers.canvas import PAN_ZOOM
from napari_icseg.controllers.clicks import Click, Subject
from napari_icseg.controllers.notify import errors_shown
from napari_icseg.controllers.prompt_drags import BoxDrag, StrokeDrag
from napari_icseg.controllers.scribbles import Scribble, pixel_path
from napari_icseg.controllers.tools import CLICK
from napari_icseg.project.errors import ProjectError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from napari_icseg.controllers.boxes import Box
    from napari_icseg.controllers.clicks import ClickState
    from napari_icseg.controllers.desk import Desk
    from napari_icseg.project.records import ObjectRecord, ProposalRecord

BOX, SCRIBBLE = "box", "scribble"
MAX_STROKE_PX = 2048 * 2048
"""A stroke in a larger rectangle of image pixels would take too long to draw."""
TOOL_OF_MODE = {"paint": "tool_paint", "erase": "tool_erase", "polygon": "tool_polygon"}
"""What napari's own modes of a Labels layer are called in the bar."""


class PromptTools:
    """One for a desk; see `desk.Part`.

    Other parts register their tools with `desk.tools` and show them by
    `desk.dock.tool_bar.add_tool`. The tool called "x" of `desk.tools` is "tool_x" in the bar;
    their action must put napari's brush away, too: `desk.editor.use_tool("pan_zoom")`, then
    `desk.tools.choose("x")`.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.bar = desk.dock.tool_bar
        sketch = desk.tools.sketch
        box = BoxDrag(sketch, self._on_box, self._on_click)
        desk.tools.register(BOX, box, modifier="Shift")
        desk.tools.register(SCRIBBLE, StrokeDrag(sketch, self._on_stroke))
        self._active: Any | None = None
        self._connect()
        self._on_active_layer()

    def actions(self) -> Mapping[str, Callable[[], object]]:
        """Tools, and R for refining."""
        return {
            "tool_click": partial(self.use, CLICK),
            "tool_box": partial(self.use, BOX),
            "tool_scribble": partial(self.use, SCRIBBLE),
            "tool_paint": partial(self._use_layer_mode, "paint"),
            "tool_erase": partial(self._use_layer_mode, "erase"),
            "refine": self.refine,
            "clear": self.clear,
        }

    def use(self, tool: str) -> None:
        """Takes a registered tool, or CLICK, in hand, in place of napari's brush."""
        self._desk.editor.use_tool(PAN_ZOOM)
        self._desk.tools.choose(tool)
        if tool in hints.TOOLS:
            self._desk.loop.say(hints.TOOLS[tool])

    def refine(self) -> None:
        """Begins to correct the selected object, or the one under the mouse."""
        desk = self._desk
        if desk.editor.selected_id is None:
            pixel = desk.layers.to_pixel(desk.viewer.cursor.position)
            if pixel is not None:
                desk.editor.select_at(*pixel)
        record = self._record(desk.editor.selected_id)
        if record is None or record.image_id != desk.loop.image_id:
            desk.loop.say(hints.SELECT_TO_REFINE)
            return
        desk.editor.unselect()
        score = 1.0 if record.score is None else record.score
        desk.loop.refine(Subject(record.id, record.mask, score))

    def clear(self) -> None:
        """Esc: gives up a drag, else the prompts and the selection, else the tool in hand."""
        desk = self._desk
        is_idle = desk.loop.state.is_empty and desk.editor.selected_id is None
        if desk.tools.is_dragging:
            desk.tools.cancel()
        elif is_idle and self._in_hand() != "tool_click":
            self.use(CLICK)
        else:
            desk.editor.unselect()
            desk.loop.clear()

    def close(self) -> None:
        """Stops listening."""
        desk = self._desk
        desk.viewer.layers.selection.events.active.disconnect(self._on_active_layer)
        self._watch_mode(None)
        desk.tools.changed.disconnect(self._show_in_hand)
        desk.loop.changed.disconnect(self._on_loop_changed)
        desk.session.labels_changed.disconnect(self._on_labels_changed)

    def _connect(self) -> None:
        desk = self._desk
        desk.viewer.layers.selection.events.active.connect(self._on_active_layer)
        desk.tools.changed.connect(self._show_in_hand)
        desk.loop.changed.connect(self._on_loop_changed)
        desk.session.labels_changed.connect(self._on_labels_changed)
        desk.dock.status.chips.chosen.connect(desk.loop.choose)

    def _use_layer_mode(self, mode: str) -> None:
        self._desk.tools.choose(CLICK)
        self._desk.editor.use_tool(mode)

    # which tool is in hand --------------------------------------------------------------------

    def _on_active_layer(self, _event: object = None) -> None:
        self._watch_mode(self._desk.viewer.layers.selection.active)
        self._show_in_hand()

    def _watch_mode(self, layer: Any | None) -> None:
        if self._active is not None:
            self._active.events.mode.disconnect(self._on_layer_mode)
        self._active = layer
        if layer is not None:
            layer.events.mode.connect(self._on_layer_mode)

    def _on_layer_mode(self, _event: object = None) -> None:
        self._show_in_hand()

    def _in_hand(self) -> str:
        mode = PAN_ZOOM if self._active is None else str(self._active.mode)
        if mode == PAN_ZOOM:
            return f"tool_{self._desk.tools.current}"
        return TOOL_OF_MODE.get(mode, mode)

    def _show_in_hand(self, _tool: str = "") -> None:
        in_hand = self._in_hand()
        self.bar.set_in_hand(in_hand)
        if in_hand.startswith("tool_") and in_hand not in TOOL_OF_MODE.values():
            is_click = in_hand == "tool_click"
            self._desk.viewer.cursor.style = "standard" if is_click else "cross"

    # prompts ------------------------------------------------------------------------------------

    def _on_box(self, box: Box) -> None:
        shape_hw = self._shape_hw()
        if self._desk.loop.state.subject is not None:
            self._desk.loop.say(hints.NO_BOX)
            return
        clipped = None if shape_hw is None else box.clip(shape_hw)
        if clipped is None or clipped.is_empty:
            self._desk.loop.say(hints.OUTSIDE)
            return
        self._prompt(partial(self._desk.loop.draw_box, clipped))

    def _on_click(self, point_rc: tuple[float, float], is_positive: bool) -> None:
        self._add([point_rc], lambda path: Click(*path[0], is_positive))

    def _on_stroke(self, path_rc: list[tuple[float, float]], is_positive: bool) -> None:
        shape_hw = self._shape_hw()
        if float(np.prod(np.ptp(path_rc, axis=0) + 1)) > MAX_STROKE_PX:
            self._desk.loop.say(hints.LONG_STROKE)
        elif shape_hw is not None:
            self._add(path_rc, lambda path: Scribble(path, is_positive, shape_hw))

    def _add(
        self,
        path_rc: list[tuple[float, float]],
        build: Callable[[tuple[tuple[int, int], ...]], Click | Scribble],
    ) -> None:
        shape_hw = self._shape_hw()
        if shape_hw is None or not any(_is_inside(point, shape_hw) for point in path_rc):
            self._desk.loop.say(hints.OUTSIDE)
            return
        mark = build(pixel_path(path_rc, shape_hw))
        self._prompt(partial(self._desk.loop.click, mark))

    def _prompt(self, give: Callable[[], None]) -> None:
        if self._desk.editor.selected_id is not None:
            self._desk.editor.unselect()
        with errors_shown():
            give()

    def _shape_hw(self) -> tuple[int, int] | None:
        project, image_id = self._desk.session.project, self._desk.loop.image_id
        if project is None or image_id is None:
            return None
        image = project.image(image_id)
        return image.height, image.width

    # the object that is corrected -----------------------------------------------------------------

    def _record(
        self, object_id: int | None, *, is_proposal: bool = False
    ) -> ObjectRecord | ProposalRecord | None:
        project = self._desk.session.project
        if project is None or object_id is None:
            return None
        try:
            if is_proposal:
                return project.proposal(object_id)
            return project.object_by_id(object_id)
        except ProjectError:
            return None

    def _on_loop_changed(self, state: ClickState) -> None:
        self.bar.set_on("refine", on=state.subject is not None)

    def _on_labels_changed(self, _image_id: int) -> None:
        """Gives up the correction of an object that was changed or deleted meanwhile."""
        subject = self._desk.loop.state.subject
        if subject is None:
            return
        record = self._record(subject.object_id, is_proposal=subject.is_proposal)
        if record is None or record.mask != subject.mask:
            self._desk.loop.clear()
            self._desk.loop.say(hints.SUBJECT_CHANGED)


def _is_inside(point_rc: tuple[float, float], shape_hw: tuple[int, int]) -> bool:
    return all(-0.5 <= v < side - 0.5 for v, side in zip(point_rc, shape_hw, strict=True))
