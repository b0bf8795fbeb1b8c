"""Electrical errors on hand-made cases, and against a graph built pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from trainers.metrics.connectivity import TrackErrors, ViaScore, track_errors, via_score


def bars(*rows: tuple[int, int, int]) -> np.ndarray:
    """Horizontal bars 4 px high in a 40 x 60 mask: (top, left, right)."""
    mask = np.zeros((40, 60), dtype=bool)
    for top, left, right in rows:
        mask[top : top + 4, left:right] = True
    return mask


TWO = bars((4, 5, 55), (20, 5, 55))


@pytest.mark.parametrize(
    ("preds", "expected"),
    [
        pytest.param(TWO, TrackErrors(num_tracks=2), id="right"),
        pytest.param(
            bars((4, 5, 25), (4, 30, 55), (20, 5, 55)),
            TrackErrors(opens=1, wrong_tracks=1, num_tracks=2),
            id="an open",
        ),
        pytest.param(
            TWO | np.pad(np.ones((20, 4), bool), ((4, 16), (10, 46))),
            TrackErrors(shorts=1, wrong_tracks=2, num_tracks=2),
            id="a short",
        ),
        pytest.param(
            bars((4, 5, 55)),
            TrackErrors(missing_tracks=1, wrong_tracks=1, num_tracks=2),
            id="missing",
        ),
        pytest.param(
            TWO | bars((32, 5, 55)), TrackErrors(false_tracks=1, num_tracks=2), id="false"
        ),
        pytest.param(TWO | bars((32, 5, 12)), TrackErrors(num_tracks=2), id="a speck is dropped"),
        pytest.param(
            np.ones((40, 60), bool), TrackErrors(shorts=1, wrong_tracks=2, num_tracks=2), id="full"
        ),
        pytest.param(
            np.zeros((40, 60), bool),
            TrackErrors(missing_tracks=2, wrong_tracks=2, num_tracks=2),
            id="blank",
        ),
    ],
)
def test_each_kind_of_error_is_counted(preds: np.ndarray, expected: TrackErrors) -> None:
    assert track_errors(preds, TWO) == expected


def test_two_blank_masks_have_no_error() -> None:
    blank = np.zeros((8, 8), bool)
    assert track_errors(blank, blank).track_error_rate == 0.0
    assert track_errors(blank, blank).num_errors == 0


def test_what_lies_in_the_border_does_not_count_but_still_connects() -> None:
    """Two halves of a U that meet only in the border are one track."""
    target = bars((10, 0, 40), (24, 0, 40))
    target[10:28, 0:4] = True
    errors = track_errors(target, target, border_px=6)
    assert errors == TrackErrors(num_tracks=1)
    assert track_errors(bars((0, 0, 60)), np.zeros((40, 60), bool), border_px=6).num_errors == 0


def test_counts_of_tiles_add_up() -> None:
    total = track_errors(bars((4, 5, 55)), TWO) + track_errors(TWO, TWO)
    assert (total.num_tracks, total.missing_tracks) == (4, 1)
    assert total.track_error_rate == 0.25


def test_masks_of_different_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="one shape"):
        track_errors(np.zeros((4, 4), bool), np.zeros((4, 5), bool))


def graph_regions(mask: np.ndarray) -> np.ndarray:
    """Region numbers from 1 on, by a graph of the pixels with their eight neighbours."""
    numbers = np.arange(mask.size).reshape(mask.shape)
    pairs = []
    for here, there in (
        (np.s_[:, :-1], np.s_[:, 1:]),
        (np.s_[:-1], np.s_[1:]),
        (np.s_[:-1, :-1], np.s_[1:, 1:]),
        (np.s_[:-1, 1:], np.s_[1:, :-1]),
    ):
        joined = mask[here] & mask[there]
        pairs.append(np.stack([numbers[here][joined], numbers[there][joined]]))
    rows, cols = np.concatenate(pairs, axis=1)
    graph = coo_array((np.ones(len(rows)), (rows, cols)), shape=(mask.size, mask.size))
    _, ids = connected_components(graph, directed=False)
    return np.where(mask, ids.reshape(mask.shape) + 1, 0)


def by_sets(preds: np.ndarray, target: np.ndarray, min_area_px: int) -> TrackErrors:
    """The same counts from sets of pixels, region by region."""
    found, true = (
        [set(map(tuple, np.argwhere(ids == number))) for number in np.unique(ids[ids > 0])]
        for ids in (graph_regions(preds), graph_regions(target))
    )
    found = [region for region in found if len(region) >= min_area_px]
    touches = [[bool(f & t) for t in true] for f in found]
    hits = [sum(row) for row in touches]
    covers = [sum(row[n] for row in touches) for n in range(len(true))]
    wrong = sum(
        covers[n] != 1 or any(row[n] and hits[k] > 1 for k, row in enumerate(touches))
        for n in range(len(true))
    )
    return TrackErrors(
        sum(max(0, k - 1) for k in hits),
        sum(max(0, k - 1) for k in covers),
        hits.count(0),
        covers.count(0),
        wrong,
        len(true),
    )


MASKS = arrays.arrays(bool, (9, 11), elements=st.sampled_from([False, False, True]))


@given(MASKS, MASKS, st.integers(0, 4))
def test_the_counts_are_those_of_pixel_sets(
    preds: np.ndarray, target: np.ndarray, min_area_px: int
) -> None:
    assert track_errors(preds, target, min_area_px=min_area_px) == by_sets(
        preds, target, min_area_px
    )


def dots(*centres: tuple[int, int]) -> np.ndarray:
    mask = np.zeros((40, 60), bool)
    for row, col in centres:
        mask[row - 1 : row + 2, col - 1 : col + 2] = True
    return mask


def test_vias_match_by_their_centres_one_to_one() -> None:
    true = dots((10, 10), (10, 30), (30, 30))
    found = dots((11, 11), (30, 31), (30, 50))
    score = via_score(found, true, max_distance_px=3)
    assert score == ViaScore(matched=2, false=1, missing=1)
    assert score.precision == score.recall == score.f_score == pytest.approx(2 / 3)
    merged = dots((10, 10), (10, 12), (10, 14))  # one region over two vias finds one at most
    assert via_score(merged, dots((10, 9), (10, 15)), max_distance_px=5).matched == 1


def test_without_any_via_the_score_is_perfect() -> None:
    blank = np.zeros((8, 8), bool)
    assert via_score(blank, blank, max_distance_px=3).f_score == 1.0
    assert via_score(dots((5, 5)), np.zeros((40, 60), bool), max_distance_px=3).precision == 0.0


def test_as_many_pairs_as_possible_are_matched() -> None:
    """The nearest pair first would leave a via over."""
    true, found = dots((10, 10), (10, 16)), dots((10, 6), (10, 13))
    assert via_score(found, true, max_distance_px=4.5).matched == 2
