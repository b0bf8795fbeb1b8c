"""What passes between the click loop and the models: prompts in, candidates out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np

from napari_icseg.prompting.errors import PromptError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

    from napari_icseg.prompting.prompt_image import PromptImage
    from napari_icseg.prompting.windows import Window
    from trainers.io.rle import RleMask
    from trainers.models.sam2.interface import ImageFeatures

CandidateKind = Literal["net", "layer", "part"]
"""The object under the click, everything like it, or one straight piece of it."""

NEGATIVE, POSITIVE = 0, 1


@dataclass(frozen=True)
class PaintedStroke:
    """Pixels that belong to the object, or do not, whatever the model says."""

    mask: RleMask
    is_positive: bool


@dataclass(frozen=True, eq=False)
class Prompts:
    """What the user has shown of one object, in image coordinates.

    Integer coordinates are pixel centres, as in napari.

    Attributes:
        points_xy: float32 (N, 2), clicks in the order in which they were made.
        labels: int8 (N,): 1 inside the object, 0 outside.
        box_xyxy: float32 (4,), left, top, right, bottom, or None.
        mask: an object to correct, or None; see `fitting.corrected`.
        kind: the kind of the candidate that the clicks after the first correct; None is
            the best one.
        strokes: in the order in which they were drawn; the model gets them as points.

    Raises `PromptError` for shapes, labels or coordinates that mean nothing.

    """

    points_xy: NDArray[np.float32]
    labels: NDArray[np.int8]
    box_xyxy: NDArray[np.float32] | None = None
    mask: RleMask | None = None
    kind: CandidateKind | None = None
    strokes: tuple[PaintedStroke, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "points_xy", _points(self.points_xy))
        object.__setattr__(self, "labels", _labels(self.labels, len(self.points_xy)))
        if self.box_xyxy is not None:
            object.__setattr__(self, "box_xyxy", _box(self.box_xyxy))

    @property
    def num_points(self) -> int:
        """Number of clicks."""
        return len(self.labels)

    @property
    def positive_xy(self) -> NDArray[np.float32]:
        """The clicks inside the object, float32 (P, 2)."""
        return np.asarray(self.points_xy[self.labels == POSITIVE])

    def check(self, image_hw: tuple[int, int]) -> None:
        """Raise `PromptError` if nothing can be predicted from this in an image of this size."""
        if self.box_xyxy is None and self.mask is None and not len(self.positive_xy):
            if self.num_points:
                raise PromptError(
                    "Every click says what is outside the object. "
                    "Click inside it first, or draw a box around it."
                )
            raise PromptError("There is no prompt: click inside an object, or draw a box.")
        for point_xy in self.points_xy:
            _check_inside(point_xy, image_hw)
        if self.box_xyxy is not None:
            _check_box_meets(self.box_xyxy, image_hw)


@dataclass(frozen=True)
class Candidate:
    """One mask that the prompts may mean.

    Attributes:
        mask: in image coordinates, never empty.
        score: the IoU that the model expects of it, 0..1.
        kind: the object ("net"), the whole layer, or a part of the object.
        is_cut: the mask ends at the edge of the window it was predicted in, inside the
            image, or is the layer of some windows only, so that it may go on beyond.
        is_frayed: the edge of the net is as ragged as that of a mask of background.

    """

    mask: RleMask
    score: float
    kind: CandidateKind
    is_cut: bool = False
    is_frayed: bool = False


@dataclass(frozen=True, eq=False)
class Embedding:
    """What all prompts in one window of an image share.

    Attributes:
        features: the model's maps, float16 or float32, on its device.
        window: the part of the image that was embedded.
        image_hw: height and width of the whole image in pixels.
        checkpoint_id: of the model that made it; another model cannot use it.

    """

    features: ImageFeatures
    window: Window
    image_hw: tuple[int, int]
    checkpoint_id: str

    @property
    def num_bytes(self) -> int:
        """Memory that the maps take."""
        maps = (self.features.embedding, *self.features.high_res)
        return sum(int(level.numel() * level.element_size()) for level in maps)


class PromptPredictor(Protocol):
    """A model that answers prompts. One instance belongs to one thread."""

    name: str
    """What the user calls the model, for example sam2-nano."""
    checkpoint_id: str
    """Differs whenever the weights do; part of the key of cached embeddings."""
    input_size_px: int
    """Longest side of a window that is embedded in one go."""

    def embed(
        self,
        image: PromptImage | NDArray[Any],
        window: Window | None = None,
        *,
        should_stop: Callable[[], bool] | None = None,
    ) -> Embedding:
        """Embed one window of an image, uint8 or uint16 (H, W) grey; by default the first.

        Raises `EmbeddingInterruptedError` soon after `should_stop` says so.
        """

    def predict(self, embedding: Embedding, prompts: Prompts) -> tuple[Candidate, ...]:
        """Return up to three candidates, best first; none where the model sees nothing.

        They may be equal; `windowed.answer_in_windows` leaves out what is there twice.

        Raises `PromptError` for prompts outside the image or from which nothing follows.
        """


def _points(points_xy: ArrayLike) -> NDArray[np.float32]:
    points = np.array(points_xy, dtype=np.float32)
    points = points.reshape(0, 2) if points.size == 0 else points
    if points.ndim != 2 or points.shape[1] != 2:
        raise PromptError(f"Expected clicks as (N, 2) of x, y; got an array of {points.shape}.")
    if not np.isfinite(points).all():
        raise PromptError("Expected finite click coordinates; one of them is not a number.")
    return points


def _labels(labels: ArrayLike, num_points: int) -> NDArray[np.int8]:
    array = np.array(labels).reshape(-1)
    if len(array) != num_points or not np.isin(array, (NEGATIVE, POSITIVE)).all():
        raise PromptError(
            f"Expected one label, 1 inside or 0 outside, for each of {num_points} clicks; "
            f"got {array.tolist()}."
        )
    return array.astype(np.int8)


def _box(box_xyxy: ArrayLike) -> NDArray[np.float32]:
    box = np.array(box_xyxy, dtype=np.float32).reshape(-1)
    if box.shape != (4,) or not np.isfinite(box).all():
        raise PromptError(f"Expected a box as left, top, right, bottom; got {box.tolist()}.")
    low, high = np.minimum(box[:2], box[2:]), np.maximum(box[:2], box[2:])
    return np.concatenate([low, high])


def _check_inside(point_xy: NDArray[np.float32], image_hw: tuple[int, int]) -> None:
    x, y = (float(value) for value in point_xy)
    height, width = image_hw
    if not (-0.5 <= x < width - 0.5 and -0.5 <= y < height - 0.5):
        raise PromptError(
            f"The click at x {x:.0f}, y {y:.0f} lies outside the image of {width} x {height} "
            "pixels. Click inside the image."
        )


def _check_box_meets(box_xyxy: NDArray[np.float32], image_hw: tuple[int, int]) -> None:
    left, top, right, bottom = (float(value) for value in box_xyxy)
    height, width = image_hw
    if right < 0 or bottom < 0 or left > width - 1 or top > height - 1:
        raise PromptError(
            f"The box from ({left:.0f}, {top:.0f}) to ({right:.0f}, {bottom:.0f}) lies outside "
            f"the image of {width} x {height} pixels. Draw it inside the image."
        )
