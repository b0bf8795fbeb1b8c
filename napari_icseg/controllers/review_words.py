"""What the Review dock says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_icseg.controllers.notify import show_error, show_warning
from napari_icseg.controllers.review_queue import Order
from napari_icseg.controllers.wording import counted
from napari_icseg.project.records import ReviewState
from napari_icseg.widgets.training_view import Entry

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_icseg.controllers.review_queue import Entry as QueueEntry
    from napari_icseg.widgets.training_view import Tone


@dataclass(frozen=True, slots=True)
class Message:
    """A sentence and its tone; keys are named as `{undo}`."""

    text: str
    tone: Tone = "neutral"


NOTHING = Message("")
LAST_ONE = Message("This is the last image that waits.")
NOTHING_TO_UNDO = Message("There is nothing to undo.")
NO_PROJECT = Message("Open a project in the Labelling dock.")
NO_REVIEWS = Message(
    "No proposals yet. “Next round” in the Rounds dock trains a model on your labels, which then "
    "proposes labels for the other images."
)
EDIT = Message(
    "Correct it by clicks. {mark_labelled} marks it as done and goes on with the review.", "active"
)
AWAY = Message("Another image is on the canvas.")
READING = Message("Reading the proposals…", "active")
ORDERS = (
    Entry(Order.UNCERTAINTY, "least certain first", "By the mean probability of the pixels"),
    Entry(Order.ERROR, "worst first", "By the foreground IoU that is to be expected"),
    Entry(Order.CLUSTER, "alike together", "Images that look alike follow one another"),
    Entry(Order.NAME, "by name", "As in the image list"),
)
MEASURES = (
    Entry("predicted_iou", "Predicted IoU", "The foreground IoU that is to be expected"),
    Entry("confidence", "Confidence", "Mean probability of the image's pixels"),
)
_STATES = {
    ReviewState.ACCEPTED: "accepted",
    ReviewState.EDITED: "edited",
    ReviewState.REJECTED: "rejected",
    ReviewState.BLANK: "blank",
}


def over(name: str, counts: Mapping[ReviewState, int]) -> Message:
    """Return what is said after the last decision."""
    num = sum(counts.values())
    more = (
        " The next round learns from what you accepted."
        if counts[ReviewState.ACCEPTED] or counts[ReviewState.EDITED]
        else ""
    )
    return Message(
        f"All {counted(num, 'proposal')} of {name.lower()} {'is' if num == 1 else 'are'} "
        f"reviewed.{more} Start it in the Rounds dock: Next round.",
        "good",
    )


def undone(summary: str) -> Message:
    """Return what is said after an undo."""
    return Message(f"Undone: {summary}.")


def accepted_many(num: int) -> Message:
    """Return what is said after accepting several."""
    if num == 0:
        return Message("None of them waits any more: nothing was changed.", "warning")
    return Message(f"Accepted {counted(num, 'proposal')}. {{review_undo}} takes them back.", "good")


def counts_line(counts: Mapping[ReviewState, int]) -> str:
    """Return such as "41 waiting · 12 accepted · 1 edited"."""
    parts = [f"{counts[ReviewState.WAITING]:,} waiting"]
    parts += [f"{counts[state]:,} {word}" for state, word in _STATES.items() if counts[state]]
    return " · ".join(parts)


def facts_line(entry: QueueEntry) -> str:
    """Return what is known of a proposal."""
    parts = []
    if entry.predicted_iou is not None:
        parts.append(f"Predicted IoU {share(entry.predicted_iou)}")
    if entry.confidence is not None:
        parts.append(f"confidence {share(entry.confidence, 3)}")
    parts.append(counted(entry.num_objects, "object") if entry.num_objects else "nothing found")
    return " · ".join(parts)


def state_line(entry: QueueEntry) -> str:
    """Return what was decided on an image."""
    if entry.state is ReviewState.WAITING:
        return "" if entry.is_open else "Labelled by hand meanwhile."
    return f"{_STATES[entry.state].capitalize()}."


def batch_count(num: int, num_waiting: int, measure: str) -> str:
    """Return how many would be accepted."""
    what = "a predicted IoU" if measure == "predicted_iou" else "a confidence"
    have = "has" if num == 1 else "have"
    return f"{num:,} of {counted(num_waiting, 'waiting proposal')} {have} {what} this high."


def batch_error(error: float | None, num: int) -> str:
    """Return what is to be expected of them."""
    if num == 0:
        return "Lower the value to accept some."
    if error is None:
        return "How wrong they are is not known: the model predicted no IoU."
    return (
        f"Estimated error: {100 * error:.1f} % of the foreground (mean of 1 − predicted IoU). "
        "Look at the sample, the least sure first:"
    )


def sample_caption(entry: QueueEntry) -> str:
    """Return the line below a picture of the sample."""
    value = entry.confidence if entry.predicted_iou is None else entry.predicted_iou
    return f"{share(value)}  {entry.name.rsplit('/', 1)[-1]}"


def sample_tooltip(entry: QueueEntry) -> str:
    """Return what is said of a picture of the sample."""
    return f"{entry.name}\n{facts_line(entry)}"


def share(value: float | None, digits: int = 2) -> str:
    """Return a number of 0..1 with so many digits: ".93"; a dash where there is none."""
    if value is None:
        return "–"
    text = f"{value:.{digits}f}"
    return text[1:] if text.startswith("0") else text


def show(message: Message) -> None:
    """Show a message in napari's corner, too."""
    from napari_icseg.widgets.keymap import ACTIVE_KEYS

    (show_error if message.tone == "bad" else show_warning)(ACTIVE_KEYS.fill(message.text))
