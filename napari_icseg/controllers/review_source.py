"""Where the queue of a review comes from: the project, read in a thread, in the chosen order."""

from __future__ import annotations

import threading
from functools import partial
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.notify import show_error
from napari_icseg.controllers.review_board import Board, read_board
from napari_icseg.controllers.review_clusters import clusters_of
from napari_icseg.controllers.review_queue import Order, ReviewQueue
from napari_icseg.project.watching import WorkCancelled

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.project.project import Project

EMPTY = Board()


class ReviewSource:
    """Reads the rounds and their reviews; emits `read(ReviewQueue)` and `busy_changed()`."""

    read = Signal(object)
    busy_changed = Signal()

    def __init__(self, session: ProjectSession) -> None:
        self._session = session
        self.board = EMPTY
        self.order = Order.UNCERTAINTY
        self.busy = ""
        self.is_read = False
        self._wanted_round: int | None = None
        self._newest = 0
        self._clusters: Mapping[int, int] = {}
        self._is_reading = self._is_stale = False
        self._stop = threading.Event()
        self._reading = Background(session.gui, "review-board")
        self._comparing = Background(session.gui, "review-clusters")

    def look(self) -> None:
        """Read everything anew; asked for while it is being read, once more afterwards."""
        project = self._session.project
        self._is_stale = self._is_reading
        if project is None or self._is_reading:
            return
        self._is_reading = True
        self._reading.run(
            partial(read_board, project, self._wanted_round),
            partial(self._on_read, project),
            lambda _error: self._on_read(project, None),
        )

    def choose_round(self, round_id: int | None) -> None:
        """Show another round than the newest, until there is a newer one."""
        self._wanted_round = round_id
        self.look()

    def choose_order(self, order: Order) -> None:
        """Put the queue into another order; by cluster only when the images were compared."""
        self.order = order
        self._stop.set()
        self.busy = ""
        if order is Order.CLUSTER:
            self._compare()
        self.busy_changed.emit()
        self.look()

    def clear(self) -> None:
        """Another project is coming."""
        self._stop.set()
        self.board, self.busy, self.is_read = EMPTY, "", False
        self._clusters, self._wanted_round, self._newest = {}, None, 0

    def close(self) -> None:
        """Stop reading."""
        self._stop.set()
        self._reading.close()
        self._comparing.close()

    def _order_now(self) -> Order:
        is_unknown = self.order is Order.CLUSTER and not self._clusters
        return Order.UNCERTAINTY if is_unknown else self.order

    def _on_read(self, project: Project, board: Board | None) -> None:
        self._is_reading = False
        if project is not self._session.project:
            return
        if self._is_stale:
            self.look()
            return
        if board is None:
            return
        newest = board.rounds[0].id if board.rounds else 0
        self._newest, is_newer = newest, newest > self._newest > 0
        if is_newer and self._wanted_round is not None:
            self.choose_round(None)
            return
        ids = {entry.image_id for entry in board.entries}
        is_new = not ids <= self._clusters.keys()
        self.board, self.is_read = board, True
        if self.order is Order.CLUSTER and is_new and not self.busy:
            self._compare()
        self.read.emit(ReviewQueue(board.entries, self._order_now(), self._clusters))

    def _compare(self) -> None:
        """Find the clusters in a thread; until then the least certain image comes first."""
        project = self._session.project
        ids = tuple(entry.image_id for entry in self.board.entries)
        if project is None or not ids:
            return
        self._stop = stop = threading.Event()
        self._say_busy(stop, "Comparing the images…")

        def progress(done: int, total: int) -> None:
            if done % 8 == 0:
                text = f"Comparing the images: {done:,} of {total:,}"
                self._session.gui.call(partial(self._say_busy, stop, text))

        def work() -> dict[int, int]:
            try:
                return clusters_of(project, ids, progress=progress, cancelled=stop.is_set)
            except WorkCancelled:
                return {}

        self._comparing.run(
            work, partial(self._on_compared, stop), partial(self._on_compare_failed, stop)
        )

    def _say_busy(self, stop: threading.Event, text: str) -> None:
        if not stop.is_set():
            self.busy = text
            self.busy_changed.emit()

    def _on_compared(self, stop: threading.Event, clusters: Mapping[int, int]) -> None:
        if stop.is_set():
            return
        self._clusters = clusters
        self._say_busy(stop, "")
        stop.set()
        self.look()

    def _on_compare_failed(self, stop: threading.Event, error: Exception) -> None:
        if not stop.is_set():
            self._say_busy(stop, "")
            stop.set()
            show_error(f"The images could not be compared: {error}")
