"""How fast a project opens, accepts, undoes and exports.

`pytest tests/benchmarks/bench_project.py -m bench -s` writes bench-out/project.json and
bench-out/project_export.json.

Limits: a project of 100,000 images lists them in 1 s and 300 MB; 1,000 tiles with 20 objects
each are exported in 20 s, by COCO and by PNG (semantic and instances) alike; accepting and
undoing an object take 30 ms.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import psutil
import pytest

from napari_icseg.project.exporting import export_coco, export_png
from napari_icseg.project.image_edits import insert_image
from napari_icseg.project.object_edits import insert_object
from napari_icseg.project.project import Project
from napari_icseg.project.records import NewObject, ObjectSource, OperationKind
from trainers.io.atomic import write_text_atomic
from trainers.io.rle import RleMask

if TYPE_CHECKING:
    from collections.abc import Callable

OUT = Path("bench-out")
NUM_IMAGES, NUM_LISTED_OBJECTS = 100_000, 100_000
NUM_TILES, OBJECTS_PER_TILE, SIDE_PX = 1_000, 20, 256
NUM_EDITS = 300
OPEN_MAX_S, OPEN_MAX_MIB = 1.0, 300.0
EXPORT_MAX_S = 20.0
EDIT_P95_MAX_MS = 30.0

# in a process of its own: what has been allocated before does not hide the cost
OPEN_AND_LIST = """
import json, sys, time
import psutil
from napari_icseg.project.project import Project
memory = psutil.Process().memory_info
before = memory().rss
start, start_cpu = time.perf_counter(), time.process_time()
project = Project.open(sys.argv[1])
opened = time.perf_counter()
images = project.images()
listed, cpu = time.perf_counter(), time.process_time() - start_cpu
print(json.dumps({
    "open_s": opened - start, "list_s": listed - opened, "both_cpu_s": cpu,
    "num_images": len(images), "memory_mib": (memory().rss - before) / 2**20,
}))
project.close()
"""


def object_masks(rng: np.random.Generator) -> list[RleMask]:
    """Return tracks, vias and ragged shapes with holes, as labelling makes them."""
    masks = []
    for number in range(OBJECTS_PER_TILE):
        mask = np.zeros((SIDE_PX, SIDE_PX), dtype=bool)
        row, col = rng.integers(0, SIDE_PX - 60, 2)
        if number % 3 == 0:
            mask[row : row + 12] = True
            mask[:, col : col + 12] = True
        elif number % 3 == 1:
            mask[row : row + 14, col : col + 14] = True
        else:
            mask[row : row + 60, col : col + 60] = rng.random((60, 60)) < 0.9
        masks.append(RleMask.from_mask(mask))
    return masks


def fill(project: Project, num_images: int, num_objects: int) -> None:
    """Put in images that need no files, and objects spread evenly over the first ones."""
    masks = object_masks(np.random.default_rng(0))
    with project.operation(OperationKind.IMPORT, "fill") as operation:
        for number in range(num_images):
            path = f"chip-7/metal-1/row-{number // 1000:03d}/tile-{number:06d}.png"
            image_id = insert_image(operation, path, (SIDE_PX, SIDE_PX))
            if number * OBJECTS_PER_TILE < num_objects:
                image = project.image(image_id)
                for place, mask in enumerate(masks):
                    new = NewObject(1 + place % 2, mask, ObjectSource.PROMPT, 0.9)
                    insert_object(operation, image, new)
                operation.update("images", image_id, {"status": "labelled"})


def percentiles_ms(action: Callable[[int], object]) -> dict[str, float]:
    times_s = []
    for number in range(NUM_EDITS):
        start = time.perf_counter()
        action(number)
        times_s.append(time.perf_counter() - start)
    p50, p95 = np.percentile(times_s, [50, 95]) * 1000
    return {"p50_ms": float(p50), "p95_ms": float(p95), "max_ms": max(times_s) * 1000}


def report(name: str, result: dict[str, Any]) -> None:
    # what else ran on the machine explains wall times that are far above processor times
    load = psutil.getloadavg()[0]
    text = json.dumps({**result, "load_average": load, "num_cpus": psutil.cpu_count()}, indent=1)
    print(text)
    write_text_atomic(OUT / name, text + "\n")


@pytest.mark.bench
def test_a_large_project_opens_lists_and_edits_at_once(tmp_path: Path) -> None:
    path = tmp_path / "large.icseg"
    with Project.create(path) as project:
        fill(project, NUM_IMAGES, NUM_LISTED_OBJECTS)
    command = [sys.executable, "-c", OPEN_AND_LIST, str(path)]
    opening = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert opening["num_images"] == NUM_IMAGES
    (mask, *_) = object_masks(np.random.default_rng(1))
    with Project.open(path) as project:
        source = ObjectSource.PROMPT
        accept = percentiles_ms(lambda n: project.add_object(1 + n, 1, mask, source))
        undo = percentiles_ms(lambda _: project.undo())
        redo = percentiles_ms(lambda _: project.redo())
    size_mib = path.stat().st_size / 2**20
    result = {"opening": opening, "accept": accept, "undo": undo, "redo": redo}
    report("project.json", {**result, "file_mib": size_mib, "num_objects": NUM_LISTED_OBJECTS})
    # processor seconds: another program on the same core must not fail the benchmark
    assert opening["both_cpu_s"] <= OPEN_MAX_S
    assert opening["memory_mib"] <= OPEN_MAX_MIB
    assert accept["p95_ms"] <= EDIT_P95_MAX_MS
    assert undo["p95_ms"] <= EDIT_P95_MAX_MS


@pytest.mark.bench
def test_a_thousand_tiles_are_exported_quickly(tmp_path: Path) -> None:
    with Project.create(tmp_path / "p.icseg") as project:
        fill(project, NUM_TILES, NUM_TILES * OBJECTS_PER_TILE)
        times_s, cpu_s = {}, {}
        for name, export in (
            ("coco", lambda view: export_coco(view, tmp_path / "out.json")),
            ("coco_polygons", lambda view: export_coco(view, tmp_path / "p.json", polygons=True)),
            ("png", lambda view: export_png(view, tmp_path / "png")),
        ):
            start, start_cpu = time.perf_counter(), time.process_time()
            with project.snapshot() as view:
                done = export(view)
            times_s[name] = time.perf_counter() - start
            cpu_s[name] = time.process_time() - start_cpu
            assert (done.num_images, done.num_objects) == (NUM_TILES, NUM_TILES * OBJECTS_PER_TILE)
    sizes = {"num_tiles": NUM_TILES, "objects_per_tile": OBJECTS_PER_TILE, "side_px": SIDE_PX}
    report("project_export.json", {**sizes, "export_s": times_s, "export_cpu_s": cpu_s})
    # processor seconds of all threads, as above
    assert cpu_s["coco"] <= EXPORT_MAX_S
    assert cpu_s["png"] <= EXPORT_MAX_S
