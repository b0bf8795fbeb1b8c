"""COCO JSON written so that any COCO program reads it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from trainers.errors import DataError
from trainers.io.atomic import write_text_atomic
from trainers.io.coco_reader import safe_file_name
from trainers.io.keyholes import with_bridges
from trainers.io.polygons import has_holes, trace_parts

if TYPE_CHECKING:
    import os

    from trainers.io.coco_records import (
        CocoAnnotation,
        CocoCategory,
        CocoDataset,
        CocoImage,
    )
    from trainers.io.rle import RleMask

SegmentationStyle = Literal["rle", "polygons", "mixed"]
_MAX_NAMED = 5


def write_coco(
    path: str | os.PathLike[str], dataset: CocoDataset, *, style: SegmentationStyle = "rle"
) -> list[str]:
    """Write `dataset` as COCO JSON, atomically; return what the file could not keep.

    Masks are written as compressed RLE ("rle"), as polygons with bridges to their holes
    ("polygons"; the returned list then says which objects had some), or as polygons where one
    plain outline is all ("mixed"). Crowds are always RLE, as COCO demands. Annotation ids
    start at 1, because COCO's evaluation takes id 0 for "no match": if one is lower, all are
    numbered anew, and the list says so.

    Raises:
        DataError: ids that are doubled or unknown, an unsafe file name, attributes that JSON
            cannot hold, or the file cannot be written.

    """
    losses = _bridged(dataset) if style == "polygons" else []
    try:
        shapes = _image_shapes(dataset)
        _check_references(dataset)
        content: dict[str, Any] = {
            "info": {"description": "Exported by napari-icseg", "version": "1.0"},
            "licenses": [],
            "images": [_image(image) for image in dataset.images],
            "categories": [_category(category) for category in dataset.categories],
            "annotations": [_annotation(a, shapes[a.image_id], style) for a in dataset.annotations],
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
    style: SegmentationStyle,
) -> dict[str, Any]:
    _check_inside(annotation, shape_hw)
    mask: RleMask = annotation.mask
    outlines = None if annotation.iscrowd else _outlines(mask, style)
    segmentation = mask.to_coco(shape_hw) if outlines is None else outlines
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


def _outlines(mask: RleMask, style: SegmentationStyle) -> list[list[float]] | None:
    """Return the polygons of an object, None where it is to be written as RLE."""
    if style == "rle":
        return None
    parts = trace_parts(mask.crop(), (mask.col, mask.row))
    if style == "mixed" and (len(parts) > 1 or parts[0].holes):
        return None
    outlines = [with_bridges(part) for part in parts]
    return [[float(value) for value in outline.ravel()] for outline in outlines]


def _bridged(dataset: CocoDataset) -> list[str]:
    """Return what polygons do to holes, if an object has any."""
    objects = [each for each in dataset.annotations if not each.iscrowd]
    with_holes = [each.id for each in objects if has_holes(each.mask.crop())]
    if not with_holes:
        return []
    some = ", ".join(map(str, with_holes[:_MAX_NAMED])) + (", ..." * (len(with_holes) > _MAX_NAMED))
    return [
        f"{len(with_holes)} objects have holes, which COCO polygons cannot name (annotations "
        f"{some}): their outlines reach the holes over bridges of no width. pycocotools reads "
        "them exactly; programs that draw outlines add a line one pixel wide."
    ]


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
