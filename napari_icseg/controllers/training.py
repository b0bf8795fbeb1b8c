"""The Training dock of a viewer: one button trains on everything that is labelled."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.prefill import prefill_of
from napari_icseg.controllers.prefill_layer import draw_proposals
from napari_icseg.controllers.session import session_of, unwrapped
from napari_icseg.controllers.theme import colors_of
from napari_icseg.controllers.training_compare import ComparePresenter
from napari_icseg.controllers.training_follower import RunsFollower
from napari_icseg.controllers.training_prefill import PrefillPresenter
from napari_icseg.controllers.training_runs import RunsPresenter
from napari_icseg.controllers.training_setup import (
    SetupPresenter,
    data_label,
    num_threads,
    options_of,
    selection_of,
)
from napari_icseg.jobs.request import RunRequest
from napari_icseg.jobs.runs import start_run
from napari_icseg.project.training_set import training_manifest
from napari_icseg.widgets.key_texts import refresh_key_texts
from napari_icseg.widgets.keymap import ACTIVE_KEYS
from napari_icseg.widgets.training_dock import TrainingDock

if TYPE_CHECKING:
    from pathlib import Path

    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.jobs.runs import RunHandle
    from napari_icseg.project.project import Project
    from napari_icseg.project.training_set import Selection
    from napari_icseg.widgets.training_view import TrainingChoice


class ViewerTrainingDock(TrainingDock):
    """The Training dock of a napari viewer, with its controller."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        viewer = unwrapped(viewer)
        self.controller = TrainingController(session_of(viewer), viewer, self)


class TrainingController:
    """Connects a project, its runs and the dock. Nothing of it computes in the GUI thread.

    `settings` are further settings of `RunRequest.options` for each training it starts.
    """

    def __init__(self, session: ProjectSession, viewer: Any, dock: TrainingDock) -> None:
        self._session, self._viewer, self._dock = session, viewer, dock
        self._follower: RunsFollower | None = None
        self._is_closed = False
        self.settings: dict[str, Any] = {}
        self._starting = Background(session.gui, "start")
        self._prefill = prefill_of(session)
        draw_proposals(viewer, session)
        self.setup = SetupPresenter(session, dock.setup)
        self.runs = RunsPresenter(session, dock, self._prefill)
        self.prefill = PrefillPresenter(session, dock.prefill, self._prefill, self.runs)
        self.compare = ComparePresenter(
            session,
            dock.compare_window,
            lambda: self.runs.snapshots,
            lambda: self.setup.summary.splits,
        )
        dock.compare_clicked.connect(self.compare.open)
        session.opened.connect(self._on_session_opened)
        session.closing.connect(self._on_session_closing)
        viewer.events.theme.connect(self._on_viewer_theme)
        ACTIVE_KEYS.changed.connect(self._on_active_keys_changed)
        dock.setup.train_clicked.connect(self.retrain)
        self._on_viewer_theme()
        if session.project is not None:
            self._on_session_opened(session.project)

    def retrain(self, choice: TrainingChoice) -> None:
        """Write the labels as they are now, and start (or queue) a training on them."""
        project, runs_dir = self._session.project, self._session.runs_dir
        if project is None or runs_dir is None or self.setup.is_busy:
            return
        summary = self.setup.summary
        request = RunRequest(
            choice.model,
            choice.preset,
            choice.epochs,
            options={"num_threads": num_threads(), **self.settings, **options_of(choice)},
            num_train=summary.num_train,
            num_val=summary.num_val,
            data_label=data_label(choice, summary),
        )
        write = partial(self._write_labels, project, selection_of(choice))
        self.setup.fail("")
        self.setup.set_busy("Writing the labels…", None)
        self._starting.run(
            lambda: start_run(request, runs_dir, write),
            self._on_started,
            lambda error: self.setup.end_busy(str(error)),
        )

    def close(self) -> None:
        """Stop watching; trainings go on and are found again by the next dock.

        Safe to call twice.
        """
        if self._is_closed:
            return
        self._is_closed = True
        self._stop_following()
        self._starting.close()
        self.setup.close()
        self.runs.close()
        self.prefill.close()
        self.compare.close()
        self._session.opened.disconnect(self._on_session_opened, missing_ok=True)
        self._session.closing.disconnect(self._on_session_closing, missing_ok=True)
        self._viewer.events.theme.disconnect(self._on_viewer_theme)
        ACTIVE_KEYS.changed.disconnect(self._on_active_keys_changed, missing_ok=True)

    def _write_labels(self, project: Project, selection: Selection, folder: Path) -> None:
        """Runs in the worker thread, on a connection of its own: labelling goes on."""
        progress = self.setup.say_written()
        with project.snapshot() as snapshot:
            training_manifest(snapshot, folder, selection=selection, progress=progress)

    def _on_started(self, handle: RunHandle) -> None:
        self.setup.end_busy()
        self.runs.show(handle.run_dir.name)

    def _on_session_opened(self, _project: Project) -> None:
        self._stop_following()
        self.runs.clear()
        runs_dir = self._session.runs_dir
        assert runs_dir is not None, "an open project has a file"
        self._follower = RunsFollower(
            runs_dir, self._session.gui, self.runs.set_runs, self.setup.fail
        )
        self.setup.count()

    def _on_session_closing(self) -> None:
        self._stop_following()
        self.setup.clear()
        self.runs.clear()

    def _on_active_keys_changed(self) -> None:
        refresh_key_texts(self._dock)

    def _on_viewer_theme(self, _event: object = None) -> None:
        colors = colors_of(self._viewer)
        self._dock.apply_theme(foreground=colors.text, background=colors.background)

    def _stop_following(self) -> None:
        if self._follower is not None:
            self._follower.close()
            self._follower = None
