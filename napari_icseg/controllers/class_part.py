"""Classes changed from their list: renamed, coloured, ordered, deleted, hidden, locked."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from napari_icseg.controllers import hints
from napari_icseg.controllers.desk import KeylessPart
from napari_icseg.controllers.notify import errors_shown
from napari_icseg.controllers.wording import counted
from napari_icseg.widgets import class_dialogs

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_icseg.controllers.desk import Desk
    from napari_icseg.project.project import Project
    from napari_icseg.project.records import ClassRecord


class ClassPart(KeylessPart):
    """One for a desk; see `desk.Part`."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._bar = desk, desk.dock.classes
        self._session = desk.session
        for signal, handler in self._signals():
            signal.connect(handler)
        self._bar.visibility_asked.connect(self.switch_visible)
        self._bar.lock_asked.connect(self.switch_lock)
        self._bar.change_asked.connect(self._on_bar_change_asked)
        self._bar.order_asked.connect(self.order)
        self._count()

    def close(self) -> None:
        """Stops listening."""
        for signal, handler in self._signals():
            signal.disconnect(handler, missing_ok=True)

    def switch_visible(self, class_id: int) -> None:
        """Hides the objects of a class, or shows them again."""
        self._change(class_id, lambda p, c: p.show_class(c.id, visible=not c.is_visible))

    def switch_lock(self, class_id: int) -> None:
        """Keeps the objects of a class from edits, or no longer."""
        self._change(class_id, lambda p, c: p.lock_class(c.id, locked=not c.is_locked))

    def rename(self, class_id: int) -> None:
        """Asks for another name."""
        record = self._record(class_id)
        name = None if record is None else class_dialogs.ask_name(self._bar, record.name)
        if name is not None:
            self._change(class_id, lambda p, c: p.update_class(c.id, name=name))

    def recolor(self, class_id: int) -> None:
        """Asks for another colour."""
        record = self._record(class_id)
        color = None if record is None else class_dialogs.ask_color(self._bar, record.color)
        if color is not None:
            self._change(class_id, lambda p, c: p.update_class(c.id, color=color))

    def move(self, step: int, class_id: int) -> None:
        """Moves a class up (-1) or down (+1) in the list."""
        ids = [record.id for record in self._desk.classes.classes]
        place = ids.index(class_id)
        if 0 <= place + step < len(ids):
            ids[place], ids[place + step] = ids[place + step], ids[place]
            self.order(ids)

    def order(self, class_ids: list[int]) -> None:
        """Puts the classes into another order, the lowest drawn first."""
        project = self._session.project
        if project is not None:
            with errors_shown():
                project.order_classes(class_ids)

    def delete(self, class_id: int) -> None:
        """Asks what shall become of the objects, and deletes a class."""
        project, record = self._session.project, self._record(class_id)
        if project is None or record is None:
            return
        others = [other for other in self._desk.classes.classes if other.id != class_id]
        choice = class_dialogs.ask_delete(
            self._bar,
            record.name,
            _members(*project.num_members(class_id)),
            [other.name for other in others],
        )
        if choice is None:
            return
        target = next((other.id for other in others if other.name == choice), None)
        with errors_shown():
            project.delete_class(class_id, move_to=target, delete_members=target is None)
            undo = "{undo} brings it back."
            self._desk.loop.say(hints.Hint(f"Deleted the class {record.name}. {undo}", "done"))

    def _on_bar_change_asked(self, change: str, class_id: int) -> None:
        asked: dict[str, Callable[[int], None]] = {
            "rename": self.rename,
            "recolor": self.recolor,
            "move_up": partial(self.move, -1),
            "move_down": partial(self.move, +1),
            "delete": self.delete,
        }
        asked[change](class_id)

    def _change(self, class_id: int, change: Callable[[Project, ClassRecord], object]) -> None:
        project, record = self._session.project, self._record(class_id)
        if project is not None and record is not None:
            with errors_shown():
                change(project, record)

    def _record(self, class_id: int) -> ClassRecord | None:
        return self._desk.classes.by_id(class_id)

    def _signals(self) -> tuple[tuple[Any, Callable[..., None]], ...]:
        session = self._session
        return (
            (session.image_shown, self._on_session_changed),
            (session.labels_changed, self._on_session_changed),
            (session.classes_changed, self._on_session_changed),
        )

    def _on_session_changed(self, *_args: object) -> None:
        self._count()

    def _count(self) -> None:
        project, image_id = self._session.project, self._session.current_image_id
        if project is not None and image_id is not None:
            self._bar.set_counts(project.num_objects_by_class(image_id))


def _members(num: int, num_images: int, num_proposals: int) -> str:
    """What a class has, in words; empty for nothing."""
    words = []
    if num:
        words.append(f"{counted(num, 'object')} on {counted(num_images, 'image')}")
    if num_proposals:
        words.append(counted(num_proposals, "proposal"))
    return " and ".join(words)
