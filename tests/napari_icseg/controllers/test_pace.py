from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_icseg.controllers.pace import (
    Action,
    Pace,
    active_seconds,
    describe_left,
    describe_pace,
    duration,
    measure,
)


def marks(*times_s: float) -> list[Action]:
    return [Action(at, marked_id=n) for n, at in enumerate(times_s)]


def test_the_pace_is_images_by_time_at_work():
    actions = [Action(0.0), *marks(60.0, 120.0, 180.0), Action(200.0)]
    assert measure(actions, lambda _id: True) == Pace(num_images=3, active_s=180.0)


@given(
    st.lists(st.floats(0, 290), min_size=3, max_size=30),
    st.lists(st.floats(301, 1e5), max_size=5),
    st.randoms(use_true_random=False),
)
def test_pauses_do_not_count(gaps_s, pauses_s, random):
    """The same work with pauses put in anywhere gives the same pace."""
    mixed = [*gaps_s, *pauses_s]
    random.shuffle(mixed)
    times_s = np.concatenate([[0.0], np.cumsum(mixed)])
    assert active_seconds(times_s) == pytest.approx(sum(gaps_s), abs=1e-4)


def test_no_claim_is_made_from_too_little():
    assert measure(marks(0.0, 60.0), lambda _id: True) is None
    assert measure([], lambda _id: True) is None
    assert measure(marks(5.0, 5.0, 5.0), lambda _id: True) is None
    # a batch from a script, days apart: nobody was at work between them
    assert measure(marks(0.0, 1e5, 2e5), lambda _id: True) is None
    assert describe_left(None, 10) == describe_pace(None) == ""


def test_an_image_marked_twice_counts_once_and_one_that_was_undone_does_not():
    times_s = (0.0, 10.0, 20.0, 30.0, 40.0, 50.0)
    actions = [Action(at, marked_id=n % 4) for n, at in enumerate(times_s)]
    assert measure(actions, lambda _id: True) == Pace(num_images=4, active_s=50.0)
    assert measure(actions, lambda image_id: image_id != 1) == Pace(num_images=3, active_s=40.0)
    assert measure(actions, lambda image_id: image_id in (0, 2)) is None


def test_the_rest_is_described_without_false_precision():
    pace = Pace(num_images=10, active_s=600.0)
    assert describe_left(pace, 130) == "about 2 h 10 left"
    assert describe_left(pace, 0) == ""
    assert describe_pace(pace).startswith("At today's pace: 10 images in 10 min of work, 60 an")
    assert "5.0 an hour" in describe_pace(Pace(5, 3600.0))


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (1, "1 min"),
        (8 * 60, "8 min"),
        (23 * 60, "25 min"),
        (59 * 60, "1 h"),
        (3600, "1 h"),
        (64 * 60, "1 h"),
        (7800, "2 h 10"),
        (9.9 * 3600, "9 h 50"),
        (30 * 3600, "30 h"),
        (5000 * 3600, "5,000 h"),
    ],
)
def test_durations_in_words(seconds, words):
    assert duration(seconds) == words
