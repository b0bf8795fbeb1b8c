"""Sample layers for napari's File > Open Sample menu."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

LayerData = tuple[Any, dict[str, Any], str]


def sample_tile() -> list[LayerData]:
    """One tile of 256 x 256 pixels with its mask."""
    return _layers("images/sample_00.png")


def sample_large() -> list[LayerData]:
    """The tile of 2048 x 2048 pixels with its mask."""
    return _layers("large/images/large_00.png")


def _layers(name: str) -> list[LayerData]:
    from trainers.io.images import contrast_limits, read_image
    from trainers.io.masks import read_mask

    path = _folder() / name
    image = read_image(path)
    mask = read_mask(path.parents[1] / "masks" / path.name, (image.shape[0], image.shape[1]))
    options = {"name": path.stem, "contrast_limits": contrast_limits(image)}
    return [(image, options, "image"), (mask, {"name": f"{path.stem} mask"}, "labels")]


def _folder() -> Path:
    """The repository's sample data, else the user's copy with all masks."""
    from pathlib import Path

    import platformdirs

    from napari_icseg.controllers.sample_folder import APP, make_sample, repository_sample

    found = repository_sample()
    if found is not None:
        return found
    folder = Path(platformdirs.user_cache_dir(APP, appauthor=False)) / "sample-data"
    return make_sample(folder)
