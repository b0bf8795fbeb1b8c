"""Projects on a few small images."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from napari_icseg.project.project import Project
from trainers.io.rle import RleMask

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

HEIGHT, WIDTH = 24, 32


def write_image(path: Path, height: int = HEIGHT, width: int = WIDTH) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    ramp = np.arange(height * width, dtype=np.uint32).reshape(height, width)
    Image.fromarray((ramp % 251).astype(np.uint8)).save(path)
    return path


def square(row: int, col: int, side: int = 4) -> RleMask:
    return RleMask.from_mask(np.ones((side, side), dtype=bool), (row, col))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for number in range(3):
        write_image(tmp_path / "tiles" / f"t{number}.png")
    return tmp_path


@pytest.fixture
def project(folder: Path) -> Iterator[Project]:
    with Project.create(folder / "p.icseg") as opened:
        opened.add_images(sorted((folder / "tiles").glob("*.png")))
        yield opened


@pytest.fixture
def reopen(project: Project) -> Iterator[Callable[[], Project]]:
    """Close the project and open it again, as after a restart."""
    opened = [project]

    def again() -> Project:
        opened[-1].close()
        opened.append(Project.open(project.file))
        return opened[-1]

    yield again
    opened[-1].close()
