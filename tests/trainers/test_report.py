from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from trainers.config import TrainConfig
from trainers.progress import EventWriter, read_events, read_status
from trainers.report import Position, Report

if TYPE_CHECKING:
    from pathlib import Path


class Clock:
    """Time that passes only when told."""

    now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("trainers.report.time.monotonic", clock)
    return clock


@pytest.fixture
def report(tmp_path: Path) -> Report:
    config = TrainConfig(model="unet", out=tmp_path, epochs=3)
    events = EventWriter(tmp_path / "events.jsonl")
    return Report(events, config, num_steps=100, device="cpu")


def take_step(report: Report, number: int, *, is_last: bool = False) -> None:
    parts = {"dice": torch.tensor(0.5)}
    report.step(Position(step=number), loss=1.0, lr=0.1, parts=parts, is_last=is_last)


def test_steps_are_told_at_most_four_times_a_second(
    report: Report, clock: Clock, tmp_path: Path
) -> None:
    for number in range(1, 101):
        take_step(report, number)
        clock.now_s += 0.02
    told = [point.step for point in read_status(tmp_path).curves.steps]
    assert told[0] == 1
    assert 7 <= len(told) <= 9


def test_the_last_step_of_an_epoch_is_always_told(
    report: Report, clock: Clock, tmp_path: Path
) -> None:
    assert clock.now_s == 100.0  # stands still
    for number in range(1, 11):
        take_step(report, number, is_last=number == 10)
    assert [point.step for point in read_status(tmp_path).curves.steps] == [1, 10]


def test_the_duration_is_expected_from_steps_after_the_first(
    report: Report, clock: Clock, tmp_path: Path
) -> None:
    clock.now_s += 50.0  # the first step warms up
    for number in range(1, 6):
        take_step(report, number)
        clock.now_s += 2.0
    (told,) = [e for e in read_events(tmp_path / "events.jsonl")[0] if e["kind"] == "dry_run"]
    assert told["expected_s"] == pytest.approx(2.0 * 100)


@pytest.mark.parametrize(
    ("found", "true", "num_warnings"), [(0.0, 0.2, 1), (0.1, 0.2, 0), (0.0, 0.0, 0)]
)
def test_finding_nothing_is_warned_of_once_from_the_second_epoch_on(
    report: Report, tmp_path: Path, found: float, true: float, num_warnings: int
) -> None:
    metrics = {"loss": 1.0, "foreground_predicted": found, "foreground_true": true}
    report.epoch(1, metrics, train_loss=1.0, seconds=1.0)
    assert read_status(tmp_path).warnings == ()
    for epoch in (2, 3):
        report.epoch(epoch, metrics, train_loss=1.0, seconds=1.0)
    assert len(read_status(tmp_path).warnings) == num_warnings
    assert [point.val_loss for point in read_status(tmp_path).curves.epochs] == [1.0] * 3
