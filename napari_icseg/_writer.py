"""napari writers: one Labels layer as a PNG mask or as COCO JSON."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from trainers.errors import DataError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trainers.io.coco import CocoDataset

DEFAULT_CLASS = "object"


def write_png(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Writes labels as they are: 8 bit up to 254, else 16 bit.

    Label values above 65535 are numbered anew from 1.

    Raises:
        DataError: not a two-dimensional image of whole numbers, or it cannot be written.

    """
    from trainers.io.masks import (
        MAX_CLASS_ID,
        MAX_INSTANCE_ID,
        write_instances,
        write_semantic,
    )

    labels = _checked(data)
    if labels.max(initial=0) > MAX_INSTANCE_ID:
        labels = np.unique(labels, return_inverse=True)[1].reshape(labels.shape)
    if labels.max(initial=0) <= MAX_CLASS_ID:
        write_semantic(path, labels.astype(np.uint8))
    else:
        write_instances(path, labels.astype(np.uint16))
    return [path]


def write_coco_json(path: str, data: Any, meta: dict[str, Any]) -> list[str]:
    """Writes each label value as one object, its class from the layer's features.

    The features' columns `index` (label value) and `class` name the classes; without them all
    objects are of the class "object".

    Raises:
        DataError: not a two-dimensional image of whole numbers, or it cannot be written.

    """
    from trainers.io.coco import write_coco

    labels = _checked(data)
    name = Path(str(meta.get("metadata", {}).get("path") or f"{Path(path).stem}.png")).name
    write_coco(path, _dataset(labels, name, _class_of_value(meta)))
    return [path]


def _checked(data: Any) -> NDArray[Any]:
    labels = np.asarray(data)
    if labels.ndim != 2 or not np.issubdtype(labels.dtype, np.integer) or labels.min(initial=0) < 0:
        raise DataError(
            "Expected a two-dimensional Labels layer with values of 0 and above, got "
            f"{labels.dtype} {labels.shape}. Export one image at a time."
        )
    return labels


def _class_of_value(meta: dict[str, Any]) -> dict[int, str]:
    features = meta.get("features")
    if features is None or not {"index", "class"} <= set(features):
        return {}
    return {int(v): str(n) for v, n in zip(features["index"], features["class"], strict=True)}


def _dataset(labels: NDArray[Any], file_name: str, class_of: dict[int, str]) -> CocoDataset:
    from trainers.io.coco import CocoAnnotation, CocoCategory, CocoDataset, CocoImage
    from trainers.io.rle import RleMask

    values = [int(value) for value in np.unique(labels) if value]
    names = sorted({class_of.get(value, DEFAULT_CLASS) for value in values})
    ids = {name: number for number, name in enumerate(names, start=1)}
    height, width = labels.shape
    return CocoDataset(
        images=(CocoImage(1, file_name, height, width),),
        categories=tuple(CocoCategory(ids[name], name) for name in names),
        annotations=tuple(
            CocoAnnotation(
                number,
                1,
                ids[class_of.get(value, DEFAULT_CLASS)],
                RleMask.from_mask(labels == value),
            )
            for number, value in enumerate(values, start=1)
        ),
    )
