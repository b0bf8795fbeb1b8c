"""Tiles as files: the image, the masks of class ids, and the objects for the COCO files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from trainers.data.synthetic.defects import DEFECT_KINDS, FAULTS
from trainers.data.synthetic.gds import open_gds
from trainers.data.synthetic.generate import SyntheticTile, generate_tile
from trainers.data.synthetic.scene import DRAWN
from trainers.io.atomic import write_bytes_atomic
from trainers.io.coco import CocoAnnotation, CocoCategory, CocoDataset, CocoImage
from trainers.io.masks import write_semantic
from trainers.io.rle import RleMask

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from trainers.data.synthetic.config import SynthConfig
    from trainers.data.synthetic.defects import DefectConfig
    from trainers.data.synthetic.fields import IntImage
    from trainers.data.synthetic.gds import GdsSpec

METAL_ID, VIA_ID = 1, 2
CLASS_NAMES = ("metal", "via")
DESIGN_FOLDER = "design_masks"


@dataclass(frozen=True)
class TilePlan:
    """One tile to write: `folder`/images/`name` and `folder`/masks/`name`.

    gds: the layout file to show, if any. defects: what to plant; then the masks without the
    defects go to `folder`/design_masks/`name`.
    """

    config: SynthConfig
    seed: int
    index: int
    folder: Path
    name: str
    gds: GdsSpec | None = None
    defects: DefectConfig | None = None


@dataclass(frozen=True)
class TileRecord:
    """What the COCO files say of a written tile.

    objects: (class id, mask). defects: (index in DEFECT_KINDS, mask).
    """

    name: str
    height: int
    width: int
    kind: str
    objects: tuple[tuple[int, RleMask], ...]
    defects: tuple[tuple[int, RleMask], ...] = ()


def write_tile(plan: TilePlan) -> TileRecord:
    """Generate and write one tile; the class ids are 0 background, 1 metal, 2 via.

    Raises:
        DataError: a file cannot be written, or the layout file cannot be read.

    """
    source = DRAWN if plan.gds is None else open_gds(plan.gds)
    tile = generate_tile(plan.config, plan.seed, plan.index, source=source, defects=plan.defects)
    write_bytes_atomic(plan.folder / "images" / plan.name, encode_png(tile.image))
    write_semantic(plan.folder / "masks" / plan.name, tile.semantic)
    if plan.defects is not None:
        write_semantic(plan.folder / DESIGN_FOLDER / plan.name, tile.design)
    found = tuple(
        (DEFECT_KINDS.index(defect.kind), RleMask.from_mask(defect.mask)) for defect in tile.defects
    )
    height, width = tile.semantic.shape
    objects = tuple(tile_objects(tile))
    return TileRecord(plan.name, height, width, tile.meta["kind"], objects, found)


def encode_png(image: NDArray[Any]) -> bytes:
    """Return the PNG file of a grey image, uint8 or uint16 (H, W)."""
    _, data = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 6])
    return np.asarray(data, np.uint8).tobytes()


def tile_objects(tile: SyntheticTile) -> Iterable[tuple[int, RleMask]]:
    """Yield the nets that show metal as metal, with what lies under their vias, then the vias."""
    shows_metal = set(np.unique(tile.nets[tile.semantic == METAL_ID]).tolist())
    for net, mask in cut_out(tile.nets):
        if net in shows_metal:
            yield METAL_ID, mask
    for _, mask in cut_out(tile.vias):
        yield VIA_ID, mask


def cut_out(ids: IntImage) -> Iterable[tuple[int, RleMask]]:
    """Yield (id, mask) for every positive id of an id map (H, W), in the order of the ids."""
    boxes = bounding_boxes(ids)
    for number, (top, left, bottom, right) in boxes.items():
        crop = ids[top:bottom, left:right] == number
        yield number, RleMask.from_mask(crop, (top, left))


def bounding_boxes(ids: IntImage) -> dict[int, tuple[int, int, int, int]]:
    """Return the half-open box (top, left, bottom, right) of every positive id."""
    rows, cols = np.nonzero(ids)
    values = ids[rows, cols]
    order = np.argsort(values, kind="stable")
    present, starts = np.unique(values[order], return_index=True)
    if present.size == 0:
        return {}
    low = [np.minimum.reduceat(axis[order], starts) for axis in (rows, cols)]
    high = [np.maximum.reduceat(axis[order], starts) + 1 for axis in (rows, cols)]
    sides = zip(*(side.tolist() for side in (*low, *high)), strict=True)
    return dict(zip(present.tolist(), sides, strict=True))


def coco_dataset(records: Sequence[TileRecord], num_classes: int) -> CocoDataset:
    """Return the COCO content of written tiles; file names are relative to `images/`."""
    images: list[CocoImage] = []
    annotations: list[CocoAnnotation] = []
    for image_id, record in enumerate(records, start=1):
        attributes = {"kind": record.kind}
        images.append(CocoImage(image_id, record.name, record.height, record.width, attributes))
        for class_id, mask in record.objects:
            annotations.append(CocoAnnotation(len(annotations) + 1, image_id, class_id, mask))
    names = enumerate(CLASS_NAMES[:num_classes], start=1)
    categories = tuple(CocoCategory(class_id, name) for class_id, name in names)
    return CocoDataset(tuple(images), categories, tuple(annotations))


def defect_dataset(records: Sequence[TileRecord]) -> CocoDataset:
    """Return the defects of written tiles in COCO form; each kind is a category.

    An image's `design_mask` names its mask without the defects, relative to the split.
    """
    images: list[CocoImage] = []
    annotations: list[CocoAnnotation] = []
    for image_id, record in enumerate(records, start=1):
        facts = {"kind": record.kind, "design_mask": f"{DESIGN_FOLDER}/{record.name}"}
        images.append(CocoImage(image_id, record.name, record.height, record.width, facts))
        for kind, mask in record.defects:
            changes = {"changes_truth": DEFECT_KINDS[kind] in FAULTS}
            number = len(annotations) + 1
            annotations.append(CocoAnnotation(number, image_id, kind + 1, mask, False, changes))
    categories = tuple(CocoCategory(i, kind) for i, kind in enumerate(DEFECT_KINDS, start=1))
    return CocoDataset(tuple(images), categories, tuple(annotations))


def num_classes(config: SynthConfig, gds: GdsSpec | None = None) -> int:
    """Return how many classes tiles may show: metal, or metal and via."""
    if gds is not None:
        return 1 if gds.via is None else 2
    if config.mixture:
        return max(num_classes(part) for part, _ in config.mixture)
    return 1 if config.layout.via_tile_rate == 0 else 2
