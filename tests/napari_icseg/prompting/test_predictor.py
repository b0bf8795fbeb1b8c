"""The predictor over both kinds of model, with untrained weights."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from sam2.build_sam import build_sam2
from sam2.sam2_image_predictor import SAM2ImagePredictor

from napari_icseg.prompting.errors import EmbeddingInterruptedError, PromptError
from napari_icseg.prompting.predictor import Sam2PromptPredictor
from napari_icseg.prompting.protocol import Prompts
from napari_icseg.prompting.windowed import answer_in_windows
from napari_icseg.prompting.windows import Window, WindowGrid
from trainers.io.rle import RleMask
from trainers.models.sam2.nano import build_sam2_nano
from trainers.models.sam2.official import build_official_sam2

INPUT_PX = 256
CLICK = Prompts([[40, 30]], [1])


def noise(shape=(72, 100), seed=0, dtype=np.uint8) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, np.iinfo(dtype).max, shape).astype(dtype)


@pytest.fixture(scope="module")
def nano():
    return build_sam2_nano(seed=3, width=32, num_blocks=1).eval()


@pytest.fixture
def predictor(nano) -> Sam2PromptPredictor:
    return Sam2PromptPredictor(nano, name="sam2-nano", checkpoint_id="untrained")


@pytest.fixture(scope="module")
def reference():
    torch.manual_seed(0)
    return build_sam2(
        "configs/sam2.1/sam2.1_hiera_t.yaml",
        device="cpu",
        apply_postprocessing=False,
        hydra_overrides_extra=[f"++model.image_size={INPUT_PX}"],
    )


def same(first, second) -> bool:
    return [(c.mask, c.kind) for c in first] == [(c.mask, c.kind) for c in second]


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is:FutureWarning")
@pytest.mark.parametrize("box", [None, [10, 12, 80, 60]])
def test_official_candidates_are_the_masks_of_the_packages_predictor(reference, box):
    image = noise()
    theirs = SAM2ImagePredictor(reference)
    theirs._bb_feat_sizes = [(INPUT_PX // stride,) * 2 for stride in (4, 8, 16)]
    theirs.set_image(np.repeat(image[..., None], 3, axis=2))
    model = build_official_sam2("sam2.1-tiny", reference.state_dict(), input_size_px=INPUT_PX)
    ours = Sam2PromptPredictor(model, name="tiny", checkpoint_id="random")
    if box is None:
        masks, scores, _ = theirs.predict(CLICK.points_xy, CLICK.labels)
        found = ours.predict(ours.embed(image), CLICK)
    else:
        masks, scores, _ = theirs.predict(box=np.array(box, np.float32))
        found = ours.predict(ours.embed(image), Prompts([], [], box_xyxy=box))
    expected = {
        RleMask.from_mask(mask > 0): float(score)
        for mask, score in zip(masks, scores, strict=True)
        if mask.any()
    }
    assert found
    for candidate in found:
        assert candidate.score == pytest.approx(expected[candidate.mask], abs=1e-5)
    assert [c.score for c in found] == sorted((c.score for c in found), reverse=True)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(8, 8), (33, 70), (72, 100)])
def test_candidates_lie_within_images_of_any_size(predictor, shape, dtype):
    image = noise(shape, dtype=dtype)
    for candidate in predictor.predict(predictor.embed(image), Prompts([[4, 5]], [1])):
        mask = candidate.mask
        assert mask.row >= 0 <= mask.col
        assert mask.row + mask.height <= shape[0]
        assert mask.col + mask.width <= shape[1]
        assert 0 <= candidate.score <= 1
        assert not candidate.is_cut


def test_a_window_is_answered_as_an_image_of_its_own_and_put_in_its_place(predictor):
    image, window = noise((160, 200)), Window(64, 32, 96, 128)
    alone = predictor.predict(predictor.embed(image[window.slices].copy()), CLICK)
    moved = Prompts(CLICK.points_xy + np.float32([32, 64]), CLICK.labels)
    found = predictor.predict(predictor.embed(image, window), moved)
    assert found
    for ours, theirs in zip(found, alone, strict=True):
        assert (ours.mask.row, ours.mask.col) == (theirs.mask.row + 64, theirs.mask.col + 32)
        assert ours.mask.counts == theirs.mask.counts


def test_a_mask_that_ends_at_a_windows_inner_edge_is_marked_as_cut(predictor):
    image, window = noise((160, 200)), Window(64, 32, 96, 128)
    found = predictor.predict(predictor.embed(image, window), Prompts([[80, 100]], [1]))
    assert any(candidate.is_cut for candidate in found)
    for candidate in found:
        assert candidate.is_cut == window.cuts(candidate.mask, (160, 200))


def test_the_answer_does_not_depend_on_what_was_asked_before(nano):
    image = noise()
    prompts = [Prompts([[40, 30], [70, 50], [20, 60]][:n], [1, 0, 1][:n]) for n in range(1, 4)]
    clicking = Sam2PromptPredictor(nano, name="a", checkpoint_id="x")
    embedding = clicking.embed(image)
    one_by_one = [clicking.predict(embedding, p) for p in prompts]
    for prompt, expected in zip(reversed(prompts), reversed(one_by_one), strict=True):
        fresh = Sam2PromptPredictor(nano, name="b", checkpoint_id="x")
        assert same(fresh.predict(fresh.embed(image), prompt), expected)
        assert same(clicking.predict(embedding, prompt), expected)


def test_a_further_click_costs_one_pass_of_the_decoder(nano, predictor, monkeypatch):
    embedding = predictor.embed(noise())
    points, labels = [[40, 30], [70, 50], [20, 60], [5, 5]], [1, 0, 1, 0]
    predictor.predict(embedding, Prompts(points[:3], labels[:3]))
    passes, decode = [], nano.decode
    monkeypatch.setattr(nano, "decode", lambda *args: passes.append(1) or decode(*args))
    predictor.predict(embedding, Prompts(points, labels))
    assert len(passes) == 1


def test_what_is_remembered_of_an_image_is_bounded_and_goes_with_it(predictor):
    embedding = predictor.embed(noise())
    for x in range(50):
        predictor.predict(embedding, Prompts([[x, 30]], [1]))
    assert 1 <= len(predictor._remembered) <= 32
    del embedding
    assert len(predictor._remembered) == 0


def test_only_the_mask_that_is_corrected_is_remembered(predictor):
    predictor.predict(embedding := predictor.embed(noise((64, 64))), Prompts([[20, 30]], [1]))
    assert predictor._remembered.num_bytes == 64 * 64 * 4
    assert embedding.num_bytes > 0


def test_a_correction_starts_from_the_candidate_that_the_user_chose(predictor):
    embedding = predictor.embed(noise())
    points = [[40, 30], [70, 50]], [1, 1]
    layer = predictor.predict(embedding, Prompts(*points, kind="layer"))
    part = predictor.predict(embedding, Prompts(*points, kind="part"))
    assert layer[0].kind == "layer"
    assert part[0].kind == "part"
    assert not same(layer, part)


def test_a_mask_alone_is_a_prompt(predictor):
    mask = RleMask.from_mask(np.ones((20, 30), dtype=bool), (10, 15))
    embedding = predictor.embed(noise())
    with_mask = predictor.predict(embedding, Prompts([], [], mask=mask))
    other = predictor.predict(embedding, Prompts([], [], mask=RleMask(40, 50, 20, 30, mask.counts)))
    assert not same(with_mask, other)


@pytest.mark.parametrize(
    "prompts", [Prompts([[100, 30]], [1]), Prompts([], []), Prompts([[4, 4]], [0])]
)
def test_prompts_that_mean_nothing_are_refused(predictor, prompts):
    with pytest.raises(PromptError):
        predictor.predict(predictor.embed(noise()), prompts)


def test_threads_with_a_predictor_each_share_a_model_and_agree(nano):
    images = [noise(seed=seed) for seed in range(8)]

    def answer(image):
        own = Sam2PromptPredictor(nano, name="x", checkpoint_id="x")
        return own.predict(own.embed(image), Prompts([[40, 30], [60, 50]], [1, 1]))

    expected = [answer(image) for image in images]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(answer, images))
    assert all(same(a, b) for a, b in zip(found, expected, strict=True))


def test_embedding_stops_inside_the_model_and_the_model_stays_usable(predictor):
    calls = []

    def should_stop() -> bool:
        calls.append(1)
        return len(calls) > 5

    with pytest.raises(EmbeddingInterruptedError):
        predictor.embed(noise(), should_stop=should_stop)
    assert len(calls) == 6
    assert predictor.predict(predictor.embed(noise()), CLICK)
    assert len(calls) == 6


def test_clicks_in_two_windows_are_answered_by_both(predictor):
    predictor.input_size_px = 288
    image = noise((288, 500))
    asked: list[Window] = []

    def embedding_of(window: Window):
        asked.append(window)
        return predictor.embed(image, window)

    near, far = [20, 100], [480, 100]
    both = answer_in_windows(
        predictor, embedding_of, image.shape, Prompts([near, far], [1, 1])
    ).candidates
    assert len(asked) == 2
    assert asked[0] == WindowGrid(image.shape, 288).windows[0]
    alone = [
        predictor.predict(predictor.embed(image, window), Prompts([point], [1]))
        for window, point in zip(asked, (near, far), strict=True)
    ]
    assert {c.kind for c in both}
    for candidate in both:
        same_kind = (c for found in alone for c in found if c.kind == candidate.kind)
        expected = np.logical_or.reduce([c.mask.to_mask(image.shape) for c in same_kind])
        assert np.array_equal(candidate.mask.to_mask(image.shape), expected)


def test_a_click_outside_the_image_embeds_nothing(predictor):
    def embedding_of(window: Window):
        raise AssertionError("nothing should be embedded")

    with pytest.raises(PromptError, match="outside the image"):
        answer_in_windows(predictor, embedding_of, (288, 500), Prompts([[600, 5]], [1]))
