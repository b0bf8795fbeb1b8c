"""Reading and writing checkpoints; nothing in them is ever executed.

A checkpoint is a safetensors file. What it is (model, classes, configuration, metrics, seed,
code version, data hash) stands in its header, hence never apart from the weights, and once more
as readable JSON beside it. What only a resume needs stands in a `.pt` of tensors and numbers.
"""

from __future__ import annotations

import io
import json
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from trainers.errors import CheckpointError
from trainers.io.atomic import write_bytes_atomic, write_text_atomic

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor, nn

_HEADER_KEY = "icseg"
FORMAT = 1
"""Version of the header; a reader refuses a newer one."""


@dataclass(frozen=True)
class Checkpoint:
    """Weights on the CPU and what is known of them."""

    path: Path
    weights: dict[str, Tensor]
    meta: dict[str, Any]

    @property
    def model(self) -> str:
        """Name of the model kind in the registry."""
        return str(self.meta.get("model", ""))


def save_checkpoint(path: Path, weights: Mapping[str, Tensor], meta: Mapping[str, Any]) -> None:
    """Write `path` (.safetensors) and the JSON beside it, each atomically.

    Raises `DataError` if the disk does not take it; the former file is then intact.
    """
    text = json.dumps({"format": FORMAT, **meta}, indent=2, default=str)
    tensors = {key: value.detach().cpu().contiguous().clone() for key, value in weights.items()}
    # by way of bytes: only then is a full disk an OSError, which the atomic writer explains
    write_bytes_atomic(path, save(tensors, metadata={_HEADER_KEY: text}))
    write_text_atomic(path.with_suffix(".json"), text + "\n")


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a .safetensors, .pt or .pth file to the CPU.

    Raises `CheckpointError` if it is missing, damaged, or holds anything but plain tensors.
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError(
            f"There is no checkpoint at {path}. Give a run folder or a .safetensors file."
        )
    if path.suffix == ".safetensors":
        return _load_safetensors(path)
    if path.suffix in {".pt", ".pth"}:
        return Checkpoint(path, _weights_of(load_tensors(path), path), _json_beside(path))
    raise CheckpointError(
        f"{path.name} is not a checkpoint: expected .safetensors, .pt or .pth, got {path.suffix!r}."
    )


def _load_safetensors(path: Path) -> Checkpoint:
    try:
        with safe_open(path, framework="pt", device="cpu") as file:
            header = file.metadata() or {}
            weights = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(
            f"{path} is damaged ({error}). Copy it again, or use another checkpoint of the run."
        ) from error
    return Checkpoint(path, weights, _meta_of(header, path))


def _meta_of(header: Mapping[str, str], path: Path) -> dict[str, Any]:
    """Return what the header says; weights from elsewhere may have JSON beside them instead."""
    if _HEADER_KEY not in header:
        return _json_beside(path)
    meta = json.loads(header[_HEADER_KEY])
    if meta.get("format", 0) > FORMAT:
        raise CheckpointError(
            f"{path} was written by a newer version (format {meta['format']}, this one reads "
            f"{FORMAT}). Update napari-icseg."
        )
    return dict(meta)


def _json_beside(path: Path) -> dict[str, Any]:
    beside = path.with_suffix(".json")
    if not beside.is_file():
        return {}
    try:
        return dict(json.loads(beside.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{beside} is damaged: {error}. Restore or remove it.") from error


def load_tensors(path: Path) -> Any:
    """Return the content of a `.pt` file to the CPU without running any code in it.

    Raises `CheckpointError` if it is missing, damaged, or a pickle with code.
    """
    if not path.is_file():
        raise CheckpointError(f"There is no file {path}.")
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise CheckpointError(
            f"{path} was not loaded: it holds more than tensors, and loading it could run code. "
            "Only plain weights (safetensors, or a state dict in a .pt) are accepted."
        ) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise CheckpointError(f"{path} is damaged: {error}. Copy or download it again.") from error


def _weights_of(content: Any, path: Path) -> dict[str, Tensor]:
    """Return the state dict, also where it is wrapped as {"model": …} or {"state_dict": …}."""
    for key in ("model", "state_dict"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not all(
        isinstance(value, torch.Tensor) for value in content.values()
    ):
        raise CheckpointError(f"{path} holds no state dict of tensors: expected name → tensor.")
    return dict(content)


def save_tensors(path: Path, content: Mapping[str, Any]) -> None:
    """Write tensors, numbers and strings to a `.pt` file atomically."""
    buffer = io.BytesIO()
    torch.save(dict(content), buffer)
    write_bytes_atomic(path, buffer.getvalue())


def require_model(checkpoint: Checkpoint, name: str) -> None:
    """Raise `CheckpointError` unless the checkpoint is of model kind `name`."""
    if checkpoint.model != name:
        kind = checkpoint.model or "an unknown model"
        raise CheckpointError(
            f"{checkpoint.path} is a checkpoint of {kind}, but {name} was expected. "
            "Choose a run of that model."
        )


@dataclass(frozen=True)
class Inherited:
    """What a model took from another's checkpoint; `new` and `left` name the rest on each side."""

    taken: tuple[str, ...]
    new: tuple[str, ...]
    left: tuple[str, ...]


def inherit_weights(model: nn.Module, checkpoint: Checkpoint) -> Inherited:
    """Put those weights into `model` whose name and shape agree.

    Raises `CheckpointError` if none does: the checkpoint is then of another sort of model.
    """
    own = model.state_dict()
    fitting = {
        name: value.to(own[name].dtype)
        for name, value in checkpoint.weights.items()
        if name in own and own[name].shape == value.shape
    }
    if not fitting:
        raise CheckpointError(
            f"No weight of {checkpoint.path} fits this model. Choose a parent of the same model."
        )
    model.load_state_dict(fitting, strict=False)
    return Inherited(
        tuple(fitting),
        tuple(name for name in own if name not in fitting),
        tuple(name for name in checkpoint.weights if name not in fitting),
    )


def load_weights(model: nn.Module, checkpoint: Checkpoint) -> None:
    """Put the weights into `model`; raise `CheckpointError` if they do not fit it."""
    try:
        model.load_state_dict(checkpoint.weights, strict=True)
    except RuntimeError as error:
        first_lines = " ".join(str(error).split())[:300]
        raise CheckpointError(
            f"{checkpoint.path} does not fit this model: {first_lines}. "
            "It was trained with other settings or is another model."
        ) from error
