"""The Results dock of a viewer: all models in a table, those chosen on the image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer

from napari_icseg.controllers import results_words as words
from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.notify import show_error
from napari_icseg.controllers.results_folders import read_folders, write_folders
from napari_icseg.controllers.results_rows import (
    ResultRun,
    experiment_runs,
    learning_curve,
    project_runs,
    stamp,
)
from napari_icseg.controllers.results_shown import ShownResults
from napari_icseg.controllers.session import session_of, unwrapped
from napari_icseg.controllers.theme import colors_of
from napari_icseg.widgets.dialogs import ask_folder
from napari_icseg.widgets.results_dock import ResultsDock
from napari_icseg.widgets.results_plot_data import CURVE_METRICS, EPOCHS
from trainers.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_icseg.controllers.session import ProjectSession

POLL_MS = 2000
_Found = tuple[tuple[Any, ...], tuple[ResultRun, ...], tuple[str, ...]]


class ViewerResultsDock(ResultsDock):
    """The Results dock of a napari viewer, with its controller."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        viewer = unwrapped(viewer)
        controller = ResultsController(session_of(viewer), viewer, self)
        self.controller = controller
        # not the bound method: `self` is on its way out when Qt says "destroyed"
        self.destroyed.connect(lambda: controller.close())


class ResultsController:
    """Connects results and the dock. Nothing of it computes in the GUI thread."""

    def __init__(self, session: ProjectSession, viewer: Any, dock: ResultsDock) -> None:
        self._session, self._viewer, self._dock = session, viewer, dock
        self._folders: tuple[Path, ...] = ()
        self._runs: dict[str, ResultRun] = {}
        self._stamp: tuple[Any, ...] | None = None
        self._is_reading = self._is_closed = False
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

    def open_folder(self, folder: Path) -> None:
        """List an experiment's results; the folder is remembered beside the project's runs."""

        def on_done(runs: tuple[ResultRun, ...]) -> None:
            if not runs:
                show_error(
                    f"{folder} has no results.csv with results. Choose the folder that --out of "
                    "`icseg experiment` named."
                )
                return
            if folder not in self._folders:
                self._set_folders((*self._folders, folder))
            self._dock.source.choose(str(folder))
            self.read()

        self._reading.run(
            lambda: experiment_runs(folder), on_done, lambda error: show_error(str(error))
        )

    def forget_folder(self) -> None:
        """Take the chosen experiment off the list."""
        key = self._dock.source.key()
        self._set_folders(tuple(path for path in self._folders if str(path) != key))
        self.read()

    def read(self) -> None:
        """Read all results again if anything may have changed."""
        if self._is_reading or self._is_closed:
            return
        self._is_reading = True
        runs_dir, folders, before = self._session.runs_dir, self._folders, self._stamp
        self._reading.run(
            lambda: _read(runs_dir, folders, before), self._on_read, self._on_read_failed
        )

    def close(self) -> None:
        """Stop everything and stop listening; safe to call twice."""
        if self._is_closed:
            return
        self._is_closed = True
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
        """Experiments stay open from project to project within a session."""
        self._stamp = None
        known = read_folders(self._session.runs_dir)
        self._set_folders((*self._folders, *(path for path in known if path not in self._folders)))
        self.read()

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

        self._reading.run(work, self._dock.plot.set_curves, lambda error: show_error(str(error)))

    def _on_read(self, found: _Found | None) -> None:
        self._is_reading = False
        if found is not None:
            self._stamp, runs, problems = found
            self._runs = {run.row.key: run for run in runs}
            for problem in problems:
                show_error(problem)
            self._draw()

    def _on_read_failed(self, error: Exception) -> None:
        self._is_reading = False
        show_error(str(error))

    def _set_folders(self, folders: tuple[Path, ...]) -> None:
        self._folders = folders
        runs_dir = self._session.runs_dir
        if runs_dir is not None and folders != read_folders(runs_dir):
            self._reading.run(
                lambda: write_folders(runs_dir, folders),
                lambda _done: None,
                lambda error: show_error(str(error)),
            )
        self._draw()

    def _draw(self) -> None:
        key = self._dock.source.key()
        self._dock.set_sources(
            words.sources(self._folders), can_forget=any(str(path) == key for path in self._folders)
        )
        rows = tuple(run.row for run in self._runs.values() if self._is_listed(run, key))
        self._dock.set_rows(rows, "" if rows else words.NO_ROWS)

    def _is_listed(self, run: ResultRun, key: object) -> bool:
        if key == words.PROJECT:
            return run.experiment is None
        return key == words.ALL or str(run.experiment) == key

    def _on_viewer_theme(self, _event: object = None) -> None:
        colors = colors_of(self._viewer)
        self._dock.apply_theme(foreground=colors.text, background=colors.background)


def _read(
    runs_dir: Path | None, folders: tuple[Path, ...], before: tuple[Any, ...] | None
) -> _Found | None:
    """Return the stamp, the runs and what could not be read; None if nothing has changed."""
    now = stamp(runs_dir, folders)
    if now == before:
        return None
    runs: list[ResultRun] = []
    problems: list[str] = []
    if runs_dir is not None:
        runs += project_runs(runs_dir)
    for folder in folders:
        try:
            runs += experiment_runs(folder)
        except DataError as error:
            problems.append(str(error))
    return now, tuple(runs), tuple(problems)
