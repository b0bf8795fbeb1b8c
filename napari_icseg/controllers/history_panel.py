"""Undo, redo and the list of what can be undone; a click in it goes back or forth to there."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.compat import isalive
from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QScrollArea

from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.hints import Hint
from napari_icseg.controllers.notify import show_error
from napari_icseg.controllers.wording import counted
from napari_icseg.widgets.fold import Fold
from napari_icseg.widgets.history_list import PAGE, HistoryLine, HistoryList
from napari_icseg.widgets.key_texts import with_keys
from napari_icseg.widgets.labelling_dock import Slot

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from napari_icseg.controllers.desk import Desk
    from napari_icseg.project.project import Project
    from napari_icseg.project.records import UndoResult
    from napari_icseg.project.travel import HistoryRow, Journey

_DAY_S = 86_400


class HistoryPanel:
    """One for a desk; see `desk.Part`."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._session = desk, desk.session
        self._background = Background(desk.session.gui, "history")
        self._num_running = 0
        self._stop: Callable[[], None] | None = None
        self._is_stale = True
        self.list = HistoryList()
        self.fold = Fold("History", self.list, tooltip="")
        with_keys(self.fold.header, tooltip="What can be undone and redone ({toggle_history})")
        desk.dock.put(Slot.FOLDS, self.fold)
        self.fold.toggled.connect(self._on_fold_toggled)
        self.list.chosen.connect(self.go_to)
        for signal, handler in self._signals():
            signal.connect(handler)

    def actions(self) -> Mapping[str, Callable[[], object]]:
        """Undo, redo, and the list opened or closed."""
        return {
            "undo": partial(self.swap, "undo"),
            "redo": partial(self.swap, "redo"),
            "toggle_history": self._toggle,
        }

    def close(self) -> None:
        """Stops at a whole operation."""
        self._stop_travel()
        for signal, handler in self._signals():
            signal.disconnect(handler, missing_ok=True)
        self._background.close()

    def _toggle(self) -> None:
        """Opens the list where it can be seen, or closes it."""
        self.fold.header.toggle()
        if self.fold.is_open:
            # once it has got its height
            QTimer.singleShot(0, self._scroll_to_list)

    def _scroll_to_list(self) -> None:
        above = self.fold.parentWidget() if isalive(self.fold) else None
        while above is not None and not isinstance(above, QScrollArea):
            above = above.parentWidget()
        if above is not None:
            above.ensureWidgetVisible(self.list)

    # undo and redo ------------------------------------------------------------------------

    def swap(self, direction: str) -> None:
        """Undoes or redoes, and shows the image where that happened."""
        project = self._session.project
        if project is None:
            return
        self._stop_travel()
        work = project.undo if direction == "undo" else project.redo
        if not self._num_running and not project.is_swap_long(direction):
            self._on_swapped(direction, work())
        else:
            self._run(work, partial(self._on_swapped, direction))

    def go_to(self, operation_id: int) -> None:
        """Goes to the place in the history right after an operation, in the thread."""
        project = self._session.project
        if project is None or operation_id == project.history_cursor():
            return
        self._stop_travel()
        stopped: list[bool] = []
        self._stop = partial(stopped.append, True)
        activity = self._session.activity

        def travel() -> Journey:
            with activity.start("Going through the history", cancel=self._stop_travel) as task:
                return project.go_to(
                    operation_id, progress=task.update, cancelled=lambda: bool(stopped)
                )

        self._run(travel, self._on_arrived)

    def _run(self, work: Callable[[], Any], done: Callable[[Any], None]) -> None:
        self._num_running += 1

        def on_done(answer: Any) -> None:
            self._num_running -= 1
            done(answer)

        def on_error(error: Exception) -> None:
            self._num_running -= 1
            show_error(str(error))

        self._background.run(work, on_done, on_error)

    def _stop_travel(self) -> None:
        if self._stop is not None:
            self._stop()
        self._stop = None

    def _on_swapped(self, direction: str, result: UndoResult | None) -> None:
        if result is None:
            self._desk.loop.say(Hint(f"There is nothing to {direction}."))
            return
        self._show_one_of(result.image_ids)
        word = "Undone" if direction == "undo" else "Redone"
        self._desk.loop.say(Hint(f"{word}: {result.summary}.", "done"))

    def _on_arrived(self, journey: Journey) -> None:
        self._show_one_of(journey.image_ids)
        num, word = journey.num_undone, "Undone"
        if journey.num_redone:
            num, word = journey.num_redone, "Redone"
        self._desk.loop.say(Hint(f"{word}: {counted(num, 'operation')}.", "done"))

    def _show_one_of(self, image_ids: tuple[int, ...]) -> None:
        if image_ids and self._desk.images.wanted_id not in image_ids:
            self._desk.images.go(image_ids[0])

    # the list -----------------------------------------------------------------------------

    def _signals(self) -> tuple[tuple[Any, Callable[..., None]], ...]:
        session = self._session
        return (
            (session.opened, self._on_session_opened),
            (session.closing, self._on_session_closing),
            (session.history_changed, self._on_session_history_changed),
        )

    def _on_session_opened(self, _project: object) -> None:
        self._on_fold_toggled(self.fold.is_open)

    def _on_session_closing(self) -> None:
        self._stop_travel()
        self._is_stale = True
        self.list.history.read(lambda _before, _num: (), 0)

    def _on_fold_toggled(self, is_open: bool) -> None:
        project = self._session.project
        if not is_open or project is None or not self._is_stale:
            return
        self._is_stale = False
        self.list.history.read(partial(_lines, project), project.history_cursor())
        self.list.show_cursor()

    def _on_session_history_changed(self) -> None:
        """Takes over the difference; while the list is closed nothing is read."""
        project = self._session.project
        if not self.fold.is_open or self._is_stale or project is None:
            self._is_stale = True
            return
        model = self.list.history
        newer = project.history_rows(PAGE + 1, after_id=model.newest_id)
        if len(newer) > PAGE:
            self._is_stale = True
            self._on_fold_toggled(is_open=True)
            return
        model.update([_line(row) for row in newer], project.history_cursor())
        if newer:
            self.list.show_cursor()


def _lines(project: Project, before_id: int | None, limit: int) -> list[HistoryLine]:
    if before_id is None:
        return [_line(row) for row in project.history_rows(limit)]
    return [_line(row) for row in project.history_rows(limit, before_id=before_id)]


def _line(row: HistoryRow) -> HistoryLine:
    done = time.localtime(row.created_unix_s)
    is_today = (
        time.time() - row.created_unix_s < _DAY_S and done.tm_mday == time.localtime().tm_mday
    )
    shown = time.strftime("%H:%M" if is_today else "%d %b %H:%M", done)
    return HistoryLine(row.id, shown, row.summary, row.image_name)
