"""The buttons of the click loop. Each names its key and emits the same action as the key."""

from __future__ import annotations

from dataclasses import dataclass

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QGridLayout, QPushButton, QWidget

from napari_icseg.widgets.key_texts import with_keys


@dataclass(frozen=True, slots=True)
class ActionButton:
    """One button: the action it emits, its text and tooltip, and its place in the grid.

    `{undo}` and other actions in the texts stand for their keys.

    `column` and `span` count in columns of equal width; the widest row has them all.
    """

    action: str
    text: str
    tooltip: str
    row: int
    column: int
    span: int


IMAGE_BUTTONS = (
    ActionButton(
        "previous_image",
        "{previous_image!}  Previous",
        "Go to the previous image (key {previous_image})",
        0,
        0,
        4,
    ),
    ActionButton(
        "next_image", "Next  {next_image!}", "Go to the next image (key {next_image})", 0, 4, 4
    ),
    ActionButton(
        "next_to_do",
        "To do ({next_to_do})",
        "Go to the next image that is not done (key {next_to_do}; {previous_to_do}: before)",
        0,
        8,
        4,
    ),
    ActionButton(
        "mark_labelled",
        "Mark as done ({mark_labelled})",
        "All objects of this image are labelled: training may use it (key {mark_labelled})",
        1,
        0,
        5,
    ),
    ActionButton(
        "mark_blank",
        "Mark as blank ({mark_blank})",
        "This image has no objects: training uses it as all background (key {mark_blank})",
        1,
        5,
        5,
    ),
    ActionButton(
        "toggle_go_on",
        "✓→",
        "After marking, go on to the next image that is not done",
        1,
        10,
        2,
    ),
)
CLICK_BUTTONS = (
    ActionButton(
        "accept",
        "Accept ({accept})",
        "Save the candidate as an object of the current class",
        0,
        0,
        2,
    ),
    ActionButton("undo", "Undo", "Undo the last change of the labels (key {undo})", 0, 2, 2),
    ActionButton("redo", "Redo", "Redo what was undone (key {redo})", 0, 4, 2),
)


class ActionButtons(QWidget):
    """A grid of buttons that emit `triggered(action)`."""

    triggered = Signal(str)

    def __init__(self, buttons: tuple[ActionButton, ...], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        for column in range(max(entry.column + entry.span for entry in buttons)):
            grid.setColumnStretch(column, 1)
        self._buttons = {entry.action: self._build(entry) for entry in buttons}
        for entry in buttons:
            grid.addWidget(self._buttons[entry.action], entry.row, entry.column, 1, entry.span)

    def button(self, action: str) -> QPushButton:
        """The button of an action."""
        return self._buttons[action]

    def set_enabled(self, action: str, *, enabled: bool) -> None:
        """Greys a button out or not."""
        self._buttons[action].setEnabled(enabled)

    def set_tooltip(self, action: str, text: str) -> None:
        """Replaces a button's tooltip; `{undo}` and other actions stand for their keys."""
        with_keys(self._buttons[action], tooltip=text)

    def _build(self, entry: ActionButton) -> QPushButton:
        button = with_keys(QPushButton(), text=entry.text, tooltip=entry.tooltip)
        # the canvas keeps the keyboard, so that Enter accepts and does not press a button
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        action = entry.action
        button.clicked.connect(lambda _checked=False: self.triggered.emit(action))
        return button
