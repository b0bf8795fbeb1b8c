"""Masks that a model makes of unlabelled images, and the data set that its successor learns from.

A folder of pseudo-labels has a `manifest.json` of true and pseudo-labelled images, `masks/`,
`ignore/` (pixels that do not count) and `pseudo_labels.json`, what is known of each mask.
"""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from trainers.confidence import predict_sure
from trainers.errors import DataError
from trainers.io.atomic import write_text_atomic
from trainers.io.images import read_image
from trainers.io.json_lines import append_line, read_lines
from trainers.io.manifest import (
    MANIFEST_NAME,
    DatasetIndex,
    DatasetItem,
    file_sha256,
    write_manifest,
)
from trainers.io.masks import write_semantic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from trainers.data.snapshot import Snapshot
    from trainers.predict import LoadedModel

RECORD_NAME = "pseudo_labels.json"


@dataclass(frozen=True)
class LabelRule:
    """How pseudo-labels are made.

    Attributes:
        num_looks: rotations and flips whose mean counts, 1..8.
        temperature: see `metrics.temperature`.
        threshold: confidence below which a pixel does not count; None keeps all, as the paper.

    """

    num_looks: int = 1
    temperature: float = 1.0
    threshold: float | None = None


@dataclass(frozen=True, eq=False)
class PseudoLabel:
    """What a model says of an unlabelled image.

    Attributes:
        image: its file.
        labels: uint8 (H, W) of class ids.
        ignore: bool (H, W), pixels that do not count.
        confidence: mean over the pixels of the probability of the label, 0..1.
        agreement: see `confidence.SurePrediction`.

    """

    image: Path
    labels: npt.NDArray[np.uint8]
    ignore: npt.NDArray[np.bool_]
    confidence: float
    agreement: float


@dataclass(frozen=True)
class LabelRecord:
    """What is kept of a pseudo-label beside its mask; shares are 0..1, None of nothing."""

    image: str
    image_sha256: str
    mask: str
    """Name in the folder of pseudo-labels; `ignore/` has one of the same name."""
    mask_sha256: str
    confidence: float
    agreement: float
    kept: float
    kept_foreground: float | None


def pseudo_label(
    model: LoadedModel, images: Sequence[Path], rule: LabelRule | None = None
) -> Iterator[PseudoLabel]:
    """Yield a label for each image, one at a time; raise `DataError` for an unreadable one."""
    for path in images:
        yield _labelled(model, path, read_image(path), rule or LabelRule())


def _labelled(
    model: LoadedModel, path: Path, image: npt.NDArray[Any], rule: LabelRule
) -> PseudoLabel:
    found = predict_sure(model, image, num_looks=rule.num_looks, temperature=rule.temperature)
    ignore = found.confidence < (rule.threshold or 0.0)
    mean = float(found.confidence.mean())
    return PseudoLabel(path, found.labels, ignore, mean, found.agreement)


def write_pseudo_labels(
    model: LoadedModel,
    snapshot: Snapshot,
    images: Sequence[Path],
    folder: Path,
    *,
    rule: LabelRule,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    unreadable: Callable[[Path, str], None] | None = None,
) -> list[LabelRecord]:
    """Label `images` and write them with the true labels of `snapshot` as one data set.

    Killed on the way, it goes on after the last image that was written: what was recorded is
    not predicted again. Returns one record for each image, in order. `unreadable` is told of
    an image that cannot be read or is gone, which is then left out.

    Raises:
        DataError: a file cannot be written, or an image not read and `unreadable` is None.

    """
    done = _recorded(folder)
    items = [item.listed() for item in snapshot.items]
    records: list[LabelRecord] = []
    for number, path in enumerate(images):
        mask, ignore = (folder / part / f"{number:06d}.png" for part in ("masks", "ignore"))
        record = done.get(str(path))
        if record is None or not _is_kept(record, path, mask, ignore):
            try:
                image = read_image(path)
            except DataError as error:
                if unreadable is None:
                    raise
                unreadable(path, str(error))
                continue
            label = _labelled(model, path, image, rule)
            write_semantic(mask, label.labels)
            write_semantic(ignore, label.ignore)
            record = _record(label, mask, folder)
            _append(folder, record)
        records.append(record)
        items.append(DatasetItem(path, mask, "train", record.image_sha256, ignore))
        progress(number + 1, len(images))
    write_manifest(folder / MANIFEST_NAME, DatasetIndex(tuple(items), snapshot.class_names))
    text = json.dumps({"rule": asdict(rule), "images": [asdict(r) for r in records]}, indent=1)
    write_text_atomic(folder / RECORD_NAME, text + "\n")
    return records


def _is_kept(record: LabelRecord, image: Path, mask: Path, ignore: Path) -> bool:
    """Say whether what was recorded before is still that image's label."""
    is_there = all(file.is_file() for file in (image, mask, ignore))
    return is_there and file_sha256(image) == record.image_sha256


def _record(label: PseudoLabel, mask: Path, folder: Path) -> LabelRecord:
    kept, foreground = ~label.ignore, label.labels > 0
    return LabelRecord(
        str(label.image),
        file_sha256(label.image),
        mask.relative_to(folder).as_posix(),
        file_sha256(mask),
        round(label.confidence, 6),
        round(label.agreement, 6),
        round(float(kept.mean()), 6),
        round(float(kept[foreground].mean()), 6) if foreground.any() else None,
    )


def _append(folder: Path, record: LabelRecord) -> None:
    append_line(folder / "progress.jsonl", asdict(record))


def _recorded(folder: Path) -> dict[str, LabelRecord]:
    """Return what an interrupted call had done, by image; a torn last line is left out."""
    found: dict[str, LabelRecord] = {}
    for fields in read_lines(folder / "progress.jsonl"):
        with contextlib.suppress(KeyError, TypeError):  # a line of something else
            found[fields["image"]] = LabelRecord(**fields)
    return found
