"""What a drag of the mouse on the canvas does: pan, or what the tool in hand says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from psygnal import Signal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_icseg.controllers.sketch import CanvasSketch

CLICK = "click"
"""The tool in hand when no other is: clicks prompt, drags pan."""


class DragTool(Protocol):
    """Gets the drags of the left or right button. Points are (row, col) image pixels, float.

    They may lie outside the image. A press without movement is a drag that ends where it began.
    """

    def begin(self, point_rc: tuple[float, float], *, is_positive: bool) -> None:
        """The button went down; not positive: the right one, or Alt with the left."""

    def move(self, point_rc: tuple[float, float]) -> None:
        """The mouse moved with the button down."""

    def end(self, point_rc: tuple[float, float]) -> None:
        """The button went up."""

    def cancel(self) -> None:
        """The drag is not to count: Esc, another image, another tool."""


class Tools:
    """The tools by name, and the one in hand. Emits `changed(name)`.

    A tool registered with a modifier ("Shift", "Control") also gets the drags made with it
    while the click tool is in hand, but not the plain clicks. `sketch` draws the line of the
    drag under way; who draws, clears.
    """

    changed = Signal(str)

    def __init__(self, sketch: CanvasSketch) -> None:
        self.sketch = sketch
        self._tools: dict[str, DragTool] = {}
        self._by_modifier: dict[str, DragTool] = {}
        self.current = CLICK
        self.is_dragging = False

    def register(self, name: str, tool: DragTool, *, modifier: str | None = None) -> None:
        """Adds a tool."""
        self._tools[name] = tool
        if modifier is not None:
            self._by_modifier[modifier] = tool

    def choose(self, name: str) -> None:
        """Takes a registered tool, or CLICK, in hand."""
        if name == self.current:
            return
        if self.current in self._tools:
            self._tools[self.current].cancel()
        self.current = name if name in self._tools else CLICK
        self.changed.emit(self.current)

    @property
    def in_hand(self) -> DragTool | None:
        """The tool that gets every press; None for the click tool."""
        return self._tools.get(self.current)

    def for_drag(self, modifiers: set[str]) -> DragTool | None:
        """The tool that gets a drag made with these modifiers while the click tool is in hand."""
        table: Mapping[str, DragTool] = self._by_modifier
        return next((tool for name, tool in table.items() if name in modifiers), None)

    def cancel(self) -> None:
        """Gives up a drag that may be under way."""
        self.is_dragging = False
        for tool in self._tools.values():
            tool.cancel()

    def close(self) -> None:
        """Takes the sketch off the canvas."""
        self.cancel()
        self.sketch.close()
