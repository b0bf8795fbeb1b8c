from __future__ import annotations

import numpy as np
import pytest

from napari_icseg.prompting.candidates import (
    ScoredMask,
    drop_duplicates,
    is_frayed,
    name_masks,
    rank,
    refine_net,
    unite,
)
from napari_icseg.prompting.protocol import Candidate, Prompts
from trainers.io.rle import RleMask

TOKENS = ("net", "layer", "part")
HW = (40, 60)


def bar(top: int, height: int = 6, left: int = 5, width: int = 50) -> np.ndarray:
    mask = np.zeros(HW, dtype=bool)
    mask[top : top + height, left : left + width] = True
    return mask


LAYER = bar(4) | bar(20) | bar(32)


def logits_of(*masks: np.ndarray) -> np.ndarray:
    return np.where(np.stack(masks), np.float32(4), np.float32(-4))


def named(net: np.ndarray, layer: np.ndarray, part: np.ndarray, scores=(0.5, 0.9, 0.4)):
    return name_masks(logits_of(net, layer, part), np.array(scores, np.float32), TOKENS)


def mask_of(scored: list[ScoredMask], kind: str) -> np.ndarray:
    return next(s.mask for s in scored if s.kind == kind)


def test_the_net_is_the_piece_of_the_layer_under_the_click():
    result = refine_net(named(bar(0, 40), LAYER, bar(20, 6, 5, 9)), Prompts([[30, 22]], [1]))
    assert np.array_equal(mask_of(result, "net"), bar(20))
    assert {s.kind: s.score for s in result} == pytest.approx(
        {"net": 0.9, "layer": 0.9, "part": 0.4}
    )


def test_each_positive_click_adds_its_piece():
    clicks = Prompts([[30, 22], [10, 34]], [1, 1])
    result = refine_net(named(bar(0), LAYER, bar(0)), clicks)
    assert np.array_equal(mask_of(result, "net"), bar(20) | bar(32))


def test_a_negative_click_cuts_two_joined_nets_where_the_model_is_least_sure():
    layer = np.where(LAYER | bar(8, 14, 40, 4), np.float32(4), np.float32(-4))
    layer[14:16, 40:44] = 0.5
    all_logits = np.stack([layer, layer, layer])
    masks = name_masks(all_logits, np.array([0.5, 0.9, 0.4], np.float32), TOKENS)
    joined = mask_of(refine_net(masks, Prompts([[10, 22]], [1])), "net")
    assert joined[22, 10]
    assert joined[6, 10]
    cut = mask_of(refine_net(masks, Prompts([[10, 22], [10, 6]], [1, 0])), "net")
    assert np.array_equal(cut & ~bar(8, 14, 40, 4), bar(20) & ~bar(8, 14, 40, 4))
    assert cut[18, 41]
    assert not cut[11, 41]


def test_a_negative_click_outside_the_net_leaves_it_alone():
    clicks = Prompts([[30, 22], [30, 6], [30, 15]], [1, 0, 0])
    result = refine_net(named(bar(0), LAYER, bar(0)), clicks)
    assert np.array_equal(mask_of(result, "net"), bar(20))


def test_the_layers_piece_counts_even_where_the_nets_own_mask_seems_surer():
    own = bar(20, 6, 5, 20)
    both = refine_net(named(own, LAYER, own, (0.6, 0.95, 0.1)), Prompts([[10, 22]], [1]))
    surer = refine_net(named(own, LAYER, own, (0.95, 0.6, 0.1)), Prompts([[10, 22]], [1]))
    assert np.array_equal(mask_of(both, "net"), mask_of(surer, "net"))
    assert not np.array_equal(mask_of(surer, "net"), own)


def test_the_nets_own_mask_counts_where_the_layer_is_not_under_the_click():
    own = bar(12, 3)
    result = refine_net(named(own, bar(32), own), Prompts([[30, 13]], [1]))
    assert np.array_equal(mask_of(result, "net"), own)


def test_with_a_box_the_model_is_believed():
    own = bar(12, 3)
    prompts = Prompts([[30, 22]], [1], box_xyxy=[5, 12, 55, 15])
    assert np.array_equal(mask_of(refine_net(named(own, LAYER, own), prompts), "net"), own)


def test_a_click_on_the_last_half_pixel_is_in_the_window():
    refine_net(named(LAYER, LAYER, LAYER), Prompts([[59.49, 39.49], [-0.5, -0.5]], [1, 1]))


def test_masks_without_meaning_are_called_by_their_size():
    logits = logits_of(bar(0, 2), bar(0, 20), bar(0, 9))
    kinds = [s.kind for s in name_masks(logits, np.zeros(3, np.float32), ())]
    assert kinds == ["part", "layer", "net"]


def test_the_best_score_comes_first_and_the_net_before_its_equal():
    found = rank(named(bar(0), bar(10), bar(20), (0.5, 0.5, 0.7)), (100, 200))
    assert [c.kind for c in found] == ["part", "net", "layer"]
    assert (found[1].mask.row, found[1].mask.col) == (100, 205)


@pytest.mark.parametrize(("layer", "first"), [(0.58, "net"), (0.62, "layer")])
def test_the_net_comes_first_unless_the_layer_is_much_surer(layer, first):
    masks = named(bar(0), bar(10), bar(20), (0.5, layer, 0.1))
    assert rank(masks, (0, 0), net_advantage=0.1)[0].kind == first


def test_the_kind_that_the_user_corrects_stays_on_top():
    found = rank(named(bar(0), bar(10), bar(20), (0.5, 0.5, 0.7)), (0, 0), first="layer")
    assert [c.kind for c in found] == ["layer", "part", "net"]


def test_empty_masks_are_no_candidates():
    empty = np.zeros(HW, dtype=bool)
    assert rank(named(empty, empty, empty), (0, 0)) == ()
    assert len(rank(named(empty, bar(3), empty), (0, 0))) == 1


def test_nearly_equal_masks_are_one_candidate():
    almost = bar(0, 20).copy()
    almost[0, 5:9] = False
    ranked = rank(named(bar(0, 20), almost, bar(0, 15), (0.5, 0.6, 0.7)), (0, 0))
    assert [c.kind for c in drop_duplicates(ranked)] == ["part", "layer"]


@pytest.mark.parametrize(
    ("other", "is_same"),
    [
        (bar(4, width=50), True),
        (bar(4, width=48), True),
        (bar(4, width=47), False),
        (bar(20, width=50), False),
        (bar(4, width=50) | bar(20, height=1, width=6), True),
        (bar(4, width=50) | LAYER, False),
    ],
)
def test_two_of_one_object_differ_by_a_twentieth_at_most(other, is_same):
    first, second = candidate(bar(4), "net"), candidate(other, "layer")
    assert drop_duplicates([first, second]) == ((first,) if is_same else (first, second))
    assert drop_duplicates([second, first]) == ((second,) if is_same else (second, first))


def candidate(mask: np.ndarray, kind, score=0.5, *, origin=(0, 0), is_cut=False) -> Candidate:
    return Candidate(RleMask.from_mask(mask, origin), score, kind, is_cut)


def test_windows_are_united_kind_by_kind_with_the_lower_score():
    left = (candidate(bar(4), "net", 0.8, is_cut=True), candidate(LAYER, "layer", 0.7))
    right = (candidate(bar(4), "net", 0.6, origin=(0, 40)),)
    net, layer = unite([left, right])
    expected = np.zeros((40, 100), dtype=bool)
    expected[:, :60] |= bar(4)
    expected[:, 40:] |= bar(4)
    assert np.array_equal(net.mask.to_mask((40, 100)), expected)
    assert (net.kind, net.score, net.is_cut) == ("net", 0.6, True)
    assert layer == left[1]


def test_windows_that_see_nothing_give_nothing():
    assert unite([(), ()]) == ()
    assert drop_duplicates(()) == ()


@pytest.mark.parametrize("shape", [bar(4), bar(4) | bar(4, 30, 5, 6), bar(8, 2, 9, 2)])
def test_wires_bends_and_tiny_vias_are_not_frayed(shape):
    assert not is_frayed(RleMask.from_mask(shape))


def test_noise_is_frayed():
    noise = np.random.default_rng(0).random((40, 60)) < 0.7
    assert is_frayed(RleMask.from_mask(noise))
