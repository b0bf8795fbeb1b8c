"""Small correct label files of each format, as bytes by their place below the source."""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from napari_icseg.project.import_sources import ImportFormat
from tests.napari_icseg.project.conftest import HEIGHT, WIDTH
from trainers.io.voc_reader import color_of_index

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Files = dict[str, bytes]


def png(pixels: np.ndarray[Any, Any], palette: list[int] | None = None) -> bytes:
    buffer = io.BytesIO()
    image = Image.fromarray(pixels)
    if palette is not None:
        image.putpalette(palette)
    image.save(buffer, format="PNG")
    return buffer.getvalue()


def voc_palette() -> list[int]:
    return [value for index in range(256) for value in color_of_index(index)]


def coco() -> Files:
    content = {
        "images": [
            {"id": n + 1, "file_name": f"tiles/t{n}.png", "height": HEIGHT, "width": WIDTH}
            for n in range(2)
        ],
        "categories": [{"id": 1, "name": "metal"}, {"id": 2, "name": "via"}],
        "annotations": [
            {
                "id": 1, "image_id": 1, "category_id": 1, "iscrowd": 0, "bbox": [2, 3, 8, 6],
                "area": 48, "segmentation": [[2, 3, 10, 3, 10, 9, 2, 9]],
            },
            {
                "id": 2, "image_id": 2, "category_id": 2, "iscrowd": 1, "bbox": [0, 0, 1, 24],
                "area": 24,
                "segmentation": {"size": [HEIGHT, WIDTH], "counts": [0, 24, 24 * 31]},
            },
        ],
    }  # fmt: skip
    return {"labels.json": json.dumps(content).encode()}


def yolo() -> Files:
    return {
        "data.yaml": b"train: images\nnames:\n  0: metal\n  1: via\n",
        "labels/t0.txt": b"0 0.125 0.125 0.5 0.125 0.5 0.5 0.125 0.5\n1 0.6 0.6 0.8 0.6 0.8 0.9\n",
        "labels/t1.txt": b"",
    }


def labelme() -> Files:
    mask = base64.b64encode(png(np.eye(5, 6, dtype=np.uint8) * 255)).decode()
    content = {
        "version": "5.4.1", "flags": {}, "imagePath": "t0.png", "imageData": None,
        "imageHeight": HEIGHT, "imageWidth": WIDTH,
        "shapes": [
            {
                "label": "metal", "points": [[2, 3], [10, 3], [10, 9]], "group_id": 1,
                "shape_type": "polygon", "flags": {}, "description": "",
            },
            {"label": "metal", "points": [[20, 3], [24, 9]], "group_id": 1,
             "shape_type": "rectangle", "flags": {}},
            {"label": "via", "points": [[16, 15], [18, 17]], "group_id": None,
             "shape_type": "circle", "flags": {}},
            {"label": "via", "points": [[1, 15], [6, 19]], "group_id": None,
             "shape_type": "mask", "flags": {}, "mask": mask},
        ],
    }  # fmt: skip
    return {"t0.json": json.dumps(content).encode()}


def voc() -> Files:
    classes = np.zeros((HEIGHT, WIDTH), np.uint8)
    classes[2:8, 3:9] = 1
    classes[12:15, 3:9] = 2
    objects = classes.copy()
    objects[2:8, 6:9] = 3
    return {
        "labelmap.txt": b"# label:color_rgb:parts:actions\nbackground:0,0,0::\n"
        b"metal:128,0,0::\nvia:0,128,0::\n",
        "SegmentationClass/t0.png": png(classes, voc_palette()),
        "SegmentationObject/t0.png": png(objects, voc_palette()),
        "ImageSets/Segmentation/train.txt": b"t0\n",
    }


def masks() -> Files:
    ids = np.zeros((HEIGHT, WIDTH), np.uint8)
    ids[2:8, 3:9], ids[12:15, 3:9] = 1, 2
    return {"t0.png": png(ids), "classes.txt": b"metal\nvia\n"}


def instances() -> Files:
    ids = np.zeros((HEIGHT, WIDTH), np.uint16)
    ids[2:8, 3:9], ids[12:15, 3:9] = 1, 2
    table = {"classes": ["metal", "via"], "files": {"t0.png": [1, 2]}}
    return {"instances/t0.png": png(ids), "instances/instances.json": json.dumps(table).encode()}


def data_set() -> Files:
    ids = np.zeros((HEIGHT, WIDTH), np.uint8)
    ids[2:8, 3:9] = 1
    grey = (np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH) % 251).astype(np.uint8)
    return {
        "train/images/n0.png": png(grey),
        "train/masks/n0.png": png(ids),
        "classes.txt": b"metal\nvia\n",
    }


SAMPLES = {
    ImportFormat.COCO: coco(),
    ImportFormat.YOLO: yolo(),
    ImportFormat.LABELME: labelme(),
    ImportFormat.VOC: voc(),
    ImportFormat.MASKS: masks(),
    ImportFormat.INSTANCES: instances(),
    ImportFormat.FOLDER: data_set(),
}


def write_sample(folder: Path, files: Mapping[str, bytes]) -> Path:
    """Write the files; return what a user would choose: the COCO file, else the folder."""
    for name, data in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return folder / "labels.json" if "labels.json" in files else folder
