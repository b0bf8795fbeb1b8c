"""Marks of electrical errors: they add up to the counts, and lie where the error is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from trainers.metrics.connectivity import track_errors
from trainers.metrics.error_places import ErrorKind, ErrorPlace, error_places

MASKS = arrays.arrays(bool, (12, 14), elements=st.booleans())


def coarse(mask: np.ndarray) -> np.ndarray:
    """Enlarge three times: tracks, not single pixels."""
    return np.kron(mask, np.ones((3, 3), bool)).astype(bool)


def total(places: tuple[ErrorPlace, ...], kind: ErrorKind) -> int:
    return sum(place.count for place in places if place.kind is kind)


@given(preds=MASKS, target=MASKS, min_area_px=st.sampled_from([0, 20, 35]))
def test_marks_add_up_to_the_counted_errors(
    preds: np.ndarray, target: np.ndarray, min_area_px: int
) -> None:
    preds, target = coarse(preds), np.roll(coarse(target), 1)
    places = error_places(preds, target, min_area_px=min_area_px)
    counted = track_errors(preds, target, min_area_px=min_area_px)
    assert total(places, ErrorKind.OPEN) == counted.opens
    assert total(places, ErrorKind.SHORT) == counted.shorts
    assert total(places, ErrorKind.FALSE) == counted.false_tracks
    assert total(places, ErrorKind.MISSING) == counted.missing_tracks


@given(preds=MASKS, target=MASKS)
def test_marks_lie_on_pixels_that_are_wrong(preds: np.ndarray, target: np.ndarray) -> None:
    preds, target = coarse(preds), coarse(target)
    for place in error_places(preds, target, min_area_px=0):
        at = (place.row, place.col)
        is_added = place.kind in (ErrorKind.SHORT, ErrorKind.FALSE)
        assert preds[at] == is_added
        assert target[at] != is_added


def test_a_cut_and_a_bridge_are_marked_in_their_middle() -> None:
    target = np.zeros((40, 60), bool)
    target[4:8, 5:55] = target[20:24, 5:55] = True
    preds = target.copy()
    preds[4:8, 28:33] = False
    preds[8:20, 10:13] = True
    assert set(error_places(preds, target)) == {
        ErrorPlace(ErrorKind.OPEN, 5, 30),
        ErrorPlace(ErrorKind.SHORT, 13, 11),
    }


def test_a_blot_over_three_tracks_is_one_mark_of_two_shorts() -> None:
    target = np.zeros((30, 30), bool)
    target[2:5, 5:25] = target[12:15, 5:25] = target[22:25, 5:25] = True
    (place,) = error_places(np.ones((30, 30), bool), target)
    assert (place.kind, place.count) == (ErrorKind.SHORT, 2)


def test_masks_of_two_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        error_places(np.zeros((3, 3), bool), np.zeros((3, 4), bool))
