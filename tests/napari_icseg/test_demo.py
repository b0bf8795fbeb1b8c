"""The whole workflow through the real GUI: what `icseg demo --headless` does and leaves."""

import json
import subprocess
import sys

import pytest
from pycocotools.coco import COCO

from napari_icseg.demo.run import run_headless
from trainers.errors import IcsegError
from trainers.io.masks import read_mask

STEPS = ["open", "label_nets", "undo_and_redo", "label_layers", "export", "retrain", "prefill"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    out = tmp_path_factory.mktemp("demo") / "out"
    command = [sys.executable, "-m", "napari_icseg.cli", "demo", "--headless", "--out", str(out)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=840, check=False)
    return out, done


@pytest.mark.gui
@pytest.mark.timeout(900)
def test_every_step_of_the_workflow_succeeds(demo):
    out, done = demo
    assert done.returncode == 0, done.stderr[-3000:]
    summary = json.loads((out / "summary.json").read_text("utf-8"))
    assert summary["failed"] is None
    assert summary["steps"] == STEPS
    assert len(list(out.glob("[0-9][0-9]-*.png"))) >= len(STEPS)
    assert summary["training"]["num_val"] >= 1


@pytest.mark.gui
@pytest.mark.timeout(900)
def test_the_accepted_masks_are_right_and_come_out_as_coco_and_png(demo):
    out, _ = demo
    summary = json.loads((out / "summary.json").read_text("utf-8"))
    assert summary["mean_iou"] >= 0.75
    coco = COCO(next((out / "export" / "coco").glob("*.json")))
    assert len(coco.getAnnIds()) == len(summary["objects"])
    masks = sorted((out / "export" / "png").rglob("*.png"))
    assert masks
    assert all(read_mask(path).shape == (256, 256) for path in masks)


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(IcsegError, match="holds other files"):
        run_headless(tmp_path)
    assert (tmp_path / "thesis.txt").read_text() == "years of work"
