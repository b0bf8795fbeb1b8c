"""How fast the Labelling dock answers on the screen, and how long the GUI thread is ever away.

`pytest tests/benchmarks/bench_gui.py -m bench -s` writes bench-out/gui.json.

Limits, on two CPU cores with sam2-nano, with 30 and 500 objects on the image: click → mask on
screen p95 80 ms at 256² and 120 ms at 4096 x 3536, once embedded; accept → next click possible
30 ms and undo 30 ms (medians); next image 150 ms; the GUI thread never away for longer than
50 ms while embedding, prediction, training and export run at once. "drawn" is the same until the
window is drawn: without a graphics card, most of that is OpenGL in software and Qt putting the
window together, so that the worst delay is also given without the drawing in it.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
import pytest
from qtpy.QtCore import QEvent, Qt

from napari_icseg.controllers.application import open_docks
from napari_icseg.controllers.napari_window import camera_of, canvas_of, main_window_of
from napari_icseg.controllers.sample_folder import make_sample
from napari_icseg.controllers.session import session_of
from napari_icseg.demo.driver import HEARTBEAT_MS, Driver, Heartbeat
from napari_icseg.demo.labeller import Labeller
from napari_icseg.jobs.request import RunRequest
from napari_icseg.jobs.runs import cancel, start_run
from napari_icseg.project.project import Project
from napari_icseg.project.records import NewObject, ObjectSource
from napari_icseg.widgets.export_dialog import ExportChoice
from trainers.data.synthetic import PRESETS, generate_tile
from trainers.io.atomic import write_text_atomic
from trainers.io.rle import RleMask
from trainers.progress import RunState, read_status

OUT = Path("bench-out")
NUM_IMAGES = 12
NUM_CLICKS = 40
NUM_EDITS = 20
SMALL_HW, LARGE_HW = (256, 256), (3536, 4096)
CLICK_P95_MAX_MS = {SMALL_HW: 80.0, LARGE_HW: 120.0}
EDIT_MAX_MS, NEXT_MAX_MS, AWAY_MAX_MS = 30.0, 150.0, 50.0
SCENES = [(hw, num) for hw in (SMALL_HW, LARGE_HW) for num in (30, 500)]
pytestmark = [pytest.mark.bench, pytest.mark.gui, pytest.mark.timeout(1800)]


def write_image(path: Path, shape_hw: tuple[int, int], number: int) -> None:
    """Write tiles of the generator side by side."""
    side_px = min(512, *shape_hw)
    tile = generate_tile(PRESETS["metal_vias"].resized(side_px), 11, number).image
    repeats = [-(-side // side_px) for side in shape_hw]
    cv2.imwrite(str(path), np.tile(tile, repeats)[: shape_hw[0], : shape_hw[1]])


def small_objects(shape_hw: tuple[int, int], num: int, class_id: int) -> list[NewObject]:
    """Return as many little bars, spread over the image."""
    columns = int(np.ceil(num**0.5))
    steps = [side // columns for side in shape_hw]
    bar = np.ones([max(2, step // 2) for step in steps], dtype=np.bool_)
    places = [(n // columns * steps[0], n % columns * steps[1]) for n in range(num)]
    masks = [RleMask.from_mask(bar, place) for place in places]
    return [NewObject(class_id, mask, ObjectSource.IMPORT) for mask in masks]


def make_project(folder: Path, shape_hw: tuple[int, int], num_objects: int) -> Path:
    """Make a folder of images of one size, with as many objects on each, and its project."""
    folder.mkdir()
    num_images = NUM_IMAGES if shape_hw == SMALL_HW else 3
    for number in range(num_images):
        write_image(folder / f"tile_{number:02d}.png", shape_hw, number)
    path = folder / f"{folder.name}.icseg"
    with Project.create(path) as project:
        project.add_images(sorted(folder.glob("*.png")))
        via = project.classes()[1].id
        for image in project.images():
            project.add_objects(image.id, small_objects(shape_hw, num_objects, via))
    return path


@pytest.fixture
def open_labeller(make_napari_viewer, tmp_path):
    """A function that opens a project in both docks and returns who labels it."""
    made = []

    def make(project: Path) -> Labeller:
        viewer = make_napari_viewer(show=True)
        viewer.window.resize(1400, 900)
        labelling, training = open_docks(viewer)
        labeller = Labeller(Driver(viewer, tmp_path), labelling.controller)
        made.append((labelling, training, labeller))
        labelling.controller.projects.open(project)
        labeller.wait_for_image()
        labeller.driver.settle(3)  # a person looks first; the neighbours are embedded meanwhile
        return labeller

    yield make
    for labelling, training, labeller in made:
        labelling.controller.close()
        training.dock.controller.close()
        # pytest keeps both until after napari's check that no viewer is left
        vars(labeller.driver).clear()
        vars(labeller).clear()
    made.clear()


def timed_ms(labeller: Labeller, action) -> tuple[float, float]:
    """Do it; return the ms until the next event can be taken, and until it is drawn."""
    started_s = time.perf_counter()
    action()
    answered_s = time.perf_counter()
    canvas_of(labeller.driver.viewer).repaint()
    return (answered_s - started_s) * 1000, (time.perf_counter() - started_s) * 1000


def click_somewhere(labeller: Labeller, rng: np.random.Generator, shape_hw) -> float:
    """Click near the middle of what is shown; return the ms to the painted mask."""
    row, col = (side / 2 + rng.uniform(-0.3, 0.3) * min(side, 800) for side in shape_hw)
    seconds = labeller.click(row, col)
    # accepted at once, a net that is still being followed would be saved later
    labeller.driver.wait_until(lambda: not labeller.is_following, "the whole candidate")
    return seconds


def zoom_in(labeller: Labeller, shape_hw: tuple[int, int]) -> None:
    """Show about 900 pixels of a large image, as one would to click a track."""
    if shape_hw == LARGE_HW:
        camera_of(labeller.driver.viewer).zoom = 0.8
        labeller.driver.settle(2)


def measure_edits(labeller: Labeller, rng, shape_hw) -> dict[str, list[float]]:
    driver, times = labeller.driver, defaultdict(list)
    for number in range(NUM_CLICKS):
        times["click"].append(click_somewhere(labeller, rng, shape_hw))
        if number >= NUM_EDITS or not labeller.has_candidate:
            driver.key(Qt.Key.Key_Escape)
            continue
        edits = {"accept": lambda: driver.key(Qt.Key.Key_Return), "undo": labeller.undo}
        for name, edit in edits.items():
            answered_ms, drawn_ms = timed_ms(labeller, edit)
            times[name].append(answered_ms)
            times[f"{name}, drawn"].append(drawn_ms)
            driver.settle(0.1)
    return times


def measure_next(labeller: Labeller, shape_hw) -> list[float]:
    times = []
    for _ in range(NUM_IMAGES - 2 if shape_hw == SMALL_HW else 2):
        labeller.driver.settle(1.0 if shape_hw == SMALL_HW else 12.0)
        times.append(labeller.next_image() * 1000)
    return times


def percentiles(values_ms) -> dict[str, float]:
    p50, p95 = np.percentile(values_ms, [50, 95])
    return {"p50_ms": round(p50, 1), "p95_ms": round(p95, 1), "num": len(values_ms)}


def add_to_report(name: str, result: dict[str, object]) -> None:
    path = OUT / "gui.json"
    report = json.loads(path.read_text()) if path.exists() else {}
    report[name] = {**result, "load_average": round(os.getloadavg()[0], 1)}
    write_text_atomic(path, json.dumps(report, indent=2) + "\n")
    print(name, json.dumps(report[name]))


@pytest.mark.parametrize(("shape_hw", "num_objects"), SCENES)
def test_clicks_edits_and_the_next_image_are_answered_at_once(
    open_labeller, tmp_path, shape_hw, num_objects
):
    labeller = open_labeller(make_project(tmp_path / "p", shape_hw, num_objects))
    rng = np.random.default_rng(0)
    zoom_in(labeller, shape_hw)
    for _ in range(3):  # warm up: fonts, shaders, torch's own caches
        click_somewhere(labeller, rng, shape_hw)
        labeller.driver.key(Qt.Key.Key_Escape)
    times = measure_edits(labeller, rng, shape_hw)
    times["next_image"] = measure_next(labeller, shape_hw)
    report = {name: percentiles(values) for name, values in times.items()}
    add_to_report(f"{shape_hw[1]}x{shape_hw[0]}, {num_objects} objects", report)
    assert report["click"]["p95_ms"] <= CLICK_P95_MAX_MS[shape_hw]
    assert report["accept"]["p50_ms"] <= EDIT_MAX_MS
    assert report["undo"]["p50_ms"] <= EDIT_MAX_MS
    assert report["next_image"]["p50_ms"] <= NEXT_MAX_MS


def start_training(samples: Path, folder: Path) -> Path:
    """Train as the Training dock does: in the background, politely, on all cores but one."""
    num_threads = max(1, (os.cpu_count() or 2) - 1)
    request = RunRequest("unet", epochs=200, options={"num_threads": num_threads})
    return start_run(request, folder, lambda labels: shutil.copytree(samples, labels)).run_dir


def work_hard(labeller: Labeller, out: Path) -> None:
    """Export, go to images that nobody has embedded ahead, and click there."""
    images = session_of(labeller.driver.viewer).project.images()
    for number, image in enumerate((images[-1], images[0], images[-4])):
        choice = ExportChoice(format="coco", scope="started", out_dir=out / str(number))
        labeller.controller.projects.export(choice)
        labeller.controller.images.go(image.id)
        labeller.driver.settle(1.0)
        labeller.driver.click(100, 100)
        labeller.driver.settle(1.0)


class Pulse(Heartbeat):
    """A heartbeat that knows which share of each gap went into drawing the window."""

    def __init__(self, window, monkeypatch) -> None:
        super().__init__()
        self.worst_but_drawing_ms = self._drawing_ms = 0.0
        handle = type(window).event

        def timed(of, event) -> bool:
            started_s = time.perf_counter()
            result = handle(of, event)
            if event.type() == QEvent.Type.UpdateRequest:
                self._drawing_ms += (time.perf_counter() - started_s) * 1000
            return result

        monkeypatch.setattr(type(window), "event", timed)

    def _on_timer(self) -> None:
        gap_ms = (time.perf_counter() - self._last_s) * 1000 - HEARTBEAT_MS
        self.worst_but_drawing_ms = max(self.worst_but_drawing_ms, gap_ms - self._drawing_ms)
        self._drawing_ms = 0.0
        super()._on_timer()


def test_the_gui_is_never_away_while_everything_runs_at_once(open_labeller, tmp_path, monkeypatch):
    labeller = open_labeller(make_project(tmp_path / "p", SMALL_HW, 30))
    run = start_training(make_sample(tmp_path / "samples"), tmp_path)
    heartbeat = Pulse(main_window_of(labeller.driver.viewer), monkeypatch)
    try:
        labeller.driver.wait_until(lambda: read_status(run).step > 0, "a training step")
        heartbeat.start()
        work_hard(labeller, tmp_path / "export")
        worst_ms = heartbeat.stop()
        assert read_status(run).state is RunState.RUNNING
    finally:
        cancel(run)
    but_drawing_ms = heartbeat.worst_but_drawing_ms
    delays = {"worst_gui_delay_ms": worst_ms, "but_for_drawing_ms": but_drawing_ms}
    add_to_report("everything at once", {name: round(ms, 1) for name, ms in delays.items()})
    assert but_drawing_ms <= AWAY_MAX_MS
    assert worst_ms <= AWAY_MAX_MS


def test_importing_the_plugin_costs_at_most_a_tenth_of_a_second():
    code = (
        "import time; t = time.perf_counter(); import napari_icseg; print(time.perf_counter() - t)"
    )
    command = [sys.executable, "-c", code]
    seconds = [float(subprocess.check_output(command)) for _ in range(5)]
    add_to_report("import", {"import_napari_icseg_s": round(float(np.median(seconds)), 4)})
    assert np.median(seconds) <= 0.1
