"""The models that can answer clicks: where their weights come from and where they lie.

One ships with the package; the official SAM 2.1 are downloaded on request or imported from
a file. torch is imported only when a model is loaded.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from trainers.errors import CheckpointError
from trainers.models.sam2.sources import (
    EMBEDDED,
    MODELS,
    ModelSource,
    checkpoint_path,
    default_folder,
    imported_folder,
    missing,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_icseg.prompting.download import Progress
    from napari_icseg.prompting.protocol import PromptPredictor

__all__ = [
    "EMBEDDED",
    "MODELS",
    "ModelSource",
    "checkpoint_path",
    "default_folder",
]
OFFICIAL_URL = "https://dl.fbaipublicfiles.com/segment_anything_2/092824/"
URL_VARIABLE = "ICSEG_SAM2_URL"
"""Environment variable with another base URL, for a mirror inside a company."""


def is_available(name: str, *, folder: Path | None = None) -> bool:
    """Return whether a model can be used without a download."""
    return checkpoint_path(name, folder=folder).is_file()


def imported_models(*, folder: Path | None = None) -> tuple[str, ...]:
    """Return the names of the imported models, sorted."""
    found = imported_folder(folder or default_folder()).glob("*.safetensors")
    return tuple(sorted(path.stem for path in found if not path.name.startswith(".")))


def download(
    name: str,
    *,
    folder: Path | None = None,
    base_url: str | None = None,
    progress: Progress | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> Path:
    """Download the weights of an official model, or continue it; return where they lie.

    Args:
        name: a key of `MODELS`.
        folder: where they go; by default the user's.
        base_url: by default `ICSEG_SAM2_URL`, or else the official one.
        progress: told the bytes arrived and the bytes in all (None if unknown).
        cancelled: asked often whether to stop.

    Raises:
        CheckpointError: there is no such model.
        DownloadError: see `napari_icseg.prompting.download.download`.

    """
    from napari_icseg.prompting.download import download as download_file

    if name not in MODELS:
        raise _unknown(name)
    source, path = MODELS[name], checkpoint_path(name, folder=folder)
    if source.sha256 is None:
        return path
    base = base_url or os.environ.get(URL_VARIABLE) or OFFICIAL_URL
    url = f"{base.rstrip('/')}/{source.file}"
    return download_file(url, path, sha256=source.sha256, progress=progress, cancelled=cancelled)


def load_predictor(
    name_or_path: str | Path, device: str = "auto", *, folder: Path | None = None
) -> PromptPredictor:
    """Return a predictor for the calling thread; takes seconds, so call it in a worker.

    Args:
        name_or_path: a key of `MODELS`, an imported model, a weights file or a run folder.
        device: "auto" (CUDA, else MPS, else the CPU), "cpu", "cuda" or "mps".
        folder: of downloaded and imported weights; by default the user's.

    Raises:
        CheckpointError: missing, damaged, unsafe or of another kind of model.

    """
    from napari_icseg.prompting.loading import load_from

    name = str(name_or_path)
    known = checkpoint_path(name, folder=folder) if _is_name(name) else None
    if known is not None and known.is_file():
        source = MODELS.get(name)
        return load_from(known, name=name, sha256=source.sha256 if source else None, device=device)
    if name in MODELS:
        raise missing(MODELS[name], checkpoint_path(name, folder=folder))
    path = Path(name_or_path)
    if not path.exists():
        raise _unknown(name)
    return load_from(path, name=path.stem, sha256=None, device=device)


def import_checkpoint(path: Path, *, folder: Path | None = None) -> str:
    """Copy a weights file of a SAM-2 among the user's models; return the name it has there.

    An official file takes its place as if it had been downloaded. Nothing in the file is
    ever run.

    Args:
        path: .pt, .pth or .safetensors.
        folder: where it goes; by default the user's.

    Raises:
        CheckpointError: missing, damaged, a pickle with code, or not a SAM-2.
        DataError: the folder cannot be written to.

    """
    from napari_icseg.prompting.loading import import_file

    return import_file(Path(path), folder or default_folder())


def _is_name(name: str) -> bool:
    return bool(name) and Path(name).name == name


def _unknown(name: str) -> CheckpointError:
    return CheckpointError(
        f"There is no model {name!r}. Choose one of {', '.join(MODELS)}, an imported one, or "
        "give the path of a weights file or run folder."
    )
