"""The formats that labels are exported to, and what each of them keeps."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Feature(StrEnum):
    """What labels have that a format may lose; the values are the words for the user."""

    HOLES = "Holes in objects"
    PARTS = "Objects of several parts"
    OVERLAPS = "Overlapping objects"
    SCORES = "Scores of objects"
    BLANK = "Images marked blank"
    SPLITS = "Train/val/test splits"
    NOTES = "Notes, unfinished images"


class Kept(StrEnum):
    """How much of a feature a format keeps."""

    YES = "yes"
    PARTLY = "partly"
    NO = "no"


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """One format; `losses` says what happens to each feature that is not kept whole."""

    key: str
    title: str
    explanation: str
    losses: Mapping[Feature, tuple[Kept, str]]

    def kept(self, feature: Feature) -> Kept:
        """How much of a feature is kept."""
        return self.losses.get(feature, (Kept.YES, ""))[0]

    def loss(self, feature: Feature) -> str:
        """What happens to a feature, as the end of a sentence; "" if it is kept whole."""
        return self.losses.get(feature, (Kept.YES, ""))[1]


_BRIDGES = (
    "holes are reached over bridges of no width; programs that draw outlines add a line one "
    "pixel wide"
)
_JOINED = (
    "parts are joined by bridges of no width; programs that draw outlines add a line one pixel wide"
)
_COVERED = "pixels that several objects share belong to the one on top"
_NO_SCORES = "scores and marks of crowds are left out"
_NO_SPLITS = "the splits are left out"
_NO_NOTES = "notes, and the mark that an image is unfinished, are left out"

_COCO = ExportFormat(
    "coco", "COCO, run-length masks", "One JSON file. Keeps everything.", losses={}
)
_COCO_POLYGONS = ExportFormat(
    "coco-polygons",
    "COCO, polygons",
    "One JSON file for tools that need polygons.",
    losses={Feature.HOLES: (Kept.PARTLY, _BRIDGES)},
)
_CVAT = ExportFormat(
    "cvat",
    "COCO for CVAT",
    "annotations/instances_default.json: plain outlines as polygons that CVAT can edit, "
    "the others as masks.",
    losses={
        Feature.SCORES: (Kept.NO, _NO_SCORES),
        Feature.BLANK: (Kept.NO, "blank images look like images that nobody has labelled"),
        Feature.SPLITS: (Kept.NO, _NO_SPLITS),
        Feature.NOTES: (Kept.NO, _NO_NOTES),
    },
)
_PNG = ExportFormat(
    "png",
    "PNG masks",
    "A class mask and an instance mask for each image.",
    losses={
        Feature.OVERLAPS: (Kept.NO, _COVERED),
        Feature.SCORES: (Kept.NO, _NO_SCORES),
        Feature.SPLITS: (Kept.NO, _NO_SPLITS),
        Feature.NOTES: (Kept.NO, _NO_NOTES),
    },
)
_YOLO = ExportFormat(
    "yolo",
    "YOLO segmentation",
    "data.yaml, labels/*.txt and a copy of each image, ready for training with Ultralytics.",
    losses={
        Feature.HOLES: (Kept.PARTLY, _BRIDGES),
        Feature.PARTS: (Kept.PARTLY, _JOINED),
        Feature.SCORES: (Kept.NO, _NO_SCORES),
        Feature.NOTES: (Kept.NO, _NO_NOTES),
    },
)
_LABELME = ExportFormat(
    "labelme",
    "LabelMe",
    "One JSON file for each image, with masks (LabelMe 5.3 or newer).",
    losses={},
)
_VOC = ExportFormat(
    "voc",
    "Pascal VOC masks",
    "SegmentationClass, SegmentationObject and ImageSets, with labelmap.txt as CVAT has it.",
    losses={
        Feature.OVERLAPS: (Kept.NO, _COVERED),
        Feature.SCORES: (Kept.NO, _NO_SCORES),
        Feature.NOTES: (Kept.NO, _NO_NOTES),
    },
)

EXPORT_FORMATS: dict[str, ExportFormat] = {
    each.key: each for each in (_COCO, _COCO_POLYGONS, _CVAT, _PNG, _YOLO, _LABELME, _VOC)
}
