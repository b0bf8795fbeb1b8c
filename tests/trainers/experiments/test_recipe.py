from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from trainers.errors import CheckpointError
from trainers.experiments import recipe
from trainers.experiments.matrix import Row, rows_of
from trainers.experiments.recipe import Changes, config_of, require_weights, sam_of


def row(table: Any, model: str, scale: float, preset: str = "paper") -> Row:
    return next(r for r in rows_of(table, models=[model], scale=scale) if r.preset == preset)


def config(of: Row, **fields: Any) -> Any:
    return config_of(of, Changes("sam2-nano", fields), data=Path("d"), out=Path("o"))


def test_the_papers_recipe_keeps_its_steps_at_a_smaller_scale() -> None:
    whole, tenth = (config(row("table2", "unet", scale)) for scale in (1.0, 0.1))
    assert (whole.batch_size, tenth.batch_size) == (10, 1)
    assert whole.epochs == tenth.epochs == 5
    assert config(row("table2", "rsprompter", 0.1)).batch_size == 2


def test_weight_decay_follows_the_learning_rate_where_the_paper_says_so() -> None:
    decays = [
        config(r).weight_decay for r in rows_of("table2", models=["sam_seg"]) if r.lr is not None
    ]
    assert decays == pytest.approx([1e-8, 1e-9, 1e-10, 1e-11, 1e-12])
    assert config(row("table2", "sam_det", 1.0)).weight_decay == 0.05


def test_best_keeps_its_own_batch_and_sam() -> None:
    best = row("table1", "sam_seg", 0.1, "best")
    assert config(best).batch_size == 4
    assert sam_of(best, Changes("sam2.1-tiny")) is None
    assert config(row("table1", "sam_seg", 0.1)).model_options["sam"] == "sam2-nano"


def test_settings_that_only_say_how_do_not_tell_results_apart() -> None:
    assert Changes(None, {"num_threads": 1, "device": "cpu"}).text == ""
    assert Changes("sam2-nano", {"lr": 1.0}).text == '{"lr": 1.0, "sam": "sam2-nano"}'


def test_missing_weights_are_told_before_anything_is_trained(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    rows = rows_of("table1")
    monkeypatch.setattr(recipe, "checkpoint_path", lambda name: tmp_path / name)
    with pytest.raises(CheckpointError, match="--sam sam2-nano"):
        require_weights(rows, Changes())
    require_weights([r for r in rows if r.preset == "best"], Changes())
    with pytest.raises(CheckpointError, match="no SAM-2 named 'huge'"):
        require_weights(rows, Changes("huge"))
