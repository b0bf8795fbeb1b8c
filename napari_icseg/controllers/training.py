"""The Training dock of a viewer: one button trains on everything that is labelled."""

from __future__ import annotations

import os
import time
from functools import partial
from typing import TYPE_CHECKING, Any, get_args

from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.prefill import prefill_of
from napari_icseg.controllers.prefill_layer import draw_proposals
from napari_icseg.controllers.session import session_of, unwrapped
from napari_icseg.controllers.training_data import DataSummary, read_summary
from napari_icseg.controllers.training_follower import RunsFollower
from napari_icseg.controllers.training_prefill import PrefillPresenter
from napari_icseg.controllers.training_runs import RunsPresenter
from napari_icseg.controllers.training_words import MODEL_LABELS
from napari_icseg.jobs.request import RunRequest
from napari_icseg.jobs.runs import start_run
from napari_icseg.project.training_set import training_manifest
from napari_icseg.widgets.training_dock import TrainingDock
from napari_icseg.widgets.training_view import ModelOption, SetupView
from trainers.config import Preset
from trainers.registry import MODELS

if TYPE_CHECKING:
    from pathlib import Path

    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.jobs.runs import RunHandle
    from napari_icseg.project.project import Project
    from napari_icseg.widgets.training_view import TrainingChoice

_PROGRESS_EVERY_S = 0.1
# it answers clicks, and is made by the project's own trainers, not on a user's labels
_NOT_OFFERED = ("sam2-nano",)
NO_PROJECT = SetupView(problem="Open a folder or a project first, in the Labelling dock.")


class ViewerTrainingDock(TrainingDock):
    """The Training dock of a napari viewer, with its controller."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        viewer = unwrapped(viewer)
        controller = TrainingController(session_of(viewer), viewer, self)
        self.controller = controller
        # not the bound method: `self` is on its way out when Qt says "destroyed"
        self.destroyed.connect(lambda: controller.close())


def build_training_dock(viewer: Any) -> ViewerTrainingDock:
    """Return a Training dock for a napari viewer; it works until its widget is destroyed."""
    return ViewerTrainingDock(viewer)


class TrainingController:
    """Connects a project, its runs and the dock. Nothing of it computes in the GUI thread.

    `settings` are further settings of `RunRequest.options` for each training it starts.
    """

    def __init__(self, session: ProjectSession, viewer: Any, dock: TrainingDock) -> None:
        self._session, self._viewer, self._dock = session, viewer, dock
        self._follower: RunsFollower | None = None
        self._summary: DataSummary | None = None
        self._busy: tuple[str, float | None] | None = None
        self._failure = ""
        self._is_counting = self._is_stale = False
        self.settings: dict[str, Any] = {}
        self._counting = Background(session.gui, "count")
        self._starting = Background(session.gui, "start")
        self._prefill = prefill_of(session)
        draw_proposals(viewer, session)
        self.runs = RunsPresenter(session, dock, self._prefill)
        self.prefill = PrefillPresenter(session, dock.prefill, self._prefill, self.runs)
        self._connect()
        dock.setup.set_models(_model_options())
        self._on_viewer_theme()
        if session.project is not None:
            self._on_session_opened(session.project)
        else:
            self._draw_setup()

    def retrain(self, choice: TrainingChoice) -> None:
        """Write the labels as they are now, and start (or queue) a training on them."""
        project, runs_dir = self._session.project, self._session.runs_dir
        if project is None or runs_dir is None or self._busy is not None:
            return
        summary = self._summary or DataSummary()
        request = RunRequest(
            choice.model,
            choice.preset,
            choice.epochs,
            options={"num_threads": _num_threads(), **self.settings},
            num_train=summary.num_train,
            num_val=summary.num_val,
        )
        self._failure = ""
        self._set_busy("Writing the labels…", None)
        self._starting.run(
            lambda: start_run(request, runs_dir, partial(self._write_labels, project)),
            self._on_started,
            self._on_start_failed,
        )

    def close(self) -> None:
        """Stop watching; trainings go on and are found again by the next dock."""
        self._stop_following()
        self._counting.close()
        self._starting.close()
        self.runs.close()
        self.prefill.close()
        for signal, slot in self._session_slots():
            signal.disconnect(slot, missing_ok=True)
        self._viewer.events.theme.disconnect(self._on_viewer_theme)

    def _connect(self) -> None:
        for signal, slot in self._session_slots():
            signal.connect(slot)
        self._viewer.events.theme.connect(self._on_viewer_theme)
        self._dock.setup.train_clicked.connect(self.retrain)

    def _session_slots(self) -> tuple[tuple[Any, Any], ...]:
        session = self._session
        return (
            (session.opened, self._on_session_opened),
            (session.closing, self._on_session_closing),
            (session.labels_changed, self._on_session_labels_changed),
            (session.images_changed, self._on_session_images_changed),
        )

    def _write_labels(self, project: Project, folder: Path) -> None:
        """Runs in the worker thread, on a connection of its own: labelling goes on."""
        told_s = 0.0

        def progress(done: int, total: int) -> None:
            nonlocal told_s
            if time.monotonic() - told_s >= _PROGRESS_EVERY_S:
                told_s = time.monotonic()
                text = f"Writing the labels: {done} of {total} images"
                self._session.gui.call(partial(self._set_busy, text, done / max(1, total)))

        with project.snapshot() as snapshot:
            training_manifest(snapshot, folder, progress=progress)

    def _on_started(self, handle: RunHandle) -> None:
        self._busy = None
        self._draw_setup()
        self.runs.show(handle.run_dir.name)

    def _on_start_failed(self, error: Exception) -> None:
        self._busy, self._failure = None, str(error)
        self._draw_setup()

    def _on_session_opened(self, _project: Project) -> None:
        self._stop_following()
        self.runs.clear()
        runs_dir = self._session.runs_dir
        assert runs_dir is not None, "an open project has a file"
        self._follower = RunsFollower(
            runs_dir, self._session.gui, self.runs.set_runs, self._on_follower_error
        )
        self._count()

    def _on_session_closing(self) -> None:
        self._stop_following()
        self._summary = None
        self.runs.clear()
        self._draw_setup()

    def _on_session_labels_changed(self, _image_id: int) -> None:
        self._count()

    def _on_session_images_changed(self) -> None:
        self._count()

    def _on_follower_error(self, message: str) -> None:
        self._failure = message
        self._draw_setup()

    def _on_viewer_theme(self, _event: object = None) -> None:
        from napari.utils.theme import get_theme

        theme = get_theme(self._viewer.theme)
        self._dock.apply_theme(foreground=theme.text.as_hex(), background=theme.background.as_hex())

    def _count(self) -> None:
        """Count in the background; changes that come meanwhile lead to one more count."""
        project = self._session.project
        self._is_stale = self._is_counting
        if project is not None and not self._is_counting:
            self._is_counting = True
            self._counting.run(
                lambda: _summary_of(project),
                lambda summary: self._on_counted(project, summary, ""),
                lambda error: self._on_counted(project, None, str(error)),
            )

    def _on_counted(self, project: Project, summary: DataSummary | None, failure: str) -> None:
        self._is_counting = False
        if project is self._session.project:
            self._summary, self._failure = summary or self._summary, failure or self._failure
            self._draw_setup()
        if self._is_stale or project is not self._session.project:
            self._count()

    def _set_busy(self, text: str, fraction: float | None) -> None:
        self._busy = (text, fraction)
        self._draw_setup()

    def _draw_setup(self) -> None:
        self._dock.setup.set_view(self._setup_view())

    def _setup_view(self) -> SetupView:
        if self._session.project is None:
            return NO_PROJECT
        summary, (text, fraction) = self._summary, self._busy or ("", None)
        if summary is None:
            return SetupView(summary="Counting the labels…")
        return SetupView(
            summary=summary.text,
            problem=self._failure or summary.problem,
            can_train=not summary.problem and self._busy is None,
            busy_text=text,
            busy_fraction=fraction,
        )

    def _stop_following(self) -> None:
        if self._follower is not None:
            self._follower.close()
            self._follower = None


def _num_threads() -> int:
    """Return the CPU threads of a training: all but one, which is left to the labeller."""
    return max(1, (os.cpu_count() or 1) - 1)


def _summary_of(project: Project) -> DataSummary:
    with project.snapshot() as snapshot:
        return read_summary(snapshot)


def _model_options() -> list[ModelOption]:
    """Return what can be trained on labels; no model is imported for that."""
    return [
        ModelOption(name, MODEL_LABELS.get(name, name), f"Train {name}", get_args(Preset))
        for name in MODELS
        if name not in _NOT_OFFERED
    ]
