"""What models say of one image, beside what is true there; pure but for the models."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from trainers.evaluation.overlay import ADDED, CONFUSED, MISSED, OUTLINE, RIGHT, difference
from trainers.metrics.boundary import boundary
from trainers.metrics.connectivity import TrackErrors, errors_of, regions_of
from trainers.metrics.error_places import ErrorPlace, places_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    Ids = npt.NDArray[np.uint8]
    Rgba = npt.NDArray[np.uint8]

_RIGHT, _FILL, _OUTLINE, _WRONG, _EDGE = 80, 90, 200, 215, 255
"""Opacities, 0..255; of pixels shown as one, the most opaque is seen."""
LABELS = "the labels"
MAX_MARKS = 1000
"""More errors of a model than anybody goes through one by one."""
DIFFERENCE_COLORS = {
    "right": RIGHT,
    "added": ADDED,
    "missed": MISSED,
    "another class": CONFUSED,
    "truth": OUTLINE,
}


@dataclass(frozen=True, eq=False)
class Said:
    """A model's answer.

    Attributes:
        key: of the model's row.
        title: what the user calls it.
        ids: class ids, uint8 (H, W).
        colors: "#rrggbb" of ids 1, 2, ….
        class_names: of ids 1, 2, ….
        known: the ids of which there is a truth; None for all.

    """

    key: str
    title: str
    ids: Ids
    colors: tuple[str, ...]
    class_names: tuple[str, ...] = ("",)
    known: frozenset[int] | None = None


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
        image: grey values (H, W), of a large image each `step` x `step` pixels as one, as in all
            pictures here.
        shape_hw: of the whole image.
        limits: grey values to show as black and white.
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
    shape_hw: tuple[int, int]
    limits: tuple[float, float]

    @property
    def errors(self) -> tuple[tuple[ModelLook, ErrorPlace], ...]:
        """All marked errors, and whose they are; those of one model after the other's."""
        return tuple((model, place) for model in self.models for place in model.places[:MAX_MARKS])


def look_at(said: Said, target: Ids | None) -> ModelLook:
    """Return what an answer looks like, and how it differs from the target of the same shape."""
    look = ModelLook(said.key, said.title, class_picture(said.ids, said.colors))
    if target is None:
        return look
    ids = _comparable(said, target)
    found, wanted = ids > 0, target > 0
    tracks, true_tracks = regions_of(found), regions_of(wanted, 0)
    union = int(np.count_nonzero(found | wanted))
    return replace(
        look,
        wrong=difference_picture(ids, target),
        places=places_of(tracks, true_tracks),
        errors=errors_of(tracks, true_tracks),
        iou=int(np.count_nonzero(found & wanted)) / union if union else 1.0,
        accuracy=float((ids == target).mean()),
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
        return tuple(look_at(one, truths[one.key]) for one in said), LABELS
    first, *others = (replace(one, known=None) for one in said)
    same = [one for one in others if one.class_names == first.class_names]
    rest = [look_at(one, first.ids if one in same else None) for one in others]
    return (look_at(first, None), *rest), first.title if same else ""


def _comparable(said: Said, target: Ids) -> Ids:
    """Return the ids; where it is one of which nobody knows the truth, whatever is true there."""
    if said.known is None:
        return said.ids
    is_known = np.zeros(256, np.bool_)
    is_known[[0, *said.known]] = True
    return np.where(is_known[said.ids], said.ids, target)


def reduced(picture: Rgba, step: int) -> Rgba:
    """Return each `step` x `step` pixels as one: the most opaque, so that no error vanishes."""
    if step == 1:
        return picture
    height, width = (side // step for side in picture.shape[:2])
    blocks = picture[: height * step, : width * step].reshape(height, step, width, step, 4)
    blocks = blocks.transpose(0, 2, 1, 3, 4).reshape(height, width, step * step, 4)
    most = blocks[..., 3].argmax(axis=2)[..., None, None]
    return np.take_along_axis(blocks, most, axis=2)[:, :, 0]


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
        picture[boundary(target == number)] = (*OUTLINE, _OUTLINE)
    for color, mask in difference(ids, target).items():
        if color == RIGHT:
            inside = mask & (picture[..., 3] == 0)
            picture[inside] = (*RIGHT, _RIGHT)
        else:
            picture[mask] = (*color, _WRONG)
    return picture
