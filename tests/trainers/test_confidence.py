"""How sure a model is: the looks, the temperature, and what is measured on validation tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.calibration import KEPT_ACCURACY, THRESHOLDS, calibrate
from trainers.confidence import predict_sure
from trainers.data.snapshot import read_snapshot
from trainers.io.images import read_image
from trainers.metrics.temperature import fit_temperature, tempered
from trainers.predict import load_run, predict_image
from trainers.train import train

if TYPE_CHECKING:
    from pathlib import Path

    from tests.trainers.conftest import MakeConfig, MakeTiles
    from trainers.config import TrainConfig
    from trainers.predict import LoadedModel


@pytest.fixture
def trained(make_tiles: MakeTiles, make_config: MakeConfig) -> TrainConfig:
    """A run that has learned a little."""
    config = make_config(make_tiles(12, blank=()), epochs=4)
    train(config)
    return config


def looks_of(model: LoadedModel, image: np.ndarray) -> list[np.ndarray]:
    """The eight looks by transposition, another way to the same symmetries of a square."""
    found = []
    for transposes in (False, True):
        for axes in ((), (0,), (1,), (0, 1)):
            turned = np.flip(image.T if transposes else image, axes)
            probs = predict_image(model, np.ascontiguousarray(turned)).probs[0]
            probs = np.flip(probs, axes)
            found.append(probs.T if transposes else probs)
    return found


def test_all_looks_count_alike_however_the_image_lies(trained: TrainConfig) -> None:
    model = load_run(trained.out)
    assert trained.data is not None
    image = read_image(trained.data / "images" / "t03.png")
    found = predict_sure(model, image)
    expected = np.mean(looks_of(model, image), axis=0)
    np.testing.assert_allclose(found.probs[0], expected, atol=1e-5)
    np.testing.assert_allclose(found.confidence, np.maximum(expected, 1 - expected), atol=1e-5)
    turned = predict_sure(model, np.ascontiguousarray(np.rot90(image)))
    np.testing.assert_allclose(np.rot90(found.probs[0]), turned.probs[0], atol=1e-5)
    assert turned.agreement == pytest.approx(found.agreement, abs=1e-3)


def test_agreement_is_the_mean_iou_of_the_looks_with_the_result(trained: TrainConfig) -> None:
    model = load_run(trained.out)
    assert trained.data is not None
    image = read_image(trained.data / "images" / "t05.png")
    found = predict_sure(model, image)
    ious = []
    for probs in looks_of(model, image):
        look, result = probs > 0.5, found.labels > 0
        ious.append((look & result).sum() / max(1, (look | result).sum()))
    assert 0 < found.agreement < 1
    assert found.agreement == pytest.approx(np.mean(ious), abs=1e-3)


def test_one_look_is_the_plain_prediction(trained: TrainConfig) -> None:
    model = load_run(trained.out)
    assert trained.data is not None
    image = read_image(trained.data / "images" / "t01.png")
    found, plain = predict_sure(model, image, num_looks=1), predict_image(model, image)
    np.testing.assert_array_equal(found.labels, plain.labels)
    assert found.agreement == 1.0


@given(st.floats(0.01, 0.99), st.floats(0.2, 5.0))
def test_a_temperature_divides_the_logit(prob: float, temperature: float) -> None:
    scaled = tempered(np.array([[prob]], np.float32), temperature)
    logit = np.log(prob / (1 - prob)) / temperature
    assert scaled[0, 0] == pytest.approx(1 / (1 + np.exp(-logit)), abs=1e-4)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_spoiled_the_probabilities_is_found_again(temperature: float) -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, 50_000)
    target = (rng.random(50_000) < 1 / (1 + np.exp(-logits))).astype(np.uint8)
    overconfident = (1 / (1 + np.exp(-logits * temperature))).astype(np.float32)[None]
    assert fit_temperature(overconfident, target) == pytest.approx(temperature, rel=0.05)


def test_pixels_without_a_truth_are_refused() -> None:
    with pytest.raises(ValueError, match="as many class ids"):
        fit_temperature(np.zeros((1, 0), np.float32), np.zeros(0, np.uint8))


def test_the_threshold_keeps_what_was_right_on_validation_tiles(
    trained: TrainConfig, tmp_path: Path
) -> None:
    model = load_run(trained.out)
    items = read_snapshot(trained.out / "dataset").of("val")
    found = calibrate(model, items, num_looks=2)
    assert found.threshold in THRESHOLDS
    assert found.ece <= found.ece_before + 0.01
    right, total = np.zeros(2), np.zeros(2)
    for item in items:
        sure = predict_sure(
            model, read_image(item.image), num_looks=2, temperature=found.temperature
        )
        kept = sure.confidence >= found.threshold
        truth = item.target((64, 64))
        for kind, part in enumerate((sure.labels > 0, sure.labels == 0)):
            right[kind] += ((sure.labels == truth) & kept & part).sum()
            total[kind] += (kept & part).sum()
    if found.threshold < THRESHOLDS[-1]:
        assert (right >= KEPT_ACCURACY * total).all()
    assert found.kept == pytest.approx(total.sum() / (64 * 64 * len(items)))
