"""What a model answers, object by object or pixel by pixel, becomes proposals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from torch import nn

from napari_icseg.controllers.prefill_predictor import PrefillPredictor
from napari_icseg.project.records import NewObject, ObjectSource
from tests.napari_icseg.controllers.training_fixtures import SIDE_PX, bar, make_project
from trainers.config import TrainConfig
from trainers.errors import DataError
from trainers.io.rle import RleMask
from trainers.models.base import Instance
from trainers.models.unet_task import UNetTask
from trainers.predict import LoadedModel

if TYPE_CHECKING:
    from pathlib import Path

NUMBER = 6
UPPER, LOWER, WEAK = bar(NUMBER), bar(NUMBER), bar(NUMBER)
UPPER[30:], LOWER[:30], LOWER[55:], WEAK[:55] = False, False, False, False
SCORES = (0.9, 0.6, 0.4)


class Pixels(UNetTask):
    """Bright pixels are metal."""

    def predict_probs(self, model: nn.Module, image: torch.Tensor) -> torch.Tensor:
        return 0.75 * (image > 0.5).float()


class Objects(Pixels):
    """The bar is of three objects that touch."""

    def predict_instances(self, model: nn.Module, image: torch.Tensor) -> list[Instance]:
        masks = [RleMask.from_mask(mask) for mask in (UPPER, LOWER, WEAK)]
        return [Instance(1, score, mask) for score, mask in zip(SCORES, masks, strict=True)]


class LowScores(Objects):
    """Its scores mean more than they seem to."""

    def proposal_score(self, config: TrainConfig) -> float:
        return 0.3


class Setup:
    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.project = make_project(folder)
        self.image_id = self.project.images()[NUMBER].id
        self.metal = self.project.classes()[0].id
        self._folder, self._patch = folder, monkeypatch

    def propose(self, task: UNetTask):
        config = TrainConfig(model="unet", out=self._folder, class_names=("metal",))
        loaded = LoadedModel(task, nn.Identity(), config, {}, torch.device("cpu"))
        self._patch.setattr("trainers.predict.load_run", lambda _path: loaded)
        return PrefillPredictor().propose(self.project, self.image_id, self._folder)


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    setup = Setup(tmp_path, monkeypatch)
    yield setup
    setup.project.close()


def masks_of(found) -> list[np.ndarray]:
    return [proposal.mask.to_mask((SIDE_PX, SIDE_PX)) for proposal in found.proposals]


def test_touching_objects_of_a_model_that_finds_objects_are_proposals_of_their_own(setup) -> None:
    found = setup.propose(Objects())

    np.testing.assert_array_equal(masks_of(found), [UPPER, LOWER])
    assert [(p.class_id, p.score) for p in found.proposals] == [
        (setup.metal, 0.9),
        (setup.metal, 0.6),
    ]


def test_a_model_says_from_which_score_its_objects_are_proposed(setup) -> None:
    assert [p.score for p in setup.propose(LowScores()).proposals] == list(SCORES)


def test_an_accepted_object_is_not_proposed_again_but_the_one_it_touches_is(setup) -> None:
    upper = NewObject(setup.metal, RleMask.from_mask(UPPER), ObjectSource.PROMPT)
    setup.project.add_objects(setup.image_id, [upper])

    found = setup.propose(Objects())

    np.testing.assert_array_equal(masks_of(found), [LOWER])
    assert found.num_known == 1


def test_a_model_that_only_segments_proposes_connected_components(setup) -> None:
    found = setup.propose(Pixels())

    np.testing.assert_array_equal(masks_of(found), [bar(NUMBER)])
    assert [p.score for p in found.proposals] == [0.75]


def test_an_image_too_large_to_be_predicted_as_a_whole_is_refused_unread(setup, monkeypatch):
    monkeypatch.setattr("napari_icseg.controllers.prefill_predictor.MAX_PIXELS", SIDE_PX**2 - 1)
    with pytest.raises(DataError, match="Cut it into tiles"):
        setup.propose(Pixels())
