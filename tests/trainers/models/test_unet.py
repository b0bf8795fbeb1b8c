from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import torch
from torch import nn

from trainers.config import TrainConfig
from trainers.errors import TrainingError
from trainers.models.base import SegmentationTask
from trainers.models.unet import PAPER_WIDTHS, UNet, build_unet
from trainers.models.unet_task import UNetTask

SIZES = [(64, 64), (65, 97), (8, 8), (17, 300), (1, 5)]


def config(**changes: object) -> TrainConfig:
    known = TrainConfig(model="unet", out=Path("run"), class_names=("metal",))
    return known.replace(**changes)


@pytest.mark.parametrize("size_hw", SIZES)
def test_the_mask_has_the_size_of_any_image(size_hw: tuple[int, int]) -> None:
    model = build_unet(num_classes=2, widths=(4, 8, 16, 16), seed=0).eval()
    assert model(torch.rand(2, 1, *size_hw)).shape == (2, 3, *size_hw)


def test_padding_does_not_change_the_middle() -> None:
    model = build_unet(num_classes=1, widths=(4, 8), seed=0).eval()
    image = torch.rand(1, 1, 64, 64)
    with torch.no_grad():
        whole, cut = model(image), model(image[..., :63, :63])
    torch.testing.assert_close(whole[..., :40, :40], cut[..., :40, :40], atol=1e-5, rtol=1e-5)


def test_the_paper_preset_has_the_parameters_of_figure_1() -> None:
    """Counted by hand from the layers of the figure, with batch norms instead of biases."""

    def double(i: int, o: int) -> int:
        return 9 * i * o + 9 * o * o + 4 * o

    w = PAPER_WIDTHS
    down = sum(double(i, o) for i, o in zip((1, *w), w, strict=False))
    up = sum(4 * i * o + o + double(2 * o, o) for o, i in itertools.pairwise(w))
    model = UNet(num_outputs=1)
    assert sum(p.numel() for p in model.parameters()) == down + up + w[0] + 1 == 31_036_481


def test_the_weights_depend_on_the_seed_alone() -> None:
    torch.manual_seed(99)
    first = build_unet(num_classes=1, widths=(4, 8), seed=1).state_dict()
    second = build_unet(num_classes=1, widths=(4, 8), seed=1).state_dict()
    third = build_unet(num_classes=1, widths=(4, 8), seed=2).state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not torch.equal(first["head.weight"], third["head.weight"])


def test_four_tiles_can_be_learned_by_heart() -> None:
    task = UNetTask()
    model = task.build_model(config(model_options={"widths": [8, 16]}))
    generator = torch.Generator().manual_seed(0)
    target = (torch.rand(4, 4, 4, generator=generator) > 0.5).to(torch.uint8)
    target = target.repeat_interleave(8, 1).repeat_interleave(8, 2)
    noise = 0.3 * torch.rand(4, 32, 32, generator=generator)
    batch = {"image": (0.5 * target + noise)[:, None], "target": target}
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(40):
        loss = task.training_loss(model, batch)["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    metrics = task.validate(model.eval(), [{**batch, "tile": torch.arange(4)}])
    assert metrics["iou"] > 0.95
    assert metrics["loss"] < 0.3


def test_probabilities_are_between_0_and_1_for_each_class() -> None:
    task = UNetTask()
    assert isinstance(task, SegmentationTask)
    settings = config(class_names=("metal", "via"), model_options={"widths": [4, 8]})
    model: nn.Module = task.build_model(settings).eval()
    probs = task.predict_probs(model, torch.rand(1, 1, 20, 30))
    assert probs.shape == (1, 2, 20, 30)
    assert 0.0 <= probs.min() <= probs.sum(1).max() <= 1.0 + 1e-6


@pytest.mark.parametrize("options", [{"widths": [8]}, {"width": 8}, {"dice_weight": -1}])
def test_wrong_model_options_are_named(options: dict[str, object]) -> None:
    with pytest.raises(TrainingError, match=next(iter(options))):
        UNetTask().build_model(config(model_options=options))


def test_a_model_without_classes_is_refused() -> None:
    with pytest.raises(TrainingError, match="class_names"):
        UNetTask().build_model(config(class_names=()))
