"""A table of all keys, in which the user gives actions other ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import QEvent, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QLineEdit,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_icseg.widgets.key_events import key_event_of
from napari_icseg.widgets.keymap import Keymap, Keys, can_change, canonical, key_of, label_of
from napari_icseg.widgets.shortcut_groups import grouped
from napari_icseg.widgets.shortcuts import SHORTCUTS, Shortcut

if TYPE_CHECKING:
    from collections.abc import Mapping

    from qtpy.QtGui import QKeyEvent

_DEFAULTS = {entry.action: entry for entry in SHORTCUTS}
_PLAIN = "Choose an action, click into the field and press its new key."


class KeyField(QLineEdit):
    """Takes the next key as it is, Tab and Esc too. Emits `pressed(key)`."""

    pressed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setPlaceholderText("press a key here")
        self.setToolTip("Click here, then press the new key, with Ctrl, Alt or Shift if you like")

    def event(self, event: QEvent | None) -> bool:
        """Qt's hook, asked before Tab moves the focus and before shortcuts of the window."""
        if event is not None and event.type() == QEvent.Type.ShortcutOverride:
            event.accept()
            return True
        pressed = key_event_of(event)
        if pressed is not None and pressed.type() == QEvent.Type.KeyPress:
            self._take(pressed)
            return True
        return bool(super().event(event))

    def _take(self, event: QKeyEvent) -> None:
        key = key_of(event)
        event.accept()
        if key:
            self.setText(label_of((key,)))
            self.pressed.emit(key)


class ShortcutEditor(QWidget):
    """Shows a keymap and emits `changed(Keymap)` when the user wants another one.

    A key that another action has is first shown as a conflict: the user takes it over, or lets
    the two actions swap. A key that napari itself uses is a warning only.
    """

    changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._keymap = Keymap()
        self._napari_keys: Mapping[str, str] = {}
        self._wanted: Keys = ()
        self._actions: list[str] = []
        self.table = _build_table()
        self.field = KeyField()
        self.message = QLabel(_PLAIN)
        self.message.setWordWrap(True)
        self.message.setMinimumHeight(36)
        self.use_button = _build_button("Use it", "Gives the chosen action this key alone")
        self.add_button = _build_button("Add it", "Gives the chosen action this key, too")
        self.take_button = _build_button("Take over", "The other action loses the key")
        self.swap_button = _build_button("Swap", "The other action gets this one's key in return")
        self.restore_button = _build_button("Restore", "Gives the chosen action its default keys")
        self.restore_all_button = _build_button("Restore all", "Gives every action its defaults")
        self._lay_out()
        self._connect()
        self._show_choice()

    @property
    def action(self) -> str:
        """The chosen action; "" while none is, or one whose keys cannot be changed."""
        row = self.table.currentRow()
        name = self._actions[row] if 0 <= row < len(self._actions) else ""
        return name if name and can_change(_DEFAULTS[name]) else ""

    def choose(self, action: str) -> None:
        """Selects the row of an action."""
        self.table.setCurrentCell(self._actions.index(action), 0)

    def show_keymap(self, keymap: Keymap, napari_keys: Mapping[str, str]) -> None:
        """Shows these keys; `napari_keys` says what napari does with a key."""
        chosen = self.action
        self._keymap, self._napari_keys, self._wanted = keymap, napari_keys, ()
        self._fill()
        if chosen:
            self.choose(chosen)
        self.field.clear()
        self._show_choice()

    def _fill(self) -> None:
        rows: list[Shortcut | str] = []
        for title, entries in grouped(self._keymap.shortcuts()).items():
            rows += [title, *entries]
        self._actions = ["" if isinstance(row, str) else row.action for row in rows]
        self.table.setRowCount(len(rows))
        for index, row in enumerate(rows):
            self._fill_row(index, row)

    def _fill_row(self, index: int, row: Shortcut | str) -> None:
        if isinstance(row, str):
            texts = (row, "", "")
        else:
            entry = _DEFAULTS[row.action]
            is_ours = can_change(entry)
            texts = (row.text, row.label or "none", label_of(entry.keys) if is_ours else "fixed")
        for column, text in enumerate(texts):
            item = QTableWidgetItem(text)
            item.setToolTip(text)
            font = item.font()
            font.setBold(
                isinstance(row, str) or (column == 1 and row.action in self._keymap.changes)
            )
            item.setFont(font)
            if isinstance(row, str):
                item.setFlags(Qt.ItemFlag.ItemIsEnabled)
            self.table.setItem(index, column, item)

    def _on_key_pressed(self, key: str) -> None:
        self._wanted = (key,)
        self._show_choice()

    def _show_choice(self) -> None:
        """Says what the wanted key would mean, and offers what can be done with it."""
        action, keys = self.action, self._wanted
        others = self._keymap.owners(keys, action) if action else ()
        is_fixed = any(not can_change(_DEFAULTS[name]) for name in others)
        self.field.setEnabled(bool(action))
        is_free = bool(action and keys and not others)
        self.use_button.setEnabled(is_free)
        self.add_button.setEnabled(is_free)
        for button in (self.take_button, self.swap_button):
            button.setVisible(bool(others) and not is_fixed)
        for button in (self.use_button, self.add_button):
            button.setVisible(not others or is_fixed)
        self.restore_button.setEnabled(action in self._keymap.changes)
        self.restore_all_button.setEnabled(bool(self._keymap.changes))
        self.message.setText(self._message(action, keys, others, is_fixed=is_fixed))

    def _message(self, action: str, keys: Keys, others: Keys, *, is_fixed: bool) -> str:
        if not action:
            return _PLAIN
        if not keys:
            return f"Press a new key for: {_DEFAULTS[action].text}."
        label = label_of(keys)
        if is_fixed:
            return f"{label} chooses a class and stays so. Press another key."
        if others:
            names = " and ".join(f'"{_DEFAULTS[name].text}"' for name in others)
            return f"{label} is the key of {names}. Take it over, swap, or press another key."
        theirs = self._napari_keys.get(canonical(keys[0]))
        if theirs:
            return f"{label} is free here, but napari uses it: {theirs}. Ours would win."
        return f"{label} is free."

    def _use(self, keymap: Keymap) -> None:
        self._wanted = ()
        self.changed.emit(keymap)

    def _on_use_clicked(self, _checked: bool = False) -> None:
        self._use(self._keymap.with_keys(self.action, self._wanted))

    def _on_add_clicked(self, _checked: bool = False) -> None:
        keys = (*self._keymap.keys(self.action), *self._wanted)
        self._use(self._keymap.with_keys(self.action, tuple(dict.fromkeys(keys))))

    def _on_swap_clicked(self, _checked: bool = False) -> None:
        self._use(self._keymap.swapped(self.action, self._wanted))

    def _on_restore_clicked(self, _checked: bool = False) -> None:
        """Restores at once, unless another action has one of the keys by now."""
        keys = _DEFAULTS[self.action].keys
        if self._keymap.owners(keys, self.action):
            self._wanted = keys
            self.field.setText(label_of(keys))
            self._show_choice()
        else:
            self._use(self._keymap.with_keys(self.action, keys))

    def _on_row_changed(self, *_: object) -> None:
        self._wanted = ()
        self.field.clear()
        self._show_choice()

    def _connect(self) -> None:
        self.table.currentCellChanged.connect(self._on_row_changed)
        self.table.cellDoubleClicked.connect(lambda *_: self.field.setFocus())
        self.field.pressed.connect(self._on_key_pressed)
        self.use_button.clicked.connect(self._on_use_clicked)
        self.take_button.clicked.connect(self._on_use_clicked)
        self.add_button.clicked.connect(self._on_add_clicked)
        self.swap_button.clicked.connect(self._on_swap_clicked)
        self.restore_button.clicked.connect(self._on_restore_clicked)
        self.restore_all_button.clicked.connect(lambda _=False: self._use(Keymap()))

    def _lay_out(self) -> None:
        line = QHBoxLayout()
        line.addWidget(self.field, 1)
        for button in (self.use_button, self.add_button, self.take_button, self.swap_button):
            line.addWidget(button)
        line.addSpacing(16)
        line.addWidget(self.restore_button)
        line.addWidget(self.restore_all_button)
        layout = QVBoxLayout(self)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.message)
        layout.addLayout(line)


def _build_table() -> QTableWidget:
    table = QTableWidget(0, 3)
    table.setHorizontalHeaderLabels(["Action", "Keys", "Default"])
    table.verticalHeader().hide()
    table.verticalHeader().setDefaultSectionSize(22)
    table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setShowGrid(False)
    header = table.horizontalHeader()
    header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
    table.setToolTip("All actions and their keys; changed ones are bold")
    return table


def _build_button(text: str, tooltip: str) -> QPushButton:
    button = QPushButton(text)
    button.setToolTip(tooltip)
    button.setAutoDefault(False)
    return button
