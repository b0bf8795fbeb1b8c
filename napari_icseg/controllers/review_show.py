"""Snapshots for the Review dock; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_icseg.controllers import review_words as words
from napari_icseg.controllers.review_way import Phase
from napari_icseg.project.records import ReviewState
from napari_icseg.widgets.keymap import ACTIVE_KEYS
from napari_icseg.widgets.review_view import CurrentView, OverlayView, ProgressLine, QueueRow
from napari_icseg.widgets.training_view import Entry as Choice

if TYPE_CHECKING:
    from napari_icseg.controllers.review_board import Board
    from napari_icseg.controllers.review_layers import ReviewLook
    from napari_icseg.controllers.review_pictures import ReviewPicture
    from napari_icseg.controllers.review_queue import Entry, ReviewQueue
    from napari_icseg.controllers.review_walk import ReviewWalk
    from napari_icseg.controllers.review_words import Message


def progress_line(board: Board, walk: ReviewWalk) -> ProgressLine:
    """Return how far the review is."""
    if not board.entries:
        return ProgressLine()
    counts = walk.queue.counts()
    num_waiting, num_all = counts[ReviewState.WAITING], sum(counts.values())
    rounds = tuple(Choice(each.id, each.name) for each in board.rounds)
    return ProgressLine(
        rounds,
        board.round_id,
        num_all - num_waiting,
        num_all,
        words.counts_line(counts),
        walk.pace.words(num_waiting),
    )


def current_view(
    walk: ReviewWalk, board: Board, *, has_project: bool, is_read: bool, shown_id: int | None
) -> CurrentView:
    """Return the image under review, and what can be done."""
    entry, num_waiting = walk.queue.get(walk.current_id), len(walk.queue.waiting)
    message = _hint(walk, board, has_project=has_project, is_read=is_read)
    is_at_it = walk.phase in (Phase.REVIEWING, Phase.GOING, Phase.EDITING)
    is_named = entry is not None and (is_at_it or shown_id == walk.current_id)
    is_over = has_project and is_read and num_waiting == 0 and walk.phase is not Phase.EDITING
    return CurrentView(
        name=entry.name if entry is not None and is_named else "",
        facts=words.facts_line(entry) if entry is not None and is_named else "",
        hint=ACTIVE_KEYS.fill(message.text),
        tone=message.tone,
        can_decide=walk.phase in (Phase.REVIEWING, Phase.GOING),
        can_walk=walk.phase in (Phase.REVIEWING, Phase.GOING) and num_waiting > 1,
        can_undo=bool(board.entries),
        can_return=walk.phase in (Phase.AWAY, Phase.IDLE) and num_waiting > 0,
        num_waiting=num_waiting,
        is_over=is_over,
    )


def overlay_view(look: ReviewLook, board: Board, picture: ReviewPicture | None) -> OverlayView:
    """Return what is drawn over the image."""
    agreement = None if picture is None else picture.agreement
    return OverlayView(
        look.shows_doubt,
        look.threshold,
        look.shows_previous,
        "" if board.previous is None else board.previous[0],
        "" if agreement is None else f"agrees {words.share(agreement)}",
        "" if picture is None else picture.problem,
    )


class Rows:
    """The rows of those that wait, each made once: there may be thousands."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Entry, QueueRow]] = {}

    def of(self, queue: ReviewQueue) -> list[QueueRow]:
        """Return the rows in the order of a queue."""
        return [self._row(entry) for entry in queue.waiting]

    def _row(self, entry: Entry) -> QueueRow:
        known = self._known.get(entry.image_id)
        if known is not None and known[0] is entry:
            return known[1]
        numbers = words.share(entry.confidence, 3), words.share(entry.predicted_iou)
        row = QueueRow(entry.image_id, entry.name, *numbers)
        self._known[entry.image_id] = entry, row
        return row


def _hint(walk: ReviewWalk, board: Board, *, has_project: bool, is_read: bool) -> Message:
    if not has_project:
        return words.NO_PROJECT
    if not is_read:
        return words.READING
    if not board.entries:
        return words.NO_REVIEWS
    if walk.phase is Phase.EDITING:
        return words.EDIT
    if not walk.queue.waiting:
        name = next(each.name for each in board.rounds if each.id == board.round_id)
        return words.over(name, walk.queue.counts())
    if walk.message.text:
        return walk.message
    return words.AWAY if walk.phase is Phase.AWAY else words.NOTHING
