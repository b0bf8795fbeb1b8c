"""What a simulated annotator wants of a tile: each layer, each net and each via."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import cv2
import numpy as np
from scipy.ndimage import find_objects

from trainers.io.rle import RleMask

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from trainers.metrics.clicks import Click

    Mask = NDArray[np.bool_]

TargetKind = Literal["layer", "net", "via"]
MIN_AREA_PX = 40
"""Slivers of nets and vias at the edge of a tile are not clicked; the layer keeps them."""


@dataclass(frozen=True, eq=False)
class Target:
    """One mask that the annotator wants.

    Attributes:
        class_name: for example "metal".
        kind: all of the class ("layer"), one of its objects ("net"), or one via ("via").
        rle: the mask; a large image has thousands of targets, so it is kept small.
        shape_hw: height and width of the image in pixels.
        covers: bool (H, W), what lies on it: a click there means something else.

    """

    class_name: str
    kind: TargetKind
    rle: RleMask
    shape_hw: tuple[int, int]
    covers: Mask | None = None

    @property
    def name(self) -> str:
        """Under which it is counted: "metal layer", "metal net", "via layer", "via net"."""
        return f"{self.class_name} {'layer' if self.kind == 'layer' else 'net'}"

    @property
    def mask(self) -> Mask:
        """Its pixels, bool (H, W), made anew; not empty."""
        return self.rle.to_mask(self.shape_hw)

    @property
    def visible(self) -> Mask:
        """The pixels that a click can mean, bool (H, W): metal without the vias on it."""
        return self.mask if self.covers is None else self.mask & ~self.covers

    @property
    def is_visible(self) -> bool:
        """Whether there is such a pixel."""
        rle, crop = self.rle, self.rle.crop()
        if self.covers is not None:
            rows, cols = slice(rle.row, rle.row + rle.height), slice(rle.col, rle.col + rle.width)
            crop = crop & ~self.covers[rows, cols]
        return bool(crop.any())

    def means(self, click: Click) -> bool:
        """Return whether a positive click may mean this target."""
        is_covered = self.covers is not None and bool(self.covers[click.y, click.x])
        return self.rle.contains(click.y, click.x) and not is_covered


def targets_of(objects: Mapping[str, Sequence[RleMask]], shape_hw: tuple[int, int]) -> list[Target]:
    """Return the targets of one tile: each class as one layer, then its objects.

    Args:
        objects: of each class its objects.
        shape_hw: height and width of the tile in pixels.

    """
    vias = [rle for name, masks in objects.items() if is_via(name) for rle in masks]
    covered = _united(vias, shape_hw) if vias else None
    targets: list[Target] = []
    for name, masks in objects.items():
        covers = None if is_via(name) else covered
        targets += _class_targets(name, masks, shape_hw, covers)
    return targets


def objects_of_ids(ids: NDArray[Any], class_names: Sequence[str]) -> dict[str, list[RleMask]]:
    """Return the objects of a mask file: of each class its 8-connected components.

    A semantic mask shows a via instead of the metal under it: where a tile holds both and
    there is one class beside the vias, the pixels of the vias count to that class too.

    Args:
        ids: uint8 class ids (H, W), or uint16 instance ids, which are taken as they are
            and belong to the first class; 0 is background.
        class_names: of the ids 1, 2, ….

    """
    if ids.dtype != np.uint8:
        return {class_names[0]: _instances(ids)}
    masks = {name: np.asarray(ids == i) for i, name in enumerate(class_names, 1)}
    present = {name: mask for name, mask in masks.items() if mask.any()}
    others = [name for name in present if not is_via(name)]
    if len(others) == 1:
        vias = [mask for name, mask in present.items() if is_via(name)]
        present[others[0]] = np.any([present[others[0]], *vias], axis=0)
    return {name: _components(mask) for name, mask in present.items()}


def is_via(class_name: str) -> bool:
    """Return whether a class of this name lies on top of the metal."""
    return class_name.lower().startswith(("via", "contact"))


def _class_targets(
    name: str, masks: Sequence[RleMask], shape_hw: tuple[int, int], covers: Mask | None
) -> list[Target]:
    kind: TargetKind = "via" if is_via(name) else "net"
    layer = [RleMask.from_mask(_united(masks, shape_hw))] if masks else []
    found = [Target(name, "layer", rle, shape_hw, covers) for rle in layer]
    found += [Target(name, kind, rle, shape_hw, covers) for rle in masks if rle.area >= MIN_AREA_PX]
    return [target for target in found if target.is_visible]


def _united(masks: Sequence[RleMask], shape_hw: tuple[int, int]) -> Mask:
    union = np.zeros(shape_hw, dtype=np.bool_)
    for rle in masks:
        union[rle.row : rle.row + rle.height, rle.col : rle.col + rle.width] |= rle.crop()
    return union


def _components(mask: Mask) -> list[RleMask]:
    _, ids = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    return _instances(ids)


def _instances(ids: NDArray[Any]) -> list[RleMask]:
    """Return the pixels of each id from 1 on, integer (H, W)."""
    boxes = enumerate(find_objects(ids.astype(np.int32)), 1)
    return [
        RleMask.from_mask(np.asarray(ids[box] == i), (box[0].start, box[1].start))
        for i, box in boxes
        if box is not None
    ]
