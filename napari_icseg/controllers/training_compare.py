"""Comparing models: chosen in the list, scored in a thread, shown in a window of its own."""

from __future__ import annotations

import shutil
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

from napari_icseg.controllers import compare_words
from napari_icseg.controllers import training_words as words
from napari_icseg.controllers.compare_data import entries, write_data
from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.wording import counted
from napari_icseg.prompting.torchvision_import import import_torchvision
from napari_icseg.widgets.compare_view import CompareView
from trainers.errors import IcsegError
from trainers.progress import RunState

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_icseg.controllers.compare_data import ComparisonData
    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.jobs.watcher import RunSnapshot
    from napari_icseg.project.project import Project
    from napari_icseg.widgets.compare_window import CompareWindow
    from napari_icseg.widgets.training_view import Tone
    from trainers.comparison import Comparison

FOLDER = ".comparison"
"""In the runs folder: the masks of the images that are scored."""
_NONE = "There is no finished model to compare yet: train one first."


class _CancelledError(IcsegError):
    """The user does not want to wait any more."""


class ComparePresenter:
    """One comparison at a time; closing the window ends it."""

    def __init__(
        self,
        session: ProjectSession,
        window: CompareWindow,
        runs: Callable[[], tuple[RunSnapshot, ...]],
        splits: Callable[[], tuple[tuple[str, int], ...]],
    ) -> None:
        self._session, self._window = session, window
        self._all_runs, self._splits = runs, splits
        self._chosen: tuple[RunSnapshot, ...] = ()
        self._view = CompareView()
        self._cancel = threading.Event()
        self._scoring = Background(session.gui, "compare")
        window.start_clicked.connect(self.start)
        window.cancel_clicked.connect(self.cancel)
        session.closing.connect(self._on_session_closing)

    def open(self, names: tuple[str, ...]) -> None:
        """Show the window for these runs, or for all that have finished if there are not two."""
        if not self._view.is_busy:
            self._chosen = chosen_runs(self._all_runs(), names)
            labels = ", ".join(_label(run) for run in self._chosen)
            self._view = CompareView(
                models=f"{counted(len(self._chosen), 'model')}: {labels}" if labels else "",
                images=entries(self._splits()),
                can_start=bool(self._chosen),
                status="" if self._chosen else _NONE,
                tone="neutral" if self._chosen else "warning",
            )
            self._draw()
        self._window.show_in_front()

    def start(self, key: object) -> None:
        """Score the chosen runs on the images of that choice."""
        project, runs_dir, runs = self._session.project, self._session.runs_dir, self._chosen
        if project is None or runs_dir is None or not runs or self._view.is_busy:
            return
        self._cancel = cancel = threading.Event()
        self._say("Writing the labels…", is_busy=True)
        self._scoring.run(
            lambda: self._work(project, str(key), runs, cancel),
            lambda found: self._on_done(cancel, *found),
            lambda error: self._on_failed(cancel, error),
        )

    def cancel(self) -> None:
        """Stop scoring; what is scored already need not be scored again."""
        if self._view.is_busy:
            self._cancel.set()
            self._say("Stopping…", is_busy=True)

    def close(self) -> None:
        """Stop scoring and listening."""
        self._cancel.set()
        self._scoring.close()
        self._session.closing.disconnect(self._on_session_closing, missing_ok=True)

    def _work(
        self, project: Project, key: str, runs: tuple[RunSnapshot, ...], cancel: threading.Event
    ) -> tuple[Comparison, ComparisonData]:
        """Runs in the thread; torch takes seconds to import."""
        import_torchvision()
        from trainers.comparison import compare

        folder = runs[0].run_dir.parent / FOLDER
        shutil.rmtree(folder, ignore_errors=True)
        data = write_data(project.snapshot, key, runs, folder)
        places = {run.name: place for place, run in enumerate(runs)}

        def progress(name: str, done: int, total: int) -> None:
            if cancel.is_set():
                raise _CancelledError("Stopped.")
            fraction = (places[name] + done / max(1, total)) / len(runs)
            text = f"{_label(runs[places[name]])}: {done} of {total} images"
            self._session.gui.call(lambda: self._on_progress(cancel, text, fraction))

        return compare([run.run_dir for run in runs], folder, progress=progress), data

    def _on_progress(self, cancel: threading.Event, text: str, fraction: float) -> None:
        if cancel is self._cancel and not cancel.is_set():
            self._say(text, is_busy=True, fraction=fraction)

    def _on_done(
        self, cancel: threading.Event, comparison: Comparison, data: ComparisonData
    ) -> None:
        if cancel is not self._cancel:
            return
        labels = {run.name: _label(run) for run in self._chosen}
        self._view = replace(
            self._view,
            metrics=compare_words.columns(len(comparison.runs)),
            rows=compare_words.rows(comparison, data, labels),
        )
        self._say(compare_words.summary(comparison, data))

    def _on_failed(self, cancel: threading.Event, error: Exception) -> None:
        if cancel is self._cancel:
            is_wish = isinstance(error, _CancelledError)
            self._say(str(error), tone="neutral" if is_wish else "bad")

    def _on_session_closing(self) -> None:
        self._cancel.set()
        self._cancel = threading.Event()  # what is on its way belongs to another project
        self._chosen, self._view = (), CompareView()
        self._draw()
        self._window.close()

    def _say(
        self,
        text: str,
        *,
        tone: Tone = "neutral",
        is_busy: bool = False,
        fraction: float | None = None,
    ) -> None:
        self._view = replace(self._view, status=text, tone=tone, is_busy=is_busy, fraction=fraction)
        self._draw()

    def _draw(self) -> None:
        self._window.set_view(self._view)


def chosen_runs(runs: tuple[RunSnapshot, ...], names: tuple[str, ...]) -> tuple[RunSnapshot, ...]:
    """Return the named runs that have a checkpoint, or all finished; oldest first."""
    usable = [run for run in runs if words.can_prefill(run)]
    if len(names) > 1:
        return tuple(run for run in usable if run.name in names)
    return tuple(run for run in usable if run.status.state is RunState.FINISHED)


def _label(run: RunSnapshot) -> str:
    return f"{words.model_label(run)} of {words.moment(run.created_unix_s)}"
