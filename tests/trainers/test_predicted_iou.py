"""The IoU that is to be expected: its signs, and how they are weighed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainers.confidence import SurePrediction, confidence_of
from trainers.data.labels import IGNORE
from trainers.predicted_iou import FEW_PX, Evidence, evidence_of, fit_iou, true_iou


def sure_of(probs: np.ndarray) -> SurePrediction:
    labels = (probs > 0.5).astype(np.uint8)
    return SurePrediction(labels, probs[None], confidence_of(probs[None]), 0.8)


def test_the_signs_of_a_square_are_those_computed_by_hand() -> None:
    probs = np.full((40, 40), 0.1, np.float32)
    probs[10:30, 10:30] = 0.9
    teacher = np.zeros((40, 40), np.uint8)
    teacher[10:30, 10:20] = 1
    found = evidence_of(sure_of(probs), teacher=teacher, head=0.7)
    assert found.agreement == 0.8
    assert found.rim == pytest.approx(1 - 80 / (4 * (400 + FEW_PX)))
    assert (found.teacher, found.head) == (0.5, 0.7)
    assert found.names == ("agreement", "rim", "teacher", "head")


def test_a_blank_image_of_which_the_model_is_sure_is_expected_to_be_right() -> None:
    found = evidence_of(
        sure_of(np.zeros((40, 40), np.float32)), teacher=np.zeros((40, 40), np.uint8)
    )
    assert (found.rim, found.teacher) == (1.0, 1.0)


def tiles_of(num: int, seed: int = 0) -> tuple[list[Evidence], list[float]]:
    """Return tiles whose IoU follows the first sign, while the others are chance."""
    rng = np.random.default_rng(seed)
    shares = 1 - 10 ** rng.uniform(-2.5, -0.3, (num, 3))
    ious = 1 - 2 * (1 - shares[:, 0]) * 10 ** rng.normal(0, 0.1, num)
    return [Evidence(*map(float, row)) for row in shares], np.clip(ious, 0, 1).tolist()


def test_what_tells_of_errors_is_found_and_chance_is_not() -> None:
    fit = fit_iou(*tiles_of(200))
    assert fit.weights[0] > 0.8
    assert max(fit.weights[1:]) < 0.15
    evidence, ious = tiles_of(200, seed=1)
    said = np.array([fit(each) for each in evidence])
    assert np.abs(said - ious).mean() < 0.05
    assert np.corrcoef(np.argsort(np.argsort(said)), np.argsort(np.argsort(ious)))[0, 1] > 0.9


def test_one_tile_moves_the_level_and_not_the_weights() -> None:
    prior = fit_iou([], [], names=("agreement", "rim", "teacher"))
    assert prior.weights == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    evidence = Evidence(0.9, 0.9, 0.9)
    one = fit_iou([evidence], [0.5])
    assert one.weights == pytest.approx(prior.weights)
    assert 0.5 < one(evidence) < prior(evidence)


@given(st.lists(st.tuples(*[st.floats(0, 1)] * 4), min_size=1, max_size=8), st.floats(0, 1))
def test_more_trouble_never_means_a_better_image(
    rows: list[tuple[float, ...]], share: float
) -> None:
    fit = fit_iou([Evidence(*row[:3]) for row in rows], [row[3] for row in rows])
    assert min(fit.weights) >= 0
    assert 0 <= fit(Evidence(share, 0.5, 0.5)) <= fit(Evidence(1.0, 0.5, 0.5)) <= 1


def test_unknown_pixels_do_not_count_in_the_true_iou() -> None:
    labels = np.array([[1, 1, 0, 0]], np.uint8)
    assert true_iou(labels, np.array([[1, IGNORE, 1, 0]], np.uint8)) == 0.5


def test_as_many_ious_as_tiles_are_needed() -> None:
    with pytest.raises(ValueError, match="an IoU for each tile"):
        fit_iou([Evidence(1, 1, 1)], [])
