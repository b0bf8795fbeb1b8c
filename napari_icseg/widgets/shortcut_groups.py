"""Under which heading each action is listed, in the help and in the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_icseg.widgets.shortcuts import Shortcut

GROUPS: dict[str, tuple[str, ...]] = {
    "Prompt": (
        "mouse_positive", "mouse_negative", "mouse_box", "mouse_scribble", "tool_click",
        "tool_box", "tool_scribble", "tool_positive", "hover", "refine",
        "cycle", "cycle_back", "accept", "remove_click", "clear",
    ),
    "Proposals": (
        "prefill", "next_proposal", "previous_proposal", "accept_proposal", "reject_proposal",
        "edit_proposal", "mouse_accept_proposal", "accept_proposals", "reject_proposals",
    ),
    "Edit": (
        "undo", "redo", "toggle_history", "mouse_select", "delete", "tool_paint", "tool_erase",
    ),
    "Images": (
        "previous_image", "next_image", "next_to_do", "previous_to_do", "first_image",
        "last_image", "find_image", "mark_labelled", "mark_blank",
    ),
    "Classes and view": ("class", "mouse_pan", "invert_view"),
    "While reviewing": (
        "review_accept", "review_edit", "review_reject", "review_blank", "review_undo",
        "review_skip", "review_back", "review_doubt", "review_previous",
    ),
    "Help": ("help", "settings"),
}  # fmt: skip
"""An action that is not named here is listed with the group whose word its name begins with,
else under "Edit"."""
_BEGINNINGS = {
    "Images": ("image", "first", "last", "find", "next", "previous", "mark", "go_to", "search"),
    "Classes and view": ("view", "show", "toggle", "invert", "class"),
    "Proposals": ("proposal", "prefill", "accept", "reject", "propose"),
    "Edit": ("mouse_select",),
    "Prompt": ("prompt", "hover", "mouse"),
}


def group_of(action: str) -> str:
    """The heading of an action."""
    for title, actions in GROUPS.items():
        if action in actions:
            return title
    for title, beginnings in _BEGINNINGS.items():
        if action.startswith(beginnings):
            return title
    return "Edit"


def grouped(shortcuts: Iterable[Shortcut]) -> dict[str, list[Shortcut]]:
    """The actions that are shown, by heading; within one as they come in the table."""
    found: dict[str, list[Shortcut]] = {title: [] for title in GROUPS}
    for shortcut in shortcuts:
        if shortcut.text:
            found[group_of(shortcut.action)].append(shortcut)
    return {title: entries for title, entries in found.items() if entries}
