"""Nothing that trains may read the real images or the real layout that the results are shown on."""

from __future__ import annotations

from pathlib import Path

import trainers

ROOT = Path(trainers.__file__).parent
TRAINING = ("data", "models", "losses")
REAL = ("real_sem", "random_lpass", "ic_metal_vias", "wrapped_rgb_mixer")
# draws the page in docs/, from folders named on its command line
ALLOWED = {"data/synthetic/sheet.py"}


def test_no_training_code_names_the_real_images_or_the_layout() -> None:
    files = [path for folder in TRAINING for path in (ROOT / folder).rglob("*.py")]
    files += list(ROOT.glob("*.py"))
    assert len(files) > 40
    named = {
        path.relative_to(ROOT).as_posix()
        for path in files
        if any(word in path.read_text(encoding="utf-8") for word in REAL)
    }
    assert named <= ALLOWED
