"""What a simulated annotator wants of a tile: each layer, each net and each via."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import cv2
import numpy as np

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
        mask: bool (H, W), not empty.
        visible: bool (H, W), the pixels of it that a click can mean: metal without the vias
            that lie on it.

    """

    class_name: str
    kind: TargetKind
    mask: Mask
    visible: Mask

    @property
    def name(self) -> str:
        """Under which it is counted: "metal layer", "metal net", "via layer", "via net"."""
        return f"{self.class_name} {'layer' if self.kind == 'layer' else 'net'}"

    def means(self, click: Click) -> bool:
        """Return whether a positive click may mean this target."""
        return bool(self.visible[click.y, click.x])


def targets_of(objects: Mapping[str, Sequence[Mask]]) -> list[Target]:
    """Return the targets of one tile: each class as one layer, then its objects.

    Args:
        objects: of each class the masks bool (H, W) of its objects.

    """
    vias = [mask for name, masks in objects.items() if is_via(name) for mask in masks]
    covered = np.any(vias, axis=0) if vias else None
    targets: list[Target] = []
    for name, masks in objects.items():
        covers = None if is_via(name) else covered
        targets += _class_targets(name, masks, covers)
    return targets


def objects_of_ids(ids: NDArray[Any], class_names: Sequence[str]) -> dict[str, list[Mask]]:
    """Return the objects of a mask file: of each class its 8-connected components.

    A semantic mask shows a via instead of the metal under it: where a tile holds both and
    there is one class beside the vias, the pixels of the vias count to that class too.

    Args:
        ids: uint8 class ids (H, W), or uint16 instance ids, which are taken as they are
            and belong to the first class; 0 is background.
        class_names: of the ids 1, 2, ….

    """
    if ids.dtype != np.uint8:
        return {class_names[0]: [np.asarray(ids == i) for i in np.unique(ids) if i]}
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


def _class_targets(name: str, masks: Sequence[Mask], covers: Mask | None) -> list[Target]:
    def target(kind: TargetKind, mask: Mask) -> Target:
        return Target(name, kind, mask, mask if covers is None else mask & ~covers)

    kind: TargetKind = "via" if is_via(name) else "net"
    single = [target(kind, mask) for mask in masks if np.count_nonzero(mask) >= MIN_AREA_PX]
    layer = [target("layer", np.any(masks, axis=0))] if masks else []
    return [each for each in layer + single if each.visible.any()]


def _components(mask: Mask) -> list[Mask]:
    num, ids = cv2.connectedComponents(mask.astype(np.uint8), connectivity=8)
    return [np.asarray(ids == i) for i in range(1, num)]
