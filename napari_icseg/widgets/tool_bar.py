"""The tools as a row of icons; the one in hand is pressed in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QSize, Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QToolButton, QWidget

from napari_icseg.widgets.key_texts import with_keys
from napari_icseg.widgets.tool_icons import SIZE_PX, tool_icon

if TYPE_CHECKING:
    from napari_icseg.widgets.tool_icons import Drawing

BUTTON_PX = 28
STYLE = """
QToolButton { border: none; border-radius: 4px; background: transparent; }
QToolButton:hover { background: rgba(128, 128, 128, 70); }
QToolButton:checked { background: rgba(91, 141, 239, 150); }
QToolButton:disabled { background: transparent; }
"""
"""napari's themes do not show that a tool button is pressed in."""


@dataclass(frozen=True, slots=True)
class ToolEntry:
    """A button: the action it emits, the name of its icon, and its tooltip with `{action}`."""

    action: str
    icon: str
    tooltip: str


TOOLS = (
    ToolEntry(
        "tool_click", "click", "Click: left says inside, right outside; drags pan ({tool_click})"
    ),
    ToolEntry("tool_box", "box", "Box: drag it around one object; also Shift+drag ({tool_box})"),
    ToolEntry(
        "tool_scribble",
        "scribble",
        "Scribble along an object; right button: this does not belong to it ({tool_scribble})",
    ),
    ToolEntry(
        "tool_paint", "brush", "Brush: paint an object or extend the selected one ({tool_paint})"
    ),
    ToolEntry("tool_erase", "eraser", "Eraser: take pixels away ({tool_erase})"),
)
SWITCHES = (
    ToolEntry("refine", "refine", "Correct the selected object with clicks ({refine})"),
    ToolEntry("hover", "hover", "Show what a click would give, on and off ({hover})"),
)


class ToolBar(QWidget):
    """Emits `triggered(action)`.

    Of the tools one is pressed in; the switches at the right are on or off by themselves.
    """

    triggered = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setStyleSheet(STYLE)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(3)
        self._buttons: dict[str, QToolButton] = {}
        self._icons: dict[str, str | Drawing] = {}
        self._tools: list[str] = []
        self._row.addStretch(1)
        for entry in TOOLS:
            self.add_tool(entry.action, entry.icon, entry.tooltip)
        for entry in SWITCHES:
            self._row.addWidget(self._build(entry.action, entry.icon, entry.tooltip))

    def add_tool(self, action: str, icon: str | Drawing, tooltip: str) -> QToolButton:
        """Adds a tool at the end of the tools, and returns its button.

        Args:
            action: emitted by a click, and the name for `set_in_hand`.
            icon: a name of `tool_icons.DRAWINGS`, or a function that draws into 20 x 20 units
                with the painter's pen.
            tooltip: `{action}` in it stands for its key.

        """
        button = self._build(action, icon, tooltip)
        self._row.insertWidget(len(self._tools), button)
        self._tools.append(action)
        return button

    def set_in_hand(self, action: str) -> None:
        """Presses the button of a tool in, and lets the others go."""
        for tool in self._tools:
            self._buttons[tool].setChecked(tool == action)

    def set_on(self, action: str, *, on: bool) -> None:
        """Presses a switch in or lets it go."""
        self._buttons[action].setChecked(on)

    def button(self, action: str) -> QToolButton:
        """The button of an action."""
        return self._buttons[action]

    def changeEvent(self, event: QEvent | None) -> None:
        """Qt's hook: another theme, other colours."""
        super().changeEvent(event)
        if event is not None and event.type() in (
            QEvent.Type.StyleChange,
            QEvent.Type.PaletteChange,
        ):
            # not yet there when Qt styles the bar while it is made
            for action in getattr(self, "_buttons", {}):
                self._draw_icon(action)

    def _draw_icon(self, action: str) -> None:
        button = self._buttons[action]
        button.setIcon(tool_icon(self._icons[action], button.palette().buttonText().color().name()))

    def _build(self, action: str, icon: str | Drawing, tooltip: str) -> QToolButton:
        button = QToolButton()
        button.setCheckable(True)
        button.setFixedSize(BUTTON_PX, BUTTON_PX)
        button.setIconSize(QSize(SIZE_PX, SIZE_PX))
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        with_keys(button, tooltip=tooltip)
        self._buttons[action], self._icons[action] = button, icon
        button.clicked.connect(lambda _checked=False: self._on_button_clicked(action))
        self._draw_icon(action)
        return button

    def _on_button_clicked(self, action: str) -> None:
        # Qt has toggled it; what is in hand is said by `set_in_hand` and `set_on`
        self._buttons[action].setChecked(not self._buttons[action].isChecked())
        self.triggered.emit(action)
