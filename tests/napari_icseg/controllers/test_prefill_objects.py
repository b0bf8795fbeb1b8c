"""From predictions to proposals that never lie on accepted work."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_icseg.controllers.prefill_objects import (
    MIN_AREA_PX,
    class_ids_by_label,
    propose,
    propose_instances,
    trimmed,
)
from napari_icseg.project.records import ClassRecord, NewProposal, ObjectRecord, ObjectSource
from trainers.io.rle import RleMask
from trainers.models.base import Instance

METAL, VIA = 11, 12
SHAPE = (40, 60)
CLASSES = (ClassRecord(METAL, "metal", "#ff0000", 0), ClassRecord(VIA, "via", "#00ff00", 1))


def empty() -> np.ndarray:
    return np.zeros(SHAPE, np.uint8)


def probs_of(labels: np.ndarray, value: float = 0.75) -> np.ndarray:
    return np.stack([(labels == n) * np.float32(value) for n in (1, 2)])


def accepted(mask: np.ndarray, class_id: int = METAL) -> ObjectRecord:
    return ObjectRecord(1, 1, class_id, RleMask.from_mask(mask), ObjectSource.PROMPT, None)


def run(labels: np.ndarray, *objects: ObjectRecord):
    return propose(labels, probs_of(labels), {1: METAL, 2: VIA}, objects)


def test_each_component_of_each_class_becomes_a_proposal_with_its_score() -> None:
    labels = empty()
    labels[2:8, 2:20] = 1
    labels[20:30, 5:15] = 1
    labels[20:30, 30:40] = 2

    found = run(labels)

    areas = {(p.class_id, p.mask.area, p.score) for p in found.proposals}
    assert areas == {(METAL, 108, 0.75), (METAL, 100, 0.75), (VIA, 100, 0.75)}
    drawn = sum(p.mask.to_mask(SHAPE).astype(int) for p in found.proposals)
    np.testing.assert_array_equal(drawn, labels > 0)


def test_specks_are_left_out() -> None:
    labels = empty()
    labels[5:8, 5:10] = 1  # 15 px
    assert MIN_AREA_PX > 15

    assert run(labels).proposals == ()


def test_a_component_that_is_accepted_already_is_not_proposed_again() -> None:
    labels = empty()
    labels[5:15, 5:50] = 1
    by_hand = np.zeros(SHAPE, bool)
    by_hand[6:14, 6:49] = True  # the user drew the border one pixel further in

    found = run(labels, accepted(by_hand))

    assert found.proposals == ()
    assert found.num_known == 1


def test_a_component_that_runs_on_beside_an_accepted_object_loses_only_its_pixels() -> None:
    labels = empty()
    labels[5:15, 5:50] = 1
    half = np.zeros(SHAPE, bool)
    half[4:16, 0:25] = True

    found = run(labels, accepted(half))

    (proposal,) = found.proposals
    assert found.num_cut == 1
    expected = (labels == 1) & ~half
    np.testing.assert_array_equal(proposal.mask.to_mask(SHAPE), expected)


def test_the_rim_around_an_accepted_object_is_no_proposal() -> None:
    labels = empty()
    labels[3:23, 5:25] = 1
    inside = np.zeros(SHAPE, bool)
    inside[5:21, 7:23] = True  # covers 64 %: not "known", but what is left is a thin ring

    found = run(labels, accepted(inside))

    assert found.proposals == ()


def test_objects_of_another_class_may_lie_underneath() -> None:
    labels = empty()
    labels[10:16, 10:16] = 2
    wire = np.zeros(SHAPE, bool)
    wire[8:18, :] = True

    (proposal,) = run(labels, accepted(wire, METAL)).proposals
    assert (proposal.class_id, proposal.mask.area) == (VIA, 36)


@given(
    labels=arrays(np.uint8, (24, 24), elements=st.integers(0, 2)),
    taken=arrays(np.bool_, (24, 24)).filter(lambda mask: mask.any()),
)
def test_no_proposal_ever_covers_a_pixel_accepted_in_its_class(labels, taken) -> None:
    grown = labels.repeat(2, 0).repeat(2, 1)
    mask = taken.repeat(2, 0).repeat(2, 1)

    found = propose(grown, probs_of(grown), {1: METAL, 2: VIA}, [accepted(mask)])

    for proposal in found.proposals:
        own = proposal.mask.to_mask((48, 48))
        assert own[grown == {METAL: 1, VIA: 2}[proposal.class_id]].sum() == own.sum()
        if proposal.class_id == METAL:
            assert not (own & mask).any()


def test_earlier_proposals_give_way_to_what_was_accepted_since() -> None:
    labels = empty()
    labels[2:8, 2:20] = 1
    labels[20:30, 5:55] = 1
    earlier = run(labels).proposals
    clicked = np.zeros(SHAPE, bool)
    clicked[2:8, 2:20] = True
    clicked[20:30, 5:25] = True

    left = trimmed(earlier, [accepted(clicked)], SHAPE)

    assert (left.num_known, left.num_cut) == (1, 1)
    (proposal,) = left.proposals
    assert proposal.mask.box_xywh == (25, 20, 30, 10)


@pytest.mark.parametrize(
    ("names", "classes", "expected"),
    [
        (("Metal", "VIA"), CLASSES, {1: METAL, 2: VIA}),
        (("via", "poly"), CLASSES, {1: VIA}),
        (("foreground",), CLASSES[:1], {1: METAL}),
        (("foreground",), CLASSES, {}),
    ],
)
def test_classes_are_matched_by_name(names, classes, expected) -> None:
    assert class_ids_by_label(names, classes) == expected


def rectangle(rows: slice, cols: slice) -> RleMask:
    mask = np.zeros(SHAPE, bool)
    mask[rows, cols] = True
    return RleMask.from_mask(mask)


def run_objects(found: list[Instance], *objects: ObjectRecord):
    return propose_instances(found, {1: METAL, 2: VIA}, objects, SHAPE)


LEFT, RIGHT = np.s_[5:15, 5:25], np.s_[5:15, 25:45]


def test_predicted_objects_that_touch_stay_apart_with_their_own_scores() -> None:
    left, right = rectangle(*LEFT), rectangle(*RIGHT)

    found = run_objects([Instance(1, 0.9, left), Instance(1, 0.6, right)])

    assert found.proposals == (NewProposal(METAL, left, 0.9), NewProposal(METAL, right, 0.6))


def test_specks_and_classes_the_project_lacks_are_no_objects() -> None:
    speck, other = rectangle(np.s_[5:8], np.s_[5:10]), rectangle(*RIGHT)

    assert run_objects([Instance(1, 0.9, speck), Instance(3, 0.9, other)]).proposals == ()


def test_an_object_that_is_predicted_twice_is_proposed_once() -> None:
    again = rectangle(np.s_[5:14], np.s_[5:25])
    via = Instance(2, 0.7, rectangle(np.s_[8:13], np.s_[10:15]))  # lies over its metal

    found = run_objects([Instance(1, 0.9, rectangle(*LEFT)), Instance(1, 0.8, again), via])

    assert [(p.class_id, p.score) for p in found.proposals] == [(METAL, 0.9), (VIA, 0.7)]


def test_of_touching_objects_the_accepted_one_is_known_and_the_other_proposed() -> None:
    left, right = rectangle(*LEFT), rectangle(*RIGHT)
    objects = [Instance(1, 0.9, left), Instance(1, 0.6, right)]

    found = run_objects(objects, accepted(left.to_mask(SHAPE)))

    assert (found.num_known, found.num_cut) == (1, 0)
    assert found.proposals == (NewProposal(METAL, right, 0.6),)


@given(
    masks=st.lists(arrays(np.bool_, (12, 12)).filter(lambda mask: mask.any()), max_size=4),
    taken=arrays(np.bool_, (12, 12)).filter(lambda mask: mask.any()),
)
def test_no_predicted_object_ever_covers_a_pixel_accepted_in_its_class(masks, taken) -> None:
    grown = [mask.repeat(4, 0).repeat(4, 1) for mask in [*masks, taken]]
    objects = [Instance(1, 0.9, RleMask.from_mask(mask)) for mask in grown[:-1]]

    found = propose_instances(objects, {1: METAL}, [accepted(grown[-1])], (48, 48))

    for proposal in found.proposals:
        assert not (proposal.mask.to_mask((48, 48)) & grown[-1]).any()
