"""The menu of the image list: what can be done with the highlighted images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QMenu

if TYPE_CHECKING:
    from collections.abc import Callable, Container

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


def build_menu(
    parent: QWidget,
    *,
    num_images: int,
    offered: Container[str],
    on_action: Callable[[str], None],
) -> QMenu:
    """The menu for so many images.

    Args:
        parent: of the menu.
        num_images: how many are highlighted.
        offered: actions that somebody carries out; the others are left out.
        on_action: is called with the action of the entry chosen.

    """
    menu = QMenu(parent)
    for action, words in MENU:
        if not action:
            menu.addSeparator()
        elif action in offered:
            entry = menu.addAction(_text(action, words, num_images))
            entry.setEnabled(num_images == 1 or action not in _FOR_ONE)
            entry.triggered.connect(lambda _checked=False, name=action: on_action(name))
    return menu


def _text(action: str, words: str, num_images: int) -> str:
    if num_images == 1:
        if action == "batch_change_class":
            return "Change the class of its objects…"
        return words.format("this image")
    if action == "copy_paths":
        return "Copy paths"
    return words.format(f"these {num_images:,} images")
