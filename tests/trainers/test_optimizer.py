import copy
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel as TorchAverage
from torch.optim.swa_utils import get_ema_avg_fn

from trainers.config import TrainConfig
from trainers.optimizer import AveragedModel, build_optimizer, learning_rate


def config(**changes: object) -> TrainConfig:
    return TrainConfig(model="unet", out=Path("run")).replace(**changes)


def rates(settings: TrainConfig, steps_per_epoch: int) -> list[float]:
    num_steps = settings.epochs * steps_per_epoch
    return [
        learning_rate(settings, step=step, steps_per_epoch=steps_per_epoch)
        for step in range(num_steps)
    ]


def test_a_constant_rate_stays() -> None:
    assert set(rates(config(schedule="constant", lr=0.5, epochs=2), 3)) == {0.5}


def test_divide10_divides_after_each_epoch() -> None:
    found = rates(config(schedule="divide10", lr=1.0, epochs=3), 2)
    assert found == pytest.approx([1, 1, 0.1, 0.1, 0.01, 0.01])


def test_the_cosine_is_that_of_torch() -> None:
    settings = config(schedule="cosine", lr=0.8, epochs=4, min_lr_ratio=0.1)
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=0.8)
    torch_schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=20, eta_min=0.08)
    expected = []
    for _ in range(20):
        expected.append(torch_schedule.get_last_lr()[0])
        optimizer.step()
        torch_schedule.step()
    assert rates(settings, 5) == pytest.approx(expected)


def test_warm_up_rises_to_the_full_rate() -> None:
    found = rates(config(schedule="constant", lr=1.0, warmup_steps=4, epochs=1), 6)
    assert found == pytest.approx([0.25, 0.5, 0.75, 1, 1, 1])


def test_biases_and_norms_are_not_decayed() -> None:
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    groups = build_optimizer(model, config(weight_decay=0.3)).param_groups
    assert [(group["weight_decay"], len(group["params"])) for group in groups] == [(0.3, 1), (0, 3)]


def test_frozen_parameters_are_left_out() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[0].requires_grad_(False)
    groups = build_optimizer(model, config()).param_groups
    assert sum(len(group["params"]) for group in groups) == 2


def test_the_average_is_that_of_torch_once_warm() -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    ours = AveragedModel(model, decay=0.9)
    theirs = TorchAverage(copy.deepcopy(model), avg_fn=get_ema_avg_fn(0.9), use_buffers=False)
    theirs.update_parameters(model)  # torch's first update copies
    for step in range(1000, 1005):
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter))
        ours.update(model, step=step)
        theirs.update_parameters(model)
    for mine, other in zip(ours.model.parameters(), theirs.module.parameters(), strict=True):
        torch.testing.assert_close(mine, other)


def test_the_average_starts_near_the_model_and_copies_its_statistics() -> None:
    model = nn.BatchNorm1d(2)
    average = AveragedModel(model, decay=0.999)
    nn.init.constant_(model.weight, 5.0)
    model.running_mean.fill_(3.0)
    average.update(model, step=1)
    decay = 2 / 11
    torch.testing.assert_close(average.model.weight, torch.full((2,), decay + (1 - decay) * 5.0))
    torch.testing.assert_close(average.model.running_mean, torch.full((2,), 3.0))


def test_frozen_weights_are_not_kept_twice() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)).train()
    model[0].requires_grad_(False)
    average = AveragedModel(model, decay=0.9)
    assert average.model[0].weight is model[0].weight
    assert average.model[1].weight is not model[1].weight
    assert (model.training, average.model.training) == (True, False)
    assert model[1].weight.requires_grad, "the model goes on learning"
    before = model[0].weight.clone()
    average.update(model, step=1)
    assert torch.equal(model[0].weight, before)
    average.model.load_state_dict(average.state_dict())
