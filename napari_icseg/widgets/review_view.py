"""What the Review dock shows: frozen snapshots that a controller makes and the widgets draw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_icseg.widgets.training_view import Entry, Tone


@dataclass(frozen=True, slots=True)
class ProgressLine:
    """How far the review of a round is.

    Attributes:
        rounds: those that have something to review, newest first.
        round_key: the one that is shown.
        num_done: images that were decided on.
        num_images: all of the round.
        counts: such as "41 waiting · 12 accepted".
        pace: such as "24 images a minute, about 2 min left".

    """

    rounds: tuple[Entry, ...] = ()
    round_key: object = None
    num_done: int = 0
    num_images: int = 0
    counts: str = ""
    pace: str = ""


@dataclass(frozen=True, slots=True)
class CurrentView:
    """The image under review, and what can be done with it.

    Attributes:
        name: of its file; empty without one.
        facts: such as "Predicted IoU .87 · confidence .93".
        hint: what is going on or what to do, in a tone.
        can_decide: the proposal shown waits.
        can_walk: there are others that wait.
        can_undo: something was proposed, so that there may be something to undo.
        can_return: another image is on the canvas; the review can be taken up again.
        num_waiting: images that wait, for "Accept many".
        is_over: nothing waits any more, or never did.

    """

    name: str = ""
    facts: str = ""
    hint: str = ""
    tone: Tone = "neutral"
    can_decide: bool = False
    can_walk: bool = False
    can_undo: bool = False
    can_return: bool = False
    num_waiting: int = 0
    is_over: bool = False


@dataclass(frozen=True, slots=True)
class OverlayView:
    """What is drawn over the image.

    Attributes:
        shows_doubt: the uncertain pixels are marked.
        threshold: from which doubt on, 0..1.
        shows_previous: the outlines of the round before are drawn.
        previous: what that round is called; empty without one.
        note: beside them, such as "agrees .83".
        problem: why the uncertain pixels cannot be shown.

    """

    shows_doubt: bool = True
    threshold: float = 0.2
    shows_previous: bool = False
    previous: str = ""
    note: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class QueueRow:
    """One image that waits; numbers are shown as they are."""

    image_id: int
    name: str
    confidence: str
    predicted_iou: str
