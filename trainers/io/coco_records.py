"""What a COCO file says, as frozen records that every part of the program may share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trainers.io.rle import RleMask

Attributes = Mapping[str, Any]


@dataclass(frozen=True)
class CocoImage:
    """One image: `file_name` is a relative path with "/" that never leaves its folder."""

    id: int
    file_name: str
    height: int
    width: int
    attributes: Attributes = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class CocoCategory:
    """One class; `attributes` holds what else the file says, a colour for instance."""

    id: int
    name: str
    supercategory: str = ""
    attributes: Attributes = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class CocoAnnotation:
    """One object; `attributes` holds what else the file says, source and score for instance."""

    id: int
    image_id: int
    category_id: int
    mask: RleMask
    iscrowd: bool = False
    attributes: Attributes = field(default_factory=dict, hash=False)


@dataclass(frozen=True)
class CocoDataset:
    """All of a COCO file.

    `notes` names, for the user, the annotations that were left out on reading because they
    have no pixels (no segmentation, or polygons thinner than a pixel).
    """

    images: tuple[CocoImage, ...]
    categories: tuple[CocoCategory, ...]
    annotations: tuple[CocoAnnotation, ...]
    notes: tuple[str, ...] = ()
