"""The open project of one viewer, shared by its docks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from psygnal import Signal

from napari_icseg.controllers.activity import Activity
from napari_icseg.controllers.gui_thread import GuiThread
from napari_icseg.controllers.suggest_service import Suggestions
from napari_icseg.project.project import Project

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class PrefillRun:
    """A trained run that can pre-fill images: its folder, and what the user calls it.

    `can_click` says that its model can answer clicks, too.
    """

    name: str
    run_dir: Path
    label: str = ""
    can_click: bool = False


@dataclass(frozen=True, slots=True)
class SkippedFile:
    """A file of the opened folder that is no usable image."""

    name: str
    reason: str


class ProjectSession:
    """Holds the project and the image shown, and tells the docks about changes.

    All signals are emitted in the GUI thread:
    `opened(project)`, `closing()` before and `closed()` after a project is closed,
    `image_shown(image_id)`, `image_asked(image_id)` when a dock wants another image on the canvas
    (see `asked_images`), `images_expected(ids)` with those that it will want next,
    `labels_changed(image_id)` after any change of an image's objects,
    proposals or status, `images_changed()`, `classes_changed()`, `history_changed()`,
    `runs_changed()`, `click_model_asked(key)` when another model shall answer the clicks, and
    `click_model_changed()` when one does.
    """

    opened = Signal(object)
    closing = Signal()
    closed = Signal()
    image_shown = Signal(int)
    image_asked = Signal(int)
    images_expected = Signal(object)
    labels_changed = Signal(int)
    images_changed = Signal()
    classes_changed = Signal()
    history_changed = Signal()
    runs_changed = Signal()
    click_model_asked = Signal(str)
    click_model_changed = Signal()

    def __init__(self) -> None:
        self.gui = GuiThread()
        self.activity = Activity(self.gui)
        self.suggestions = Suggestions(self)
        self.project: Project | None = None
        self.current_image_id: int | None = None
        self.prefill_runs: tuple[PrefillRun, ...] = ()
        self.skipped: tuple[SkippedFile, ...] = ()
        self.click_model = ""
        """Key of the model that answers clicks, a name or a run's folder; empty without one."""

    @property
    def path(self) -> Path | None:
        """The project file."""
        return None if self.project is None else self.project.file

    @property
    def runs_dir(self) -> Path | None:
        """The folder for training runs beside the project file; it may not exist yet."""
        path = self.path
        return None if path is None else path.with_name(f"{path.stem}.runs")

    def open_project(self, path: Path) -> None:
        """Opens a project file in place of the open one.

        Raises:
            ProjectError: it is locked, damaged or newer; the open project then stays open.

        """
        if self.project is not None and self.project.file == path.absolute():
            return
        self.take(Project.open(path))

    def take(self, project: Project, skipped: tuple[SkippedFile, ...] = ()) -> None:
        """Makes an already open project this session's."""
        self.close_project()
        self.project, self.skipped = project, skipped
        for signal, handler in self._handlers(project):
            signal.connect(handler)
        self.opened.emit(project)

    def close_project(self) -> None:
        """Closes the project, if there is one. Everything accepted is in it already."""
        project = self.project
        if project is None:
            return
        self.closing.emit()
        for signal, handler in self._handlers(project):
            signal.disconnect(handler)
        self.project, self.current_image_id, self.skipped = None, None, ()
        project.close()
        self.closed.emit()

    def set_current_image(self, image_id: int) -> None:
        """Notes which image is on the canvas."""
        self.current_image_id = image_id
        self.image_shown.emit(image_id)

    def set_prefill_runs(self, runs: tuple[PrefillRun, ...]) -> None:
        """Notes which trained runs can pre-fill."""
        self.prefill_runs = runs
        self.runs_changed.emit()

    def set_click_model(self, key: str) -> None:
        """Notes which model answers clicks; an empty key: none, there is no Labelling dock."""
        self.click_model = key
        self.click_model_changed.emit()

    def shut_down(self) -> None:
        """Closes the project for good, when the viewer goes."""
        self.close_project()
        self.suggestions.close()
        self.activity.close()
        self.gui.close()

    def _handlers(self, project: Project) -> tuple[tuple[Any, Callable[..., None]], ...]:
        return (
            (project.changed, self._on_project_changed),
            (project.images_changed, self._on_project_images_changed),
            (project.classes_changed, self._on_project_classes_changed),
            (project.history_changed, self._on_project_history_changed),
        )

    def _on_project_changed(self, image_id: int) -> None:
        self.gui.call(lambda: self.labels_changed.emit(image_id))

    def _on_project_images_changed(self) -> None:
        self.gui.call(self.images_changed.emit)

    def _on_project_classes_changed(self) -> None:
        self.gui.call(self.classes_changed.emit)

    def _on_project_history_changed(self) -> None:
        self.gui.call(self.history_changed.emit)


_SESSIONS: WeakKeyDictionary[Any, ProjectSession] = WeakKeyDictionary()


def session_of(viewer: Any) -> ProjectSession:
    """The session of a viewer (or of the proxy that napari hands to plugins)."""
    viewer = unwrapped(viewer)
    if viewer not in _SESSIONS:
        _SESSIONS[viewer] = ProjectSession()
    return _SESSIONS[viewer]


def forget_session(viewer: Any) -> None:
    """Shuts a viewer's session down; the next `session_of` makes a new one."""
    session = _SESSIONS.pop(unwrapped(viewer), None)
    if session is not None:
        session.shut_down()


def unwrapped(viewer: Any) -> Any:
    """The viewer itself; napari hands plugins a proxy that slows every access down."""
    return getattr(viewer, "__wrapped__", viewer)
