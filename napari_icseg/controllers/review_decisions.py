"""Decisions on their way to the project: in a thread, in the order of the keys.

They let the next image be drawn first. Else the window would show the decision on the image
that is being left, which takes as long as the next image.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from napari_icseg.controllers.gui_thread import Background
from napari_icseg.project.records import ReviewState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from napari_icseg.controllers.gui_thread import GuiThread
    from napari_icseg.project.project import Project
    from napari_icseg.project.records import UndoResult


MAX_WAIT_S = 0.15
"""So long the next image has to be drawn; usually a third of that."""
_FLUSH_S = 10.0


class ReviewDecisions:
    """Runs the project's edits. Before the project closes, `flush` sees to it that all arrive."""

    def __init__(self, gui: GuiThread) -> None:
        self._background = Background(gui, "review")
        self._drawn = threading.Event()
        self._pending: dict[int, ReviewState] = {}

    @property
    def pending(self) -> Mapping[int, ReviewState]:
        """What was decided but may not be in the project yet, by image id."""
        return self._pending

    def decide(
        self,
        project: Project,
        image_id: int,
        state: ReviewState,
        *,
        done: Callable[[], None],
        refused: Callable[[Exception], None],
        waits: bool,
    ) -> None:
        """Take a decision on one image; `waits` for `set_drawn`, but not for long."""
        edit = {
            ReviewState.ACCEPTED: project.accept_review,
            ReviewState.EDITED: project.edit_review,
            ReviewState.REJECTED: project.reject_review,
            ReviewState.BLANK: project.blank_review,
        }[state]
        self._pending[image_id] = state

        def on_done(_answer: object) -> None:
            self._pending.pop(image_id, None)
            done()

        def on_refused(error: Exception) -> None:
            self._pending.pop(image_id, None)
            refused(error)

        self._drawn = drawn = threading.Event()
        if not waits:
            drawn.set()

        def work() -> None:
            drawn.wait(MAX_WAIT_S)
            edit(image_id)

        self._background.run(work, on_done, on_refused)

    def set_drawn(self) -> None:
        """The next image is there."""
        self._drawn.set()

    def flush(self) -> None:
        """Wait until all decisions are in the project; nobody hears of refused ones any more."""
        self._drawn.set()
        if self._pending:
            arrived = threading.Event()
            self._background.run(arrived.set, _ignore, _ignore)
            arrived.wait(_FLUSH_S)
            self._pending.clear()

    def accept_many(
        self,
        project: Project,
        image_ids: Iterable[int],
        done: Callable[[int], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """Accept the proposals of those that still wait, in one undoable operation.

        `done` gets how many those were: what was decided or labelled since they were counted
        stays as it is.
        """
        ids = tuple(image_ids)

        def accept() -> int:
            waiting = {review.image_id for review in project.reviews(state=ReviewState.WAITING)}
            still = [image_id for image_id in ids if image_id in waiting]
            if still:
                project.accept_reviews(still)
            return len(still)

        self._background.run(accept, done, failed)

    def undo(
        self,
        project: Project,
        done: Callable[[UndoResult | None], None],
        failed: Callable[[Exception], None],
    ) -> None:
        """Take the last operation of the project back, after the decisions before."""
        self._background.run(project.undo, done, failed)

    def close(self) -> None:
        """See all decisions into the project, and tell nobody any more."""
        self.flush()
        self._background.close()


def _ignore(_answer: object) -> None:
    """Nobody waits for it."""
