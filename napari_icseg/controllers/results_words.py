"""Results on an image, in words and colours; pure functions."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from napari_icseg.controllers.results_look import DIFFERENCE_COLORS
from napari_icseg.controllers.wording import counted
from napari_icseg.widgets.error_marks import MARKS
from napari_icseg.widgets.results_view import LegendEntry, ShownView
from napari_icseg.widgets.training_view import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from napari_icseg.controllers.results_look import ImageLook, ModelLook

ALL, PROJECT = "all", "project"
NO_ROWS = (
    "No trained model yet. Train one in the Training dock, or open the folder of an experiment "
    "(what --out named, with a results.csv in it)."
)
NO_EXPERIMENT = (
    "{} has no results.csv with results. Choose the folder that --out of `icseg experiment` named."
)
NO_PROJECT = "Open a project to see this model on its images."
NO_IMAGE = "Open an image in the Labelling dock to see this model on it."
UNLABELLED = (
    "Nothing to compare with: the image is not marked as labelled, or the project has none of the "
    "model's classes. Choose a second model of the same classes to compare both."
)
NO_RESULTS = "There are no results in this folder (any more): × takes it off the list."
COARSE = " The image is large: pixels are shown {step} x {step} as one."


def nothing_listed(*, is_folder: bool) -> str:
    """Return why the table is empty, and what to do."""
    return NO_RESULTS if is_folder else NO_ROWS


def sources(experiments: Sequence[Path]) -> tuple[Entry, ...]:
    """Return the entries of the box of sources."""
    return (
        Entry(ALL, "All results", "This project's models and all opened experiments"),
        Entry(PROJECT, "This project's models", "Scored on the validation images"),
        *(Entry(str(path), path.name, str(path)) for path in experiments),
    )


def model_line(look: ModelLook) -> str:
    """Return how a model does on the image, as rich text."""
    title = html.escape(look.title)
    if look.errors is None:
        return f"<b>{title}</b>"
    errors = look.errors
    parts = [
        counted(errors.opens, "open") if errors.opens else "",
        counted(errors.shorts, "short") if errors.shorts else "",
        f"{errors.false_tracks:,} false" if errors.false_tracks else "",
        f"{errors.missing_tracks:,} missing" if errors.missing_tracks else "",
    ]
    told = ", ".join(filter(None, parts)) or "no electrical error"
    return f"<b>{title}</b>: IoU {look.iou:.3f}, accuracy {look.accuracy:.4f}, {told}"


def shown_view(look: ImageLook, drawn: int, *, shows_difference: bool) -> ShownView:
    """Return what stands below the table about an image and models.

    Args:
        look: what they say.
        drawn: number of the model that the canvas shows.
        shows_difference: instead of what the model has found.

    """
    is_compared = bool(look.compared_with)
    status = f"{look.name}, compared with {look.compared_with}." if is_compared else UNLABELLED
    step = look.shape_hw[0] // look.image.shape[0]
    status += COARSE.format(step=step) if step > 1 else ""
    has_difference = shows_difference and is_compared
    return ShownView(
        status=status,
        lines=tuple(_numbered(look, drawn)),
        legend=_legend(look, drawn) if has_difference else (),
        num_errors=len(look.errors) if has_difference else 0,
        can_compare=True,
    )


def error_text(number: int, look: ImageLook) -> str:
    """Return which error is looked at (0 is the first), whose it is, and what it means."""
    model, place = look.errors[number]
    times = f" ({place.count} of them)" if place.count > 1 else ""
    whose = f" of {model.title}" if len(look.models) > 1 else ""
    total = len(look.errors)
    return f"Error {number + 1} of {total}{whose}: {MARKS[place.kind].meaning}{times}."


def _numbered(look: ImageLook, drawn: int) -> Iterator[str]:
    """Yield a line for each model, and say which of them the canvas shows."""
    for number, model in enumerate(look.models):
        is_drawn = number == drawn and len(look.models) > 1
        yield model_line(model) + (" (on the canvas)" if is_drawn else "")


def _legend(look: ImageLook, drawn: int) -> tuple[LegendEntry, ...]:
    names = dict(DIFFERENCE_COLORS)
    outline = "outline of the labels" if look.truth is not None else "outline of the other model"
    colors = (
        LegendEntry("#{:02x}{:02x}{:02x}".format(*color), outline if name == "truth" else name)
        for name, color in names.items()
    )
    present = {place.kind for place in look.models[drawn].places}
    marks = (
        LegendEntry(mark.color, f"{mark.letter} {kind}", "●")
        for kind, mark in MARKS.items()
        if kind in present
    )
    return (*colors, *marks)
