"""A project of small images for the tests of training and pre-filling."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from napari_icseg.project.project import Project
from napari_icseg.project.records import ImageStatus, NewObject, ObjectSource
from trainers.io.rle import RleMask

if TYPE_CHECKING:
    from pathlib import Path

SIDE_PX = 64
SETTINGS = {
    "image_size": SIDE_PX,
    "batch_size": 2,
    "num_threads": 1,
    "device": "cpu",
    "lr": 0.01,
    "option.widths": [4, 8],
}


def bar(number: int) -> np.ndarray:
    """A vertical bar, bool (SIDE_PX, SIDE_PX)."""
    mask = np.zeros((SIDE_PX, SIDE_PX), bool)
    mask[:, 6 + 5 * number : 20 + 5 * number] = True
    return mask


def make_project(folder: Path, *, num_labelled: int = 5, num_images: int = 8) -> Project:
    """Make a project: the first images labelled, one blank, the others not labelled."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    paths = []
    for number in range(num_images):
        grey = np.where(bar(number), 200, 60) + rng.integers(0, 20, (SIDE_PX, SIDE_PX))
        paths.append(folder / f"tile{number}.png")
        Image.fromarray(grey.astype(np.uint8)).save(paths[-1])
    project = Project.create(folder / "chip.icseg")
    images = project.add_images(paths).images
    metal = project.classes()[0].id
    for number, image in enumerate(images[:num_labelled]):
        mask = RleMask.from_mask(bar(number))
        project.add_objects(image.id, [NewObject(metal, mask, ObjectSource.PROMPT)])
        project.set_status(image.id, ImageStatus.LABELLED)
    return project
