"""What models say of one image, beside what is true there; pure but for the models."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from trainers.evaluation.overlay import ADDED, CONFUSED, MISSED, OUTLINE, RIGHT, difference
from trainers.metrics.boundary import boundary
from trainers.metrics.connectivity import TrackErrors, track_errors
from trainers.metrics.error_places import ErrorPlace, error_places

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    Ids = npt.NDArray[np.uint8]
    Rgba = npt.NDArray[np.uint8]

_FILL, _EDGE, _RIGHT, _WRONG = 90, 255, 80, 215
"""Opacities, 0..255."""
DIFFERENCE_COLORS = {
    "right": RIGHT,
    "added": ADDED,
    "missed": MISSED,
    "another class": CONFUSED,
    "truth": OUTLINE,
}


@dataclass(frozen=True, eq=False)
class Said:
    """A model's answer: class ids, uint8 (H, W), and the "#rrggbb" of ids 1, 2, …."""

    key: str
    title: str
    ids: Ids
    colors: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class ModelLook:
    """A model on an image.

    Attributes:
        key: of its row.
        title: what the user calls it.
        classes: RGBA uint8 (H, W, 4), what it found, in the colours of the classes.
        wrong: RGBA uint8 (H, W, 4), how that differs from what it is compared with, or None.
        places: opens, shorts, false and missing tracks; none without a comparison.
        errors: their counts, or None.
        iou: of the foreground, 0..1; 1 where there is none and none was found. Or None.
        accuracy: share of right pixels, or None.

    """

    key: str
    title: str
    classes: Rgba
    wrong: Rgba | None = None
    places: tuple[ErrorPlace, ...] = ()
    errors: TrackErrors | None = None
    iou: float | None = None
    accuracy: float | None = None


@dataclass(frozen=True, eq=False)
class ImageLook:
    """One image and what models say of it.

    Attributes:
        image_id: of the project.
        name: of the file.
        image: grey values (H, W).
        models: those that were asked, in that order.
        truth: RGBA of the labels, or None where the image is not labelled.
        compared_with: "the labels", the title of another model, or "" for nothing.

    """

    image_id: int
    name: str
    image: npt.NDArray[Any]
    models: tuple[ModelLook, ...]
    truth: Rgba | None
    compared_with: str

    @property
    def errors(self) -> tuple[tuple[ModelLook, ErrorPlace], ...]:
        """All marked errors, and whose they are; those of one model after the other's."""
        return tuple((model, place) for model in self.models for place in model.places)


def look_at(said: Said, target: Ids | None) -> ModelLook:
    """Return what an answer looks like, and how it differs from the target of the same shape."""
    look = ModelLook(said.key, said.title, class_picture(said.ids, said.colors))
    if target is None:
        return look
    found, wanted = said.ids > 0, target > 0
    union = int(np.count_nonzero(found | wanted))
    return replace(
        look,
        wrong=difference_picture(said.ids, target),
        places=error_places(found, wanted),
        errors=track_errors(found, wanted),
        iou=int(np.count_nonzero(found & wanted)) / union if union else 1.0,
        accuracy=float((said.ids == target).mean()),
    )


def looks_at(
    said: Sequence[Said], truths: Mapping[str, Ids | None]
) -> tuple[tuple[ModelLook, ...], str]:
    """Return the looks, and what they are compared with.

    Args:
        said: the answers.
        truths: true class ids in the numbering of each model, by its key; None where they are
            not known. If none is, a second model is compared with the first.

    """
    if any(truth is not None for truth in truths.values()):
        return tuple(look_at(one, truths[one.key]) for one in said), "the labels"
    first, *others = said
    same = [one for one in others if len(one.colors) == len(first.colors)]
    rest = [look_at(one, first.ids if one in same else None) for one in others]
    return (look_at(first, None), *rest), first.title if same else ""


def class_picture(ids: Ids, colors: Sequence[str]) -> Rgba:
    """Return classes as filled regions with a firm edge, RGBA uint8 (H, W, 4)."""
    table = np.zeros((256, 4), np.uint8)
    for number, color in enumerate(colors[:255], start=1):
        table[number] = (*(int(color[at : at + 2], 16) for at in (1, 3, 5)), _FILL)
    picture = table[ids]
    for number in np.unique(ids[ids > 0]).tolist():
        picture[boundary(ids == number), 3] = _EDGE
    return picture


def difference_picture(ids: Ids, target: Ids) -> Rgba:
    """Return right, added, missed and confused pixels and true outlines, RGBA uint8 (H, W, 4)."""
    picture = np.zeros((*ids.shape, 4), np.uint8)
    for number in np.unique(target[target > 0]).tolist():
        picture[boundary(target == number)] = (*OUTLINE, _EDGE)
    for color, mask in difference(ids, target).items():
        if color == RIGHT:
            inside = mask & (picture[..., 3] == 0)
            picture[inside] = (*RIGHT, _RIGHT)
        else:
            picture[mask] = (*color, _WRONG)
    return picture
