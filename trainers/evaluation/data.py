"""Which images are scored, and what they are compared with."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from trainers.data.instances import numbered_rles, object_rles
from trainers.data.labels import IGNORE, read_class_ids
from trainers.errors import DataError
from trainers.io.folders import DatasetIndex, DatasetItem, discover
from trainers.io.images import read_image
from trainers.io.manifest import file_sha256
from trainers.io.masks import read_mask

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from trainers.io.rle import RleMask


@dataclass(frozen=True)
class EvaluationData:
    """The images to score: the test split, or all labelled ones where there is none.

    `class_names` is empty where no file tells them.
    """

    root: Path
    split: str
    items: tuple[DatasetItem, ...]
    class_names: tuple[str, ...]

    @cached_property
    def names(self) -> tuple[str, ...]:
        """A name for each image that no other has: its path below the root.

        An image elsewhere has only its own name, with a number where that is taken.
        """
        root, names = self.root.absolute(), dict[str, None]()
        for item in self.items:
            below = item.image.is_relative_to(root)
            name = item.image.relative_to(root).as_posix() if below else item.image.name
            others = (f"{name} ({number})" for number in count(2))
            names[name if name not in names else next(o for o in others if o not in names)] = None
        return tuple(names)

    def sha256(self) -> str:
        """Return the hash of all images and masks, in their order, and of the class names."""
        hashed = hashlib.sha256("\n".join([*self.class_names, ""]).encode())
        for name, item in zip(self.names, self.items, strict=True):
            assert item.mask is not None
            parts = name, file_sha256(item.image), file_sha256(item.mask)
            hashed.update(" ".join(parts).encode() + b"\n")
        return hashed.hexdigest()


def labelled_images(data: Path, *, limit: int | None = None) -> EvaluationData:
    """Return the images to score, at most the first `limit`.

    Raises:
        DataError: no images, or none with a mask.

    """
    index = discover(data)
    split, items = _labelled(index, data)
    return EvaluationData(data, split, tuple(items[:limit]), index.class_names)


def _labelled(index: DatasetIndex, data: Path) -> tuple[str, list[DatasetItem]]:
    labelled = [item for item in index.items if item.mask is not None]
    test = [item for item in labelled if item.split == "test"]
    if not labelled:
        raise DataError(
            f"{data} has {len(index.items)} images but no masks: there is nothing to compare "
            "with. Put masks named like the images into masks/."
        )
    return ("test", test) if test else ("all", labelled)


class TrueObject(NamedTuple):
    """One object of the truth; `class_id` counts from 1."""

    class_id: int
    mask: RleMask


class Truth(NamedTuple):
    """One image and what is to be found in it.

    Attributes:
        image: uint8 or uint16 (H, W).
        ids: class ids, uint8 (H, W); pixels of `IGNORE` do not count.
        objects: the instances of a 16 bit mask, else the 8-connected components of each class.
    """

    image: npt.NDArray[Any]
    ids: npt.NDArray[np.uint8]
    objects: tuple[TrueObject, ...]


def read_truth(item: DatasetItem, class_names: Sequence[str]) -> Truth:
    """Read an image and its mask.

    Raises:
        DataError: unreadable, or a class id that is not in `class_names`.

    """
    assert item.mask is not None
    image = read_image(item.image)
    shape_hw = (image.shape[0], image.shape[1])
    ids = np.array(read_class_ids(item.mask, shape_hw))  # torch wants an array it may write to
    highest = int(np.where(ids == IGNORE, 0, ids).max())
    if highest > len(class_names):
        raise DataError(
            f"{item.mask} holds class id {highest}, but the model knows only "
            f"{len(class_names)} ({', '.join(class_names)})."
        )
    stored = read_mask(item.mask, shape_hw)
    if stored.dtype == np.uint16:
        objects = [TrueObject(1, mask) for mask in numbered_rles(stored.astype(np.int32))]
    else:
        objects = [TrueObject(class_id, mask) for class_id, mask in object_rles(ids)]
    return Truth(image, ids, tuple(objects))
