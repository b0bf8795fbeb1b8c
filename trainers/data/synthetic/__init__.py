"""Synthetic SEM images of integrated circuits with exact masks (NumPy and OpenCV only)."""

from trainers.data.synthetic.config import PRESETS, SynthConfig
from trainers.data.synthetic.generate import SyntheticTile, generate_tile

__all__ = ["PRESETS", "SynthConfig", "SyntheticTile", "generate_tile"]
