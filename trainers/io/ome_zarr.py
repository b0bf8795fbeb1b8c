"""OME-Zarr folders (versions 0.4 and 0.5) as images: the headers, and parts of the pixels."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from trainers.errors import DataError
from trainers.io.region_reader import Level, level_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

ZARR_SUFFIX = ".zarr"
_HEADERS = (".zattrs", "zarr.json", ".zarray", ".zgroup")
_SPATIAL = ("y", "x")


def is_zarr(path: Path) -> bool:
    """Return whether a path is a Zarr folder, by its name and the files in it."""
    if path.suffix.lower() != ZARR_SUFFIX or not path.is_dir():
        return False
    return any((path / name).is_file() for name in _HEADERS)


class ZarrReader:
    """Reads rectangles of the one image plane of an OME-Zarr.

    Args:
        path: its folder.

    Raises:
        DataError: no OME-Zarr image, several planes or channels, another type than uint8 or
            uint16, or a damaged header.

    """

    def __init__(self, path: Path) -> None:
        self._path = path
        multiscale = _multiscale(path)
        try:
            arrays = [_array(path / dataset["path"]) for dataset in multiscale["datasets"]]
            axes = [_axis_name(axis) for axis in multiscale["axes"]]
        except (KeyError, TypeError, IndexError) as error:
            raise DataError(f"its multiscales header lacks {error}. Export it again.") from error
        if not arrays:
            raise DataError("its multiscales header lists no data. Export it again.")
        _check(arrays[0], axes)
        self.dtype = np.dtype(arrays[0].dtype).newbyteorder("=")
        full_hw = _plane_hw(arrays[0])
        by_step: dict[int, tuple[Any, Level]] = {}
        for array in arrays:
            level = level_of(full_hw, _plane_hw(array))
            if level is not None and array.dtype == arrays[0].dtype:
                by_step.setdefault(level.step, (array, level))
        chosen = [by_step[step] for step in sorted(by_step)]
        self._arrays = [array for array, _ in chosen]
        self.levels = tuple(level for _, level in chosen)

    @property
    def identity(self) -> bytes:
        """Headers, and size and time of some chunks."""
        files = sorted(p for p in self._path.rglob("*.json") if p.is_file())
        files += sorted(p for p in self._path.glob(".z*") if p.is_file())
        parts = [file.read_bytes() for file in files[:16]]
        folder = self._path / self._arrays[0].name.strip("/")
        chunks = [p.stat() for p in sorted(folder.iterdir())[:64]] if folder.is_dir() else []
        parts.append(repr([(s.st_size, s.st_mtime_ns) for s in chunks]).encode())
        return (
            b"".join(parts) + np.ascontiguousarray(self.read(0, *_middle(self.levels[0]))).tobytes()
        )

    def read(self, level: int, rows: slice, cols: slice) -> NDArray[Any]:
        """Return a rectangle of a level; see `region_reader.RegionReader`."""
        if not self._path.is_dir():
            # Zarr would take missing chunks for background
            raise FileNotFoundError(str(self._path))
        array = self._arrays[level]
        index = (*(0,) * (array.ndim - 2), rows, cols)
        return np.asarray(array[index]).astype(self.dtype, copy=False)

    def sample(self, step: int) -> None:
        """Every chunk would have to be decoded."""
        return


def zarr_size(path: Path) -> tuple[int, int]:
    """Return (height, width) in pixels from the headers; raises as `ZarrReader`."""
    return ZarrReader(path).levels[0].shape_hw


def _multiscale(path: Path) -> dict[str, Any]:
    for name in ("zarr.json", ".zattrs"):
        header = path / name
        if header.is_file():
            try:
                attributes = json.loads(header.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise DataError(
                    f"its header {name} is damaged ({error}). Copy it again."
                ) from error
            return _only_multiscale(attributes if isinstance(attributes, dict) else {})
    raise DataError("it has no OME-Zarr header (zarr.json or .zattrs). Export it as OME-Zarr.")


def _only_multiscale(attributes: dict[str, Any]) -> dict[str, Any]:
    inner = attributes.get("attributes", attributes)
    found = inner.get("ome", inner).get("multiscales") if isinstance(inner, dict) else None
    if not isinstance(found, list) or not found or not isinstance(found[0], dict):
        raise DataError(
            "its header has no multiscales: expected an OME-Zarr image of version 0.4 or 0.5, "
            "not a plate or a plain array. Export the image as OME-Zarr."
        )
    return found[0]


def _axis_name(axis: Any) -> str:
    return str(axis["name"] if isinstance(axis, dict) else axis).lower()


def _array(path: Path) -> Any:
    import zarr

    try:
        return zarr.open_array(str(path), mode="r")
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"its array {path.name} cannot be opened ({reason}).") from error


def _check(array: Any, axes: list[str]) -> None:
    if len(axes) != array.ndim or tuple(axes[-2:]) != _SPATIAL:
        raise DataError(
            f"expected axes that end in y and x, got {axes} for {array.ndim} dimensions. Export "
            "one grey plane."
        )
    if any(side != 1 for side in array.shape[:-2]):
        sizes = ", ".join(f"{axis}: {side}" for axis, side in zip(axes, array.shape, strict=True))
        raise DataError(
            f"expected a single grey plane, got several channels or planes ({sizes}). Export the "
            "one to be labelled."
        )
    if np.dtype(array.dtype).newbyteorder("=") not in (np.uint8, np.uint16):
        raise DataError(
            f"expected 8 or 16 bit unsigned pixels, got {array.dtype}. Convert the image first."
        )


def _plane_hw(array: Any) -> tuple[int, int]:
    return int(array.shape[-2]), int(array.shape[-1])


def _middle(level: Level) -> tuple[slice, slice]:
    """Return a few rows and columns in the middle."""
    starts = [side // 2 for side in level.shape_hw]
    row, col = [slice(s, min(s + 32, side)) for s, side in zip(starts, level.shape_hw, strict=True)]
    return row, col
