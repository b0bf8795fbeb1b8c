"""COCO JSON written so that any COCO program reads it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trainers.errors import DataError
from trainers.io import polygons as outlines
from trainers.io.atomic import write_text_atomic
from trainers.io.coco_reader import safe_file_name
from trainers.io.rle import RleMask

if TYPE_CHECKING:
    import os

    from trainers.io.coco_records import (
        CocoAnnotation,
        CocoCategory,
        CocoDataset,
        CocoImage,
    )


def write_coco(
    path: str | os.PathLike[str], dataset: CocoDataset, *, polygons: bool = False
) -> list[str]:
    """Write `dataset` as COCO JSON, atomically; return what the file could not keep.

    By default masks are written as compressed RLE, which keeps everything. With `polygons`
    holes are filled, and each object that had some is named in the returned list; crowds stay
    RLE, as COCO demands. Annotation ids start at 1, because COCO's evaluation takes id 0 for
    "no match": if one is lower, all are numbered anew, and the list says so.

    Raises:
        DataError: ids that are doubled or unknown, an unsafe file name, attributes that JSON
            cannot hold, or the file cannot be written.

    """
    losses: list[str] = []
    try:
        shapes = _image_shapes(dataset)
        _check_references(dataset)
        content: dict[str, Any] = {
            "info": {"description": "Exported by napari-icseg", "version": "1.0"},
            "licenses": [],
            "images": [_image(image) for image in dataset.images],
            "categories": [_category(category) for category in dataset.categories],
            "annotations": [
                _annotation(a, shapes[a.image_id], losses, polygons=polygons)
                for a in dataset.annotations
            ],
        }
        _number_from_one(content["annotations"], losses)
        text = json.dumps(content, allow_nan=False)
    except (DataError, TypeError, ValueError) as error:
        raise DataError(f"Cannot write {path} as COCO: {error}") from error
    write_text_atomic(path, text)
    return losses


def _image_shapes(dataset: CocoDataset) -> dict[int, tuple[int, int]]:
    return {image.id: (image.height, image.width) for image in dataset.images}


def _check_references(dataset: CocoDataset) -> None:
    image_ids = _unique("image", [image.id for image in dataset.images])
    category_ids = _unique("category", [category.id for category in dataset.categories])
    _unique("annotation", [annotation.id for annotation in dataset.annotations])
    for annotation in dataset.annotations:
        if annotation.image_id not in image_ids or annotation.category_id not in category_ids:
            raise DataError(
                f"annotation {annotation.id} refers to image {annotation.image_id} and category "
                f"{annotation.category_id}, which are not both in the data set."
            )


def _unique(what: str, ids: list[int]) -> set[int]:
    unique = set(ids)
    if len(unique) != len(ids):
        raise DataError(f"two records have the same {what} id. Give each its own.")
    return unique


def _image(image: CocoImage) -> dict[str, Any]:
    entry = {
        "id": image.id,
        "file_name": safe_file_name(image.file_name),
        "height": image.height,
        "width": image.width,
    }
    return _with_attributes(entry, image)


def _category(category: CocoCategory) -> dict[str, Any]:
    entry = {"id": category.id, "name": category.name, "supercategory": category.supercategory}
    return _with_attributes(entry, category)


def _annotation(
    annotation: CocoAnnotation,
    shape_hw: tuple[int, int],
    losses: list[str],
    *,
    polygons: bool,
) -> dict[str, Any]:
    _check_inside(annotation, shape_hw)
    mask: RleMask = annotation.mask
    if polygons and not annotation.iscrowd:
        mask, segmentation = _as_polygons(annotation, shape_hw, losses)
    else:
        segmentation = mask.to_coco(shape_hw)
    entry = {
        "id": annotation.id,
        "image_id": annotation.image_id,
        "category_id": annotation.category_id,
        "segmentation": segmentation,
        "area": mask.area,
        "bbox": list(mask.box_xywh),
        "iscrowd": int(annotation.iscrowd),
    }
    return _with_attributes(entry, annotation)


def _check_inside(annotation: CocoAnnotation, shape_hw: tuple[int, int]) -> None:
    mask = annotation.mask
    bottom, right = mask.row + mask.height, mask.col + mask.width
    if mask.row < 0 or mask.col < 0 or bottom > shape_hw[0] or right > shape_hw[1]:
        raise DataError(
            f"annotation {annotation.id} reaches over the edge of its image of {shape_hw[1]} x "
            f"{shape_hw[0]} pixels: its box is {mask.box_xywh} (x, y, width, height)."
        )


def _as_polygons(
    annotation: CocoAnnotation, shape_hw: tuple[int, int], losses: list[str]
) -> tuple[RleMask, Any]:
    mask = annotation.mask
    traced = outlines.trace(mask.crop(), (mask.col, mask.row))
    if not traced.num_holes:
        return mask, traced.polygons
    filled = RleMask.from_coco(traced.polygons, shape_hw)
    losses.append(
        f"Annotation {annotation.id} in image {annotation.image_id}: {traced.num_holes} hole(s) "
        f"of {filled.area - mask.area} pixels in all are filled, because COCO polygons have no "
        "holes."
    )
    return filled, traced.polygons


def _number_from_one(entries: list[dict[str, Any]], losses: list[str]) -> None:
    if not entries or min(entry["id"] for entry in entries) > 0:
        return
    for number, entry in enumerate(entries, start=1):
        entry["id"] = number
    losses.append("The annotations are numbered anew from 1: COCO's evaluation misreads id 0.")


def _with_attributes(
    entry: dict[str, Any], record: CocoImage | CocoCategory | CocoAnnotation
) -> dict[str, Any]:
    return {**entry, "attributes": dict(record.attributes)} if record.attributes else entry
