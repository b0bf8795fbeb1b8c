from __future__ import annotations

import os
from typing import TYPE_CHECKING

from torch import distributed

from trainers.experiments.launcher import work_alone

if TYPE_CHECKING:
    import pytest


def test_under_a_launcher_each_process_has_a_gpu_and_no_partners(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    group = {"RANK": "5", "LOCAL_RANK": "1", "WORLD_SIZE": "8", "LOCAL_WORLD_SIZE": "4"}
    for name, value in {**group, "TORCHELASTIC_RUN_ID": "a", "CUDA_VISIBLE_DEVICES": "2,3"}.items():
        monkeypatch.setenv(name, value)
    assert distributed.is_torchelastic_launched()
    assert work_alone() == 1
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "3"
    assert not distributed.is_torchelastic_launched()
    assert not set(group) & set(os.environ)


def test_without_a_launcher_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    before = dict(os.environ)
    assert work_alone() == 0
    assert dict(os.environ) == before
