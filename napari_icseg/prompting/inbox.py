"""What the prompt worker has to do next.

There is one place for each kind of request, and a newer one takes it: however fast
requests come, the inbox does not grow and only the newest is answered.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from napari_icseg.prompting.requests import (
    AheadRequest,
    EmbedRequest,
    FindRequest,
    GrowRequest,
    HoverRequest,
    LoadRequest,
    PredictRequest,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

Job = (
    LoadRequest
    | PredictRequest
    | EmbedRequest
    | GrowRequest
    | FindRequest
    | HoverRequest
    | AheadRequest
)


class Inbox:
    """Requests by urgency: another model, a click, a mask to follow, the image shown, ahead.

    All methods may be called from any thread and return at once, except `take`.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._load: LoadRequest | None = None
        self._predict: PredictRequest | None = None
        self._embed: EmbedRequest | None = None
        self._grow: GrowRequest | None = None
        self._rest: deque[AheadRequest] = deque()
        self._ahead: deque[AheadRequest] = deque()
        # the last that was asked, taken up or not
        self._unanswered: PredictRequest | None = None
        self._answered: PredictRequest | None = None
        self._growing: GrowRequest | None = None
        self._hover: HoverRequest | None = None
        self._hovering: HoverRequest | None = None
        self._find: FindRequest | None = None
        self._finding: FindRequest | None = None
        self._shown: EmbedRequest | None = None
        self._wanted_ahead: frozenset[AheadRequest] = frozenset()
        self._is_closed = False

    @property
    def is_closed(self) -> bool:
        """No more work is wanted."""
        return self._is_closed

    @property
    def num_waiting(self) -> int:
        """Number of requests that nobody has taken up yet."""
        with self._changed:
            slots = (self._load, self._predict, self._embed, self._grow)
            num_urgent = sum(slot is not None for slot in slots)
            return num_urgent + len(self._rest) + len(self._ahead)

    def put_load(self, request: LoadRequest) -> None:
        """Switch the model; what is unanswered will be answered by the new one."""
        with self._changed:
            self._load = request
            self._predict, self._embed = self._unanswered, self._shown
            self._forget_answer()
            self._changed.notify()

    def put_embed(self, request: EmbedRequest) -> None:
        """Show another image; clicks on the one before are void."""
        with self._changed:
            self._embed = self._shown = request
            self._find = self._finding = None
            self._predict = self._unanswered = None
            self._rest.clear()
            self._forget_answer()
            self._changed.notify()

    def put_predict(self, request: PredictRequest) -> None:
        """Ask for an answer; earlier ones will not be answered."""
        with self._changed:
            self._predict = self._unanswered = request
            self._forget_answer()
            self._changed.notify()

    def put_grow(self, request: GrowRequest) -> None:
        """Follow a candidate of the last answer, instead of another one of it.

        Nothing happens if it is followed already, or if that answer is not the last any more:
        newer clicks came, or the clicks were cleared.
        """
        with self._changed:
            before = self._growing
            is_same = before is not None and before.kind == request.kind
            if request.answered is self._answered and not is_same:
                self._grow = self._growing = request
                self._changed.notify()

    def put_hover(self, request: HoverRequest | None) -> None:
        """Say what a click would give there, in place of the last such wish; None: nowhere.

        A click, another image and another model end it.
        """
        with self._changed:
            self._hover = self._hovering = request
            self._changed.notify()

    def put_find(self, request: FindRequest | None) -> None:
        """Find all objects of the shown image; None: not any more. Another image ends it."""
        with self._changed:
            self._find = self._finding = request
            self._changed.notify()

    def put_ahead(self, requests: Iterable[AheadRequest]) -> None:
        """Replace the images to embed ahead, most likely first."""
        with self._changed:
            self._ahead = deque(requests)
            self._wanted_ahead = frozenset(self._ahead)
            self._changed.notify()

    def put_rest(self, shown: EmbedRequest, requests: Iterable[AheadRequest]) -> None:
        """Embed further windows of the shown image, before other images."""
        with self._changed:
            if shown is self._shown:
                self._rest = deque(requests)
                self._changed.notify()

    def cancel(self) -> None:
        """Leave the last clicks unanswered, and their answer as it is."""
        with self._changed:
            self._predict = self._unanswered = None
            self._forget_answer()

    def close(self) -> None:
        """Drop everything and let `take` return None."""
        with self._changed:
            self._is_closed = True
            self._load = self._predict = self._embed = self._find = self._finding = None
            self._forget_answer()
            self._rest.clear()
            self._ahead.clear()
            self._changed.notify_all()

    def take(self, *, wait: bool) -> Job | None:
        """Return the most urgent request.

        None means that there is nothing to do: at once if not `wait`, else only when closed.
        """
        with self._changed:
            while (job := self._pop()) is None and wait and not self._is_closed:
                self._changed.wait()
            return job

    def rest(self, seconds: float) -> None:
        """Wait for a while, or until something else is asked for."""
        with self._changed:
            self._changed.wait_for(self.is_urgent, seconds)

    def put_back(self, request: EmbedRequest | AheadRequest | FindRequest) -> None:
        """Return a request that was interrupted, unless it is no longer wanted."""
        with self._changed:
            if isinstance(request, FindRequest):
                self._find = request if request is self._finding else self._find
            elif isinstance(request, AheadRequest):
                if request in self._wanted_ahead:
                    self._ahead.appendleft(request)
                elif self._shown is not None and request.image_id == self._shown.image_id:
                    self._rest.appendleft(request)
            elif self._embed is None and request is self._shown:
                self._embed = request

    def settle(self, request: PredictRequest) -> bool:
        """Return whether this answer is still wanted, and take it as given."""
        with self._changed:
            if request is not self._unanswered or self._load is not None or self._is_closed:
                return False
            self._unanswered, self._answered = None, request
            return True

    def end_grow(self, request: GrowRequest) -> bool:
        """Return whether this mask was still wanted, and take it as followed to its end."""
        with self._changed:
            if request is not self._growing:
                return False
            self._growing = None
            return True

    def end_find(self, request: FindRequest) -> bool:
        """Return whether the objects were still wanted, and take them as found."""
        with self._changed:
            if request is not self._finding:
                return False
            self._finding = None
            return True

    # The next four are asked before each module of a running model: without the lock.

    def is_stale(self, request: GrowRequest) -> bool:
        """Return whether nobody waits any more for a mask to be followed."""
        return request is not self._growing

    def is_urgent(self) -> bool:
        """Return whether work in the background must stop."""
        urgent = (self._load, self._predict, self._grow, self._embed)
        return self._is_closed or any(slot is not None for slot in urgent)

    def must_find_pause(self, request: FindRequest) -> bool:
        """Return whether nobody waits any more for all objects, or something is more urgent."""
        return request is not self._finding or self.is_urgent()

    def is_void(self, request: EmbedRequest | PredictRequest) -> bool:
        """Return whether the model or the image has changed since.

        A newer click in the same image is no reason to stop: it needs the same embedding.
        """
        shown = self._shown
        if self._is_closed or self._load is not None or shown is None:
            return True
        return shown.image is not request.image

    def is_hover_over(self, request: HoverRequest) -> bool:
        """Return whether the mouse went on, or there is real work."""
        return request is not self._hovering or self.is_urgent()

    def _forget_answer(self) -> None:
        self._answered = self._grow = self._growing = self._hover = self._hovering = None

    def _pop(self) -> Job | None:
        job: Job | None
        if self._load is not None:
            job, self._load = self._load, None
        elif self._predict is not None:
            job, self._predict = self._predict, None
        elif self._grow is not None:
            job, self._grow = self._grow, None
        elif self._embed is not None:
            job, self._embed = self._embed, None
        elif self._find is not None:
            job, self._find = self._find, None
        elif self._hover is not None:
            job, self._hover = self._hover, None
        else:
            queue = self._rest or self._ahead
            job = queue.popleft() if queue else None
        return job
