"""Synthetic SEM images of integrated circuits with exact masks (NumPy and OpenCV only)."""

from typing import TYPE_CHECKING, Any

from trainers.data.synthetic.config import SynthConfig
from trainers.data.synthetic.generate import SyntheticTile, generate_tile
from trainers.data.synthetic.presets import PRESETS

if TYPE_CHECKING:
    from trainers.data.synthetic.write import write_dataset

__all__ = ["PRESETS", "SynthConfig", "SyntheticTile", "generate_tile", "write_dataset"]


def __getattr__(name: str) -> Any:
    """Import `write_dataset` when it is asked for: making tiles needs no file formats."""
    if name == "write_dataset":
        from trainers.data.synthetic.write import write_dataset

        return write_dataset
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
