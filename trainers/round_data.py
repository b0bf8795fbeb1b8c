"""What a round learns from and labels, fixed in its folder before the first step.

`dataset/` is a snapshot of the labelled tiles, `images.json` lists the unlabelled images with
their SHA-256, and those that cannot be read. A round that goes on hence goes on with the same.
"""

from __future__ import annotations

import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainers.data.snapshot import Snapshot, ensure_snapshot
from trainers.errors import DataError, IcsegError, TrainingError
from trainers.interrupts import RunCancelledError
from trainers.io.atomic import write_text_atomic
from trainers.io.folders import discover
from trainers.io.images import read_image
from trainers.io.manifest import DatasetItem, file_sha256
from trainers.proposals import LeftOut

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trainers.config import TrainConfig

IMAGES_NAME = "images.json"
_NUM_READERS = 4


@dataclass(frozen=True)
class RoundData:
    """The tiles of a round; `images` have a digest and no mask."""

    snapshot: Snapshot
    images: tuple[DatasetItem, ...]
    left_out: tuple[LeftOut, ...]


def fix_data(
    config: TrainConfig,
    unlabelled: Path,
    folder: Path,
    *,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> RoundData:
    """Return the data of a round, taken now unless they were before.

    Args:
        config: of the trainings; `data` has the labelled tiles.
        unlabelled: folder or manifest. Test tiles, and images that are labelled in `data`
            (whatever the file is called there), are left out without a word.
        folder: of the round.
        is_cancelled: asked now and then.

    Raises:
        TrainingError: too little is labelled, or all of it is blank.
        DataError: nothing is unlabelled, or a labelled tile cannot be read.
        RunCancelledError: asked to stop.

    """
    if config.data is None:
        raise TrainingError(f"{config.model} needs labelled images: give a data folder.")
    dataset, known = folder / "dataset", folder / IMAGES_NAME
    is_new = not known.is_file()
    if is_new:
        _refuse_nothing_unlabelled(unlabelled)
        shutil.rmtree(dataset, ignore_errors=True)  # of a start that did not come so far
    snapshot = ensure_snapshot(config.replace(unlabelled=False), dataset, is_cancelled=is_cancelled)
    if snapshot is None:
        raise RunCancelledError
    if not is_new:
        return RoundData(snapshot, *_stored(known))
    try:
        _refuse_blank(snapshot)
        images, left_out = _unlabelled(unlabelled, snapshot, is_cancelled)
    except (IcsegError, RunCancelledError):
        shutil.rmtree(dataset, ignore_errors=True)  # labelled anew before the next try
        raise
    _store(known, images, left_out)
    return RoundData(snapshot, images, left_out)


def readable(
    items: Sequence[DatasetItem], *, is_cancelled: Callable[[], bool] = lambda: False
) -> tuple[tuple[DatasetItem, ...], tuple[LeftOut, ...]]:
    """Return the images that can be read, with their digests, and the others.

    Raises `RunCancelledError` if asked to stop.
    """

    def look(item: DatasetItem) -> DatasetItem | LeftOut | None:
        if is_cancelled():
            return None
        try:
            read_image(item.image)
            return DatasetItem(item.image, None, "train", file_sha256(item.image))
        except DataError as error:
            return LeftOut(item.image, str(error))

    with ThreadPoolExecutor(_NUM_READERS) as pool:
        found = list(pool.map(look, items))
    if None in found:
        raise RunCancelledError
    return (
        tuple(each for each in found if isinstance(each, DatasetItem)),
        tuple(each for each in found if isinstance(each, LeftOut)),
    )


def _unlabelled(
    source: Path, snapshot: Snapshot, is_cancelled: Callable[[], bool]
) -> tuple[tuple[DatasetItem, ...], tuple[LeftOut, ...]]:
    labelled = {item.image_sha256 for item in snapshot.items}
    images, left_out = readable(_candidates(source), is_cancelled=is_cancelled)
    images = tuple(item for item in images if item.sha256 not in labelled)
    if images:
        return images, left_out
    if left_out:
        raise DataError(
            f"None of the unlabelled images in {source} can be read; the first: "
            f"{left_out[0].reason}"
        )
    raise DataError(
        f"{source} has no image that is not labelled already: there is nothing to propose. "
        "Add images, or train on what is labelled."
    )


def _candidates(source: Path) -> list[DatasetItem]:
    return [item for item in discover(source).items if item.split != "test"]


def _refuse_nothing_unlabelled(source: Path) -> None:
    """Refuse a folder of test tiles alone, before anything is copied."""
    if not _candidates(source):
        raise DataError(
            f"All images in {source} are kept for testing: there is nothing to label. Give a "
            "folder with other images."
        )


def _refuse_blank(snapshot: Snapshot) -> None:
    if all(item.max_id == 0 for item in snapshot.items):
        raise TrainingError(
            f"All {len(snapshot.items)} labelled tiles are blank: a model would learn to find "
            "nothing, and would propose that for every image. Label some tiles with objects."
        )
    if all(item.max_id == 0 for item in snapshot.of("train")):
        raise TrainingError(
            "All labelled tiles with objects are kept for validation, the tiles to learn from are "
            "blank. Label more tiles with objects."
        )


def _store(path: Path, images: Sequence[DatasetItem], left_out: Sequence[LeftOut]) -> None:
    content = {
        "images": [{"image": str(i.image), "sha256": i.sha256} for i in images],
        "left_out": [{"image": str(each.image), "reason": each.reason} for each in left_out],
    }
    write_text_atomic(path, json.dumps(content, indent=1) + "\n")


def _stored(path: Path) -> tuple[tuple[DatasetItem, ...], tuple[LeftOut, ...]]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return (
            tuple(
                DatasetItem(Path(e["image"]), None, "train", str(e["sha256"]))
                for e in content["images"]
            ),
            tuple(LeftOut(Path(e["image"]), str(e["reason"])) for e in content["left_out"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is damaged ({error}). Start the round anew.") from error
