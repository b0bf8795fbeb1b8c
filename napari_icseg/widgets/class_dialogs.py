"""Questions about a class: its name, its colour, and what becomes of its objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtGui import QColor
from qtpy.QtWidgets import QColorDialog, QInputDialog

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtWidgets import QWidget

DELETE_MEMBERS = "— delete them —"


def ask_name(parent: QWidget, name: str) -> str | None:
    """Another name for a class; None if it stays."""
    new, accepted = QInputDialog.getText(parent, "Rename class", "Name of the class:", text=name)
    return str(new) if accepted and str(new).strip() not in ("", name) else None


def ask_color(parent: QWidget, color: str) -> str | None:
    """Another colour, "#rrggbb"; None if it stays."""
    new = QColorDialog.getColor(QColor(color), parent, "Colour of the class")
    return str(new.name()) if new.isValid() else None


def ask_delete(parent: QWidget, name: str, members: str, others: Sequence[str]) -> str | None:
    """What shall become of the objects of a class that is deleted.

    Args:
        parent: for the dialog.
        name: of the class.
        members: such as "12 objects on 5 images"; empty if it has none.
        others: names of the classes that they can go to.

    Returns:
        One of `others`, or `DELETE_MEMBERS` (also for a class without objects); None to keep
        the class.

    """
    if not members:
        choices, text = ["Delete the class"], f"The class {name} has no objects or proposals."
    else:
        choices = [*others, DELETE_MEMBERS]
        text = f"The class {name} has {members}. Undo brings all back.\nThey go to:"
    choice, accepted = QInputDialog.getItem(
        parent, f"Delete the class {name}?", text, choices, 0, editable=False
    )
    if not accepted:
        return None
    return str(choice) if choice in others else DELETE_MEMBERS
