"""What a run trains on, fixed in its folder before the first step.

`dataset/manifest.json` names each image by absolute path and SHA-256 with its split and mask;
`dataset/masks/` holds copies of the masks as class ids, `dataset/ignore/` of what is not to be
learned from. Images without a mask are listed where the run learns from them, too. Later
changes of labels or images hence cannot change a run in secret. The folder is itself a data
set that can be trained on.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from trainers.data.labels import IGNORE, default_class_names, read_class_ids, read_target
from trainers.data.splits import Candidate, assign_splits
from trainers.errors import DataError, TrainingError
from trainers.io.folders import discover
from trainers.io.images import image_size
from trainers.io.manifest import (
    MANIFEST_NAME,
    DatasetIndex,
    DatasetItem,
    Split,
    file_sha256,
    read_manifest,
    write_manifest,
)
from trainers.io.masks import read_mask, write_semantic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    import numpy.typing as npt

    from trainers.config import TrainConfig

_NUM_READERS = 4
"""Threads: reading and flushing files waits for the disk more than it computes."""


@dataclass(frozen=True)
class SnapshotItem:
    """One tile of a run, labelled unless it is one of `Snapshot.unlabelled`."""

    image: Path
    mask: Path | None
    split: Split | None
    """None only until it is assigned."""
    image_sha256: str
    ids_sha256: str
    """Of shape and class ids, whatever the file format."""
    max_id: int
    """Largest class id; 0 for a blank tile."""
    ignore: Path | None = None
    """Binary mask of the pixels that do not count."""
    provenance: str | None = None
    """Who made the mask, as the data set's list says."""

    def target(self, shape_hw: tuple[int, int]) -> npt.NDArray[np.uint8]:
        """Read the class ids, uint8 (H, W), `IGNORE` where nothing is known."""
        if self.mask is None:
            return np.full(shape_hw, IGNORE, np.uint8)
        return read_target(self.mask, self.ignore, shape_hw)

    def listed(self) -> DatasetItem:
        """Return it as an entry of a data set's list."""
        return DatasetItem(
            self.image, self.mask, self.split, self.image_sha256, self.ignore, self.provenance
        )


@dataclass(frozen=True)
class Snapshot:
    """All tiles of a run; `class_names` are the foreground classes with ids 1, 2, …."""

    class_names: tuple[str, ...]
    items: tuple[SnapshotItem, ...]
    unlabelled: tuple[SnapshotItem, ...] = ()

    def of(self, split: Split) -> tuple[SnapshotItem, ...]:
        """Return the tiles of one split."""
        return tuple(item for item in self.items if item.split == split)

    @property
    def sha256(self) -> str:
        """Hash of everything in the data that training depends on."""
        items = (*self.items, *self.unlabelled)
        parts = [f"{i.image_sha256} {i.ids_sha256} {i.split}" for i in items]
        return hashlib.sha256("\n".join([*self.class_names, "", *parts]).encode()).hexdigest()

    def warnings(self) -> list[str]:
        """Return what the user should know of the data before training."""
        if all(item.max_id == 0 for item in self.items):
            return [
                "All labelled tiles are blank: the model can only learn to predict background. "
                "Label some tiles with objects."
            ]
        if all(item.max_id == 0 for item in self.of("val")):
            return [
                "All validation tiles are blank: IoU and Dice say nothing of objects. "
                "Label more tiles with objects, or give the validation split yourself."
            ]
        return []


def ensure_snapshot(
    config: TrainConfig, folder: Path, *, is_cancelled: Callable[[], bool] = lambda: False
) -> Snapshot | None:
    """Return the snapshot in `folder`, taken now if there is none; None if cancelled meanwhile.

    Raises:
        DataError: an image or mask cannot be read, or an image changed since the snapshot.
        TrainingError: too few labelled tiles.

    """
    if (folder / MANIFEST_NAME).exists():
        return read_snapshot(folder)
    assert config.data is not None
    index = discover(config.data)
    tiles = _read_tiles(_labelled(index, config.data), config, folder, is_cancelled)
    if tiles is None:
        return None
    names = _names(config.class_names or index.class_names, tiles)
    items = _assigned(tiles, config)
    unlabelled = _without_mask(index, config.data) if config.unlabelled else ()
    listed = tuple(item.listed() for item in (*items, *unlabelled))
    write_manifest(folder / MANIFEST_NAME, DatasetIndex(listed, names))
    return Snapshot(names, items, unlabelled)


def read_snapshot(folder: Path) -> Snapshot:
    """Return a snapshot taken before.

    Raises:
        DataError: damaged, or an image was changed or removed since.

    """
    index = read_manifest(folder / MANIFEST_NAME)
    with ThreadPoolExecutor(_NUM_READERS) as pool:
        found = tuple(pool.map(_stored_item, index.items))
    labelled = tuple(item for item in found if item.mask is not None)
    return Snapshot(index.class_names, labelled, tuple(i for i in found if i.mask is None))


def _labelled(index: DatasetIndex, root: Path) -> list[DatasetItem]:
    """Return the tiles to learn from: labelled, and not kept for testing."""
    labelled = [item for item in index.items if item.mask is not None and item.split != "test"]
    if len(labelled) < 2:
        raise TrainingError(
            f"Training needs at least 2 labelled tiles (one to train, one to validate); {root} "
            f"has {len(labelled)} with a mask outside the test split, of {len(index.items)} "
            "images. Label more tiles, or mark empty ones as blank."
        )
    return labelled


def _without_mask(index: DatasetIndex, root: Path) -> tuple[SnapshotItem, ...]:
    """Return the images that are not labelled, and not kept for testing."""
    items = [item for item in index.items if item.mask is None and item.split != "test"]
    if not items:
        raise TrainingError(
            f"There is nothing unlabelled to learn from: every image in {root} outside the test "
            "split has a mask. Add images without masks, or train without unlabelled images."
        )
    with ThreadPoolExecutor(_NUM_READERS) as pool:
        return tuple(pool.map(_unlabelled_item, items))


def _unlabelled_item(item: DatasetItem) -> SnapshotItem:
    image_size(item.image)  # refuses what is no image
    return SnapshotItem(item.image, None, "train", file_sha256(item.image), "", 0)


def _read_tiles(
    labelled: list[DatasetItem],
    config: TrainConfig,
    folder: Path,
    is_cancelled: Callable[[], bool],
) -> list[SnapshotItem] | None:
    """Copy the masks as class ids and hash the images; None if cancelled."""

    def prepare(numbered: tuple[int, DatasetItem]) -> SnapshotItem | None:
        if is_cancelled():
            return None
        number, item = numbered
        return _copied(item, folder / "masks" / f"{number:06d}.png")

    with ThreadPoolExecutor(_NUM_READERS) as pool:
        tiles = list(pool.map(prepare, enumerate(labelled)))
    done = [tile for tile in tiles if tile is not None]
    return done if len(done) == len(labelled) else None


def _copied(item: DatasetItem, target: Path) -> SnapshotItem:
    assert item.mask is not None
    shape_hw, ignore = image_size(item.image), None
    write_semantic(target, read_class_ids(item.mask, shape_hw))
    if item.ignore is not None:
        ignore = target.parent.parent / "ignore" / target.name
        write_semantic(ignore, read_mask(item.ignore, shape_hw) > 0)
    sha256 = file_sha256(item.image)
    return _item(replace(item, mask=target, sha256=sha256, ignore=ignore), shape_hw)


def _stored_item(item: DatasetItem) -> SnapshotItem:
    if file_sha256(item.image) != item.sha256:
        raise DataError(
            f"{item.image} was changed since the run began. Restore it, or start a new run."
        )
    if item.mask is None:
        return SnapshotItem(item.image, None, "train", item.sha256 or "", "", 0)
    return _item(item, image_size(item.image))


def _item(item: DatasetItem, shape_hw: tuple[int, int]) -> SnapshotItem:
    assert item.mask is not None
    ids = read_target(item.mask, item.ignore, shape_hw)
    digest = hashlib.sha256(f"{ids.shape}".encode() + ids.tobytes()).hexdigest()
    max_id = int(np.where(ids == IGNORE, 0, ids).max())
    return SnapshotItem(
        item.image,
        item.mask,
        item.split,
        item.sha256 or "",
        digest,
        max_id,
        item.ignore,
        item.provenance,
    )


def _names(known: tuple[str, ...], tiles: Iterable[SnapshotItem]) -> tuple[str, ...]:
    highest = max(tiles, key=lambda tile: tile.max_id)
    names = known or default_class_names(highest.max_id)
    if highest.max_id > len(names):
        raise DataError(
            f"The mask of {highest.image} holds class id {highest.max_id}, but there are only "
            f"{len(names)} classes: {', '.join(names)}. Add the missing class names, or correct "
            "the mask."
        )
    return names


def _assigned(tiles: list[SnapshotItem], config: TrainConfig) -> tuple[SnapshotItem, ...]:
    """Return the tiles with their splits."""
    assert config.data is not None
    candidates = [
        Candidate(
            name=_name(tile.image, config.data),
            is_blank=tile.max_id == 0,
            split=_train_or_val(tile.split),
        )
        for tile in tiles
    ]
    splits = assign_splits(candidates, val_fraction=config.val_fraction, seed=config.seed)
    return tuple(replace(t, split=s) for t, s in zip(tiles, splits, strict=True))


def _train_or_val(split: Split | None) -> Literal["train", "val"] | None:
    assert split != "test", "test tiles were left out before"
    return split


def _name(image: Path, root: Path) -> str:
    """Name a tile so that moving the whole data set does not change its split."""
    return image.relative_to(root).as_posix() if image.is_relative_to(root) else image.name
