"""What a detector looks at: files of weights that are none are refused with a reason."""

from pathlib import Path

import pytest
import torch

from trainers.errors import CheckpointError
from trainers.models.detector_features import ResNetFeatures


def test_a_file_that_could_run_code_is_refused(tmp_path):
    file = tmp_path / "resnet50.pth"
    torch.save({"conv1.weight": Path("/")}, file)
    with pytest.raises(CheckpointError, match="could run code"):
        ResNetFeatures(pretrained=True).load(file)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="no file"):
        ResNetFeatures(pretrained=True).load(tmp_path / "resnet50.pth")
