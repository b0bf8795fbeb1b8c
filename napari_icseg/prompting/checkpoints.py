"""The models that can answer clicks: where their weights come from and where they lie.

One ships with the package; the official SAM 2.1 are downloaded on request or imported from
a file. torch is imported only when a model is loaded.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from trainers.errors import CheckpointError

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_icseg.prompting.download import Progress
    from napari_icseg.prompting.protocol import PromptPredictor

EMBEDDED = "sam2-nano"
OFFICIAL_URL = "https://dl.fbaipublicfiles.com/segment_anything_2/092824/"
URL_VARIABLE = "ICSEG_SAM2_URL"
"""Environment variable with another base URL, for a mirror inside a company."""


@dataclass(frozen=True)
class ModelSource:
    """A model that the user can choose.

    Attributes:
        name: as on the command line.
        title: as in the GUI.
        file: name of the weights file.
        num_mib: its size, roughly.
        sha256: of the file; None for the model that ships with the package.

    """

    name: str
    title: str
    file: str
    num_mib: int
    sha256: str | None = None

    @property
    def is_embedded(self) -> bool:
        """Whether it needs no download."""
        return self.sha256 is None


MODELS: dict[str, ModelSource] = {
    source.name: source
    for source in (
        ModelSource(EMBEDDED, "SAM-2 nano (built in)", "sam2-nano.safetensors", 11),
        ModelSource(
            "sam2.1-tiny",
            "SAM 2.1 tiny",
            "sam2.1_hiera_tiny.pt",
            149,
            "7402e0d864fa82708a20fbd15bc84245c2f26dff0eb43a4b5b93452deb34be69",
        ),
        ModelSource(
            "sam2.1-small",
            "SAM 2.1 small",
            "sam2.1_hiera_small.pt",
            176,
            "6d1aa6f30de5c92224f8172114de081d104bbd23dd9dc5c58996f0cad5dc4d38",
        ),
        ModelSource(
            "sam2.1-base-plus",
            "SAM 2.1 base plus",
            "sam2.1_hiera_base_plus.pt",
            309,
            "a2345aede8715ab1d5d31b4a509fb160c5a4af1970f199d9054ccfb746c004c5",
        ),
        ModelSource(
            "sam2.1-large",
            "SAM 2.1 large",
            "sam2.1_hiera_large.pt",
            856,
            "2647878d5dfa5098f2f8649825738a9345572bae2d4350a2468587ece47dd318",
        ),
    )
}


def default_folder() -> Path:
    """Return the user's folder for downloaded and imported weights; it may not exist yet."""
    return Path(platformdirs.user_data_dir("napari-icseg", appauthor=False)) / "checkpoints"


def checkpoint_path(name: str, *, folder: Path | None = None) -> Path:
    """Return where the weights of a model lie, whether or not they are there.

    Args:
        name: a key of `MODELS`, or the name of an imported model.
        folder: of downloaded and imported weights; by default the user's.

    """
    folder = folder or default_folder()
    source = MODELS.get(name)
    if source is None:
        return _imported_folder(folder) / f"{name}.safetensors"
    if source.is_embedded:
        return Path(str(resources.files("trainers"))) / "weights" / source.file
    return folder / source.file


def is_available(name: str, *, folder: Path | None = None) -> bool:
    """Return whether a model can be used without a download."""
    return checkpoint_path(name, folder=folder).is_file()


def imported_models(*, folder: Path | None = None) -> tuple[str, ...]:
    """Return the names of the imported models, sorted."""
    found = _imported_folder(folder or default_folder()).glob("*.safetensors")
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
        raise _missing(MODELS[name], checkpoint_path(name, folder=folder))
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


def _imported_folder(folder: Path) -> Path:
    return folder / "imported"


def _is_name(name: str) -> bool:
    return bool(name) and Path(name).name == name


def _missing(source: ModelSource, path: Path) -> CheckpointError:
    if source.is_embedded:
        remedy = f"The installation is incomplete ({path} is missing): install the package again."
    else:
        remedy = f"Download it ({source.num_mib} MiB) or import {source.file} from a file."
    return CheckpointError(f"The weights of {source.title} are not on this machine. {remedy}")


def _unknown(name: str) -> CheckpointError:
    return CheckpointError(
        f"There is no model {name!r}. Choose one of {', '.join(MODELS)}, an imported one, or "
        "give the path of a weights file or run folder."
    )
