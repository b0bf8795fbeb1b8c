"""The keys of the click loop: the table, the event filter that catches them, the list shown.

The filter sits on the canvas and on the main window. It is asked before napari, so that Tab
reaches it before Qt moves the focus, and Ctrl+Z before the Labels layer's own undo.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, QObject, Qt, Signal
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QPlainTextEdit,
    QTextEdit,
)

from napari_icseg.widgets.key_events import key_event_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtGui import QKeyEvent

_TEXT_WIDGETS = (QLineEdit, QTextEdit, QPlainTextEdit, QAbstractSpinBox)
_MODIFIERS = (
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.AltModifier,
    Qt.KeyboardModifier.MetaModifier,
)


@dataclass(frozen=True, slots=True)
class Shortcut:
    """One action of the click loop.

    Args:
        action: Name handed to the controller.
        keys: Portable Qt key texts ("Ctrl+Z", "["); empty for mouse gestures.
        label: What the user presses, as shown, for mouse gestures and the digits; for others
            it is made of the keys, see `keymap.Keymap.label`.
        text: What it does, as shown; empty hides the row.
        mode: What must be going on for its keys to count: "" is labelling. A mode has a key
            filter of its own, which is asked first, so its keys may be those of labelling.

    """

    action: str
    keys: tuple[str, ...]
    label: str
    text: str
    mode: str = ""


REVIEW = "review"
"""The mode of the keys that decide on proposals of whole images."""


SHORTCUTS: tuple[Shortcut, ...] = (
    Shortcut("mouse_positive", (), "Left click", "this belongs to the object"),
    Shortcut("mouse_negative", (), "Right / Alt+click", "this does not belong to it"),
    Shortcut("mouse_pan", (), "Drag, wheel", "move and zoom the view"),
    Shortcut("mouse_box", (), "Shift+drag", "a box around the object"),
    Shortcut("cycle", ("Tab",), "Tab", "next candidate"),
    Shortcut("cycle_back", ("Shift+Tab",), "Shift+Tab", "previous candidate"),
    Shortcut("accept", ("Return", "Enter"), "Enter", "accept into the current class"),
    Shortcut("remove_click", ("Backspace",), "Backspace", "remove the last click"),
    Shortcut("clear", ("Esc",), "Esc", "clear the clicks; again: back to clicking"),
    Shortcut("refine", ("R",), "R", "correct the selected object, or the one under the mouse"),
    Shortcut("undo", ("Ctrl+Z",), "Ctrl+Z", "undo"),
    Shortcut("redo", ("Ctrl+Shift+Z",), "Ctrl+Shift+Z", "redo"),
    Shortcut("toggle_history", ("Ctrl+H",), "Ctrl+H", "list what can be undone"),
    Shortcut("class", tuple("123456789"), "1 … 9", "choose the class"),
    Shortcut("previous_image", ("[", "PgUp"), "[ or PgUp", "previous image"),
    Shortcut("next_image", ("]", "PgDown"), "] or PgDn", "next image"),
    Shortcut("next_to_do", ("N",), "N", "next image that is to do"),
    Shortcut("previous_to_do", ("Shift+N",), "Shift+N", "previous image that is to do"),
    Shortcut("first_image", ("Home",), "Home", "first image of the list"),
    Shortcut("last_image", ("End",), "End", "last image of the list"),
    Shortcut("find_image", ("Ctrl+F",), "Ctrl+F", "find an image, or jump to its number"),
    Shortcut("mark_blank", ("B",), "B", "mark the image as blank"),
    Shortcut("mark_labelled", ("D",), "D", "mark the image as done"),
    Shortcut("mouse_select", (), "Ctrl+click", "select an accepted object"),
    Shortcut("delete", ("Del",), "Del", "delete the selected object"),
    Shortcut("accept_proposals", ("Shift+Return", "Shift+Enter"), "Shift+Enter",
             "accept all proposals above the score slider"),
    Shortcut("reject_proposals", ("Shift+Backspace",), "Shift+Backspace",
             "discard all proposals that are left"),
    Shortcut("prefill", ("F",), "F", "propose all objects of the image"),
    Shortcut("mouse_accept_proposal", (), "Ctrl+click", "accept the proposal there"),
    Shortcut("next_proposal", (".",), ".", "next proposal"),
    Shortcut("previous_proposal", (",",), ",", "previous proposal"),
    Shortcut("accept_proposal", ("Y",), "Y", "accept the proposal, and go to the next"),
    Shortcut("reject_proposal", ("T",), "T", "reject the proposal, and go to the next"),
    Shortcut("edit_proposal", ("Shift+Y",), "Shift+Y", "correct the proposal by clicks"),
    Shortcut("invert_view", ("I",), "I", "show bright as dark"),
    Shortcut("hover", ("H",), "H", "show what a click would give, on and off"),
    Shortcut("tool_box", ("X",), "X", "box: drag it around one object"),
    Shortcut("tool_scribble", ("S",), "S", "scribble along an object"),
    Shortcut("tool_paint", ("P",), "P", "brush: paint an object, or extend the selected one"),
    Shortcut("tool_erase", ("E",), "E", "eraser"),
    Shortcut("tool_click", ("Z",), "Z", "back to clicking"),
    Shortcut("mouse_select_more", (), "Ctrl+Shift+click", "add an object to those selected"),
    Shortcut("mouse_select_box", (), "Ctrl+drag", "select all objects in a box"),
    Shortcut("select_all", ("Ctrl+A",), "Ctrl+A", "select all objects"),
    Shortcut("merge", ("J",), "J", "merge the selected objects"),
    Shortcut("separate", ("Shift+J",), "Shift+J", "make an object of each part"),
    Shortcut("tool_knife", ("K",), "K", "knife: cut objects along a line"),
    Shortcut("split_at_clicks", ("Shift+K",), "Shift+K", "split an object, one piece a click"),
    Shortcut("fill_holes", ("Shift+F",), "Shift+F", "fill holes"),
    Shortcut("smooth", ("Shift+S",), "Shift+S", "smooth the edge"),
    Shortcut("grow", ("+",), "+", "grow by a pixel"),
    Shortcut("shrink", ("-",), "-", "shrink by a pixel"),
    Shortcut("keep_largest", ("Shift+L",), "Shift+L", "keep the largest part"),
    Shortcut("snap_to_edge", ("Shift+E",), "Shift+E", "move the edge to the grey-level edge"),
    Shortcut("tool_polygon", ("L",), "L", "polygon: click its corners"),
    Shortcut("copy_to_next", ("C",), "C", "copy objects to the next image and go there"),
    Shortcut("toggle_instances", ("V",), "V", "each object in its own shade, or by class"),
    Shortcut("toggle_outlines", ("U",), "U", "outlines, or filled objects"),
    Shortcut("toggle_objects", ("O",), "O", "hide the objects, and show them again"),
    Shortcut("help", ("F1", "?"), "F1 or ?", "show or hide the help"),
    Shortcut("settings", ("Ctrl+,",), "Ctrl+,", "settings"),
    Shortcut("review_accept", ("A",), "A", "review: accept the proposal", REVIEW),
    Shortcut("review_edit", ("E",), "E", "review: correct it by clicks", REVIEW),
    Shortcut("review_reject", ("R",), "R", "review: reject it", REVIEW),
    Shortcut("review_blank", ("B",), "B", "review: the image is blank", REVIEW),
    Shortcut("review_undo", ("U",), "U", "review: undo", REVIEW),
    Shortcut("review_skip", ("S",), "S", "review: decide later, go on", REVIEW),
    Shortcut("review_back", ("Shift+S",), "Shift+S", "review: the one before", REVIEW),
    Shortcut("review_doubt", ("D",), "D", "review: mark the uncertain pixels", REVIEW),
    Shortcut("review_previous", ("P",), "P", "review: outlines of the last round", REVIEW),
)  # fmt: skip


def _modifiers_of(event: QKeyEvent) -> frozenset[Qt.KeyboardModifier]:
    held = event.modifiers()
    return frozenset(m for m in _MODIFIERS if held & m)


def _types_text(modifiers: frozenset[Qt.KeyboardModifier], text: str) -> bool:
    """Whether a printed character counts as itself: AltGr is Ctrl+Alt on Windows."""
    if text.isalpha():
        return not modifiers
    control, alt = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.AltModifier
    return modifiers <= {Qt.KeyboardModifier.ShiftModifier} or modifiers >= {control, alt}


class KeyTable:
    """Finds the action of a key event.

    Printed characters are compared by what they print, so that `[` works on keyboards that
    need AltGr for it and digits work on keyboards that need Shift; other keys by key code.
    Only the keys of one mode are found.
    """

    def __init__(self, shortcuts: tuple[Shortcut, ...], mode: str = "") -> None:
        self._characters: dict[str, tuple[str, str]] = {}
        self._codes: dict[tuple[int, frozenset[Qt.KeyboardModifier]], tuple[str, str]] = {}
        for shortcut in shortcuts:
            for key in shortcut.keys if shortcut.mode == mode else ():
                self._add(shortcut.action, key)

    def _add(self, action: str, key: str) -> None:
        if len(key) == 1:
            self._characters[key.upper()] = (action, key)
            return
        *prefixes, name = key[:-1].split("+") if key.endswith("++") else key.split("+")
        name = name or "+"
        names = {"Shift": 0, "Ctrl": 1, "Alt": 2, "Meta": 3}
        modifiers = frozenset(_MODIFIERS[names[prefix]] for prefix in prefixes)
        code = Qt.Key.Key_Backtab if key == "Shift+Tab" else _key_code(name)
        self._codes[(int(code), modifiers)] = (action, key)

    def find(self, event: QKeyEvent) -> tuple[str, str] | None:
        """The (action, key text) of a Qt key event, or None."""
        modifiers = _modifiers_of(event)
        text = event.text()
        if len(text) == 1 and text.isprintable() and _types_text(modifiers, text):
            found = self._characters.get(text.upper())
            if found is not None:
                return found
        return self._codes.get((int(event.key()), modifiers))


def _key_code(name: str) -> int:
    sequence = QKeySequence(name)
    first = sequence[0]
    combined = first.toCombined() if hasattr(first, "toCombined") else int(first)
    return int(combined) & 0x01FFFFFF


class KeyFilter(QObject):
    """Emits `triggered(action, key)` for the keys of the table and keeps them from others.

    Typing in a text field is left alone. `is_wanted(action)` can let single keys pass, for
    example Enter while napari's polygon tool needs it.
    """

    triggered = Signal(str, str)

    def __init__(
        self,
        shortcuts: tuple[Shortcut, ...] = SHORTCUTS,
        *,
        is_wanted: Callable[[str], bool] = lambda _action: True,
        mode: str = "",
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._mode = mode
        self._table = KeyTable(shortcuts, mode)
        self._is_wanted = is_wanted

    def use(self, shortcuts: tuple[Shortcut, ...]) -> None:
        """Looks for other keys from now on."""
        self._table = KeyTable(shortcuts, self._mode)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Qt's hook; True keeps the event from everybody else."""
        if event is None or event.type() not in (
            QEvent.Type.KeyPress,
            QEvent.Type.ShortcutOverride,
        ):
            return False
        pressed = key_event_of(event)
        found = None if pressed is None or is_typing() else self._table.find(pressed)
        if found is None or not self._is_wanted(found[0]):
            return False
        event.accept()
        if event.type() == QEvent.Type.KeyPress:
            self.triggered.emit(*found)
        return True


def is_typing() -> bool:
    """Whether the keyboard focus is in a field in which the user types."""
    focus = QApplication.focusWidget()
    if isinstance(focus, QComboBox):
        return bool(focus.isEditable())
    return isinstance(focus, _TEXT_WIDGETS)
