"""Probabilities that mean what they say: temperature scaling.

Source: Guo et al. 2017, "On Calibration of Modern Neural Networks", section 4.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize_scalar

if TYPE_CHECKING:
    import numpy.typing as npt

MIN_TEMPERATURE, MAX_TEMPERATURE = 0.1, 10.0
_EPSILON = 1e-6


def tempered(probs: npt.NDArray[np.float32], temperature: float) -> npt.NDArray[np.float32]:
    """Return probabilities as after a softmax whose logits are divided by `temperature`.

    Args:
        probs: float32 (C, ...) of the foreground classes; what is missing to 1 is background.
        temperature: above 0; above 1 makes them less sure, 1 changes nothing.

    """
    if temperature == 1.0:
        return probs
    background = np.clip(1.0 - probs.sum(axis=0, keepdims=True), 0.0, 1.0)
    logs = np.log(np.clip(np.concatenate([background, probs]), _EPSILON, 1.0)) / temperature
    weights = np.exp(logs - logs.max(axis=0, keepdims=True))
    return np.asarray((weights / weights.sum(axis=0, keepdims=True))[1:], dtype=np.float32)


def fit_temperature(probs: npt.NDArray[np.float32], target: npt.NDArray[np.uint8]) -> float:
    """Return the temperature under which the truth is most likely (least mean log loss).

    Args:
        probs: float32 (C, N) of the foreground classes, of N pixels.
        target: uint8 (N,) of their true class ids, 0 background.

    Raises:
        ValueError: no pixel, or as many targets as there are not pixels.

    """
    if target.shape != probs.shape[1:] or not target.size:
        raise ValueError(f"Expected as many class ids as pixels, got {target.shape} {probs.shape}.")

    def log_loss(log_temperature: float) -> float:
        scaled = tempered(probs, float(np.exp(log_temperature)))
        everything = np.concatenate([1.0 - scaled.sum(axis=0, keepdims=True), scaled])
        chosen = np.take_along_axis(everything, target[None].astype(np.intp), axis=0)
        return float(-np.log(np.clip(chosen, _EPSILON, 1.0)).mean())

    bounds = (np.log(MIN_TEMPERATURE), np.log(MAX_TEMPERATURE))
    found = minimize_scalar(log_loss, bounds=bounds, method="bounded")
    return float(np.exp(found.x))
