"""A simulated annotator at work for hours: what a tile takes, and whether anything grows.

`pytest tests/benchmarks/bench_annotator.py -m bench -s` labels 100 tiles of a fresh `avr_m1` set
through the real window and writes bench-out/annotator.json; with `ICSEG_SOAK_TILES=2000` the
soak test labels that many (by default 300) and writes bench-out/soak.json.

Limits of the soak: memory at most 5 % above what it was after the first 100 tiles, and the
median click of the last fifth at most 1.25 times that of the tiles 100 to 300.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from napari_icseg.controllers.application import open_docks
from napari_icseg.demo.driver import Driver
from napari_icseg.demo.labeller import Labeller
from tests.benchmarks.annotating import label_folder
from trainers.data.synthetic.write import write_dataset
from trainers.io.atomic import write_text_atomic

OUT = Path("bench-out")
NUM_TILES = 100
NUM_SOAK_TILES = int(os.environ.get("ICSEG_SOAK_TILES", "300"))
WARM_TILES = 100
MAX_GROWTH = 1.05
MAX_DRIFT = 1.25
SEED = 990_001
pytestmark = [pytest.mark.bench, pytest.mark.gui, pytest.mark.timeout(4 * 3600)]


@pytest.fixture
def open_labeller(make_napari_viewer, tmp_path):
    """A function that makes tiles, opens them in the Labelling dock and returns who labels them."""
    made = []

    def make(num_tiles: int) -> tuple[Labeller, Path]:
        data = tmp_path / "data"
        write_dataset(data, preset="avr_m1", count=num_tiles, test_count=0, seed=SEED)
        viewer = make_napari_viewer(show=True)
        viewer.window.resize(1400, 900)
        labelling, training = open_docks(viewer)
        labeller = Labeller(Driver(viewer, OUT), labelling.controller)
        made.append((labelling, training, labeller))
        labelling.controller.projects.open(data / "train" / "images")
        labeller.wait_for_image()
        return labeller, data / "train" / "masks"

    yield make
    for part in made:
        close(*part)
    # pytest keeps what it handed out until after napari's check that no viewer is left
    made.clear()


def close(labelling, training, labeller) -> None:
    labelling.controller.close()
    training.dock.controller.close()
    vars(labeller.driver).clear()
    vars(labeller).clear()


def p50_p95(values) -> dict[str, float]:
    p50, p95 = np.percentile(values, [50, 95])
    return {"p50": round(float(p50), 1), "p95": round(float(p95), 1)}


def summary(tiles) -> dict[str, object]:
    labelled = [tile for tile in tiles if tile.num_objects]
    return {
        "num_tiles": len(tiles),
        "num_blank": len(tiles) - len(labelled),
        "clicks_per_tile": round(float(np.mean([tile.num_clicks for tile in tiles])), 2),
        "keys_per_tile": round(float(np.mean([tile.num_keys for tile in tiles])), 2),
        "machine_s_per_tile": round(float(np.mean([tile.machine_s for tile in tiles])), 3),
        "mean_iou": round(float(np.mean([tile.iou for tile in labelled])), 4),
        "min_iou": round(float(np.min([tile.iou for tile in labelled])), 4),
        "click_ms": p50_p95([ms for tile in tiles for ms in tile.click_ms]),
        "next_image_ms": p50_p95([tile.next_ms for tile in tiles[:-1]]),
        "rss_mib": round(tiles[-1].rss_mib),
    }


def test_a_hundred_tiles_of_a_fresh_set(open_labeller):
    labeller, masks = open_labeller(NUM_TILES)
    tiles = list(label_folder(labeller, masks, NUM_TILES))
    report = {**summary(tiles), "load_average": os.getloadavg()[0]}
    each = [asdict(tile) for tile in tiles]
    write_text_atomic(OUT / "annotator.json", json.dumps({**report, "tiles": each}, indent=1))
    print(json.dumps(report, indent=1))
    assert report["mean_iou"] >= 0.9


def test_hours_of_labelling_take_no_more_memory_and_no_more_time(open_labeller):
    labeller, masks = open_labeller(NUM_SOAK_TILES)
    tiles = []
    for tile in label_folder(labeller, masks, NUM_SOAK_TILES):
        tiles.append(tile)
        labeller.accepted.clear()
        if len(tiles) % 50 == 0:
            print(len(tiles), round(tile.rss_mib), p50_p95(tiles[-1].click_ms or [0]), flush=True)
    early = [ms for tile in tiles[WARM_TILES : 3 * WARM_TILES] for ms in tile.click_ms]
    late = [ms for tile in tiles[-max(1, len(tiles) // 5) :] for ms in tile.click_ms]
    growth = max(tile.rss_mib for tile in tiles[WARM_TILES:]) / tiles[WARM_TILES - 1].rss_mib
    drift = float(np.median(late) / np.median(early))
    report = {**summary(tiles), "memory_growth": round(growth, 4), "click_drift": round(drift, 3)}
    report["rss_mib_by_hundred"] = [round(tile.rss_mib) for tile in tiles[99::100]]
    write_text_atomic(OUT / "soak.json", json.dumps(report, indent=1) + "\n")
    print(json.dumps(report, indent=1))
    assert growth <= MAX_GROWTH
    assert drift <= MAX_DRIFT
