from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_icseg.controllers.review_clusters import grouped
from napari_icseg.controllers.review_layers import doubt_colors
from napari_icseg.controllers.review_memory import Remembered, read_remembered, write_remembered
from napari_icseg.controllers.review_pace import MAX_LOOK_S, ReviewPace
from napari_icseg.controllers.review_pictures import edges_of, shrunk
from napari_icseg.controllers.review_queue import (
    Entry,
    Order,
    ReviewQueue,
    above,
    estimated_error,
    ordered,
)
from napari_icseg.project.records import ReviewState

WAITING, ACCEPTED = ReviewState.WAITING, ReviewState.ACCEPTED


def entry(
    number: int, confidence: float | None = 0.9, iou: float | None = 0.9, *, name: str = ""
) -> Entry:
    return Entry(number, name or f"tile_{number}.png", WAITING, confidence, iou, 5)


ENTRIES = (entry(1, 0.9, 0.7), entry(2, 0.7, 0.9), entry(3, 0.8, 0.8), entry(4, None, None))


def ids(entries) -> list[int]:
    return [each.image_id for each in entries]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (Order.UNCERTAINTY, [4, 2, 3, 1]),  # what is not known at all comes first
        (Order.ERROR, [4, 1, 3, 2]),
        (Order.NAME, [1, 2, 3, 4]),
    ],
)
def test_the_order_is_the_chosen_one(order, expected):
    assert ids(ordered(reversed(ENTRIES), order)) == expected


def test_clusters_follow_one_another_the_largest_first_and_unknown_images_last():
    entries = [entry(n, confidence=1 - n / 10) for n in range(1, 7)]
    clusters = {1: 0, 2: 1, 3: 1, 5: 0, 6: 0}
    assert ids(ordered(entries, Order.CLUSTER, clusters)) == [6, 5, 1, 3, 2, 4]


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_sequence_of_decisions_and_skips_visits_every_image_once(data):
    num = data.draw(st.integers(1, 12))
    order = data.draw(st.sampled_from(list(Order)))
    share = st.none() | st.floats(0, 1)
    entries = [entry(n, data.draw(share), data.draw(share)) for n in range(num)]
    queue, decided = ReviewQueue(entries, order), []
    current = queue.next_after(None)
    for _ in range(100):
        if current is None:
            break
        assert queue.coming(current, 1) == tuple(
            one for one in (queue.next_after(current),) if one is not None
        )
        if data.draw(st.booleans()):
            queue.set_state(current, ACCEPTED)
            decided.append(current)
            current = queue.next_after(current)
        else:
            step = data.draw(st.sampled_from([-1, 1]))
            current = queue.next_after(current, step) or current
    assert len(decided) == len(set(decided))
    assert queue.counts()[ACCEPTED] == len(decided)
    assert queue.counts()[WAITING] == num - len(decided) == len(queue.waiting)


def test_skipping_forth_and_back_comes_to_the_same_image_round_the_end():
    queue = ReviewQueue(ENTRIES, Order.NAME)
    assert [queue.next_after(n) for n in (1, 2, 3, 4)] == [2, 3, 4, 1]
    assert [queue.next_after(n, -1) for n in (1, 2, 3, 4)] == [4, 1, 2, 3]
    queue.set_state(2, ACCEPTED)
    assert queue.next_after(1) == 3
    assert queue.next_after(2) == 3  # where it stood
    queue.set_state(3, WAITING, is_open=False)  # labelled by hand meanwhile
    assert queue.next_after(1) == 4
    assert queue.counts()[WAITING] == 2


def test_only_waiting_proposals_that_reach_the_value_are_accepted_together():
    queue = ReviewQueue(ENTRIES, Order.NAME)
    assert ids(above(queue.entries, 0.8, "predicted_iou")) == [2, 3]
    assert ids(above(queue.entries, 0.8, "confidence")) == [1, 3]
    # as it is shown: .796 is written .80
    assert above([entry(9, iou=0.796)], 0.8, "predicted_iou")
    queue.set_state(2, ACCEPTED)
    assert ids(above(queue.entries, 0.0, "predicted_iou")) == [1, 3]
    assert estimated_error(queue.entries) == pytest.approx((0.3 + 0.1 + 0.2) / 3)
    assert estimated_error([ENTRIES[3]]) is None


def test_the_pace_leaves_out_breaks_and_what_was_undone():
    pace = ReviewPace()
    pace.note(2.0)
    pace.note(4.0)
    assert pace.words(10) == ""
    pace.note(MAX_LOOK_S + 1)
    assert pace.images_per_minute is None
    pace.note(3.0)
    assert pace.images_per_minute == pytest.approx(20)
    assert pace.words(100) == "20 images a minute, about 5 min left"
    assert pace.words(0) == "20 images a minute"
    pace.take_back()
    assert pace.images_per_minute is None


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"order": "x"}', '{"look": 3}'])
def test_a_damaged_memory_costs_only_the_place(tmp_path, text):
    write_remembered(tmp_path, Remembered(7, Order.ERROR))
    assert read_remembered(tmp_path) == Remembered(7, Order.ERROR)
    (tmp_path / "review.json").write_text(text)
    assert read_remembered(tmp_path) == Remembered()


def test_a_spot_of_doubt_survives_being_drawn_coarsely():
    doubt = np.zeros((7, 9), np.uint8)
    doubt[6, 8] = 200
    assert shrunk(doubt, 4).tolist() == [[0, 0, 0], [0, 0, 200]]
    assert shrunk(doubt, 1) is doubt


def test_edges_lie_between_classes():
    masks = np.zeros((4, 4), np.uint8)
    masks[1:3, 1:3] = 2
    expected = [[0, 1, 1, 0], [1, 0, 1, 0], [1, 1, 1, 0], [0, 0, 0, 0]]
    assert edges_of(masks).astype(int).tolist() == expected


def test_pixels_below_the_threshold_are_not_coloured():
    colors = doubt_colors(0.2)
    assert colors.shape == (256, 4)
    assert not colors[:51, 3].any()
    assert colors[51:, 3].all()
    assert (np.diff(colors[51:, 3]) >= 0).all()


def test_images_that_differ_are_put_into_different_clusters():
    rng = np.random.default_rng(0)
    middles = np.repeat(rng.normal(size=(3, 16)) * 20, 8, axis=0)
    numbers = grouped(middles + rng.normal(size=middles.shape).astype(np.float32))
    assert all(len(set(numbers[n : n + 8])) == 1 for n in (0, 8, 16))
    assert len(set(numbers)) == 3
    assert grouped(np.ones((5, 4), np.float32)).tolist() == [0] * 5
    assert grouped(np.ones((0, 4), np.float32)).tolist() == []
