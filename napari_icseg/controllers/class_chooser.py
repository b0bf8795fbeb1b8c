"""The class of the next object."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal

if TYPE_CHECKING:
    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.project.records import ClassRecord
    from napari_icseg.widgets.class_bar import ClassBar


class ClassChooser:
    """Keeps the class bar and the project's classes in step. Emits `chosen(class_id)`."""

    chosen = Signal(int)

    def __init__(self, session: ProjectSession, bar: ClassBar) -> None:
        self._session = session
        self._bar = bar
        self._current_id: int | None = None
        self.classes: tuple[ClassRecord, ...] = ()
        bar.class_chosen.connect(self.choose)

    @property
    def current(self) -> ClassRecord | None:
        """The class that Enter accepts into."""
        return self.by_id(self._current_id)

    @property
    def current_name(self) -> str:
        """Its name."""
        return self.current.name if self.current is not None else "object"

    def by_id(self, class_id: int | None) -> ClassRecord | None:
        """A class of the open project."""
        return next((record for record in self.classes if record.id == class_id), None)

    def read(self) -> None:
        """Reads the classes anew."""
        project = self._session.project
        self.classes = () if project is None else project.classes()
        if self.current is None:
            self._current_id = self.classes[0].id if self.classes else None
        self._bar.set_classes(self.classes, self._current_id)

    def choose(self, class_id: int) -> None:
        """Makes a class the current one."""
        self._current_id = class_id
        self._bar.set_current(class_id)
        self.chosen.emit(class_id)

    def choose_digit(self, digit: int) -> None:
        """Makes the class with a digit (1 to 9) the current one, if there is one."""
        if digit <= len(self.classes):
            self.choose(self.classes[digit - 1].id)

    def add(self, name: str) -> None:
        """Adds a class to the project and chooses it.

        Raises:
            ProjectError: the name is empty or taken.

        """
        if self._session.project is not None:
            self.choose(self._session.project.add_class(name).id)
