"""The metrics beside scikit-learn's, which were written by others."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import metrics as sk

from trainers.data.labels import IGNORE
from trainers.metrics.segmentation import (
    SegmentationMetrics,
    confusion_matrix,
    dice,
    foreground,
    iou,
    nested,
    pixel_accuracy,
    precision,
    recall,
)

NUM_CLASSES = 3
masks = hnp.arrays(np.uint8, (6, 7), elements=st.integers(0, NUM_CLASSES))


@given(preds=masks, target=masks)
def test_every_score_is_that_of_scikit_learn(preds: np.ndarray, target: np.ndarray) -> None:
    counts = confusion_matrix(preds, target, NUM_CLASSES)
    flat = target.ravel(), preds.ravel()
    classes = list(range(1, NUM_CLASSES + 1))
    np.testing.assert_array_equal(counts, sk.confusion_matrix(*flat, labels=range(NUM_CLASSES + 1)))
    assert pixel_accuracy(counts) == pytest.approx(sk.accuracy_score(*flat))
    known = {"labels": classes, "average": None}
    present = np.isin(classes, np.concatenate(flat))
    np.testing.assert_allclose(
        iou(counts)[present], sk.jaccard_score(*flat, **known, zero_division=0)[present]
    )
    np.testing.assert_allclose(
        dice(counts)[present], sk.f1_score(*flat, **known, zero_division=0)[present]
    )
    np.testing.assert_allclose(
        precision(counts)[present], sk.precision_score(*flat, **known, zero_division=0)[present]
    )
    np.testing.assert_allclose(
        recall(counts)[present], sk.recall_score(*flat, **known, zero_division=0)[present]
    )
    for score in (iou, dice, precision, recall):
        assert (score(counts)[~present] == 1.0).all()


@given(preds=masks, target=masks)
def test_foreground_scores_forget_the_class(preds: np.ndarray, target: np.ndarray) -> None:
    together = foreground(confusion_matrix(preds, target, NUM_CLASSES))
    expected = sk.confusion_matrix(target.ravel() > 0, preds.ravel() > 0, labels=[False, True])
    np.testing.assert_array_equal(together, expected)


@given(target=masks)
def test_the_truth_itself_scores_one(target: np.ndarray) -> None:
    metrics = SegmentationMetrics(["a", "b", "c"])
    metrics.update(target, target, image=0)
    scores = metrics.compute()
    shares = {"foreground_true", "foreground_predicted", "foreground_iou_inverted"}
    assert {value for name, value in scores.items() if name not in shares} == {1.0}
    assert scores["foreground_true"] == scores["foreground_predicted"]


def test_an_image_without_objects_scores_one_if_predicted_blank_else_zero() -> None:
    blank, speck = np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8)
    speck[0, 0] = 1
    for preds, expected in ((blank, 1.0), (speck, 0.0)):
        counts = confusion_matrix(preds, blank, 1)
        assert [float(f(counts)[0]) for f in (iou, dice)] == [expected, expected]
    assert precision(confusion_matrix(speck, blank, 1)) == [0.0]
    assert recall(confusion_matrix(blank, speck, 1)) == [0.0]


def test_iou_and_dice_are_means_over_images_and_the_rest_is_pooled() -> None:
    target = np.array([[1, 1, 0, 0]], np.uint8)
    metrics = SegmentationMetrics(["metal"])
    metrics.update(np.array([[1, 0, 0, 0]], np.uint8), target, image="a")
    metrics.update(np.array([[1, 1, 1, 1]], np.uint8), target, image="b")
    scores = metrics.compute()
    assert scores["iou"] == scores["iou/metal"] == pytest.approx((0.5 + 0.5) / 2)
    assert scores["dice"] == pytest.approx((2 / 3 + 2 / 3) / 2)
    assert scores["iou_pooled"] == pytest.approx(3 / 6)
    assert scores["pixel_accuracy"] == pytest.approx(5 / 8)
    assert scores["precision"] == pytest.approx(3 / 5)
    assert scores["recall"] == pytest.approx(3 / 4)
    assert scores["foreground_predicted"] == pytest.approx(5 / 8)


def test_windows_of_an_image_count_as_one_image() -> None:
    rng = np.random.default_rng(0)
    preds, target = rng.integers(0, 2, (2, 8, 8)).astype(np.uint8)
    whole, parts = SegmentationMetrics(["m"]), SegmentationMetrics(["m"])
    whole.update(preds, target, image=0)
    for window in (np.s_[:3], np.s_[3:]):
        parts.update(preds[window], target[window], image=0)
    assert whole.compute() == parts.compute()


def test_ignored_pixels_do_not_count() -> None:
    target = np.array([1, 0, IGNORE, IGNORE], np.uint8)
    counts = confusion_matrix(np.array([1, 0, 1, 0], np.uint8), target, 1)
    np.testing.assert_array_equal(counts, [[1, 0], [0, 1]])


def test_wrong_shapes_and_ids_are_refused() -> None:
    with pytest.raises(ValueError, match="equal shapes"):
        confusion_matrix(np.zeros((2, 2), np.uint8), np.zeros((2, 3), np.uint8), 1)
    with pytest.raises(ValueError, match=r"ids in 0\.\.1"):
        confusion_matrix(np.full((2, 2), 2, np.uint8), np.zeros((2, 2), np.uint8), 1)
    with pytest.raises(ValueError, match="at least one image"):
        SegmentationMetrics(["m"]).compute()


def test_class_metrics_are_sorted_under_their_class() -> None:
    found = nested({"iou": 0.5, "iou/metal/m1": 0.25, "dice/metal/m1": 0.75})
    assert found == {"iou": 0.5, "per_class": {"metal/m1": {"iou": 0.25, "dice": 0.75}}}
