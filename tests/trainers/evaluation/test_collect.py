"""All scores of a collector beside `SegmentationMetrics`, scipy and resampling by hand."""

from __future__ import annotations

import numpy as np
import pytest

from trainers.data.instances import object_rles
from trainers.data.labels import IGNORE
from trainers.evaluation.collect import ScoreCollector
from trainers.evaluation.data import TrueObject
from trainers.metrics.segmentation import SegmentationMetrics
from trainers.models.base import Instance

NAMES = ("metal", "via")


def tiles(count: int, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(seed)
    made = []
    for _ in range(count):
        coarse = rng.choice(3, size=(8, 8), p=[0.6, 0.3, 0.1]).astype(np.uint8)
        target = coarse.repeat(5, 0).repeat(5, 1)
        preds = np.where(rng.random(target.shape) < 0.04, 0, target).astype(np.uint8)
        target[:3, :3] = IGNORE
        made.append((preds, target))
    return made


def collected(made: list[tuple[np.ndarray, np.ndarray]]) -> ScoreCollector:
    collector = ScoreCollector(NAMES)
    for number, (preds, target) in enumerate(made):
        # scores differ: which of equal ones comes first is nobody's rule
        found = [
            Instance(class_id, mask.area % 97 / 97 + mask.row / 1e4 + mask.col / 1e6, mask)
            for class_id, mask in object_rles(preds)
        ]
        wanted = [TrueObject(*one) for one in object_rles(target)]
        collector.update(str(number), preds, target, found=found, wanted=wanted)
    return collector


def test_shared_names_mean_what_they_mean_in_training() -> None:
    made = tiles(5)
    metrics = SegmentationMetrics(NAMES)
    for number, (preds, target) in enumerate(made):
        metrics.update(preds, target, image=number)
    expected = metrics.compute()
    scores = collected(made).scores()
    shared = scores.keys() & expected.keys()
    assert {"pixel_accuracy", "iou", "dice", "iou_pooled", "precision/via", "recall"} <= shared
    for name in shared:
        assert scores[name] == pytest.approx(expected[name]), name


def test_a_weight_means_that_the_image_is_there_so_often() -> None:
    made = tiles(4)
    weights = np.array([2, 0, 1, 1])
    repeated = [made[0], made[0], made[2], made[3]]
    ours, theirs = collected(made).scores(weights), collected(repeated).scores()
    assert ours == pytest.approx(theirs)


def test_every_score_has_an_interval_around_it() -> None:
    collector = collected(tiles(12))
    scores, intervals = collector.scores(), collector.intervals()
    assert set(intervals) == set(scores)
    for name, (low, high) in intervals.items():
        assert low <= scores[name] <= high, name
        assert high - low < 0.4


def test_the_same_images_give_the_same_intervals() -> None:
    assert collected(tiles(6)).intervals() == collected(tiles(6)).intervals()


def test_per_image_scores_average_to_the_whole() -> None:
    collector = collected(tiles(5))
    images, scores = collector.image_scores(), collector.scores()
    for name in ("iou", "dice", "boundary_f", "foreground_iou", "foreground_dice"):
        assert np.mean([getattr(image, name) for image in images]) == pytest.approx(scores[name])
    assert images[0].iou == min(image.iou for image in images)


def test_no_image_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one image"):
        ScoreCollector(NAMES).scores()
