"""Finished rounds: their proposals come into the project, then their results are shown."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.notify import show_info
from napari_icseg.controllers.rounds_intake import Stopped
from napari_icseg.controllers.rounds_outcome import result_view, round_row
from napari_icseg.controllers.rounds_reading import is_read, read_in
from napari_icseg.controllers.rounds_record import READ, known_rounds
from napari_icseg.controllers.rounds_words import number_of
from napari_icseg.controllers.wording import counted
from napari_icseg.project.records import ReviewState
from napari_icseg.widgets.rounds_view import ResultView

if TYPE_CHECKING:
    from napari_icseg.controllers.rounds_record import RoundInfo
    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.jobs.watcher import RunSnapshot
    from napari_icseg.project.project import Project
    from napari_icseg.widgets.rounds_dock import RoundsDock
    from napari_icseg.widgets.rounds_view import RoundRow


NO_RESULT = ResultView()


@dataclass(frozen=True)
class _Known:
    """What the project says of its rounds."""

    rows: tuple[RoundRow, ...] = ()
    result: ResultView = NO_RESULT


class RoundResultsPresenter:
    """Reads proposals in a thread, one round after another, and draws what came of it.

    Emits `changed()` when a round's proposals are in the project.
    """

    changed = Signal()

    def __init__(self, session: ProjectSession, dock: RoundsDock) -> None:
        self._session, self._dock = session, dock
        self._stop = threading.Event()
        self._seen: set[str] = set()
        self._failed: RunSnapshot | None = None
        self._failure, self._busy = "", ("", 0.0)
        self._known = _Known()
        self._is_looking = self._is_stale = False
        self._reading = Background(session.gui, "round")
        self._looking = Background(session.gui, "rounds")
        dock.result.retry_clicked.connect(self.retry)
        session.labels_changed.connect(self._on_session_labels_changed)
        session.images_changed.connect(self.look)
        self.draw()

    @property
    def is_reading(self) -> bool:
        """Whether proposals are on their way into the project."""
        return bool(self._busy[0])

    def take(self, run: RunSnapshot) -> None:
        """Read a finished round in, unless that was done or tried before."""
        project = self._session.project
        if project is None or run.name in self._seen:
            return
        self._seen.add(run.name)
        stop = self._stop
        self._reading.run(
            lambda: self._work(project, run, stop),
            lambda info: self._on_read(stop, info),
            lambda error: self._on_failed(stop, run, str(error)),
        )

    def retry(self) -> None:
        """Read the round in that could not be."""
        run, self._failed, self._failure = self._failed, None, ""
        if run is not None:
            self._seen.discard(run.name)
            self.take(run)
        self.draw()

    def look(self) -> None:
        """Ask the project for its rounds, in a thread."""
        project = self._session.project
        self._is_stale = self._is_looking
        if project is None or self._is_looking:
            return
        self._is_looking = True
        self._looking.run(
            lambda: _look(project),
            lambda known: self._on_looked(project, known),
            lambda _error: self._on_looked(project, None),
        )

    def stop(self) -> None:
        """Forget everything: the project is closed. What was not read is read next time."""
        self._stop.set()
        self._stop = threading.Event()
        self._seen.clear()
        self._failed, self._failure, self._busy = None, "", ("", 0.0)
        self._known = _Known()
        self.draw()

    def close(self) -> None:
        """Stop reading and listening."""
        self._stop.set()
        self._reading.close()
        self._looking.close()
        session = self._session
        session.labels_changed.disconnect(self._on_session_labels_changed, missing_ok=True)
        session.images_changed.disconnect(self.look, missing_ok=True)

    def draw(self) -> None:
        """Draw everything anew."""
        text, fraction = self._busy
        view = replace(
            self._known.result,
            failure=self._failure,
            busy_text=text,
            busy_fraction=fraction if text else None,
        )
        self._dock.set_result(view)
        self._dock.set_rows(self._known.rows)

    def _work(self, project: Project, run: RunSnapshot, stop: threading.Event) -> RoundInfo | None:
        """Runs in the thread; None where there was nothing to do, or nobody waits."""
        if stop.is_set() or is_read(project, run.run_dir):
            return None

        def progress(done: int, total: int) -> None:
            text = f"Reading the proposals: {done:,} of {total:,} images"
            self._session.gui.call(partial(self._set_busy, stop, text, done / max(1, total)))

        try:
            return read_in(project, run, progress=progress, is_stopped=stop.is_set)
        except Stopped:
            return None

    def _set_busy(self, stop: threading.Event, text: str, fraction: float) -> None:
        if stop is self._stop:
            self._busy = (text, fraction)
            self.draw()

    def _on_read(self, stop: threading.Event, info: RoundInfo | None) -> None:
        if stop is not self._stop:
            return
        self._busy = ("", 0.0)
        if info is not None:
            show_info(
                f"Round {info.number} has finished: proposals for "
                f"{counted(info.num_proposed, 'image')} wait for your review."
            )
            self.changed.emit()
        self.look()
        self.draw()

    def _on_failed(self, stop: threading.Event, run: RunSnapshot, message: str) -> None:
        if stop is self._stop:
            self._busy, self._failed = ("", 0.0), run
            self._failure = f"Round {number_of(run)} has finished, but: {message}"
            self.draw()

    def _on_looked(self, project: Project, known: _Known | None) -> None:
        self._is_looking = False
        if project is self._session.project:
            self._known = known or self._known
            self.draw()
        if self._is_stale:
            self.look()

    def _on_session_labels_changed(self, _image_id: int) -> None:
        self.look()


def _look(project: Project) -> _Known:
    """Return the project's rounds and the result of the newest; for a thread."""
    with project.snapshot() as reader:
        folder, found = project.file.parent, known_rounds(reader)
        gone = {record.id: not (folder / record.run_dir).is_dir() for record, _ in found}
        rows = tuple(round_row(record, info, is_gone=gone[record.id]) for record, info in found)
        done = [(record, info) for record, info in found if info.state == READ]
        if not done:
            return _Known(rows)
        record, info = done[-1]
        waiting = reader.num_reviews(record.id)[ReviewState.WAITING]
        result = result_view(info, record.model, num_waiting=waiting, is_gone=gone[record.id])
        return _Known(rows, result)
