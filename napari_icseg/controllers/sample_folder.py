"""The sample tiles, in a folder that the user may write to."""

from __future__ import annotations

import shutil
from pathlib import Path

import platformdirs

APP = "napari-icseg"
MASKS_KEPT = 12


def sample_folder(target: Path | None = None) -> Path:
    """A folder with the sample tiles, made on first use; by default in the user's data folder.

    A copy of `sample_data/` where the program runs from its source folder, else the same
    tiles from the generator. Nothing is ever written into the package. The first
    MASKS_KEPT tiles keep their masks, so that a first training is possible at once; the
    others are for clicking.
    """
    folder = target or user_folder() / "sample-tiles"
    if not _has_files(folder):
        make_sample(folder)
        for mask in sorted(folder.glob("masks/*.png"))[MASKS_KEPT:]:
            mask.unlink()
    return folder


def make_sample(folder: Path) -> Path:
    """All sample tiles with all their masks in a folder; nothing is done if it has files."""
    if _has_files(folder):
        return folder
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.parent.mkdir(parents=True, exist_ok=True)
    source = repository_sample()
    if source is not None:
        shutil.copytree(source, part, ignore=shutil.ignore_patterns("*.icseg*"))
    else:
        from trainers.data.synthetic.sample import write_sample_data

        write_sample_data(part)
    if folder.is_dir():
        folder.rmdir()
    part.replace(folder)
    return folder


def user_folder() -> Path:
    """Where this program keeps files of the user."""
    return Path(platformdirs.user_data_dir(APP, appauthor=False))


def repository_sample() -> Path | None:
    """The `sample_data/` folder beside the package, when run from the source folder."""
    folder = Path(__file__).resolve().parents[2] / "sample_data"
    return folder if any(folder.glob("**/*.png")) else None


def _has_files(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())
