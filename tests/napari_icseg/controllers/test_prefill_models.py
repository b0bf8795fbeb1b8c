"""Every model that the dock can train can also pre-fill."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from napari_icseg.controllers.prefill_predictor import PrefillPredictor
from napari_icseg.controllers.training_setup import model_options
from tests.napari_icseg.controllers.training_fixtures import SIDE_PX, make_project
from trainers.checkpoint import save_checkpoint
from trainers.registry import build_task, make_config

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("name", [option.name for option in model_options()])
def test_a_run_of_each_model_prefills_an_image_with_the_classes_of_the_project(
    name: str, tmp_path: Path
) -> None:
    project = make_project(tmp_path)
    run_dir = tmp_path / "run"
    config = make_config(
        name, out=run_dir, data=tmp_path, class_names=("metal", "wire"), image_size=SIDE_PX
    )
    model = build_task(name).build_model(config)
    meta = {"model": name, "config": json.loads(config.to_json())}
    save_checkpoint(run_dir / "checkpoints" / "best.safetensors", model.state_dict(), meta)

    found = PrefillPredictor().propose(project, project.images()[6].id, run_dir)

    assert found.unknown_classes == ("wire",)
    metal = project.classes()[0].id
    assert {proposal.class_id for proposal in found.proposals} <= {metal}
    assert all(0.0 <= proposal.score <= 1.0 for proposal in found.proposals)
    project.close()
