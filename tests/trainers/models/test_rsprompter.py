"""RSPrompter as a task: what learns, what is learned, what is told of any image."""

import math
from pathlib import Path

import pytest
import torch

from trainers.config import TrainConfig
from trainers.data.labels import IGNORE
from trainers.errors import TrainingError
from trainers.models.base import InstanceTask, PretrainedTask
from trainers.models.rsprompter_loss import query_losses
from trainers.models.rsprompter_task import RSPrompterTask
from trainers.registry import make_config

TINY = {
    "sam_weights": "untrained",
    "cache_gib": 0.0,
    "num_queries": 6,
    "channels": 32,
    "mask_channels": 16,
    "hidden": 32,
    "num_encoder_layers": 1,
    "num_decoder_layers": 2,
    "num_points": 256,
}


def config(names=("metal",), **options) -> TrainConfig:
    return TrainConfig(
        model="rsprompter",
        out=Path("run"),
        class_names=names,
        image_size=64,
        model_options={**TINY, **options},
    )


def build(names=("metal",), **options):
    task, settings = RSPrompterTask(), config(names, **options)
    model = task.build_model(settings)
    task.prepare(model, settings, is_new=True)
    return task, model


def batch(num_classes=1, count=4):
    """Return tiles with two or three bars each, the class by their grey value."""
    generator = torch.Generator().manual_seed(0)
    target = torch.zeros(count, 64, 64, dtype=torch.uint8)
    for number in range(count):
        target[number, 6 + 4 * number : 20 + 4 * number, 8:56] = 1
        target[number, 44:56, 6 : 20 + 8 * number] = num_classes
    noise = 0.1 * torch.rand(count, 1, 64, 64, generator=generator)
    return {"image": 0.2 + 0.3 * target[:, None] + noise, "target": target}


def learn(task, model, data, *, num_steps, lr=2e-3):
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=lr)
    losses = []
    model.train()
    for step in range(num_steps):
        torch.manual_seed(step)
        parts = task.training_loss(model, data)
        optimizer.zero_grad()
        parts["loss"].backward()
        optimizer.step()
        losses.append({name: float(part.detach()) for name, part in parts.items()})
    model.eval()
    return losses


# the encoder pads the second size to 64 × 64
@pytest.mark.parametrize(("num_classes", "size_hw"), [(1, (64, 64)), (2, (60, 52))])
def test_four_tiles_can_be_learned_by_heart(num_classes, size_hw):
    task, model = build(("metal", "via")[:num_classes], semantic_share=0.0)
    whole = batch(num_classes)
    data = {name: maps[..., : size_hw[0], : size_hw[1]] for name, maps in whole.items()}
    losses = learn(task, model, data, num_steps=60)
    assert losses[-1]["loss"] < 0.5 * losses[0]["loss"]
    assert losses[-1]["semantic_loss"] < 0.5 * losses[0]["semantic_loss"]
    metrics = task.validate(model, [{**data, "tile": torch.arange(4)}])
    assert metrics["iou"] > 0.85
    found = task.predict_instances(model, data["image"][:1])
    classes = [each.class_id for each in found if each.score > 0.5]
    assert sorted(set(classes)) == list(range(1, num_classes + 1))
    assert len(classes) >= 2


def test_probabilities_of_pixels_can_be_of_either_kind():
    image, probs = torch.rand(1, 1, 64, 64), {}
    for share in (0.0, 0.5, 1.0):
        task, model = build(semantic_share=share)
        probs[share] = task.predict_probs(model.eval(), image)
    torch.testing.assert_close(probs[0.5], (probs[0.0] + probs[1.0]) / 2)
    assert not torch.equal(probs[0.0], probs[1.0])


@pytest.mark.parametrize("layers", ["last", "all"])
def test_the_encoder_gets_no_gradient_and_the_rest_does(layers):
    task, model = build(("metal", "via"), decode_layers=layers)
    frozen = {n: p.clone() for n, p in model.named_parameters() if not p.requires_grad}
    learn(task, model, batch(2), num_steps=1)
    for name, parameter in model.named_parameters():
        if name in frozen:
            assert parameter.grad is None
            assert torch.equal(parameter, frozen[name])
    assert any("image_encoder" in name for name in frozen)
    learned = {n for n, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    for part in ("tile_sam.sam.mask_decoder", "pixels.aggregator", "queries.to_prompt", "semantic"):
        assert any(name.startswith(part) for name in learned), part


def test_more_masks_are_drawn_where_sam_is_asked_after_all_layers():
    losses = {}
    for layers in ("last", "all"):
        task, model = build(decode_layers=layers)
        torch.manual_seed(0)
        losses[layers] = task.training_loss(model, batch())
    assert losses["all"]["sam_loss"] > 2 * losses["last"]["sam_loss"]
    assert set(losses["last"]) == {
        "loss",
        "class_loss",
        "coarse_loss",
        "sam_loss",
        "semantic_loss",
    }


def test_sam_draws_no_more_masks_than_it_may(monkeypatch):
    task, model = build(drawn_per_tile=1)
    numbers = []
    decode = model.decode
    monkeypatch.setattr(
        model, "decode", lambda s, g, tiles, q: numbers.append(len(tiles)) or decode(s, g, tiles, q)
    )
    losses = task.training_loss(model, batch())
    assert numbers == [4]  # of 8
    assert float(losses["sam_loss"]) > 0


def test_blank_tiles_alone_teach_that_there_is_nothing():
    task, model = build()
    data = {"image": torch.rand(2, 1, 64, 64), "target": torch.zeros(2, 64, 64, dtype=torch.uint8)}
    losses = learn(task, model, data, num_steps=25)
    assert all(math.isfinite(parts["loss"]) for parts in losses)
    assert losses[-1]["loss"] < losses[0]["loss"]
    assert float(task.predict_probs(model, data["image"]).max()) < 0.5
    assert task.predict_instances(model, data["image"][:1]) == []


def test_ignored_pixels_teach_nothing():
    task, model = build()
    data = batch()
    data["target"][:, :, 40:] = IGNORE
    scene = model.train()(data["image"])
    coarse = scene.guesses[-1].coarse
    coarse.retain_grad()
    parts = query_losses(model, scene, data["target"], num_points=500, at_all_layers=False)
    parts["coarse"].backward()
    assert coarse.grad is not None
    # beyond column 40 / 4, and the neighbour that interpolation reads
    assert coarse.grad[..., :9].any()
    assert not coarse.grad[..., 11:].any()
    everything = {**data, "target": torch.full_like(data["target"], IGNORE)}
    losses = task.training_loss(model, everything)
    assert float(losses["coarse_loss"]) == float(losses["sam_loss"]) == 0.0


def test_the_loss_depends_on_weights_data_and_the_global_random_state_alone():
    losses = []
    for noise in (1, 2):
        torch.manual_seed(noise)
        task, model = build()
        torch.manual_seed(7)
        losses.append(float(task.training_loss(model.train(), batch())["loss"].detach()))
    assert losses[0] == losses[1]


@pytest.mark.parametrize("size_hw", [(64, 64), (50, 70), (9, 33), (100, 40)])
def test_images_of_any_size_get_probabilities_and_objects_of_their_size(size_hw):
    task, model = build(("metal", "via"), min_score=0.0)
    assert isinstance(task, InstanceTask)
    assert isinstance(task, PretrainedTask)
    model.eval()
    image = torch.rand(1, 1, *size_hw)
    probs = task.predict_probs(model, image)
    assert probs.shape == (1, 2, *size_hw)
    assert 0.0 <= probs.min() <= probs.sum(1).max() <= 1.0 + 1e-5
    for found in task.predict_instances(model, image):
        assert found.class_id in (1, 2)
        assert 0.0 <= found.score <= 1.0
        assert found.mask.to_mask(size_hw).any()


def test_an_official_sam_serves_as_well():
    task, model = build(sam="sam2.1-tiny", input_size_px=64)
    losses = learn(task, model, batch(count=2), num_steps=1)
    assert math.isfinite(losses[0]["loss"])
    assert task.predict_probs(model, torch.rand(1, 1, 64, 64)).shape == (1, 1, 64, 64)


def test_the_paper_preset_has_the_papers_recipe():
    settings = make_config(
        "rsprompter", out=Path("run"), data=Path("data"), preset="paper", class_names=("metal",)
    )
    options = RSPrompterTask().options(settings)
    assert (settings.lr, settings.weight_decay, settings.epochs) == (5e-4, 0.05, 10)
    assert (settings.optimizer, settings.schedule) == ("adamw", "cosine")
    assert (options.num_queries, options.decode_layers) == (12, "all")
    assert (options.sam, options.input_size_px) == ("sam2.1-large", 1024)
    assert (options.semantic_weight, options.num_points) == (0.0, 12_544)


@pytest.mark.parametrize(
    "wrong", [{"num_queries": 0}, {"channels": 48}, {"decode_layers": "first"}]
)
def test_wrong_options_are_named(wrong):
    with pytest.raises(TrainingError, match=next(iter(wrong))):
        build(**wrong)
