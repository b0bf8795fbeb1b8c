from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from trainers.data.instances import numbered_rles, object_masks, object_rles
from trainers.data.labels import IGNORE

ids = arrays(np.uint8, (9, 12), elements=st.sampled_from([0, 0, 1, 2, IGNORE]))


@pytest.mark.parametrize("min_area_px", [1, 3])
@given(labels=ids)
def test_objects_are_the_components_of_scipy(labels: np.ndarray, min_area_px: int) -> None:
    found = list(object_rles(labels, min_area_px=min_area_px))
    for class_id in (1, 2):
        numbers, count = ndimage.label(labels == class_id, structure=np.ones((3, 3)))
        areas = np.bincount(numbers.ravel(), minlength=count + 1)[1:]
        masks = [mask.to_mask(labels.shape) for one, mask in found if one == class_id]
        assert len(masks) == (areas >= min_area_px).sum()
        for mask in masks:
            assert len(np.unique(numbers[mask])) == 1


@given(labels=ids)
def test_one_at_a_time_they_are_the_same_as_all_at_once(labels: np.ndarray) -> None:
    masks, classes = object_masks(labels)
    found = list(object_rles(labels))
    assert sorted(one for one, _ in found) == sorted(classes.tolist())
    ours = {(one, mask.to_mask(labels.shape).tobytes()) for one, mask in found}
    theirs = {(one, mask.tobytes()) for one, mask in zip(classes.tolist(), masks, strict=True)}
    assert ours == theirs


def test_numbers_need_not_be_without_gaps() -> None:
    numbers = np.array([[0, 5, 5], [2, 2, 0]], np.int32)
    assert [mask.area for mask in numbered_rles(numbers)] == [2, 2]
    assert [mask.row for mask in numbered_rles(numbers)] == [1, 0]
