"""The menu of the image list: what can be done with the highlighted images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QMenu

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QWidget

MENU = (
    ("batch_mark_labelled", "Mark {} as done"),
    ("batch_mark_blank", "Mark {} as blank"),
    ("batch_mark_unlabelled", "Mark {} as not labelled"),
    ("", ""),
    ("batch_change_class", "Change the class of their objects…"),
    ("batch_delete_objects", "Delete the objects of {}…"),
    ("", ""),
    ("select_all_images", "Select all in the list"),
    ("edit_note", "Edit note…"),
    ("copy_paths", "Copy path"),
    ("show_in_folder", "Show in file manager"),
)
"""Action and words; {} is such as "these 12 images"."""
_FOR_ONE = ("edit_note",)


def build_menu(parent: QWidget, *, num_images: int, on_action: Callable[[str], None]) -> QMenu:
    """The menu for so many images; `on_action(name)` is called with the entry chosen."""
    menu = QMenu(parent)
    what = "this image" if num_images == 1 else f"these {num_images:,} images"
    for action, words in MENU:
        if not action:
            menu.addSeparator()
            continue
        text = words.format(what)
        if num_images > 1 and action == "copy_paths":
            text = "Copy paths"
        if num_images == 1 and action == "batch_change_class":
            text = "Change the class of its objects…"
        entry = menu.addAction(text)
        entry.setEnabled(num_images == 1 or action not in _FOR_ONE)
        entry.triggered.connect(lambda _checked=False, name=action: on_action(name))
    return menu
