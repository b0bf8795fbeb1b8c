from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from trainers.io.rle import RleMask
from trainers.metrics.average_precision import (
    Found,
    MatchedImage,
    Precisions,
    average_precisions,
    match_image,
    mean_precisions,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

SIDE = 24
Objects = tuple[list[Found], list[RleMask]]


def box(row: int, col: int, height: int, width: int) -> RleMask:
    mask = np.zeros((SIDE, SIDE), np.bool_)
    mask[row : row + height, col : col + width] = True
    return RleMask.from_mask(mask)


boxes = st.builds(box, st.integers(0, 15), st.integers(0, 15), st.integers(1, 9), st.integers(1, 9))
scores = st.floats(0.0, 1.0).map(lambda score: round(score, 2))
images = st.lists(
    st.tuples(st.lists(st.builds(Found, boxes, scores), max_size=6), st.lists(boxes, max_size=5)),
    min_size=1,
    max_size=4,
)


def random_images(count: int, seed: int) -> list[Objects]:
    """Truths, found again with a shift, and noise among them."""
    rng = np.random.default_rng(seed)
    made: list[Objects] = []
    for _ in range(count):
        corners = rng.integers(0, 14, (4, 2))
        truths = [box(int(r), int(c), 7, 8) for r, c in corners]
        shifts = rng.integers(0, 3, (4, 2))
        found = [
            Found(box(int(r + dr), int(c + dc), 7, 8), float(rng.random()))
            for (r, c), (dr, dc) in zip(corners, shifts, strict=True)
        ]
        noise = [Found(box(int(r), 0, 3, 5), float(rng.random())) for r in rng.integers(0, 20, 2)]
        made.append(([*found, *noise], truths))
    return made


def by_pycocotools(made: Sequence[Objects]) -> list[float]:
    """Return AP, AP50 and AP75 of pycocotools' own evaluation; -1 for undefined."""
    shape = (SIDE, SIDE)
    truths: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    for number, (found, wanted) in enumerate(made, 1):
        for mask in wanted:
            about = {"id": len(truths) + 1, "area": mask.area, "bbox": mask.box_xywh}
            common = {"image_id": number, "category_id": 1, "iscrowd": 0}
            truths.append({**about, **common, "segmentation": mask.to_coco(shape)})
        for one in found:
            common = {"image_id": number, "category_id": 1, "score": one.score}
            results.append({**common, "segmentation": one.mask.to_coco(shape)})
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "info": {},
            "images": [{"id": n + 1, "height": SIDE, "width": SIDE} for n in range(len(made))],
            "categories": [{"id": 1, "name": "metal"}],
            "annotations": truths,
        }
        coco.createIndex()
        if not results:  # loadRes cannot read an empty list
            return [0.0] * 3 if truths else [-1.0] * 3
        evaluator = COCOeval(coco, coco.loadRes(results), "segm")
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    return [float(value) for value in evaluator.stats[:3]]


def matched(made: Sequence[Objects]) -> list[MatchedImage]:
    return [match_image(found, wanted, (SIDE, SIDE)) for found, wanted in made]


@pytest.mark.parametrize("seed", range(5))
def test_ap_is_that_of_pycocotools_on_crowded_images(seed: int) -> None:
    made = random_images(12, seed)
    ours = average_precisions(matched(made))
    assert 0.05 < ours.ap < 0.95
    assert list(ours) == pytest.approx(by_pycocotools(made), abs=1e-12)


@given(images)
def test_ap_is_that_of_pycocotools_on_any_images(made: list[Objects]) -> None:
    ours = [-1.0 if np.isnan(value) else value for value in average_precisions(matched(made))]
    assert ours == pytest.approx(by_pycocotools(made), abs=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_a_weight_means_that_the_image_is_there_so_often(seed: int) -> None:
    made = random_images(6, seed)
    weights = np.array([2, 0, 1, 3, 0, 1])
    repeated = [image for image, times in zip(made, weights, strict=True) for _ in range(times)]
    ours = average_precisions(matched(made), weights)
    assert list(ours) == pytest.approx(by_pycocotools(repeated), abs=1e-12)


def test_perfect_answers_score_one_and_blank_ones_zero() -> None:
    truths = [box(0, 0, 5, 5), box(10, 10, 6, 6)]
    perfect = [match_image([Found(mask, 0.5) for mask in truths], truths, (SIDE, SIDE))]
    blank = [match_image([], truths, (SIDE, SIDE))]
    assert average_precisions(perfect) == (1.0, 1.0, 1.0)
    assert average_precisions(blank) == (0.0, 0.0, 0.0)


def test_without_true_objects_ap_is_undefined_and_left_out_of_the_mean() -> None:
    nothing = average_precisions([match_image([Found(box(0, 0, 5, 5), 0.9)], [], (SIDE, SIDE))])
    assert np.isnan(nothing).all()
    assert mean_precisions([nothing, Precisions(0.5, 0.8, 0.4)]) == (0.5, 0.8, 0.4)
    assert np.isnan(mean_precisions([nothing])).all()


def test_a_detection_in_ignored_pixels_is_no_mistake() -> None:
    truth, stray = box(0, 0, 6, 6), box(15, 15, 5, 5)
    found = [Found(stray, 0.9), Found(truth, 0.8)]
    ignoring = match_image(found, [truth], (SIDE, SIDE), ignore=box(14, 14, 8, 8))
    assert average_precisions([match_image(found, [truth], (SIDE, SIDE))]).ap == 0.5
    assert average_precisions([ignoring]).ap == 1.0


def test_more_than_the_hundred_objects_of_coco_count() -> None:
    rows, cols = range(0, 24, 2), range(0, 24, 2)
    truths = [box(row, col, 1, 1) for row in rows for col in cols]
    found = [Found(mask, 0.9) for mask in truths]
    assert len(truths) > 100
    assert average_precisions([match_image(found, truths, (SIDE, SIDE))]).ap == 1.0


def test_no_images_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one image"):
        average_precisions([])
