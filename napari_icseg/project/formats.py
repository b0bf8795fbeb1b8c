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
class Fate:
    """What becomes of a feature.

    Attributes:
        kept: how much of it stays.
        short: what happens to it in a few words, for a table.
        text: the same as the end of a sentence that begins with what was lost and where.

    """

    kept: Kept = Kept.YES
    short: str = "kept"
    text: str = ""


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """One format; `losses` says what happens to each feature that is not kept whole."""

    key: str
    title: str
    explanation: str
    losses: Mapping[Feature, Fate]

    def fate(self, feature: Feature) -> Fate:
        """What becomes of a feature."""
        return self.losses.get(feature, Fate())

    def kept(self, feature: Feature) -> Kept:
        """How much of a feature is kept."""
        return self.fate(feature).kept

    def loss(self, feature: Feature) -> str:
        """What happens to a feature, as the end of a sentence; "" if it is kept whole."""
        return self.fate(feature).text


_BRIDGES = Fate(
    Kept.PARTLY,
    "joined to the outline by a bridge",
    "holes are reached over bridges of no width; programs that draw outlines add a line one "
    "pixel wide",
)
_JOINED = Fate(
    Kept.PARTLY,
    "joined by bridges",
    "parts are joined by bridges of no width; programs that draw outlines add a line one pixel "
    "wide",
)
_COVERED = Fate(
    Kept.NO, "only the one on top", "pixels that several objects share belong to the one on top"
)
_NO_SCORES = Fate(Kept.NO, "left out", "scores and marks of crowds are left out")
_NO_SPLITS = Fate(Kept.NO, "left out", "the splits are left out")
_NO_NOTES = Fate(
    Kept.NO, "left out", "notes, and the mark that an image is unfinished, are left out"
)
_NO_BLANK = Fate(
    Kept.NO, "look like unlabelled ones", "blank images look like images that nobody has labelled"
)

_COCO = ExportFormat(
    "coco", "COCO, run-length masks", "One JSON file. Keeps everything.", losses={}
)
_COCO_POLYGONS = ExportFormat(
    "coco-polygons",
    "COCO, polygons",
    "One JSON file for tools that need polygons.",
    losses={Feature.HOLES: _BRIDGES},
)
_CVAT = ExportFormat(
    "cvat",
    "COCO for CVAT",
    "annotations/instances_default.json, ready to be uploaded.",
    losses={
        Feature.SCORES: _NO_SCORES,
        Feature.BLANK: _NO_BLANK,
        Feature.SPLITS: _NO_SPLITS,
        Feature.NOTES: _NO_NOTES,
    },
)
_PNG = ExportFormat(
    "png",
    "PNG masks",
    "A class mask and an instance mask for each image.",
    losses={
        Feature.OVERLAPS: _COVERED,
        Feature.SCORES: _NO_SCORES,
        Feature.SPLITS: _NO_SPLITS,
        Feature.NOTES: _NO_NOTES,
    },
)
_YOLO = ExportFormat(
    "yolo",
    "YOLO segmentation",
    "data.yaml, labels/*.txt and a copy of each image.",
    losses={
        Feature.HOLES: _BRIDGES,
        Feature.PARTS: _JOINED,
        Feature.SCORES: _NO_SCORES,
        Feature.NOTES: _NO_NOTES,
    },
)
_LABELME = ExportFormat(
    "labelme",
    "LabelMe",
    "One JSON file for each image (LabelMe 5.3 or newer).",
    losses={},
)
_VOC = ExportFormat(
    "voc",
    "Pascal VOC masks",
    "SegmentationClass, SegmentationObject and ImageSets.",
    losses={
        Feature.OVERLAPS: _COVERED,
        Feature.SCORES: _NO_SCORES,
        Feature.NOTES: _NO_NOTES,
    },
)

EXPORT_FORMATS: dict[str, ExportFormat] = {
    each.key: each for each in (_COCO, _COCO_POLYGONS, _CVAT, _PNG, _YOLO, _LABELME, _VOC)
}
