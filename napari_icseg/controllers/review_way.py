"""The way through a review: which image is under review, and which comes next.

IDLE ── begin ──> GOING ── the image is shown ──> REVIEWING ── a decision ──> GOING …
^                                 │ edit            └──> OVER: none waits
└─── marked as done ── EDITING <──┘
AWAY: the user looks at another image; `begin` goes on.
"""

from __future__ import annotations

import time
from enum import Enum
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_icseg.controllers import review_words as words
from napari_icseg.controllers.review_pace import ReviewPace
from napari_icseg.controllers.review_queue import ReviewQueue
from napari_icseg.project.records import ImageStatus, ReviewState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from napari_icseg.controllers.review_words import Message
    from napari_icseg.controllers.session import ProjectSession

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


class ReviewWay:
    """A queue and a place in it.

    Emits `changed()` whenever anything of it should be drawn anew, and `edit_begun()` when the
    click tools are wanted. `show(image_id)` is called to get an image on the canvas,
    `expect(ids)` with those that come after it.
    """

    changed = Signal()
    edit_begun = Signal()

    def __init__(
        self,
        session: ProjectSession,
        show: Callable[[int], None],
        expect: Callable[[tuple[int, ...]], None],
    ) -> None:
        self._session, self._show, self._expect = session, show, expect
        self.queue, self.pace = ReviewQueue(), ReviewPace()
        self.phase = Phase.IDLE
        self.is_front = False
        """The dock is in sight: what happens to the image under review moves the review on."""
        self.current_id: int | None = None
        self.message: Message = words.NOTHING
        self._shown_s = time.monotonic()
        session.image_shown.connect(self._on_session_image_shown)

    def close(self) -> None:
        """Stop listening."""
        self._session.image_shown.disconnect(self._on_session_image_shown, missing_ok=True)

    def clear(self) -> None:
        """Forget everything: the project closes."""
        self.queue, self.phase, self.current_id = ReviewQueue(), Phase.IDLE, None
        self.message = words.NOTHING
        self.pace.clear()
        self.changed.emit()

    def use(self, queue: ReviewQueue) -> None:
        """Go on with another queue, or another order of it; the image under review stays."""
        for image_id, state in self._undelivered().items():
            queue.set_state(image_id, state)
        self.queue = queue
        is_elsewhere = self.phase is Phase.EDITING and queue.get(self.current_id) is None
        if self.phase in (Phase.REVIEWING, Phase.GOING) and not queue.waits(self.current_id):
            self._move_on()
        elif is_elsewhere or (self.phase is Phase.OVER and queue.waiting):
            self._set_phase(Phase.AWAY)
        self._expect_next()
        self.changed.emit()

    def begin(self, wanted_id: int | None = None) -> None:
        """Begin or go on: with the image wanted, the last one under review, or the first."""
        known = (wanted_id, self.current_id)
        edited = next((each for each in known if self._is_being_edited(each)), None)
        if edited is not None:
            self._edit_on(edited)
            return
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
        self.message = words.NOTHING
        target = self.queue.next_after(self.current_id, step)
        if target is None:
            self._say(words.LAST_ONE)
        else:
            self._go(target)

    def _undelivered(self) -> Mapping[int, ReviewState]:
        """What was decided but is not in the project yet."""
        return {}

    def _on_session_image_shown(self, image_id: int) -> None:
        if image_id == self.current_id and self.phase in (Phase.EDITING, Phase.OVER):
            return
        if image_id == self.current_id and self.phase is Phase.GOING:
            if self.queue.waits(image_id):
                self._arrive(image_id)
            elif not self._is_being_edited(image_id):
                self._go(self.queue.next_after(image_id))
        elif self.phase is Phase.IDLE:
            return
        elif self.is_front and self.queue.waits(image_id):
            self._arrive(image_id)
        elif image_id == self.current_id and self._is_being_edited(image_id):
            self._set_phase(Phase.EDITING)
        else:
            self._set_phase(Phase.AWAY)

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

    def _move_on(self) -> None:
        """Go to the next image, but not away from what the user does in another dock."""
        if self.is_front:
            self._go(self.queue.next_after(self.current_id))
        else:
            self._set_phase(Phase.AWAY)

    def _is_looked_at(self, image_id: int) -> bool:
        return self.is_front and self._session.current_image_id == image_id

    def _edit_on(self, image_id: int) -> None:
        """Go on with the correction of a proposal."""
        self.current_id, self._shown_s = image_id, time.monotonic()
        self._set_phase(Phase.EDITING)
        self._show(image_id)
        self.edit_begun.emit()

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
