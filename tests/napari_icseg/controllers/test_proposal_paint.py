"""Proposals as pixels: what differs is drawn as everything drawn anew; order and thresholds."""

from __future__ import annotations

import numpy as np
import pytest

from napari_icseg.controllers.boxes import Box
from napari_icseg.controllers.prefill_automatic import classes_for
from napari_icseg.controllers.prefill_objects import cut_back
from napari_icseg.controllers.proposal_paint import Scene, Sprites, sprites_of
from napari_icseg.controllers.proposal_walk import chosen_ids, proposal_at, step, walk_order
from napari_icseg.project.records import (
    ClassRecord,
    ObjectRecord,
    ObjectSource,
    ProposalRecord,
)
from napari_icseg.prompting.errors import PromptError
from trainers.io.rle import RleMask

SHAPE = (60, 80)
CLASSES = (ClassRecord(1, "metal", "#ff0000", 0), ClassRecord(2, "via", "#00ff00", 1))


def rectangle(number: int, rng: np.random.Generator, *, class_id: int = 1) -> ProposalRecord:
    top, left = int(rng.integers(0, 50)), int(rng.integers(0, 70))
    height, width = (int(n) for n in rng.integers(6, 11, 2))
    pixels = np.ones((min(height, 60 - top), min(width, 80 - left)), dtype=bool)
    mask = RleMask.from_mask(pixels, (top, left))
    return ProposalRecord(number, 1, class_id, mask, float(rng.random()), None)


def accepted(mask: RleMask, class_id: int) -> ObjectRecord:
    return ObjectRecord(99, 1, class_id, mask, ObjectSource.MANUAL, None)


@pytest.mark.parametrize("seed", range(5))
def test_painting_the_boxes_that_differ_gives_what_painting_everything_gives(seed: int) -> None:
    rng = np.random.default_rng(seed)
    proposals = tuple(rectangle(n, rng, class_id=1 + n % 2) for n in range(20))
    scene, sprites = Scene(proposals, CLASSES, SHAPE), Sprites()
    sprites.take(sprites_of(proposals, SHAPE), SHAPE)
    before = sprites.looks(scene, focused=None, threshold=0.0)
    after = sprites.looks(scene, focused=7, threshold=0.5)
    drawn = sprites.paint(before.values(), Box(0, 0, *SHAPE))

    for look in after.values():
        if before[look.key] != look:
            drawn[look.box.slices] = sprites.paint(after.values(), look.box)

    assert np.array_equal(drawn, sprites.paint(after.values(), Box(0, 0, *SHAPE)))


def test_walking_reads_line_by_line_and_round_and_round() -> None:
    pixels = np.ones((8, 8), dtype=bool)
    places = {1: (0, 50), 2: (2, 10), 3: (40, 0)}
    proposals = [
        ProposalRecord(n, 1, 1, RleMask.from_mask(pixels, place), 0.5, None)
        for n, place in places.items()
    ]
    order = walk_order(proposals)

    assert [one.id for one in order] == [2, 1, 3]
    assert [step(order, None, +1), step(order, None, -1)] == [2, 3]
    assert [step(order, 3, +1), step(order, 2, -1), step(order, 1, +1)] == [2, 3, 3]
    assert step((), 1, +1) is None


def test_a_threshold_lets_through_scores_as_they_are_shown() -> None:
    mask = RleMask.from_mask(np.ones((4, 4), dtype=bool))
    scores = {1: 0.7049, 2: 0.6951, 3: 0.69, 4: None}
    proposals = [ProposalRecord(n, 1, 1, mask, score, None) for n, score in scores.items()]

    assert chosen_ids(proposals, 0.7) == {1, 2, 4}
    assert chosen_ids(proposals, 0.0) == {1, 2, 3, 4}


def test_a_click_means_the_smallest_proposal_there() -> None:
    line = ProposalRecord(1, 1, 1, RleMask.from_mask(np.ones((10, 60), bool), (5, 5)), 0.9, None)
    via = ProposalRecord(2, 1, 2, RleMask.from_mask(np.ones((6, 6), bool), (7, 20)), 0.8, None)

    assert proposal_at((line, via), 9, 22) is via
    assert proposal_at((line, via), 9, 40) is line
    assert proposal_at((line, via), 40, 40) is None


@pytest.mark.parametrize("seed", range(40))
def test_what_is_left_never_covers_accepted_pixels_of_its_class(seed: int) -> None:
    rng = np.random.default_rng(seed)
    proposals = [rectangle(n, rng, class_id=1 + n % 2) for n in range(6)]
    objects = [accepted(rectangle(0, rng).mask, 1 + n % 2) for n in range(4)]

    masks, known = cut_back(proposals, objects)

    for one in proposals:
        left = masks.get(one.id, one.mask).to_mask(SHAPE)
        taken = [o.mask.to_mask(SHAPE) for o in objects if o.class_id == one.class_id]
        assert one.id in known or not any((left & mask).any() for mask in taken)
        assert not (left & ~one.mask.to_mask(SHAPE)).any()


@pytest.mark.parametrize(
    ("current", "is_mixed", "expected"),
    [(0, True, (1, 2)), (1, True, (1, 2)), (1, False, (2, None))],
)
def test_what_lies_on_top_gets_the_class_after_the_other(current, is_mixed, expected) -> None:
    assert classes_for(CLASSES, CLASSES[current], is_mixed=is_mixed) == expected


def test_a_project_of_one_class_has_none_for_what_lies_on_top() -> None:
    assert classes_for(CLASSES[:1], CLASSES[0], is_mixed=True) == (1, None)
    with pytest.raises(PromptError, match="Add one"):
        classes_for((), None, is_mixed=False)
