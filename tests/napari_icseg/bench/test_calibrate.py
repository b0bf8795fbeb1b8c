"""Calibrated scores: measured where nothing is quoted, kept with the weights, used from then on."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from napari_icseg.bench.calibrate import collect, fit_curves, store_curves
from napari_icseg.bench.session import ScoredCandidate
from napari_icseg.bench.tiles import read_data
from napari_icseg.cli import app
from napari_icseg.prompting.loading import load_from
from napari_icseg.prompting.protocol import Prompts
from tests.napari_icseg.bench.fakes import PaintedPredictor, perfect
from tests.napari_icseg.bench.test_bench_cli import SAMPLES
from trainers.checkpoint import load_checkpoint, save_checkpoint
from trainers.embedded import EMBEDDED
from trainers.errors import CheckpointError, DataError
from trainers.metrics.calibration import ScoreCurve
from trainers.models.sam2.nano import build_sam2_nano
from trainers.terminal import run_app

OPTIONS = {"width": 32, "num_blocks": 1}


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "nano.safetensors"
    model = build_sam2_nano(seed=1, **OPTIONS).half()
    save_checkpoint(
        path, model.state_dict(), {"model": "sam2-nano", "config": {"model_options": OPTIONS}}
    )
    return path


def candidates(predictor):
    image = np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8)
    return predictor.predict(predictor.embed(image), Prompts([[30, 30]], [1]))


def test_every_target_is_clicked_once_and_its_candidates_compared_with_the_truth():
    predictor = PaintedPredictor(perfect)
    data = read_data(SAMPLES, reference="masks", limit=2)
    found = collect(predictor, data, jitter=0.6)
    num_targets = sum(len(tile.read()[1]) for tile in data.tiles)
    assert len(predictor.prompts) == num_targets
    assert {each.kind for each in found} == {"net", "layer"}


def test_stored_curves_change_the_scores_and_not_the_masks(weights):
    before = candidates(load_from(weights, name="n", sha256=None, device="cpu"))
    curve = ScoreCurve((0.0, 1.0), (0.25, 0.25))
    store_curves(weights, {"net": curve, "layer": curve}, {"data": "d"})
    after = candidates(load_from(weights, name="n", sha256=None, device="cpu"))
    assert {c.kind: c.mask for c in before} == {c.kind: c.mask for c in after}
    assert all(c.score == 0.25 for c in after if c.kind != "part")
    assert [c.score for c in before if c.kind == "part"] == [
        c.score for c in after if c.kind == "part"
    ]


def test_the_weights_stay_bit_by_bit_as_they_are(weights):
    before = load_checkpoint(weights)
    store_curves(weights, {"net": ScoreCurve((0.5,), (0.7,))}, {"data": "d"})
    after = load_checkpoint(weights)
    assert before.weights.keys() == after.weights.keys()
    for name, value in before.weights.items():
        assert after.weights[name].dtype == value.dtype
        assert after.weights[name].equal(value)
    assert after.meta["score_curves_from"] == {"data": "d"}
    assert after.meta["config"] == before.meta["config"]


def test_damaged_curves_are_refused(weights):
    checkpoint = load_checkpoint(weights)
    meta = {**checkpoint.meta, "score_curves": {"net": {"score": [1, 0], "iou": [0, 1]}}}
    save_checkpoint(weights, checkpoint.weights, meta)
    with pytest.raises(CheckpointError, match="score curves in its header are damaged"):
        load_from(weights, name="n", sha256=None, device="cpu")


def test_too_few_candidates_are_refused():
    with pytest.raises(DataError, match="only 1 candidates of the kind net"):
        fit_curves([ScoredCandidate("net", 0.5, 0.5)])


def test_the_command_calibrates_a_file(tmp_path, capsys):
    weights = Path(shutil.copy(EMBEDDED, tmp_path))
    assert (
        run_app(app, ["bench", "calibrate", "--model", str(weights), "--data", str(SAMPLES)]) == 0
    )
    assert "calibration error before" in capsys.readouterr().out
    assert load_from(weights, name="n", sha256=None, device="cpu").curves.keys() == {"net", "layer"}
