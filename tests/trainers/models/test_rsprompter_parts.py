"""RSPrompter's parts: who may look where, which query gets which object, prompts for SAM."""

import itertools
import math

import numpy as np
import pytest
import torch

from trainers.data.labels import IGNORE
from trainers.models.rsprompter_aggregator import FeatureAggregator
from trainers.models.rsprompter_attention import sine_positions
from trainers.models.rsprompter_matching import costs_of, match
from trainers.models.rsprompter_pixels import PixelDecoder
from trainers.models.rsprompter_queries import NUM_HEADS, Guess, QueryDecoder, attention_mask
from trainers.models.rsprompter_targets import TileObjects, tile_objects

EVERYWHERE = torch.ones(2)


def levels(side_px: int, width: int = 16) -> list[torch.Tensor]:
    return [torch.randn(2, width, side_px // s, side_px // s) for s in (4, 8, 16, 32)]


def decoder(**changes: int) -> QueryDecoder:
    sizes = {
        "num_classes": 2,
        "num_queries": 5,
        "channels": 32,
        "mask_channels": 8,
        "prompt_width": 16,
        "num_layers": 3,
        "hidden": 32,
    }
    return QueryDecoder(**{**sizes, **changes})


def test_a_query_looks_only_where_it_sees_its_object():
    coarse = torch.full((1, 2, 8, 8), -5.0)
    coarse[0, 0, :, 4:] = 5.0
    blocked = attention_mask(coarse, (4, 4))
    assert blocked.shape == (NUM_HEADS, 2, 16)
    expected = torch.tensor([[True, True, False, False]] * 4).flatten()
    assert all(torch.equal(head[0], expected) for head in blocked)


def test_a_query_that_sees_nothing_looks_everywhere():
    coarse = torch.full((2, 3, 8, 8), -5.0)
    coarse[0, 1, 0, 0] = 9.0
    blocked = attention_mask(coarse, (8, 8)).reshape(2, NUM_HEADS, 3, 64)
    assert not blocked[0, :, [0, 2]].any()
    assert not blocked[1].any()
    assert (blocked[0, :, 1].sum(-1) == 63).all()


def test_attention_masks_have_no_gradient():
    coarse = torch.randn(1, 2, 8, 8, requires_grad=True)
    assert not attention_mask(coarse, (4, 4)).requires_grad


@pytest.mark.parametrize("side_px", [32, 64, 96])
def test_queries_speak_before_the_first_layer_and_after_each(side_px):
    torch.manual_seed(0)
    sizes = {"channels": 32, "mask_channels": 8, "num_layers": 1, "hidden": 32}
    features = PixelDecoder(16, **sizes)(levels(side_px))
    stride = [math.ceil(side_px / 32 / 2), side_px // 32, side_px // 16]
    assert features.sizes_hw == tuple((side, side) for side in stride)
    guesses = decoder()(features)
    assert len(guesses) == 4
    for guess in guesses:
        assert guess.class_logits.shape == (2, 5, 3)
        assert guess.coarse.shape == (2, 5, side_px // 4, side_px // 4)
        assert guess.coarse.isfinite().all()


def test_prompts_are_the_sine_of_even_channels_plus_the_odd_ones():
    torch.manual_seed(0)
    queries, model = torch.randn(3, 32), decoder()
    wide = model.to_prompt(queries).detach().numpy().reshape(3, 5, 16, 2)
    found = model.prompts(queries).detach().numpy()
    np.testing.assert_allclose(found, np.sin(wide[..., 0]) + wide[..., 1], rtol=1e-5, atol=1e-6)


def test_the_aggregated_map_lies_at_stride_16_and_knows_every_level():
    torch.manual_seed(0)
    aggregator, given = FeatureAggregator(16, hidden=8).eval(), levels(64)
    for level in given:
        level.requires_grad_()
    result = aggregator(given)
    assert result.shape == (2, 16, 4, 4)
    result.square().sum().backward()
    assert all(level.grad is not None and level.grad.abs().sum() > 0 for level in given)


def test_positions_differ_from_place_to_place():
    code = sine_positions((5, 7), 32, torch.device("cpu"))
    assert code.shape == (1, 35, 32)
    assert (torch.cdist(code[0], code[0]) + torch.eye(35) > 0.1).all()


def random_tile(num_queries, num_objects, num_points=40, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return {
        "class_logits": torch.randn(num_queries, 3, generator=generator),
        "logits": torch.randn(num_queries, num_points, generator=generator),
        "class_ids": torch.randint(1, 3, (num_objects,), generator=generator),
        "masks": (torch.rand(num_objects, num_points, generator=generator) > 0.5).float(),
        "weight": (torch.rand(num_points, generator=generator) > 0.2).float(),
    }


def test_costs_are_2_class_5_cross_entropy_5_dice():
    tile = random_tile(3, 2)
    found = costs_of(**tile).numpy()
    counts = tile["weight"].numpy() > 0
    for q, n in itertools.product(range(3), range(2)):
        scores = np.exp(tile["class_logits"][q].numpy())
        p = 1 / (1 + np.exp(-tile["logits"][q].numpy()[counts]))
        t = tile["masks"][n].numpy()[counts]
        entropy = -np.mean(t * np.log(p) + (1 - t) * np.log(1 - p))
        dice = 1 - (2 * (p * t).sum() + 1) / (p.sum() + t.sum() + 1)
        prob = scores[tile["class_ids"][n]] / scores.sum()
        assert found[q, n] == pytest.approx(-2 * prob + 5 * entropy + 5 * dice, rel=1e-4)


def guess_and_objects(num_queries, num_objects, seed):
    generator = torch.Generator().manual_seed(seed)
    guess = Guess(
        torch.zeros(1, num_queries, 8),
        torch.randn(1, num_queries, 3, generator=generator),
        4 * torch.randn(1, num_queries, 4, 4, generator=generator),
    )
    masks = (torch.rand(num_objects, 16, 16, generator=generator) > 0.5).float()
    ids = torch.randint(1, 3, (num_objects,), generator=generator)
    return guess, TileObjects(masks, ids, torch.ones(16, 16))


def points_of(tile, *, num_points, seed):
    """Return what `match` draws for its only tile."""
    torch.manual_seed(seed)
    return torch.rand(1, num_points, 2)


@pytest.mark.parametrize(("num_queries", "num_objects"), [(4, 3), (3, 3), (2, 4), (5, 1)])
@pytest.mark.parametrize("seed", range(3))
def test_the_assignment_is_the_cheapest_of_all(num_queries, num_objects, seed):
    from trainers.losses.instance import sampled_at

    guess, objects = guess_and_objects(num_queries, num_objects, seed)
    points = points_of(objects, num_points=50, seed=seed)
    costs = costs_of(
        guess.class_logits[0],
        sampled_at(guess.coarse[0], points.expand(num_queries, -1, -1)),
        objects.class_ids,
        sampled_at(objects.masks, points.expand(num_objects, -1, -1)),
        torch.ones(50),
    ).numpy()
    torch.manual_seed(seed)
    found = match(guess, [objects], num_points=50, share_xy=EVERYWHERE)
    pairs = list(zip(found.queries.tolist(), found.objects.tolist(), strict=True))
    size = min(num_queries, num_objects)
    assert (
        len(pairs) == len(set(found.queries.tolist())) == len(set(found.objects.tolist())) == size
    )
    best = min(
        sum(costs[q, n] for q, n in zip(queries, numbers, strict=True))
        for queries in itertools.permutations(range(num_queries), size)
        for numbers in itertools.combinations(range(num_objects), size)
    )
    assert sum(costs[q, n] for q, n in pairs) == pytest.approx(best, rel=1e-5)


def test_tiles_are_matched_by_themselves_and_blank_ones_have_no_pair():
    guess, objects = guess_and_objects(3, 2, 0)
    both = Guess(*(torch.cat([t, t, t]) for t in (guess.queries, guess.class_logits, guess.coarse)))
    blank = TileObjects(torch.zeros(0, 16, 16), torch.zeros(0, dtype=torch.int64), objects.valid)
    torch.manual_seed(0)
    found = match(both, [objects, blank, objects], num_points=500, share_xy=EVERYWHERE)
    assert found.tiles.tolist() == [0, 0, 2, 2]
    assert found.objects.tolist() == [0, 1, 0, 1]
    alone = match(guess, [blank], num_points=8, share_xy=EVERYWHERE)
    assert len(alone.tiles) == len(alone.queries) == len(alone.objects) == 0


def test_the_largest_objects_of_a_tile_are_taken_and_ignored_pixels_are_none():
    target = torch.zeros(2, 32, 32, dtype=torch.uint8)
    target[0, 2:4, 2:4] = 1
    target[0, 10:20, 10:20] = 2
    target[0, 25:30, 2:8] = 1
    target[0, 31, 31] = 1  # too small
    target[0, :, 30] = IGNORE
    found, blank = tile_objects(target, most=2)
    assert found.class_ids.tolist() == [2, 1]
    assert found.masks.sum((1, 2)).tolist() == [100, 30]
    assert found.valid.sum() == 32 * 31
    assert blank.masks.shape == (0, 32, 32)
    assert len(tile_objects(target, most=9)[0].class_ids) == 3
