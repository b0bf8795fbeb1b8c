"""COCO files to start from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trainers.io.coco import CocoDataset, read_coco

if TYPE_CHECKING:
    from pathlib import Path


def minimal() -> dict[str, Any]:
    return {
        "images": [{"id": 7, "file_name": "a.png", "height": 4, "width": 5}],
        "categories": [{"id": 1, "name": "metal"}],
        "annotations": [
            {
                "id": 1,
                "image_id": 7,
                "category_id": 1,
                "segmentation": {"size": [4, 5], "counts": [3, 4, 13]},
                "iscrowd": 0,
            }
        ],
    }


def read(folder: Path, content: object) -> CocoDataset:
    (folder / "in.json").write_text(json.dumps(content), encoding="utf-8")
    return read_coco(folder / "in.json")
