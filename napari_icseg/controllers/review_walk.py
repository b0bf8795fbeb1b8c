"""The way through a review: which image is under review, what was decided, what comes next.

IDLE ── begin ──> GOING ── the image is shown ──> REVIEWING ── a decision ──> GOING …
                    ^                                 │ edit            └──> OVER: none waits
                    └─── marked as done ── EDITING <──┘
AWAY: the user looks at another image; `begin` goes on.
"""

from __future__ import annotations

import time
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_icseg.controllers import review_words as words
from napari_icseg.controllers.review_board import state_of
from napari_icseg.controllers.review_decisions import ReviewDecisions
from napari_icseg.controllers.review_pace import ReviewPace
from napari_icseg.controllers.review_queue import ReviewQueue
from napari_icseg.project.records import ImageStatus, ReviewState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from napari_icseg.controllers.review_words import Message
    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.project.project import Project
    from napari_icseg.project.records import UndoResult

NUM_AHEAD = 3
"""Images that are made ready before their turn."""


class Phase(Enum):
    """See the picture above."""

    IDLE = "idle"
    GOING = "going"
    REVIEWING = "reviewing"
    EDITING = "editing"
    OVER = "over"
    AWAY = "away"


class ReviewWalk:
    """Walks through a queue; the project's edits run in a thread, in the order of the keys.

    Emits `changed()` whenever anything of it should be drawn anew, `edit_begun()`,
    `edit_ended()`, and `stale()` when the queue should be read again. `show(image_id)` is
    called to get an image on the canvas, `expect(ids)` with those that come after it.
    """

    changed = Signal()
    edit_begun = Signal()
    edit_ended = Signal()
    stale = Signal()

    def __init__(
        self,
        session: ProjectSession,
        show: Callable[[int], None],
        expect: Callable[[tuple[int, ...]], None],
    ) -> None:
        self._session, self._show, self._expect = session, show, expect
        self._decisions = ReviewDecisions(session.gui)
        self.queue, self.pace = ReviewQueue(), ReviewPace()
        self.phase = Phase.IDLE
        self.current_id: int | None = None
        self.message: Message = words.NOTHING
        self._shown_s = time.monotonic()
        session.image_shown.connect(self._on_session_image_shown)
        session.labels_changed.connect(self._on_session_labels_changed)

    def close(self) -> None:
        """Stop; decisions on their way to the project arrive there."""
        self._session.image_shown.disconnect(self._on_session_image_shown, missing_ok=True)
        self._session.labels_changed.disconnect(self._on_session_labels_changed, missing_ok=True)
        self._decisions.close()

    def clear(self) -> None:
        """Forget everything: the project closes."""
        self.queue, self.phase, self.current_id = ReviewQueue(), Phase.IDLE, None
        self.message = words.NOTHING
        self.pace.clear()
        self.changed.emit()

    def use(self, queue: ReviewQueue) -> None:
        """Go on with another queue, or another order of it; the image under review stays."""
        for image_id, state in self._decisions.pending.items():
            queue.set_state(image_id, state)
        self.queue = queue
        if self.phase in (Phase.REVIEWING, Phase.GOING) and not queue.waits(self.current_id):
            self._go(queue.next_after(self.current_id))
        elif self.phase is Phase.OVER and queue.waiting:
            self._set_phase(Phase.AWAY)
        self._expect_next()
        self.changed.emit()

    # what the user does -----------------------------------------------------------------------

    def begin(self, wanted_id: int | None = None) -> None:
        """Begin or go on: with the image wanted, the last one under review, or the first."""
        if self._is_being_edited(wanted_id) and wanted_id is not None:
            self.current_id = wanted_id
            self._set_phase(Phase.EDITING)
            self._show(wanted_id)
            return
        known = (wanted_id, self.current_id)
        waiting = (each for each in known if self.queue.waits(each))
        self._go(next(waiting, self.queue.next_after(None)))

    def go_to(self, image_id: int) -> None:
        """Review an image that the user chose."""
        if self.queue.waits(image_id):
            self._go(image_id)

    def step(self, step: int) -> None:
        """Leave the image for later and go to the next (+1), or to the one before (-1)."""
        if self.phase is not Phase.REVIEWING:
            return
        target = self.queue.next_after(self.current_id, step)
        if target is None:
            self._say(words.LAST_ONE)
        else:
            self._go(target)

    def decide(self, state: ReviewState) -> None:
        """Decide on the image shown, and go on to the next one at once."""
        project, image_id = self._session.project, self.current_id
        if self.phase is Phase.OVER:
            self._say(words.NONE_WAITS)
        if project is None or image_id is None or self.phase is not Phase.REVIEWING:
            return
        self.message = words.NOTHING
        self.queue.set_state(image_id, state)
        done: Callable[[], None] = _nothing
        if state is ReviewState.EDITED:
            self._set_phase(Phase.GOING)
            done = partial(self._on_edit_begun, image_id)
        else:
            self.pace.note(time.monotonic() - self._shown_s)
            self._go(self.queue.next_after(image_id))
        refused = partial(self._on_refused, project, image_id)
        self._decisions.decide(project, image_id, state, done=done, refused=refused)

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
            self._go(self.queue.next_after(self.current_id))

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
        elif target is not None:
            self._show(target)

    def _on_session_image_shown(self, image_id: int) -> None:
        if image_id == self.current_id and self.phase in (Phase.EDITING, Phase.OVER):
            return
        if image_id == self.current_id and self.phase is Phase.GOING:
            if self.queue.waits(image_id):
                self._arrive(image_id)
            elif not self._is_being_edited(image_id):
                self._go(self.queue.next_after(image_id))
        elif self.queue.waits(image_id) and self.phase is not Phase.IDLE:
            self._arrive(image_id)
        elif self.phase not in (Phase.IDLE, Phase.GOING):
            self._set_phase(Phase.AWAY)

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
            self._go(self.queue.next_after(image_id))
        elif self.phase is Phase.REVIEWING and not waits:
            self._set_phase(Phase.EDITING)
        elif self.phase in (Phase.OVER, Phase.AWAY) and waits:
            self._arrive(image_id)

    def _read(self, project: Project, image_id: int) -> None:
        """Take an image's state from the project into the queue."""
        found = state_of(project, image_id)
        if found is None:
            self.queue.drop(image_id)
        else:
            self.queue.set_state(image_id, found[0].state, is_open=found[1])

    # going -------------------------------------------------------------------------------------

    def _go(self, image_id: int | None) -> None:
        if image_id is None:
            self._set_phase(Phase.OVER)
            return
        self.current_id = image_id
        if self._session.current_image_id == image_id and self.phase is not Phase.GOING:
            self._arrive(image_id)
            return
        self._set_phase(Phase.GOING)
        self._show(image_id)

    def _arrive(self, image_id: int) -> None:
        self.current_id = image_id
        self._shown_s = time.monotonic()
        self._set_phase(Phase.REVIEWING)
        self._expect_next()

    def _expect_next(self) -> None:
        if self.phase is not Phase.IDLE:
            self._expect(self.queue.coming(self.current_id, NUM_AHEAD))

    def _is_being_edited(self, image_id: int | None) -> bool:
        entry, project = self.queue.get(image_id), self._session.project
        if entry is None or project is None or entry.state is not ReviewState.EDITED:
            return False
        return project.image(entry.image_id).status is ImageStatus.IN_PROGRESS

    def _set_phase(self, phase: Phase) -> None:
        self.phase = phase
        self.changed.emit()

    def _say(self, message: Message, *, is_loud: bool = False) -> None:
        self.message = message
        if is_loud:
            words.show(message)
        self.changed.emit()


def _nothing() -> None:
    """Goes on already."""
