from __future__ import annotations

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from qtpy.QtCore import QEvent, Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QPushButton, QWidget

from napari_icseg.widgets.key_texts import refresh_key_texts, with_keys
from napari_icseg.widgets.keymap import (
    ACTIVE_KEYS,
    Keymap,
    can_change,
    canonical,
    key_of,
    label_of,
    read_keymap,
)
from napari_icseg.widgets.shortcuts import SHORTCUTS, KeyTable

pytestmark = pytest.mark.gui
NO, CTRL, SHIFT = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
)
ACTIONS = [entry.action for entry in SHORTCUTS if can_change(entry)]
KEYS = st.sampled_from(
    [*"ABXYZ.,;:+-?/", "Ctrl+,", "Ctrl++", "Shift+Tab", "Tab", "F5", "Ctrl+Shift+Z", "PgUp", "Del"]
)
CHANGES = st.dictionaries(
    st.sampled_from(ACTIONS), st.lists(KEYS, max_size=3, unique=True), max_size=4
)


@pytest.fixture
def active(qapp):
    yield ACTIVE_KEYS
    ACTIVE_KEYS.use(Keymap())


def all_keys(keymap: Keymap) -> list[tuple[str, str]]:
    return [(entry.mode, canonical(key)) for entry in keymap.shortcuts() for key in entry.keys]


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=80))
def test_no_text_makes_reading_changed_keys_fail(text):
    keymap, _ = read_keymap(text)
    assert len(all_keys(keymap)) == len(set(all_keys(keymap)))


@settings(max_examples=200, deadline=None)
@given(CHANGES)
def test_changed_keys_are_read_as_they_were_written_and_no_key_is_given_twice(changes):
    keymap = Keymap()
    for action, keys in changes.items():
        keymap = keymap.with_keys(action, tuple(keys))
    assert len(all_keys(keymap)) == len(set(all_keys(keymap)))
    assert read_keymap(keymap.dump()) == (keymap, ())


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(ACTIONS), st.sampled_from(ACTIONS))
def test_swapping_leaves_no_action_without_a_key(first, second):
    modes = {entry.action: entry.mode for entry in SHORTCUTS}
    assume(first != second and modes[first] == modes[second])
    keymap = Keymap()
    swapped = keymap.swapped(first, keymap.keys(second)[:1])
    assert sorted(all_keys(swapped)) == sorted(all_keys(keymap))
    assert swapped.keys(first)
    assert swapped.keys(second)


def test_taking_a_key_over_takes_it_from_the_other_alone():
    keymap = Keymap().with_keys("undo", ("[",))
    assert keymap.keys("undo") == ("[",)
    assert keymap.keys("previous_image") == ("PgUp",)
    assert keymap.owners(("[",), "undo") == ()
    assert keymap.owners(("[",), "redo") == ("undo",)


def test_going_back_to_the_default_leaves_no_change():
    keymap = Keymap().with_keys("undo", ("F5",)).with_keys("undo", ("Ctrl+Z",))
    assert keymap == Keymap()
    assert keymap.dump() == ""


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("fly: F5", "there is no action 'fly'"),
        ("class: F5", "there is no action 'class'"),
        ("undo: Hyper+Foo", "is no key"),
        ("undo: 3", "also that of another action"),
        ("undo: F5; redo: F5", "also that of another action"),
    ],
)
def test_what_is_wrong_with_changed_keys_is_said(text, problem):
    keymap, problems = read_keymap(text)
    assert problem in problems[0]
    assert keymap.keys("redo") == ("Ctrl+Shift+Z",)


@pytest.mark.parametrize(
    ("key", "modifiers", "text", "expected"),
    [
        (Qt.Key.Key_U, CTRL, "\x15", "Ctrl+U"),
        (Qt.Key.Key_U, NO, "u", "U"),
        (Qt.Key.Key_U, SHIFT, "U", "Shift+U"),
        (Qt.Key.Key_Question, SHIFT, "?", "?"),
        (Qt.Key.Key_Backtab, SHIFT, "", "Shift+Tab"),
        (Qt.Key.Key_F5, NO, "", "F5"),
        (Qt.Key.Key_Escape, NO, "\x1b", "Esc"),
        (Qt.Key.Key_Space, NO, " ", "Space"),
        (Qt.Key.Key_Comma, CTRL, ",", "Ctrl+,"),
        (Qt.Key.Key_Plus, CTRL, "+", "Ctrl++"),
        (Qt.Key.Key_Shift, SHIFT, "", ""),
    ],
)
def test_a_pressed_key_is_the_key_that_is_found_later(qapp, key, modifiers, text, expected):
    event = QKeyEvent(QEvent.Type.KeyPress, key, modifiers, text)
    assert key_of(event) == expected
    if expected:
        table = KeyTable(Keymap().with_keys("undo", (expected,)).shortcuts())
        assert table.find(event)[0] == "undo"


def test_keys_are_named_as_people_do():
    assert label_of(("Return", "Enter")) == "Enter"
    assert label_of(("]", "PgDown")) == "] or PgDn"
    assert Keymap().label("mouse_positive") == "Left click"
    assert Keymap().label("class") == "1 … 9"


def test_labels_of_the_table_are_those_of_its_keys():
    for entry in SHORTCUTS:
        if can_change(entry):
            assert entry.label == label_of(entry.keys), entry.action


def test_texts_follow_changed_keys(active, qtbot):
    parent = QWidget()
    qtbot.addWidget(parent)
    button = with_keys(QPushButton(parent), text="Undo ({undo})", tooltip="Back (key {undo})")
    assert (button.text(), button.toolTip()) == ("Undo (Ctrl+Z)", "Back (key Ctrl+Z)")
    active.use(Keymap().with_keys("undo", ("F5",)))
    refresh_key_texts(parent)
    assert (button.text(), button.toolTip()) == ("Undo (F5)", "Back (key F5)")
    active.use(Keymap().with_keys("undo", ()))
    refresh_key_texts(parent)
    assert (button.text(), button.toolTip()) == ("Undo", "Back")


def test_what_is_no_action_stays_in_a_text(active):
    assert active.fill("{name} of {next_image!}") == "{name} of ]"


def test_a_mode_has_keys_of_its_own_that_take_none_from_the_others():
    keymap = Keymap().with_keys("review_accept", ("Ctrl+Z",))
    assert keymap.keys("undo") == ("Ctrl+Z",)
    assert keymap.owners(("Ctrl+Z",), "review_edit") == ("review_accept",)
    assert read_keymap("review_accept: Ctrl+U; undo: Ctrl+U")[1] == ()
    assert read_keymap("review_accept: Ctrl+U; review_edit: Ctrl+U")[1]
