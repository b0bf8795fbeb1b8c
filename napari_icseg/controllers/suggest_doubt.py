"""How unsure the models of the rounds are of a project's images; no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from napari_icseg.project.records import ReviewState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from napari_icseg.project.reader import ProjectReader
    from napari_icseg.project.records import ImageRecord, ReviewRecord


@dataclass(frozen=True)
class Doubts:
    """The reviews of images that a round's model has judged and nobody has labelled, by id."""

    reviews: Mapping[int, ReviewRecord]

    def __bool__(self) -> bool:
        """Whether any image has been judged."""
        return bool(self.reviews)

    def of(self, images: Sequence[ImageRecord]) -> npt.NDArray[np.float64]:
        """Return the doubt of each image, 0 (sure) to 1, float64 (N,).

        It is 1 - the expected IoU, else 1 - the confidence; 1 where a person rejected the
        proposal; the median of the others for images that no model has judged.
        """
        known = {image_id: _doubt(review) for image_id, review in self.reviews.items()}
        middle = float(np.median(list(known.values()))) if known else 0.0
        return np.array([known.get(image.id, middle) for image in images], dtype=np.float64)

    def words(self, image: ImageRecord) -> str:
        """Return why an image is in doubt."""
        review = self.reviews.get(image.id)
        if review is None:
            return "no model has judged it yet"
        if review.state is ReviewState.REJECTED:
            return "you rejected the proposal for it"
        if review.predicted_iou is not None:
            return f"the model is unsure: it expects an IoU of {review.predicted_iou:.2f}"
        return f"the model is unsure: its confidence is {review.confidence:.2f}"


def doubts_of(reader: ProjectReader) -> Doubts:
    """Return what the rounds said of images that wait for review or whose proposal was rejected."""
    open_states = (ReviewState.WAITING, ReviewState.REJECTED)
    return Doubts(
        {
            review.image_id: review
            for review in reader.reviews()
            if review.state in open_states and _is_judged(review)
        }
    )


def _is_judged(review: ReviewRecord) -> bool:
    numbers = (review.predicted_iou, review.confidence)
    return review.state is ReviewState.REJECTED or any(n is not None for n in numbers)


def _doubt(review: ReviewRecord) -> float:
    sure = review.confidence if review.predicted_iou is None else review.predicted_iou
    if review.state is ReviewState.REJECTED or sure is None:
        return 1.0
    return min(1.0, max(0.0, 1.0 - sure))
