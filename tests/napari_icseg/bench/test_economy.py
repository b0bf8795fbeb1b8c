"""The parts of `icseg bench economy`: costs, the curve, and how a person decides."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
import typer

from napari_icseg.bench.economy_annotator import (
    Person,
    Truth,
    label_by_clicks,
    looks_right,
    review,
)
from napari_icseg.bench.economy_book import Entry
from napari_icseg.bench.economy_cli import costs_of, routes_of
from napari_icseg.bench.economy_costs import Actions, Costs
from napari_icseg.bench.economy_curve import Point, common_iou, first_iou, seconds_at
from napari_icseg.bench.economy_lab import epochs_for
from napari_icseg.bench.economy_tally import Tally, accepted_per_minute, tally
from napari_icseg.bench.session import EmbeddedTile
from tests.napari_icseg.bench.fakes import PaintedPredictor, blind, perfect

SURE_EYE = Person(enough_iou=0.9, eye_error=0.0)


def points(*pairs):
    return [Point(s, iou, 10, 10, 1.0, 0) for s, iou in pairs]


# costs


def test_a_tile_by_one_click_costs_what_the_keystroke_level_model_adds_up_to():
    spent = Actions(first_clicks=1, verifications=1, keys=2)
    assert Costs().seconds(spent) == pytest.approx(2.4 + 1.6 + 0.2 + 0.2)


def test_each_action_costs_its_own_seconds_and_none_is_forgotten():
    costs = Costs(**{field.name: 10.0**n for n, field in enumerate(fields(Costs))})
    for n, field in enumerate(fields(Actions)):
        assert costs.seconds(Actions(**{field.name: 3})) == pytest.approx(3 * 10.0**n)


def test_actions_add_up():
    total = sum([Actions(keys=1, tabs=2)] * 3, Actions(keys=1))
    assert total == Actions(keys=4, tabs=6)
    assert Actions(first_clicks=2, corrections=3, keys=9).num_clicks == 5


def test_costs_can_be_changed_by_name_and_nonsense_is_refused():
    assert costs_of(["key=0.28", "verification=1"]) == Costs(key_s=0.28, verification_s=1.0)
    for wrong in ("key", "key=fast", "coffee=60", "key=-1", "key=nan"):
        with pytest.raises(typer.BadParameter):
            costs_of([wrong])
    assert routes_of("da") == ("a", "d")
    for wrong in ("", "ax"):
        with pytest.raises(typer.BadParameter):
            routes_of(wrong)


# the curve


def test_seconds_between_two_points_lie_on_the_straight_line():
    route = points((100, 0.8), (200, 0.9))
    assert seconds_at(route, 0.85) == pytest.approx(150)
    assert seconds_at(route, 0.9) == 200
    assert seconds_at(route, 0.5) == 100  # nothing is known before the first point
    assert seconds_at(route, 0.91) is None
    assert seconds_at([], 0.5) is None


def test_the_interpolation_agrees_with_a_search_along_the_curve():
    rng = np.random.default_rng(3)
    for _ in range(300):
        num = int(rng.integers(1, 8))
        seconds = rng.permutation(np.sort(rng.uniform(1, 1000, num)))
        ious = rng.uniform(0, 1, num).round(1 if rng.random() < 0.3 else 3)
        iou = float(rng.uniform(0, 1))
        found = seconds_at(points(*zip(seconds, ious, strict=True)), iou)
        assert found == pytest.approx(_searched(seconds, ious, iou), abs=0.02)


def _searched(seconds, ious, iou):
    """The first moment, found by halving, at which numpy's line through the best is there."""
    order = np.argsort(seconds)
    xs, ys = seconds[order], np.maximum.accumulate(ious[order])
    if ys[-1] < iou:
        return None
    low, high = xs[0], xs[-1]
    if np.interp(low, xs, ys) >= iou:
        return low
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (low, middle) if np.interp(middle, xs, ys) >= iou else (middle, high)
    return high


def test_routes_are_compared_where_all_have_been_measured():
    routes = {"a": points((1, 0.5), (2, 0.9)), "d": points((1, 0.6), (3, 0.8))}
    assert common_iou(routes) == 0.8
    assert first_iou(routes) == 0.6


def test_fewer_labels_are_gone_through_more_often():
    for num in (4, 12, 50, 100, 400):
        crops = num * max(1, int(np.ceil(32 / num))) * epochs_for(num, 400, 6)
        assert crops == pytest.approx(6 * 400, rel=0.05)
    assert epochs_for(400, 400, 6) == 6
    assert epochs_for(8, 8, 2) == 2


def test_right_proposals_a_minute_count_what_the_samples_took():
    look = Actions(verifications=1, keys=1)
    sample = Actions(verifications=12, judgements=1, keys=1)
    entries = [
        *(Entry(f"t{n}", "accepted", look, 0.97) for n in range(9)),
        Entry("t9", "accepted", look, 0.7),  # an error of the eye: accepted, but not right
        *(Entry(f"b{n}", "bulk", Actions(), 0.96) for n in range(90)),
        *(Entry(f"w{n}", "bulk", Actions(), 0.5) for n in range(10)),
        Entry("sample 1.1 of 100", "sample", sample, 11 / 12),
        Entry("e", "edited", Actions(first_clicks=1), 0.99),
    ]
    ways = tally(entries, Costs(), 0.95)
    assert ways["accepted"] == Tally(10, pytest.approx(18.0), 9)
    assert ways["bulk"] == Tally(100, 0.0, 90)
    assert ways["sample"] == Tally(12, pytest.approx(12 * 1.6 + 1.35 + 0.2), 11)
    assert accepted_per_minute(ways) == pytest.approx(60 * 99 / (18.0 + 20.75))
    assert accepted_per_minute(tally(entries[-1:], Costs(), 0.95)) is None


def test_one_by_one_the_costs_allow_33_right_proposals_a_minute():
    entries = [Entry(f"t{n}", "accepted", Actions(verifications=1, keys=1), 1.0) for n in range(5)]
    assert accepted_per_minute(tally(entries, Costs(), 0.95)) == pytest.approx(60 / 1.8)


# the person


@pytest.fixture
def image():
    pixels = np.zeros((40, 48), np.uint8)
    pixels[5:15, 4:40] = 120
    pixels[22:34, 4:40] = 200
    return pixels


@pytest.fixture
def truth(image):
    return Truth((image > 0).astype(np.uint8), ("metal",))


def tile(image, offer=perfect):
    return EmbeddedTile(PaintedPredictor(offer), image)


def rng():
    return np.random.default_rng(0)


def test_a_layer_takes_a_click_a_tab_a_look_and_two_keys(image, truth):
    done = label_by_clicks(tile(image), truth, SURE_EYE, rng())
    # perfect offers the net first, so the layer is one Tab away
    assert done.actions == Actions(first_clicks=1, tabs=1, verifications=1, keys=2)
    assert done.how == "clicks"
    assert done.iou == 1.0
    assert np.array_equal(done.ids, truth.ids)


def test_a_blank_tile_takes_a_look_and_a_key(image):
    blank = Truth(np.zeros_like(image), ("metal",))
    done = label_by_clicks(tile(image), blank, SURE_EYE, rng())
    assert done.how == "blank"
    assert done.actions == Actions(looks=1, keys=1)


def test_a_model_that_sees_nothing_is_given_up_after_the_last_click(image, truth):
    person = Person(max_clicks=3, eye_error=0.0)
    done = label_by_clicks(tile(image, blind), truth, person, rng())
    assert done.actions.num_clicks == 3
    assert done.iou == 0.0


def test_a_good_proposal_is_accepted_with_one_key(image, truth):
    done = review(tile(image), truth.ids, truth, SURE_EYE, rng())
    assert done.how == "accepted"
    assert done.actions == Actions(verifications=1, keys=1)


def test_a_wrong_proposal_is_deleted_and_clicked_anew(image, truth):
    proposal = truth.ids.copy()
    proposal[20:] = 0
    done = review(tile(image), proposal, truth, SURE_EYE, rng())
    assert done.how == "edited"
    # look, edit, delete, click, Tab, look, accept, done
    assert done.actions == Actions(first_clicks=1, tabs=1, verifications=2, keys=4)
    assert done.iou == 1.0


def test_what_clicks_do_not_make_better_is_kept(image, truth):
    proposal = truth.ids.copy()
    proposal[30:] = 0
    done = review(tile(image, blind), proposal, truth, SURE_EYE, rng())
    assert np.array_equal(done.ids, proposal)


def test_objects_on_a_blank_tile_are_refused_with_the_key_for_blank(image):
    blank = Truth(np.zeros_like(image), ("metal",))
    proposal = (image > 150).astype(np.uint8)
    done = review(tile(image), proposal, blank, SURE_EYE, rng())
    assert done.how == "blank"
    assert done.actions == Actions(verifications=1, keys=1)
    assert not done.ids.any()
    assert not looks_right(proposal, blank, SURE_EYE, rng())
    assert looks_right(blank.ids, blank, SURE_EYE, rng())


def test_metal_goes_on_under_vias_and_vias_stay_on_top(image):
    ids = (image > 0).astype(np.uint8)
    ids[8:12, 10:14] = 2
    truth = Truth(ids, ("metal", "via"))
    layers = truth.layers()
    assert layers["metal"].mask.sum() == (image > 0).sum()
    done = review(tile(image), np.where(ids == 2, 1, ids), truth, SURE_EYE, rng())
    assert done.how == "edited"
    assert (done.ids[image == 0] == 0).all()


def test_the_eye_errs_around_the_level_and_never_takes_rubbish_for_good():
    person, draw = Person(enough_iou=0.9, eye_error=0.05), np.random.default_rng(1)
    seen = np.array([person.threshold(draw) for _ in range(4000)])
    assert seen.mean() == pytest.approx(0.9, abs=0.005)
    assert seen.std() == pytest.approx(0.05, abs=0.005)
    wild = Person(enough_iou=0.9, eye_error=5.0)
    assert min(wild.threshold(draw) for _ in range(50)) == 0.5
