"""COCO instance segmentation: the records, the reader and the writer."""

from __future__ import annotations

from trainers.io.coco_reader import read_coco, safe_file_name
from trainers.io.coco_records import CocoAnnotation, CocoCategory, CocoDataset, CocoImage
from trainers.io.coco_writer import write_coco

__all__ = [
    "CocoAnnotation",
    "CocoCategory",
    "CocoDataset",
    "CocoImage",
    "read_coco",
    "safe_file_name",
    "write_coco",
]
