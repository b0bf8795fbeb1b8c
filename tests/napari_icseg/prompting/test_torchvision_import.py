"""torchvision comes into a viewer's process without the compiler that crashes it."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
from napari_icseg.prompting.torchvision_import import import_torchvision
import_torchvision()
loaded = sorted(name for name in sys.modules if name.partition(".")[0] == "triton")
assert not loaded, loaded
from torchvision.ops import nms
import torch
kept = nms(torch.tensor([[0., 0, 4, 4], [0, 0, 4, 5]]), torch.tensor([.5, .9]), .5)
assert kept.tolist() == [1]
import_torchvision()
"""


def test_torchvision_works_and_triton_was_never_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
