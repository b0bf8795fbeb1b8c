"""The Rounds dock of a viewer: one button trains, labels, trains again and proposes."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.rounds_plan import read_round_summary
from napari_icseg.controllers.rounds_results import RoundResultsPresenter
from napari_icseg.controllers.rounds_runs import RoundRunsPresenter
from napari_icseg.controllers.rounds_start import RoundChoice, start_round
from napari_icseg.controllers.rounds_words import METHODS
from napari_icseg.controllers.session import session_of, unwrapped
from napari_icseg.controllers.theme import colors_of
from napari_icseg.controllers.training_follower import RunsFollower
from napari_icseg.controllers.training_setup import Purpose, SetupPresenter, num_threads
from napari_icseg.widgets.rounds_dock import RoundsDock

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.jobs.runs import RunHandle
    from napari_icseg.jobs.watcher import RunSnapshot
    from napari_icseg.project.project import Project
    from napari_icseg.widgets.training_view import TrainingChoice

_PURPOSE = Purpose(
    read_round_summary,
    lambda _choice, _summary: "Next round",
    "Train on the labels, label the rest, train on both, and propose labels for your review",
    "sam_seg",
)
_UNDER_WAY = "A round is under way: wait for it, or cancel it below"
_LOOKING = "Looking for rounds of this project…"


class ViewerRoundsDock(RoundsDock):
    """The Rounds dock of a napari viewer, with its controller."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        viewer = unwrapped(viewer)
        self.controller = RoundsController(
            session_of(viewer), viewer, self, partial(open_review_dock, viewer)
        )


def open_review_dock(viewer: Any) -> None:
    """Show the Review dock in front, opened if it is not there yet."""
    from napari_icseg.controllers.application import PLUGIN

    dock, _widget = viewer.window.add_plugin_dock_widget(PLUGIN, "Review", tabify=True)
    dock.show()
    dock.raise_()


class RoundsController:
    """Connects a project, its rounds and the dock. Nothing of it computes in the GUI thread.

    `settings` are further settings of `RunRequest.options` for each round it starts.
    """

    def __init__(
        self,
        session: ProjectSession,
        viewer: Any,
        dock: RoundsDock,
        open_review: Callable[[], None],
    ) -> None:
        self._session, self._viewer, self._dock = session, viewer, dock
        self._follower: RunsFollower | None = None
        self._is_closed = False
        self._awaited = ""
        self.settings: dict[str, Any] = {}
        self._starting = Background(session.gui, "start-round")
        dock.method.set_methods(METHODS)
        self.setup = SetupPresenter(session, dock.setup, _PURPOSE)
        self.runs = RoundRunsPresenter(session.gui, dock)
        self.results = RoundResultsPresenter(session, dock)
        self.runs.finished.connect(self.results.take)
        self.results.changed.connect(self.setup.count)
        dock.setup.train_clicked.connect(self.start)
        dock.result.review_clicked.connect(open_review)
        session.opened.connect(self._on_session_opened)
        session.closing.connect(self._on_session_closing)
        viewer.events.theme.connect(self._on_viewer_theme)
        self._on_viewer_theme()
        if session.project is not None:
            self._on_session_opened(session.project)

    def start(self, training: TrainingChoice) -> None:
        """Write the labels as they are now, and start (or queue) a round on them."""
        project, runs_dir = self._session.project, self._session.runs_dir
        if project is None or runs_dir is None or self.setup.is_busy or self.runs.is_busy:
            return
        choice = RoundChoice(training, self._dock.method.chosen())
        options = {"num_threads": num_threads(), **self.settings}
        self.setup.fail("")
        self.setup.set_busy("Writing the labels…", None)
        self._starting.run(
            lambda: start_round(
                project, choice, runs_dir, options=options, progress=self.setup.say_written()
            ),
            lambda handle: self._on_started(project, handle),
            lambda error: self._on_not_started(project, error),
        )

    def close(self) -> None:
        """Stop watching; a round goes on and is found again by the next dock.

        Safe to call twice.
        """
        if self._is_closed:
            return
        self._is_closed = True
        self._stop_following()
        self._starting.close()
        self.setup.close()
        self.runs.close()
        self.results.close()
        self._session.opened.disconnect(self._on_session_opened, missing_ok=True)
        self._session.closing.disconnect(self._on_session_closing, missing_ok=True)
        self._viewer.events.theme.disconnect(self._on_viewer_theme)

    def _on_started(self, project: Project, handle: RunHandle) -> None:
        if project is self._session.project:
            # busy until it is seen to run: a second click would start a second one
            self._awaited = handle.run_dir.name
            self.setup.set_busy("Starting the round…", None)
            self._look_out()

    def _on_not_started(self, project: Project, error: Exception) -> None:
        if project is self._session.project:
            self.setup.end_busy(str(error))

    def _look_out(self) -> None:
        if self._awaited and self.runs.find(self._awaited) is not None:
            self._awaited = ""
            self.setup.end_busy()
        self.setup.hold(_UNDER_WAY if self.runs.is_busy else "")

    def _forget(self) -> None:
        """Forget what was shown of a project."""
        self._stop_following()
        self._awaited = ""
        self.setup.end_busy()
        self.runs.clear()
        self.results.stop()
        self._look_out()

    def _on_runs(self, snapshots: tuple[RunSnapshot, ...]) -> None:
        self.runs.set_runs(snapshots)
        self._look_out()

    def _on_session_opened(self, _project: Project) -> None:
        self._forget()
        self.setup.hold(_LOOKING)
        runs_dir = self._session.runs_dir
        assert runs_dir is not None, "an open project has a file"
        self._follower = RunsFollower(runs_dir, self._session.gui, self._on_runs, self.setup.fail)
        self.setup.count()
        self.results.look()

    def _on_session_closing(self) -> None:
        self._forget()
        self.setup.clear()

    def _on_viewer_theme(self, _event: object = None) -> None:
        colors = colors_of(self._viewer)
        self._dock.apply_theme(foreground=colors.text, background=colors.background)

    def _stop_following(self) -> None:
        if self._follower is not None:
            self._follower.close()
            self._follower = None
