"""Images with true masks, from a folder in any layout, a COCO file, or made by Otsu."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from napari_icseg.bench.targets import Target, objects_of_ids, targets_of
from trainers.errors import DataError
from trainers.io.coco import read_coco
from trainers.io.folders import discover
from trainers.io.images import read_image
from trainers.io.manifest import file_sha256
from trainers.io.masks import read_mask
from trainers.io.rle import RleMask

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from trainers.io.coco import CocoAnnotation, CocoImage
    from trainers.io.folders import DatasetIndex, DatasetItem

Reference = Literal["masks", "coco", "otsu"]
OTSU_SIGMA_PX = 3.0
DEFAULT_CLASSES = ("metal", "via")
"""Names of the ids 1 and 2 where the data set tells none."""


@dataclass(frozen=True)
class BenchTile:
    """One image and what is true of it, read when it is asked for.

    `targets_of` takes the image's pixels (H, W) and gives the targets; none of a blank tile.
    """

    path: Path
    targets_of: Callable[[NDArray[Any]], list[Target]] = field(repr=False)
    truth_path: Path | None = None

    def read(self) -> tuple[NDArray[Any], list[Target]]:
        """Return the image, uint8 or uint16 (H, W), and its targets; raises `DataError`."""
        image = read_image(self.path)
        return image, self.targets_of(image)

    def sha256(self) -> str:
        """Return a hash of the image and of its truth."""
        files = [self.path] if self.truth_path is None else [self.path, self.truth_path]
        return hashlib.sha256(" ".join(map(file_sha256, files)).encode()).hexdigest()


@dataclass(frozen=True)
class BenchData:
    """The tiles of a benchmark; `note` says in words what the masks are compared with."""

    tiles: tuple[BenchTile, ...]
    reference: Reference
    note: str

    def sha256(self) -> str:
        """Return a hash of everything in the data that a score depends on."""
        parts = [tile.sha256() for tile in self.tiles]
        return hashlib.sha256("\n".join([self.reference, *parts]).encode()).hexdigest()


def read_data(
    path: Path,
    *,
    reference: Literal["masks", "otsu"] = "masks",
    images: Path | None = None,
    limit: int | None = None,
) -> BenchData:
    """Return the labelled images of a folder, of a COCO file, or an image.

    Args:
        path: a folder in any layout of `trainers.io.folders` (its test split, if it has
            one), a COCO file, or with "otsu" also one image.
        reference: "otsu" makes the truth from the image itself.
        images: where the file names of a COCO file lie; by default its folder, or `images/`
            in it.
        limit: take only the first tiles.

    Raises:
        DataError: nothing to compare with, or a file that cannot be read.

    """
    if reference == "otsu":
        data = _otsu_data(path)
    elif path.suffix.lower() == ".json" and path.name != "manifest.json":
        data = _coco_data(path, images)
    else:
        data = _folder_data(path)
    return BenchData(data.tiles[:limit], data.reference, data.note)


def otsu_mask(image: NDArray[Any]) -> NDArray[np.bool_]:
    """Return what is brighter than Otsu's threshold after a Gaussian blur, bool (H, W).

    Source: Otsu 1979; sigma is `OTSU_SIGMA_PX`. It is no ground truth: a guess of an image
    of two grey levels, which noise does not reach.
    """
    from scipy.ndimage import gaussian_filter
    from skimage.filters import threshold_otsu

    smooth = gaussian_filter(image.astype(np.float32), OTSU_SIGMA_PX)
    if smooth.min() == smooth.max():
        return np.zeros(image.shape, dtype=np.bool_)
    return np.asarray(smooth > threshold_otsu(smooth))


def _otsu_data(path: Path) -> BenchData:
    def targets(image: NDArray[Any]) -> list[Target]:
        mask = otsu_mask(image)
        if not mask.any():
            return []
        shape_hw = (image.shape[0], image.shape[1])
        return [Target("bright", "layer", RleMask.from_mask(mask), shape_hw)]

    paths = [path] if path.is_file() else [item.image for item in discover(path).items]
    note = (
        f"the image itself: brighter than Otsu's threshold after a Gaussian blur of "
        f"{OTSU_SIGMA_PX:g} px; layers only, not drawn by a person"
    )
    return BenchData(tuple(BenchTile(each, targets) for each in paths), "otsu", note)


def _folder_data(path: Path) -> BenchData:
    index = discover(path)
    labelled = [item for item in index.items if item.mask is not None]
    chosen = [item for item in labelled if item.split == "test"] or labelled
    if not chosen:
        raise DataError(
            f"{path} has {len(index.items)} images but no masks: there is nothing to compare "
            "with. Put masks named like the images into masks/, give a COCO file, or use "
            "--reference otsu."
        )
    note = "masks; nets and vias are 8-connected components, metal goes on under vias"
    return BenchData(tuple(_mask_tile(item, index) for item in chosen), "masks", note)


def _mask_tile(item: DatasetItem, index: DatasetIndex) -> BenchTile:
    mask_path = item.mask
    assert mask_path is not None, "only labelled items become tiles"

    def targets(image: NDArray[Any]) -> list[Target]:
        shape_hw = (image.shape[0], image.shape[1])
        ids = read_mask(mask_path, shape_hw)
        return targets_of(objects_of_ids(ids, index.class_names or _default_names(ids)), shape_hw)

    return BenchTile(item.image, targets, mask_path)


def _default_names(ids: NDArray[Any]) -> tuple[str, ...]:
    highest = int(ids.max()) if ids.dtype == np.uint8 else 1
    return DEFAULT_CLASSES + tuple(f"class {number}" for number in range(3, highest + 1))


def _coco_data(path: Path, images: Path | None) -> BenchData:
    dataset = read_coco(path)
    names = {category.id: category.name for category in dataset.categories}
    by_image: dict[int, list[CocoAnnotation]] = defaultdict(list)
    for annotation in dataset.annotations:
        if not annotation.iscrowd:
            by_image[annotation.image_id].append(annotation)
    tiles = tuple(
        _coco_tile(
            _image_file(path, images, record.file_name), path, record, by_image[record.id], names
        )
        for record in sorted(dataset.images, key=lambda record: record.file_name)
    )
    if not tiles:
        raise DataError(f"{path} names no image. Export it again with its images.")
    return BenchData(tiles, "coco", "the objects of the COCO file")


def _coco_tile(
    image: Path,
    coco: Path,
    record: CocoImage,
    annotations: list[CocoAnnotation],
    names: dict[int, str],
) -> BenchTile:
    def targets(pixels: NDArray[Any]) -> list[Target]:
        if pixels.shape != (record.height, record.width):
            raise DataError(
                f"{image} has {pixels.shape[1]} x {pixels.shape[0]} pixels (width x height), but "
                f"{coco} says {record.width} x {record.height}. Export the two again together."
            )
        objects: dict[str, list[RleMask]] = defaultdict(list)
        for each in sorted(annotations, key=lambda a: a.category_id):
            objects[names[each.category_id]].append(each.mask)
        return targets_of(objects, (record.height, record.width))

    return BenchTile(image, targets, coco)


def _image_file(coco: Path, images: Path | None, name: str) -> Path:
    folders = [images] if images is not None else [coco.parent, coco.parent / "images"]
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    looked = " or ".join(str(folder) for folder in folders)
    raise DataError(f"{coco} names {name}, which is not in {looked}. Give --images DIR.")
