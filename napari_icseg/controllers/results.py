"""The Results dock of a viewer: all models in a table, those chosen on the image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from qtpy.QtCore import QTimer

from napari_icseg.controllers import results_words as words
from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.notify import show_error
from napari_icseg.controllers.results_folders import read_folders, write_folders
from napari_icseg.controllers.results_reader import ResultsReader
from napari_icseg.controllers.results_rows import ResultRun, experiment_runs, learning_curve
from napari_icseg.controllers.results_shown import ShownResults
from napari_icseg.controllers.session import session_of, unwrapped
from napari_icseg.controllers.theme import colors_of
from napari_icseg.widgets.dialogs import ask_folder
from napari_icseg.widgets.results_dock import ResultsDock
from napari_icseg.widgets.results_plot_data import CURVE_METRICS, EPOCHS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_icseg.controllers.results_reader import FoundResults
    from napari_icseg.controllers.session import ProjectSession

POLL_MS = 2000
Answer = TypeVar("Answer")


class ViewerResultsDock(ResultsDock):
    """The Results dock of a napari viewer, with its controller."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        viewer = unwrapped(viewer)
        self.controller = ResultsController(session_of(viewer), viewer, self)


class ResultsController:
    """Connects results and the dock. Nothing of it computes in the GUI thread."""

    def __init__(self, session: ProjectSession, viewer: Any, dock: ResultsDock) -> None:
        self._session, self._viewer, self._dock = session, viewer, dock
        self._folders: tuple[Path, ...] = ()
        self._unsaved: tuple[Path, ...] = ()
        self._runs: dict[str, ResultRun] = {}
        self._is_reading = self._is_stale = self._is_closed = False
        self._reader = ResultsReader()
        self._reading = Background(session.gui, "results")
        self.shown = ShownResults(session, viewer, dock)
        self._timer = QTimer(dock)
        self._timer.setInterval(POLL_MS)
        self._connect()
        self._on_viewer_theme()
        self._on_session_opened()
        self._timer.start()

    @property
    def runs(self) -> tuple[ResultRun, ...]:
        """All results that were read last."""
        return tuple(self._runs.values())

    @property
    def folders(self) -> tuple[Path, ...]:
        """Experiments: those that the project remembers, then others opened without one."""
        return tuple(dict.fromkeys((*self._folders, *self._unsaved)))

    def open_folder(self, folder: Path) -> None:
        """List an experiment's results; the folder is remembered beside the project's runs."""

        def on_done(runs: tuple[ResultRun, ...]) -> None:
            if not runs:
                show_error(words.NO_EXPERIMENT.format(folder))
                return
            self._set_folders((*(path for path in self._folders if path != folder), folder))
            self._dock.source.choose(str(folder))
            self.read()

        self._run(lambda: experiment_runs(folder), on_done)

    def forget_folder(self) -> None:
        """Take the chosen experiment off the list."""
        key = self._dock.source.key()
        self._unsaved = tuple(path for path in self._unsaved if str(path) != key)
        self._set_folders(tuple(path for path in self._folders if str(path) != key))
        self.read()

    def read(self) -> None:
        """Read what has changed; once more afterwards if it is asked for meanwhile."""
        if self._is_closed:
            return
        if self._is_reading:
            self._is_stale = True
            return
        self._is_reading, self._is_stale = True, False
        asked = (self._session.runs_dir, self.folders)

        def work() -> FoundResults | None:
            try:
                return self._reader.read(*asked)
            finally:
                self._session.gui.call(self._on_read_end)

        self._run(work, lambda found: self._on_read(asked, found))

    def close(self) -> None:
        """Stop everything and stop listening; safe to call twice."""
        if self._is_closed:
            return
        self._is_closed = True
        self._timer.stop()
        for signal, handler in self._signals():
            signal.disconnect(handler, missing_ok=True)
        self._viewer.events.theme.disconnect(self._on_viewer_theme)
        self._reading.close()
        self.shown.close()

    def _connect(self) -> None:
        for signal, handler in self._signals():
            signal.connect(handler)
        self._viewer.events.theme.connect(self._on_viewer_theme)
        dock = self._dock
        self._timer.timeout.connect(self._on_timer)
        dock.source_changed.connect(lambda _key: self._draw())
        dock.open_clicked.connect(self._on_dock_open_clicked)
        dock.forget_clicked.connect(self.forget_folder)
        dock.selected.connect(self._on_dock_selected)
        dock.plot.axes_changed.connect(lambda _x, _y: self._read_curves())

    def _signals(self) -> tuple[tuple[Any, Callable[..., None]], ...]:
        session = self._session
        return (
            (session.opened, self._on_session_opened),
            (session.closed, self._on_session_opened),
            (session.runs_changed, self.read),
        )

    def _on_session_opened(self, _project: object = None) -> None:
        """Its own models and experiments are listed; those opened without a project stay."""
        runs_dir = self._session.runs_dir
        self._folders, self._runs = (), {}
        self._draw()

        def on_done(folders: tuple[Path, ...]) -> None:
            if self._session.runs_dir == runs_dir:
                self._folders = folders
                self._draw()
                self.read()

        self._run(lambda: read_folders(runs_dir), on_done)

    def _on_timer(self) -> None:
        if self._dock.isVisible():
            self.read()

    def _on_dock_open_clicked(self) -> None:
        folder = ask_folder(self._dock, "Folder of an experiment")
        if folder is not None:
            self.open_folder(folder)

    def _on_dock_selected(self, keys: tuple[str, ...]) -> None:
        self.shown.choose(tuple(self._runs[key] for key in keys if key in self._runs))
        self._read_curves()

    def _read_curves(self) -> None:
        metric = CURVE_METRICS.get(str(self._dock.plot.y_box.key()))
        if self._dock.plot.x_box.key() != EPOCHS:
            return
        runs = [self._runs[key] for key in self._dock.table.chosen if key in self._runs]

        def work() -> dict[str, tuple[tuple[int, float], ...]]:
            return {run.row.key: learning_curve(run, metric) for run in runs} if metric else {}

        self._run(work, self._dock.plot.set_curves)

    def _run(self, work: Callable[[], Answer], on_done: Callable[[Answer], None]) -> None:
        """Do something in the thread; what goes wrong is told."""
        if not self._is_closed:
            self._reading.run(work, on_done, lambda error: show_error(str(error)))

    def _on_read_end(self) -> None:
        self._is_reading = False
        if self._is_stale:
            self.read()

    def _on_read(
        self, asked: tuple[Path | None, tuple[Path, ...]], found: FoundResults | None
    ) -> None:
        if found is None or asked != (self._session.runs_dir, self.folders):
            return  # another project by now: a later reading lists that one's
        self._runs = {run.row.key: run for run in found.runs}
        for problem in found.problems:
            show_error(problem)
        self._draw()

    def _set_folders(self, folders: tuple[Path, ...]) -> None:
        runs_dir = self._session.runs_dir
        if runs_dir is None:
            self._unsaved = tuple(dict.fromkeys((*self._unsaved, *folders)))
        elif folders != self._folders:
            self._folders = folders
            self._run(lambda: write_folders(runs_dir, folders), lambda _done: None)
        self._draw()

    def _draw(self) -> None:
        key = self._dock.source.key()
        can_forget = any(str(path) == key for path in self.folders)
        self._dock.set_sources(words.sources(self.folders), can_forget=can_forget)
        key = self._dock.source.key()
        rows = tuple(run.row for run in self._runs.values() if self._is_listed(run, key))
        self._dock.set_rows(rows, "" if rows else words.nothing_listed(is_folder=can_forget))

    def _is_listed(self, run: ResultRun, key: object) -> bool:
        if key == words.PROJECT:
            return run.experiment is None
        return key == words.ALL or str(run.experiment) == key

    def _on_viewer_theme(self, _event: object = None) -> None:
        colors = colors_of(self._viewer)
        self._dock.apply_theme(foreground=colors.text, background=colors.background)
