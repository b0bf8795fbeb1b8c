"""What the scan and the detector add to the signal: shading, debris, streaks, noise, bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from trainers.data.synthetic.fields import FloatImage, Rng, blur, draw, smooth_field

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from trainers.data.synthetic.config import SynthConfig
    from trainers.data.synthetic.look import Look

FULL_SCALE = 255.0
SATURATED_SHARE = 0.002


def detect(
    rng: Rng, signal: FloatImage, look: Look, config: SynthConfig
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Return the recorded image (H, W), uint8 or uint16 after the config's bit depth."""
    if look.debris:
        add_debris(rng, signal, look)
    if look.shading > 0:
        signal *= shading(rng, signal.shape, look.shading)
    if look.streak > 0:
        add_streaks(rng, signal, look)
    if look.flicker > 0.001:
        rows = rng.standard_normal((signal.shape[0], 1), dtype=np.float32)
        signal *= 1.0 + np.float32(look.flicker) * rows
    np.maximum(signal, 2.0, out=signal)
    return digitise(add_noise(rng, signal, look), look, config.bit_depth)


def shading(rng: Rng, shape: tuple[int, ...], strength: float) -> FloatImage:
    """Return a slow gain (H, W) about 1: a tilt and a bowl over the whole tile."""
    height, width = shape[0], shape[1]
    tilt = rng.uniform(-0.5, 0.5, 2) * strength
    bowl = float(rng.uniform(-0.7, 0.3)) * strength
    y = np.linspace(-1.0, 1.0, height, dtype=np.float32)[:, None]
    x = np.linspace(-1.0, 1.0, width, dtype=np.float32)[None, :]
    gain = 1.0 + tilt[0] * x + tilt[1] * y + bowl * (x * x + y * y - 0.67)
    return np.asarray(gain, np.float32)


def add_debris(rng: Rng, signal: FloatImage, look: Look) -> None:
    """Add soft particles and residue, brighter or darker than their surroundings, in place."""
    height, width = signal.shape
    canvas = np.zeros((height, width), np.float32)
    for _ in range(max(1, look.debris * height * width // 65536)):
        center = (int(rng.integers(width)), int(rng.integers(height)))
        axes = (int(rng.integers(2, 9)), int(rng.integers(2, 9)))
        value = float(rng.uniform(-0.5, 0.8)) * abs(look.contrast)
        cv2.ellipse(canvas, center, axes, float(rng.uniform(0, 180)), 0, 360, value, -1)
    signal += blur(canvas, draw(rng, (0.8, 2.0)))


def add_streaks(rng: Rng, signal: FloatImage, look: Look) -> None:
    """Darken the lines right of bright features, as charging does along the scan, in place."""
    length = int(draw(rng, (12.0, 60.0)))
    taps = np.exp(-np.arange(3 * length, dtype=np.float32) / np.float32(length))
    kernel = (taps / taps.sum())[::-1][None, :].copy()
    excess = np.maximum(signal - np.float32(look.background), 0.0)
    tail = cv2.filter2D(excess, cv2.CV_32F, kernel, anchor=(kernel.shape[1] - 1, 0))
    lines = np.clip(smooth_field(rng, (signal.shape[0], 1), draw(rng, (1.0, 12.0))), 0.0, 2.0)
    signal -= np.float32(look.streak) * lines * tail


def add_noise(rng: Rng, signal: FloatImage, look: Look) -> FloatImage:
    """Return the signal with noise whose deviation grows as a power of the signal.

    The noise is a gamma variable of zero mean, which nears a Gaussian as its shape grows.
    `noise_sigma` is the deviation at a grey level of 100.
    """
    shape = np.float32(look.gamma_shape)
    noise = rng.standard_gamma(look.gamma_shape, signal.shape, dtype=np.float32)
    noise -= shape
    sigma = np.power(signal * np.float32(0.01), np.float32(look.noise_signal_exponent))
    noise *= sigma * np.float32(look.noise_sigma / np.sqrt(shape))
    return np.asarray(signal + noise, np.float32)


def digitise(
    image: FloatImage, look: Look, bit_depth: int
) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Round to integers, after a gain that keeps all but 0.2 % of the pixels unsaturated."""
    if float((image >= FULL_SCALE - 0.5).mean()) > SATURATED_SHARE:
        image = image * np.float32(252.0 / np.quantile(image, 1.0 - SATURATED_SHARE))
    if bit_depth == 16:
        return np.asarray(np.clip(np.rint(image * 257.0), 0, 65535), np.uint16)
    grey = np.clip(np.rint(image), 0, 255).astype(np.uint8)
    if look.jpeg_quality:
        _, packed = cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, look.jpeg_quality])
        grey = np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.uint8)
    return grey
