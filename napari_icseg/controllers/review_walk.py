"""A review that goes on by decisions, and follows what else happens to its images."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_icseg.controllers import review_words as words
from napari_icseg.controllers.review_board import state_of
from napari_icseg.controllers.review_decisions import ReviewDecisions
from napari_icseg.controllers.review_way import Phase, ReviewWay
from napari_icseg.project.records import ReviewState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.project.project import Project
    from napari_icseg.project.records import UndoResult


class ReviewWalk(ReviewWay):
    """Walks through a queue; the project's edits run in a thread, in the order of the keys.

    Emits also `edit_ended()`, and `stale()` when the queue should be read again.
    """

    edit_ended = Signal()
    stale = Signal()

    def __init__(
        self,
        session: ProjectSession,
        show: Callable[[int], None],
        expect: Callable[[tuple[int, ...]], None],
    ) -> None:
        self._decisions = ReviewDecisions(session.gui)
        super().__init__(session, show, expect)
        session.labels_changed.connect(self._on_session_labels_changed)

    def close(self) -> None:
        """Stop; decisions on their way to the project arrive there."""
        super().close()
        self._session.labels_changed.disconnect(self._on_session_labels_changed, missing_ok=True)
        self._decisions.close()

    def decide(self, state: ReviewState) -> None:
        """Decide on the image shown, and go on to the next one at once."""
        project, image_id = self._session.project, self.current_id
        if project is None or image_id is None or self.phase is not Phase.REVIEWING:
            return
        self.message = words.NOTHING
        self.queue.set_state(image_id, state)
        next_id = self.queue.next_after(image_id)
        done: Callable[[], None] = _nothing
        if state is ReviewState.EDITED:
            self._set_phase(Phase.GOING)
            done = partial(self._on_edit_begun, image_id)
        else:
            self.pace.note(time.monotonic() - self._shown_s)
            self._go(next_id)
        refused = partial(self._on_refused, project, image_id)
        self._decisions.decide(
            project,
            image_id,
            state,
            done=done,
            refused=refused,
            waits=state is not ReviewState.EDITED and next_id is not None,
        )

    def accept_many(self, image_ids: Iterable[int]) -> None:
        """Accept the proposals of all these images in one undoable operation."""
        project = self._session.project
        if project is not None:
            self._decisions.accept_many(project, image_ids, self._on_many_accepted, self._on_failed)

    def undo(self) -> None:
        """Take the last operation of the project back, and show its image."""
        project = self._session.project
        if project is not None:
            self._decisions.undo(project, self._on_undone, self._on_failed)

    def clear(self) -> None:
        """Forget everything: the project closes, with all decisions in it."""
        self._decisions.flush()
        super().clear()

    def _set_phase(self, phase: Phase) -> None:
        if phase is not Phase.GOING:
            QTimer.singleShot(0, self._decisions.set_drawn)  # when that has been painted
        super()._set_phase(phase)

    def _undelivered(self) -> Mapping[int, ReviewState]:
        return self._decisions.pending

    # what comes of it --------------------------------------------------------------------------

    def _on_edit_begun(self, image_id: int) -> None:
        if self.current_id == image_id and self.phase is Phase.GOING:
            self._set_phase(Phase.EDITING)
            self.edit_begun.emit()

    def _on_refused(self, project: Project, image_id: int, error: Exception) -> None:
        """Skip what was labelled meanwhile; go back to what still waits, such as a locked class."""
        if project is not self._session.project:
            return
        self.pace.take_back()
        self._read(project, image_id)
        self._say(words.Message(str(error), "warning"), is_loud=True)
        if self.queue.waits(image_id):
            self._go(image_id)
        elif self.current_id == image_id:
            self._go(self.queue.next_after(image_id))

    def _on_failed(self, error: Exception) -> None:
        self._say(words.Message(str(error), "bad"), is_loud=True)

    def _on_many_accepted(self, num: int) -> None:
        self._say(words.accepted_many(num))
        if self.phase in (Phase.REVIEWING, Phase.GOING) and not self.queue.waits(self.current_id):
            self._move_on()

    def _on_undone(self, result: UndoResult | None) -> None:
        if result is None:
            self._say(words.NOTHING_TO_UNDO)
            return
        self.pace.take_back()
        self._say(words.undone(result.summary))
        if not result.image_ids:
            return
        # those of a batch stay in the order of the queue
        is_here = self.current_id in result.image_ids and self.queue.waits(self.current_id)
        target = self.current_id if is_here else result.image_ids[0]
        if target is not None and self.queue.waits(target):
            self._go(target)
        elif target is not None and self._is_being_edited(target):
            self._edit_on(target)
        elif target is not None:
            self._show(target)

    def _on_session_labels_changed(self, image_id: int) -> None:
        project = self._session.project
        if project is None:
            return
        known, found = self.queue.get(image_id), state_of(project, image_id)
        if known is None or (found is not None and found[0].round_id != known.round_id):
            if found is not None and found[0].state is ReviewState.WAITING:
                self.stale.emit()  # another round has proposed something
            return
        was_waiting = known.waits
        self._read(project, image_id)
        if image_id == self.current_id:
            self._follow(project, image_id)
        elif not was_waiting and self.queue.waits(image_id) and self.phase is Phase.OVER:
            self._set_phase(Phase.AWAY)
        self.changed.emit()

    def _follow(self, project: Project, image_id: int) -> None:
        """Take in what became of the image under review by other ways than our keys."""
        waits = self.queue.waits(image_id)
        is_done = project.image(image_id).status.is_done
        if self.phase is Phase.EDITING and waits:
            self._arrive(image_id)
            self.edit_ended.emit()
        elif self.phase is Phase.EDITING and is_done:
            self.pace.note(time.monotonic() - self._shown_s)
            self._go(self.queue.next_after(image_id))
            self.edit_ended.emit()
        elif self.phase in (Phase.REVIEWING, Phase.GOING) and is_done:
            self._move_on()
        elif self.phase is Phase.REVIEWING and not waits:
            self._set_phase(Phase.EDITING if self.is_front else Phase.AWAY)
        elif self.phase in (Phase.OVER, Phase.AWAY) and waits and self._is_looked_at(image_id):
            self._arrive(image_id)

    def _read(self, project: Project, image_id: int) -> None:
        """Take an image's state from the project into the queue."""
        found = state_of(project, image_id)
        if found is None:
            self.queue.drop(image_id)
        else:
            self.queue.set_state(image_id, found[0].state, is_open=found[1])


def _nothing() -> None:
    """Goes on already."""
