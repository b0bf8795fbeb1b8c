"""Classes of a project: adding, renaming, colouring, ordering and deleting them."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from napari_icseg.project.core import ProjectCore
from napari_icseg.project.errors import ProjectError
from napari_icseg.project.records import ClassFlags, ClassRecord, ImageStatus, OperationKind
from trainers.io.palette import PALETTE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from napari_icseg.project.history import Operation


class ClassEdits(ProjectCore):
    """The edits of classes."""

    def add_class(self, name: str, color: str | None = None) -> ClassRecord:
        """Add a class behind the others, with the next colour of the palette by default.

        Raises:
            ProjectError: if the name is empty or taken, or the colour is not "#rrggbb".

        """
        name = self._free_name(name)
        with self.operation(OperationKind.EDIT_CLASSES, f"add class {name}") as operation:
            class_id = insert_class(operation, self.classes(), name, color)
        return self.class_by_id(class_id)

    def update_class(
        self, class_id: int, *, name: str | None = None, color: str | None = None
    ) -> ClassRecord:
        """Rename or recolour a class."""
        old = self.class_by_id(class_id)
        values: dict[str, object] = {}
        if name is not None and name.strip() != old.name:
            values["name"] = self._free_name(name)
        if color is not None:
            values["color"] = checked_color(color)
        with self.operation(OperationKind.EDIT_CLASSES, f"edit class {old.name}") as operation:
            operation.update("classes", class_id, values)
        return self.class_by_id(class_id)

    def show_class(self, class_id: int, *, visible: bool) -> None:
        """Show or hide the objects of a class; a matter of the view, which undo leaves alone."""
        flags = self.class_flags()
        change = flags.hidden - {class_id} if visible else flags.hidden | {class_id}
        self._store_flags(class_id, replace(flags, hidden=frozenset(change)))

    def lock_class(self, class_id: int, *, locked: bool) -> None:
        """Keep the objects of a class from every edit, or no longer; undo leaves it alone.

        Undo and redo of what was done before still change them: the way back is never barred.
        """
        flags = self.class_flags()
        change = flags.locked | {class_id} if locked else flags.locked - {class_id}
        self._store_flags(class_id, replace(flags, locked=frozenset(change)))

    def _store_flags(self, class_id: int, flags: ClassFlags) -> None:
        self.class_by_id(class_id)
        with self._lock, self._transaction():
            self._connection.execute(
                "INSERT OR REPLACE INTO meta VALUES ('class_flags', ?)", (flags.to_text(),)
            )
        self.classes_changed.emit()

    def order_classes(self, class_ids: Iterable[int]) -> None:
        """Put the classes into a new order; all of them must be named, once each."""
        ids = tuple(class_ids)
        if sorted(ids) != sorted(known.id for known in self.classes()):
            raise ProjectError("the new order must name every class once")
        with self.operation(OperationKind.EDIT_CLASSES, "order the classes") as operation:
            for position, class_id in enumerate(ids):
                operation.update("classes", class_id, {"position": position})

    def delete_class(
        self, class_id: int, *, move_to: int | None = None, delete_members: bool = False
    ) -> None:
        """Delete a class; its objects and proposals go to the class `move_to`, or with it.

        Raises:
            ProjectError: if it has members and neither `move_to` nor `delete_members` is given,
                or it is the last one.

        """
        old = self.class_by_id(class_id)
        if len(self.classes()) == 1:
            raise ProjectError("a project needs a class: add another one first")
        if move_to is not None and (move_to == class_id or self.class_by_id(move_to) is None):
            raise ProjectError(f"objects of {old.name} cannot move to the class being deleted")
        with self.operation(OperationKind.EDIT_CLASSES, f"delete class {old.name}") as operation:
            self.require_unlocked([class_id] if move_to is None else [class_id, move_to])
            if delete_members:
                self._delete_members(operation, old)
            else:
                self._move_members(operation, old, move_to)
            operation.delete("classes", class_id)
            rest = [known for known in self.classes() if known.id != class_id]
            for position, known in enumerate(rest):
                operation.update("classes", known.id, {"position": position})

    def _delete_members(self, operation: Operation, old: ClassRecord) -> None:
        images = self.images_with_class(old.id)
        for table in ("objects", "proposals"):
            for (row_id,) in self._rows(f"SELECT id FROM {table} WHERE class_id = ?", old.id):
                operation.delete(table, row_id)
        for image_id in images:
            image = self.image(image_id)
            if image.status is ImageStatus.LABELLED and image.num_objects == 0:
                operation.update("images", image_id, {"status": ImageStatus.IN_PROGRESS})

    def _move_members(self, operation: Operation, old: ClassRecord, move_to: int | None) -> None:
        objects = self._rows("SELECT id FROM objects WHERE class_id = ?", old.id)
        proposals = self._rows("SELECT id FROM proposals WHERE class_id = ?", old.id)
        if (objects or proposals) and move_to is None:
            raise ProjectError(
                f"class {old.name} has {len(objects)} objects and {len(proposals)} proposals. Say "
                "which class they go to, or delete them first."
            )
        for (object_id,) in objects:
            operation.update("objects", object_id, {"class_id": move_to})
        for (proposal_id,) in proposals:
            operation.update("proposals", proposal_id, {"class_id": move_to})

    def _free_name(self, name: str) -> str:
        name = name.strip()
        if not name:
            raise ProjectError("a class needs a name")
        if any(known.name.casefold() == name.casefold() for known in self.classes()):
            raise ProjectError(f"there is a class {name} already; choose another name")
        return name


def insert_class(
    operation: Operation, known: tuple[ClassRecord, ...], name: str, color: str | None
) -> int:
    """Add a class's row behind the known ones."""
    position = len(known)
    color = _free_color(known) if color is None else checked_color(color)
    return operation.insert("classes", {"name": name, "color": color, "position": position})


def _free_color(known: tuple[ClassRecord, ...]) -> str:
    """Return the first colour of the palette that the fewest classes have."""
    uses = Counter(record.color for record in known)
    return min(PALETTE, key=lambda color: uses[color])


def is_color(text: str) -> bool:
    """Return whether a text is a colour as the project stores it, "#rrggbb"."""
    return re.fullmatch(r"#[0-9a-fA-F]{6}", text) is not None


def checked_color(color: str) -> str:
    """Return "#rrggbb" in lower case, or raise `ProjectError`."""
    if not is_color(color):
        raise ProjectError(f"a colour is written #rrggbb, got {color!r}")
    return color.lower()
