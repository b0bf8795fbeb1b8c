"""What an evaluation says, as frozen records that are read and written as JSON."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from trainers.errors import DataError
from trainers.metrics.bootstrap import LEVEL, NUM_RESAMPLES, SEED, Interval
from trainers.metrics.boundary import TOLERANCE_PX
from trainers.metrics.segmentation import nested

if TYPE_CHECKING:
    from collections.abc import Sequence

Protocol = Literal["automatic", "oracle"]
PROTOCOLS: dict[Protocol, str] = {
    "automatic": "automatic: the model sees the image alone",
    "oracle": "oracle prompts: the prompts are drawn from the ground truth, which no unlabelled "
    "image has",
}
MAIN_METRICS = {
    "pixel_accuracy": "pixel accuracy",
    "iou": "IoU",
    "dice": "Dice",
    "foreground_iou": "foreground IoU",
    "foreground_dice": "foreground Dice",
    "precision": "precision",
    "recall": "recall",
    "boundary_f": "boundary F",
    "ap": "AP",
    "ap50": "AP50",
    "ap75": "AP75",
}
"""Keys of the metrics that a table shows, in its order, and what it calls them."""
WITHOUT_CLASSES = ("pixel_accuracy", "foreground_iou", "foreground_dice")
"""Metrics that no single class has."""
MAY_BE_UNDEFINED = ("ap", "ap50", "ap75")
"""Where no image holds an object of the class; JSON then says null."""


@dataclass(frozen=True)
class ImageScore:
    """Scores of one image, each 0..1; all but the first are means over the classes.

    `image` is the path below the data set's folder. `foreground_…` takes all classes as one.
    The average precisions are None in an image without objects. `per_class` has the scores
    of each class by its name.
    """

    image: str
    pixel_accuracy: float
    iou: float
    dice: float
    foreground_iou: float
    foreground_dice: float
    precision: float
    recall: float
    boundary_f: float
    ap: float | None
    ap50: float | None
    ap75: float | None
    per_class: dict[str, dict[str, float | None]] = field(hash=False)


@dataclass(frozen=True)
class Evaluation:
    """Scores of a model on a data set; `images` has the worst IoU first.

    Attributes:
        metrics: scores by name, those of a class as "iou/metal"; undefined ones are left out.
        images: scores of each image.
        split: "test", or "all" where the data have no such split.
        intervals: bootstrap intervals by the names of `metrics`; none for a single image.
        protocol: what the model was given, see `PROTOCOLS`.
        tolerance_px: of the boundary F-score.
        class_names: foreground classes with ids 1, 2, ….
        data_name: folder of the data set.
        data_sha256: hash of the images and masks that were scored.
    """

    metrics: dict[str, float]
    images: tuple[ImageScore, ...]
    split: str
    intervals: dict[str, Interval] = field(default_factory=dict)
    protocol: Protocol = "automatic"
    tolerance_px: float = TOLERANCE_PX
    class_names: tuple[str, ...] = ()
    data_name: str = ""
    data_sha256: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return what `icseg evaluate --json` writes, less what is known of the model."""
        undefined = {name: None for name in MAY_BE_UNDEFINED if name not in self.metrics}
        return {
            **nested(self.metrics),
            **undefined,
            "intervals": {name: list(ends) for name, ends in self.intervals.items()},
            "bootstrap": {
                "level": LEVEL,
                "num_resamples": NUM_RESAMPLES,
                "seed": SEED,
                "method": "percentile, images drawn with replacement",
            },
            "protocol": self.protocol,
            "protocol_note": PROTOCOLS[self.protocol],
            "boundary_tolerance_px": self.tolerance_px,
            "class_names": list(self.class_names),
            "data": {"name": self.data_name, "sha256": self.data_sha256},
            "split": self.split,
            "num_images": len(self.images),
            "images": [asdict(score) for score in self.images],
        }

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Evaluation:
        """Return what `to_dict` wrote; raise `DataError` if it is something else."""
        try:
            return cls(
                metrics=_flat(content),
                images=tuple(ImageScore(**entry) for entry in content["images"]),
                split=str(content["split"]),
                intervals={name: Interval(*ends) for name, ends in content["intervals"].items()},
                protocol="oracle" if content["protocol"] == "oracle" else "automatic",
                tolerance_px=float(content["boundary_tolerance_px"]),
                class_names=tuple(content["class_names"]),
                data_name=str(content["data"]["name"]),
                data_sha256=str(content["data"]["sha256"]),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(
                f"This is not a stored evaluation: {error!r}. Evaluate anew."
            ) from error


def num_images(images: Sequence[ImageScore]) -> str:
    """Return "1 image" or "12 images"."""
    return f"{len(images)} image{'' if len(images) == 1 else 's'}"


def _flat(content: dict[str, Any]) -> dict[str, float]:
    """Undo `nested`."""
    named = {"num_images", "boundary_tolerance_px"}
    overall = {
        key: float(value)
        for key, value in content.items()
        if isinstance(value, int | float) and key not in named
    }
    of_classes = {
        f"{metric}/{name}": float(value)
        for name, metrics in content.get("per_class", {}).items()
        for metric, value in metrics.items()
    }
    return overall | of_classes
