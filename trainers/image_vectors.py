"""One vector an image, from the encoder of the click model: similar images have similar ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch

from trainers.io.images import to_unit

if TYPE_CHECKING:
    import numpy.typing as npt

    from trainers.models.sam2.interface import Sam2ImageModel

SIDE_PX = 256
"""A larger image is looked at reduced to this side."""


def image_vector(model: Sam2ImageModel, image: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Return mean and deviation over the image of the encoder's channels, float32 (2C,).

    Args:
        model: in eval mode, on the CPU or not.
        image: grey, uint8 or uint16 (H, W).

    """
    side_px = SIDE_PX if model.native_resolution else model.input_size_px
    unit = cv2.resize(to_unit(image), (side_px, side_px), interpolation=cv2.INTER_AREA)
    device = next(iter(model.parameters())).device if isinstance(model, torch.nn.Module) else "cpu"
    with torch.inference_mode():
        features = model.encode(torch.from_numpy(unit)[None, None].to(device)).embedding[0]
    flat = features.float().flatten(1)
    vector = torch.cat([flat.mean(1), flat.std(1)]).cpu().numpy()
    return np.asarray(vector, dtype=np.float32)


def standardised(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return vectors (N, D) whose columns have mean 0 and deviation 1 (constant ones stay 0)."""
    deviation = vectors.std(axis=0)
    centred = vectors - vectors.mean(axis=0)
    return np.asarray(centred / np.where(deviation > 0, deviation, 1.0), dtype=np.float32)
