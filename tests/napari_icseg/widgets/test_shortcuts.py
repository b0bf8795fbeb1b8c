from __future__ import annotations

import pytest
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QComboBox, QLineEdit, QSpinBox, QVBoxLayout, QWidget

from napari_icseg.widgets.shortcut_list import ShortcutList
from napari_icseg.widgets.shortcuts import SHORTCUTS, KeyFilter, KeyTable

pytestmark = pytest.mark.gui

NO = Qt.KeyboardModifier.NoModifier
SHIFT, CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
ALT = Qt.KeyboardModifier.AltModifier
PAD, ALT_GR = Qt.KeyboardModifier.KeypadModifier, Qt.KeyboardModifier.GroupSwitchModifier


def find(key, modifiers=NO, text=""):
    return KeyTable(SHORTCUTS).find(QKeyEvent(QEvent.Type.KeyPress, key, modifiers, text))


@pytest.mark.parametrize(
    ("key", "modifiers", "text", "action"),
    [
        (Qt.Key.Key_BracketLeft, NO, "[", "previous_image"),
        (Qt.Key.Key_BracketLeft, ALT_GR, "[", "previous_image"),
        (Qt.Key.Key_8, CTRL | ALT, "[", "previous_image"),
        (Qt.Key.Key_PageDown, NO, "", "next_image"),
        (Qt.Key.Key_2, NO, "2", "class"),
        (Qt.Key.Key_2, PAD, "2", "class"),
        (Qt.Key.Key_2, SHIFT, "2", "class"),
        (Qt.Key.Key_Tab, NO, "\t", "cycle"),
        (Qt.Key.Key_Backtab, SHIFT, "", "cycle_back"),
        (Qt.Key.Key_Return, NO, "\r", "accept"),
        (Qt.Key.Key_Enter, PAD, "\r", "accept"),
        (Qt.Key.Key_Return, SHIFT, "\r", "accept_proposals"),
        (Qt.Key.Key_Backspace, NO, "\b", "remove_click"),
        (Qt.Key.Key_Backspace, SHIFT, "\b", "reject_proposals"),
        (Qt.Key.Key_Z, CTRL, "\x1a", "undo"),
        (Qt.Key.Key_Z, CTRL | SHIFT, "\x1a", "redo"),
        (Qt.Key.Key_B, NO, "b", "mark_blank"),
    ],
)
def test_keys_find_their_action_on_any_keyboard(qapp, key, modifiers, text, action):
    assert find(key, modifiers, text)[0] == action


@pytest.mark.parametrize(
    ("key", "modifiers", "text"),
    [
        (Qt.Key.Key_B, SHIFT, "B"),
        (Qt.Key.Key_B, ALT, "b"),
        (Qt.Key.Key_B, CTRL, "\x02"),
        (Qt.Key.Key_M, NO, "m"),
        (Qt.Key.Key_0, NO, "0"),
        (Qt.Key.Key_2, CTRL, "2"),
        (Qt.Key.Key_Tab, CTRL, ""),
    ],
)
def test_other_keys_are_left_to_napari(qapp, key, modifiers, text):
    assert find(key, modifiers, text) is None


def test_no_key_is_given_twice_in_one_mode():
    keys = [(shortcut.mode, key) for shortcut in SHORTCUTS for key in shortcut.keys]
    assert len(keys) == len(set(keys))


@pytest.fixture
def window(qtbot):
    window = QWidget()
    qtbot.addWidget(window)
    layout = QVBoxLayout(window)
    window.line, window.spin, window.plain = QLineEdit(), QSpinBox(), QWidget()
    window.combo = QComboBox()
    window.combo.addItems(["a", "b"])
    window.plain.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    for widget in (window.line, window.spin, window.plain, window.combo):
        layout.addWidget(widget)
    window.filter = KeyFilter()
    window.actions = []
    window.filter.triggered.connect(lambda action, key: window.actions.append((action, key)))
    window.installEventFilter(window.filter)
    window.plain.installEventFilter(window.filter)
    window.show()
    qtbot.waitExposed(window)
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    return window


def test_typing_in_a_field_is_left_alone(window):
    for field in (window.line, window.spin):
        field.setFocus()
        QTest.keyClicks(field, "12")
        QTest.keyClick(field, Qt.Key.Key_Return)
        QTest.keyClick(field, Qt.Key.Key_Escape)
    assert window.line.text() == "12"
    assert window.actions == []


def test_the_filter_comes_before_qts_own_tab(window):
    window.plain.setFocus()
    QTest.keyClick(window.plain, Qt.Key.Key_Tab)
    QTest.keyClick(window.plain, Qt.Key.Key_3)
    assert window.actions == [("cycle", "Tab"), ("class", "3")]
    assert window.plain.hasFocus()


def test_every_key_is_in_the_visible_list(qtbot):
    widget = ShortcutList()
    qtbot.addWidget(widget)
    widget.show()
    assert not widget.body.isVisible()
    widget.header.click()
    assert widget.body.isVisible()
    from qtpy.QtWidgets import QLabel

    shown = " ".join(label.text() for label in widget.body.findChildren(QLabel))
    assert all(shortcut.label in shown and shortcut.text in shown for shortcut in SHORTCUTS)
