"""Synthetic data sets on the disk, in the paper's layout: {train,test}/{images,masks}."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import cv2

from trainers.data.synthetic.config import GENERATOR_VERSION
from trainers.data.synthetic.gds import open_gds
from trainers.data.synthetic.resolve import resolve_config
from trainers.data.synthetic.tile_files import (
    CLASS_NAMES,
    TilePlan,
    TileRecord,
    coco_dataset,
    defect_dataset,
    num_classes,
    write_tile,
)
from trainers.errors import DataError
from trainers.io.atomic import write_text_atomic
from trainers.io.coco import write_coco

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from trainers.data.synthetic.config import SynthConfig
    from trainers.data.synthetic.defects import DefectConfig
    from trainers.data.synthetic.gds import GdsSpec

Progress = Callable[[int, int], None]
Counts = dict[str, int]
# the test tiles are far down the same endless sequence, so no count moves or reveals them
FIRST_INDEX = {"train": 0, "test": 1_000_000_000}
MAX_COUNT = 100_000_000
CHUNK = 8


def write_dataset(
    out: Path,
    *,
    preset: str,
    count: int,
    seed: int,
    num_workers: int = 1,
    size_px: int | None = None,
    test_count: int | None = None,
    bit_depth: int = 8,
    blank_rate: float | None = None,
    ghost_only_rate: float | None = None,
    gds: GdsSpec | None = None,
    defects: DefectConfig | None = None,
    progress: Progress | None = None,
) -> Path:
    """Write `count` training and `test_count` (default: as many) test tiles; return `out`.

    out: new or empty folder; gets {train,test}/images/*.png, .../masks/*.png (class ids), a
    coco.json per split, classes.txt and, last of all, dataset.json with the recipe.
    size_px: side of the square tiles, blank_rate and ghost_only_rate: shares of the tiles with
    nothing or only a lower layer on them; the preset's own if None. gds: layout file whose windows
    are shown with the preset's fabrication and imaging. defects: what to plant; a split then
    gets design_masks/*.png (the masks without the defects) and a defects.json as well.
    progress: called with (tiles done, tiles in all). The files are the same, byte for byte,
    for any `num_workers`.

    Raises:
        DataError: unknown preset, counts below 1, sizes or rates out of range, `out` is not
            empty, the layout file cannot be used, or a file cannot be written.

    """
    rates = {"blank_rate": blank_rate, "ghost_only_rate": ghost_only_rate}
    config = resolve_config(preset, size_px=size_px, bit_depth=bit_depth, rates=rates)
    counts = {"train": count, "test": count if test_count is None else test_count}
    check_counts(counts, seed)
    check_empty(out)
    facts: dict[str, Any] = {"seed": seed, "counts": counts, "preset": preset}
    if gds is not None:
        open_gds(gds)
        facts["gds"] = {**asdict(gds), "path": gds.path.name, "sha256": sha256_of(gds.path)}
    template = TilePlan(config, seed, 0, out, "", gds, defects)
    plans = [plan for split in counts for plan in plan_split(template, split, counts[split])]
    records = write_all(plans, num_workers, progress)
    write_coco_files(plans, records, num_classes(config, gds))
    if defects is not None:
        facts["defects"] = asdict(defects)
        write_defect_files(plans, records)
    write_recipe(out, config, num_classes(config, gds), facts)
    return out


def check_counts(counts: Counts, seed: int) -> None:
    """Raise DataError for a negative seed, an empty training split or absurd counts."""
    if seed < 0:
        raise DataError(f"The seed must be 0 or more, got {seed}.")
    if counts["train"] < 1 or counts["test"] < 0 or max(counts.values()) > MAX_COUNT:
        raise DataError(
            f"Expected 1 to {MAX_COUNT} training tiles and 0 to {MAX_COUNT} test tiles, got "
            f"{counts['train']} and {counts['test']}."
        )


def check_empty(out: Path) -> None:
    """Raise DataError if `out` exists and is a file or holds anything."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(
            f"{out} is not an empty folder. Choose a new one, so that no older tiles get mixed "
            "in; nothing was written."
        )


def plan_split(template: TilePlan, split: str, count: int) -> Iterator[TilePlan]:
    """Yield the plans of one split; the number in a file name is the place in the split.

    template: what all tiles share; its folder is the one that holds the splits.
    """
    digits = max(5, len(str(count - 1)))
    for place in range(count):
        yield replace(
            template,
            index=FIRST_INDEX[split] + place,
            folder=template.folder / split,
            name=f"{template.config.name}_{place:0{digits}d}.png",
        )


def write_all(
    plans: Sequence[TilePlan], num_workers: int, progress: Progress | None
) -> list[TileRecord]:
    """Write the tiles with `num_workers` processes; returns the records in the plans' order."""
    records: list[TileRecord] = []
    with running(plans, num_workers) as written:
        for record in written:
            records.append(record)
            if progress is not None:
                progress(len(records), len(plans))
    return records


@contextmanager
def running(plans: Sequence[TilePlan], num_workers: int) -> Iterator[Iterable[TileRecord]]:
    """Yield the records as they are written, here or in worker processes."""
    if num_workers <= 1:
        yield map(write_tile, plans)
        return
    # "spawn": forking a process that runs threads (Qt, torch) can dead-lock
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(num_workers, context, initializer=_start_worker) as pool:
        try:
            yield pool.map(write_tile, plans, chunksize=CHUNK)
        finally:
            pool.shutdown(cancel_futures=True)


def _start_worker() -> None:
    cv2.setNumThreads(1)


def write_coco_files(
    plans: Sequence[TilePlan], records: Sequence[TileRecord], num_classes: int
) -> None:
    """Write the coco.json of every folder that tiles were written to."""
    for folder, chosen in by_folder(plans, records).items():
        write_coco(folder / "coco.json", coco_dataset(chosen, num_classes))


def write_defect_files(plans: Sequence[TilePlan], records: Sequence[TileRecord]) -> None:
    """Write the defects.json of every folder that tiles were written to."""
    for folder, chosen in by_folder(plans, records).items():
        write_coco(folder / "defects.json", defect_dataset(chosen))


def by_folder(
    plans: Sequence[TilePlan], records: Sequence[TileRecord]
) -> dict[Path, list[TileRecord]]:
    """Return the records by the folder that their tiles are in."""
    found: dict[Path, list[TileRecord]] = {}
    for plan, record in zip(plans, records, strict=True):
        found.setdefault(plan.folder, []).append(record)
    return found


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_recipe(out: Path, config: SynthConfig, num_classes: int, facts: dict[str, Any]) -> None:
    """Write classes.txt, and dataset.json with all that is needed to make the set again."""
    names = CLASS_NAMES[:num_classes]
    write_text_atomic(out / "classes.txt", "".join(f"{name}\n" for name in names))
    recipe = {"generator_version": GENERATOR_VERSION, **facts, "config": asdict(config)}
    write_text_atomic(out / "dataset.json", json.dumps(recipe, indent=1) + "\n")
