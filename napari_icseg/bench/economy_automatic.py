"""Automatic masks of the click model as a proposal for a whole tile, as pre-filling makes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from napari_icseg.bench.targets import is_via
from napari_icseg.prompting.automatic_image import ImageSearch
from napari_icseg.prompting.prompt_image import PromptImage
from trainers.io.images import read_image

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_icseg.bench.economy_lab import Lab, PoolTile


def automatic_ids(lab: Lab, tile: PoolTile) -> NDArray[np.uint8]:
    """Return what the click model finds by itself, uint8 class ids (H, W).

    What lies on top gets the class of the vias, where there is one, all else the first other.
    """
    image = PromptImage(read_image(tile.image))
    search = ImageSearch(lab.predictor, lambda window: lab.predictor.embed(image, window), image)
    while search.step():
        pass
    below = [n for n, name in enumerate(lab.class_names, 1) if not is_via(name)]
    above = [n for n, name in enumerate(lab.class_names, 1) if is_via(name)]
    ids = np.zeros(image.size_hw, np.uint8)
    for found in sorted(search.objects(), key=lambda one: one.is_on_top):
        class_ids = (above or below) if found.is_on_top else (below or above)
        ids[found.mask.to_mask(image.size_hw)] = class_ids[0]
    return ids
