"""The SAM-2 models that are known by name, and where their weights lie; no torch.

One ships with the package; the official SAM 2.1 are downloaded on request or imported.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import platformdirs

from trainers.errors import CheckpointError

EMBEDDED = "sam2-nano"


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
        return imported_folder(folder) / f"{name}.safetensors"
    if source.is_embedded:
        return Path(str(resources.files("trainers"))) / "weights" / source.file
    return folder / source.file


def imported_folder(folder: Path) -> Path:
    """Return where imported weights lie in a folder of downloads."""
    return folder / "imported"


def missing(source: ModelSource, path: Path) -> CheckpointError:
    """Return the error of a known model whose weights are not at `path`."""
    if source.is_embedded:
        remedy = f"The installation is incomplete ({path} is missing): install the package again."
    else:
        remedy = f"Download it ({source.num_mib} MiB) or import {source.file} from a file."
    return CheckpointError(f"The weights of {source.title} are not on this machine. {remedy}")
