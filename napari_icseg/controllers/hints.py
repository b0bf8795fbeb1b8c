"""What the status line says next; pure functions of the state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_icseg.controllers.clicks import ClickState


@dataclass(frozen=True, slots=True)
class Hint:
    """A text and its kind: "info", "done", "warning" or "error"."""

    text: str
    kind: str = "info"


READY = Hint("Left-click an object. Its mask appears at once; {accept} accepts it.")
LOADING = Hint("Opening the image…")
OUTSIDE = Hint("That click is outside the image.", "warning")
NO_IMAGE = Hint("Choose an image in the list first.", "warning")
REFINE = Hint(
    "Click or scribble what is missing, right-click what is too much. {accept} replaces the "
    "object, {clear} leaves it as it is."
)
REFINED = Hint("Corrected. {undo} brings the former object back.", "done")
SELECT_TO_REFINE = Hint("Ctrl+click the object that you want to correct, then press {refine}.")
NO_BOX = Hint("A box does not correct an object: click or scribble ({tool_scribble}).", "warning")
LONG_STROKE = Hint("That stroke is too long for a prompt: zoom in and scribble less.", "warning")
SUBJECT_CHANGED = Hint("The object that you corrected was changed meanwhile.", "warning")
NOT_CORRECTED = Hint(
    "The model sees nothing to change there. A scribble ({tool_scribble}) always counts.", "warning"
)
UNSURE_SCORE = 0.8
"""Of the first clicks on objects of the sample images 1 % score less."""
MISSED = Hint(
    "The model is unsure: your click is not in its mask. Is that background? Click an object, or "
    "draw a box around it ({tool_box}).",
    "warning",
)
FRAYED = Hint(
    "The model is unsure: this mask is frayed. Is that background? Click an object, or draw a box "
    "around it ({tool_box}).",
    "warning",
)
NOTHING_TO_ACCEPT = Hint("There is no candidate to accept: left-click an object.", "warning")
NOTHING_TO_REMOVE = Hint("There is no click to remove.", "info")
NO_OBJECT_HERE = Hint("There is no accepted object under that click.", "info")

TOOLS = {
    "paint": Hint(
        "Brush: paints an object of the current class. {tool_click} goes back to clicking."
    ),
    "erase": Hint("Eraser: takes pixels away from objects. {tool_click} goes back to clicking."),
    "polygon": Hint(
        "Polygon: click its corners; Enter or a double click ends it, Esc gives it up. "
        "{tool_click} goes back to clicking."
    ),
    "pan_zoom": READY,
    "box": Hint("Box: drag it around one object. {tool_click} goes back to clicking."),
    "scribble": Hint(
        "Scribble along an object; right button: over what is not part of it. {tool_click} "
        "goes back to clicking."
    ),
}


def after_clicks(state: ClickState, class_name: str) -> Hint:
    """What to do after the clicks or the candidates changed."""
    if state.is_empty:
        return READY
    if not state.has_positive:
        return Hint("Now left-click the object itself: right-clicks only take away.")
    if state.is_pending:
        return Hint("Computing the mask…")
    if state.candidate is None:
        return Hint(
            "The model sees nothing there. Click nearer to the middle of the object, "
            "or press {remove_click}.",
            "warning",
        )
    if state.is_growing and state.accept_when_ready:
        return Hint("It is saved as soon as it is whole. {accept} again saves it as it is now.")
    if state.is_growing:
        kind = state.candidate.kind
        return Hint(
            f"Following the {kind} beyond this window… {{accept}} saves it when it is whole."
        )
    if state.subject is not None and state.candidate.mask == state.subject.mask:
        return NOT_CORRECTED if state.marks else REFINE
    if state.subject is not None:
        return Hint("{accept} replaces the object, {clear} leaves it as it is. More clicks go on.")
    if not state.holds_its_clicks:
        return MISSED
    if state.candidate.is_frayed:
        return FRAYED
    if state.candidate.score < UNSURE_SCORE:
        return Hint(
            f"The model is unsure here (score {state.candidate.score:.2f}). Is there an object? "
            "Click nearer to its middle, or draw a box around it ({tool_box}).",
            "warning",
        )
    more = "{cycle} shows another candidate; m" if len(state.candidates) > 1 else "M"
    return Hint(f"{{accept}} accepts it as {class_name}. {more}ore clicks correct it.")


def accepted(class_name: str) -> Hint:
    """After an object was saved."""
    return Hint(
        f"Saved as {class_name}. Click the next object, or press {{mark_labelled}} when done.",
        "done",
    )


def selected(class_name: str) -> Hint:
    """After an accepted object was selected."""
    return Hint(
        f"Selected a {class_name}. {{delete}} deletes it, a digit re-classes it, {{clear}} lets go."
    )


KNIFE = Hint("Knife: draw a line across an object. {tool_click} goes back to clicking.")
SPLIT_AT_CLICKS = Hint(
    "Click once on each piece of an accepted object, then press {split_at_clicks}.", "warning"
)
NOTHING_TO_COPY = Hint("There is no object on this image to copy.", "warning")
SELECT_FIRST = Hint("Ctrl+click or Ctrl+drag selects objects; then do that again.")


def selected_many(num: int) -> Hint:
    """After several accepted objects, or none, were selected."""
    if not num:
        return Hint("There is no object to select.")
    return Hint(
        f"{num} objects selected. {{delete}} deletes them, a digit re-classes them, {{merge}} "
        "merges them, {clear} lets go."
    )


def copied(num: int) -> Hint:
    """After objects were copied to the next image, which is shown."""
    if not num:
        return Hint("This image has all these objects already, or they lie outside it.")
    return Hint(
        f"Copied {num} object{'' if num == 1 else 's'} here. {{undo}} takes them away.", "done"
    )


def status_set(status: str) -> Hint:
    """After an image was marked."""
    return Hint(f"Marked as {status}. {{next_image!}} goes to the next image.", "done")


def last_image(step: int) -> Hint:
    """At the end of the list."""
    return Hint(f"This is the {'last' if step > 0 else 'first'} image of the list.")


def unreadable(name: str, reason: str) -> Hint:
    """When an image cannot be shown."""
    return Hint(f"{name} cannot be shown: {reason} Press {{next_image!}} to go on.", "error")
