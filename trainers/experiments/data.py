"""The images of an experiment: looked through once, and cut into what each row trains on."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trainers.data.labels import IGNORE, default_class_names, read_class_ids
from trainers.errors import DataError
from trainers.evaluation.data import EvaluationData
from trainers.io.folders import discover
from trainers.io.images import image_size
from trainers.io.manifest import (
    MANIFEST_NAME,
    DatasetIndex,
    DatasetItem,
    file_sha256,
    write_manifest,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from trainers.experiments.matrix import Row

_NUM_READERS = 4


@dataclass(frozen=True)
class ExperimentData:
    """Labelled images for training, sorted by file name, and those of the test split.

    `sha256` is the hash of all images and masks, of both splits, and of the class names.
    """

    train: tuple[DatasetItem, ...]
    test: EvaluationData
    class_names: tuple[str, ...]
    sha256: str

    def labelled_for(self, row: Row, folder: Path) -> Path:
        """Return a data folder below `folder` with the images that a row trains on.

        They are the first by file name, as in the paper. Raises `DataError` if there are too few.
        """
        self.require_enough(row)
        name = f"labelled-{row.num_images}"
        return self._listed(self.train[: row.num_images], folder, name)

    def unlabelled_for(self, row: Row, folder: Path) -> Path:
        """Return a data folder with the images after those, without their masks."""
        self.require_enough(row)
        first, last = row.num_images, row.num_images + row.num_unlabelled
        items = [replace(item, mask=None, ignore=None) for item in self.train[first:last]]
        return self._listed(items, folder, f"unlabelled-{first}-{last}")

    def require_enough(self, row: Row) -> None:
        """Raise `DataError` if the row needs more images than there are."""
        wanted = row.num_images + row.num_unlabelled
        if wanted > len(self.train):
            scale = len(self.train) / (row.images + row.unlabelled)
            raise DataError(
                f"The row needs {wanted} training images, but there are {len(self.train)} with a "
                f"mask. Add images, or choose --scale {scale:.3g} or less."
            )

    def _listed(self, items: Sequence[DatasetItem], folder: Path, name: str) -> Path:
        listed = folder / f"{self.sha256[:12]}-{name}"
        if not (listed / MANIFEST_NAME).is_file():
            write_manifest(listed / MANIFEST_NAME, DatasetIndex(tuple(items), self.class_names))
        return listed


def read_data(
    root: Path,
    *,
    test_limit: int | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> ExperimentData:
    """Look through a data folder with a test split.

    Args:
        root: in any layout that has splits: train/ and test/, or a manifest.json.
        test_limit: test on the first images only.
        progress: called with images done and in all.

    Raises:
        DataError: no test split, too little to train on, an image or mask that cannot be read,
            a mask of another size than its image, or a class id without a name.

    """
    index = discover(root)
    labelled = [item for item in index.items if item.mask is not None]
    test = [item for item in labelled if item.split == "test"][:test_limit]
    train = [replace(item, split=None) for item in labelled if item.split != "test"]
    if not test:
        raise DataError(
            f"{root} has no labelled test split, and a model must not be tested on what it has "
            f"learned. Put test tiles into {root / 'test' / 'images'} and their masks into "
            f"{root / 'test' / 'masks'}, the others below {root / 'train'}."
        )
    if len(train) < 2:
        raise DataError(
            f"{root} has {len(train)} labelled images outside the test split, and at least 2 are "
            f"needed. Put images and masks into {root / 'train'}."
        )
    train.sort(key=lambda item: item.image.name)
    looks = _looked_through([*train, *test], progress)
    names = _class_names(index, [*train, *test], looks)
    kinds = ["train"] * len(train) + ["test"] * len(test)
    lines = [f"{kind} {look.digest}" for kind, look in zip(kinds, looks, strict=True)]
    digest = hashlib.sha256("\n".join([*names, "", *lines]).encode()).hexdigest()
    known = [replace(i, sha256=k.image_sha256) for i, k in zip(train, looks, strict=False)]
    return ExperimentData(
        tuple(known), EvaluationData(root, "test", tuple(test), names), names, digest
    )


@dataclass(frozen=True)
class _Look:
    image_sha256: str
    mask_sha256: str
    max_id: int

    @property
    def digest(self) -> str:
        return f"{self.image_sha256} {self.mask_sha256}"


def _looked_through(
    items: Sequence[DatasetItem], progress: Callable[[int, int], None]
) -> list[_Look]:
    looks = []
    with ThreadPoolExecutor(_NUM_READERS) as pool:
        for number, look in enumerate(pool.map(_look, items), 1):
            looks.append(look)
            progress(number, len(items))
    return looks


def _look(item: DatasetItem) -> _Look:
    assert item.mask is not None
    ids = read_class_ids(item.mask, image_size(item.image))  # refuses another size
    highest = int(ids[ids != IGNORE].max(initial=0))
    return _Look(file_sha256(item.image), file_sha256(item.mask), highest)


def _class_names(
    index: DatasetIndex, items: Sequence[DatasetItem], looks: Sequence[_Look]
) -> tuple[str, ...]:
    highest, item = max(
        ((look.max_id, item) for look, item in zip(looks, items, strict=True)),
        key=lambda pair: pair[0],
    )
    names = index.class_names or default_class_names(highest)
    if highest > len(names):
        raise DataError(
            f"{item.mask} holds class id {highest}, but there are only {len(names)} classes: "
            f"{', '.join(names)}. Add the missing class names, or correct the mask."
        )
    return names
