from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_icseg.widgets.keymap import Keymap
from napari_icseg.widgets.settings_dialog import SettingRow, SettingsDialog
from napari_icseg.widgets.shortcut_editor import ShortcutEditor

pytestmark = pytest.mark.gui
ROWS = (
    SettingRow("disk_cache_gib", "Memory", "Disk", "How much", 2.0, (0.0, 100.0), "GiB"),
    SettingRow("num_ahead", "Memory", "Ahead", "How many", 2, (0, 4), "images"),
    SettingRow("hover", "Labelling", "Hover", "Shows it", False),
)


@pytest.fixture
def dialog(qtbot):
    dialog = SettingsDialog(ROWS)
    qtbot.addWidget(dialog)
    dialog.show_values({"disk_cache_gib": 2.0, "num_ahead": 2, "hover": False})
    dialog.show()
    return dialog


@pytest.fixture
def editor(qtbot):
    editor = ShortcutEditor()
    qtbot.addWidget(editor)
    editor.show()
    editor.show_keymap(Keymap(), {"M": "new label"})
    editor.heard = []
    editor.changed.connect(editor.heard.append)
    return editor


def press(editor, key, modifiers=Qt.KeyboardModifier.NoModifier):
    editor.field.setFocus()
    QTest.keyClick(editor.field, key, modifiers)


def test_it_is_not_modal(dialog):
    assert not dialog.isModal()


def test_each_change_is_told_at_once_but_no_half_typed_number(dialog):
    heard = []
    dialog.changed.connect(lambda name, value: heard.append((name, value)))
    dialog.fields["hover"].setChecked(True)
    field = dialog.fields["disk_cache_gib"]
    field.selectAll()
    QTest.keyClicks(field, "16")
    assert heard == [("hover", True)]
    QTest.keyClick(field, Qt.Key.Key_Return)
    assert heard[1:] == [("disk_cache_gib", 16.0)]


def test_showing_values_tells_nothing(dialog):
    heard = []
    dialog.changed.connect(lambda *told: heard.append(told))
    dialog.show_values({"disk_cache_gib": 5.0, "num_ahead": 0, "hover": True})
    assert not heard
    assert dialog.fields["num_ahead"].value() == 0


def test_the_cache_shows_how_full_it_is(dialog):
    dialog.cache.set_size(None, 2**30, "/cache")
    assert not dialog.cache.clear_button.isEnabled()
    dialog.cache.set_size(512 * 2**20, 2**31, "/cache")
    assert dialog.cache.bar.text() == "512 MiB of 2.0 GiB on disk"
    assert dialog.cache.folder.text() == "/cache"
    assert dialog.cache.clear_button.isEnabled()


def test_a_free_key_is_used_or_added(editor):
    editor.choose("undo")
    press(editor, Qt.Key.Key_F5)
    editor.use_button.click()
    assert editor.heard[-1].keys("undo") == ("F5",)
    press(editor, Qt.Key.Key_F6)
    editor.add_button.click()
    assert editor.heard[-1].keys("undo") == ("Ctrl+Z", "F6")


def test_a_key_of_another_action_must_be_taken_over_or_swapped(editor):
    editor.choose("undo")
    press(editor, Qt.Key.Key_Tab)
    assert '"next candidate"' in editor.message.text()
    assert not editor.use_button.isVisible()
    assert editor.heard == []
    editor.take_button.click()
    assert editor.heard[-1].keys("undo") == ("Tab",)
    assert editor.heard[-1].keys("cycle") == ()
    editor.choose("undo")
    press(editor, Qt.Key.Key_Tab)
    editor.swap_button.click()
    assert editor.heard[-1].keys("cycle") == ("Ctrl+Z",)


def test_a_key_of_napari_is_a_warning_only(editor):
    editor.choose("undo")
    press(editor, Qt.Key.Key_M)
    assert "napari uses it: new label" in editor.message.text()
    assert editor.use_button.isEnabled()


def test_digits_stay_those_of_the_classes_and_gestures_are_fixed(editor):
    editor.choose("undo")
    press(editor, Qt.Key.Key_3)
    assert "chooses a class" in editor.message.text()
    assert not editor.use_button.isEnabled()
    assert not editor.take_button.isVisible()
    editor.choose("mouse_positive")
    assert not editor.field.isEnabled()


def test_one_or_all_keys_are_restored(editor):
    editor.show_keymap(Keymap().with_keys("undo", ("B",)), {})
    editor.choose("mark_blank")
    editor.restore_button.click()
    assert editor.heard == []
    assert '"undo"' in editor.message.text()
    editor.take_button.click()
    assert editor.heard[-1].keys("mark_blank") == ("B",)
    editor.restore_all_button.click()
    assert editor.heard[-1] == Keymap()
