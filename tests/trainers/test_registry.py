import subprocess
import sys
from pathlib import Path

import pytest

from trainers.errors import TrainingError
from trainers.models.base import Task
from trainers.registry import MODELS, build_task, make_config


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_model_is_a_task_whose_presets_are_valid(name: str, tmp_path: Path) -> None:
    task = build_task(name)
    assert isinstance(task, Task)
    assert task.name == name
    for preset in ("best", "paper"):
        config = make_config(name, out=tmp_path / "run", data=tmp_path, preset=preset)
        assert (config.model, config.preset) == (name, preset)


def test_an_unknown_model_is_reported_with_the_known_ones() -> None:
    with pytest.raises(TrainingError, match="unet"):
        build_task("u-net")


def test_listing_the_models_imports_no_torch() -> None:
    code = "import sys, trainers.registry; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_given_settings_win_over_the_preset_and_none_leaves_it(tmp_path: Path) -> None:
    paper = make_config("unet", out=tmp_path / "run", data=tmp_path, preset="paper")
    changed = make_config(
        "unet",
        out=tmp_path / "run",
        data=tmp_path,
        preset="paper",
        epochs=None,
        lr=1e-4,
        model_options={"dice_weight": 0.5},
    )
    assert (paper.epochs, paper.lr) == (5, 1e-5)
    assert (changed.epochs, changed.lr) == (5, 1e-4)
    assert changed.model_options["dice_weight"] == 0.5
    assert changed.model_options["widths"] == paper.model_options["widths"]


def test_a_model_that_needs_data_says_so(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="--data"):
        make_config("unet", out=tmp_path / "run")
