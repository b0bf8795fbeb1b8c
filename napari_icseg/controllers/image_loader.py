"""Reads images in a thread; only the newest request is answered."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_icseg.controllers.gui_thread import Background, GuiThread
from trainers.errors import IcsegError
from trainers.io.images import contrast_limits, read_image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

MAX_CACHED_MIB = 256


@dataclass(frozen=True, eq=False)
class LoadedImage:
    """An image's pixels, or why there are none.

    Args:
        image_id: The image's id in the project.
        pixels: uint8 or uint16 (H, W); None if it cannot be read.
        limits: Grey values to show as black and white.
        error: Why it cannot be read.

    """

    image_id: int
    pixels: NDArray[Any] | None
    limits: tuple[float, float] = (0.0, 255.0)
    error: str = ""


class ImageLoader:
    """Keeps the last images read, up to MAX_CACHED_MIB, so that going back is instant."""

    def __init__(self, gui: GuiThread, on_loaded: Callable[[LoadedImage], None]) -> None:
        self._background = Background(gui, "images")
        self._on_loaded = on_loaded
        self._wanted: int | None = None
        self._cache: OrderedDict[int, LoadedImage] = OrderedDict()
        self._lock = threading.Lock()

    def request(self, image_id: int, path: Path) -> None:
        """Reads an image and hands it to `on_loaded`, unless another is wanted by then."""
        self._wanted = image_id
        cached = self._cached(image_id)
        if cached is not None:
            self._on_loaded(cached)
            return
        # a request overtaken while it waited in the queue is not even read
        self._background.run(
            lambda: self.load(image_id, path) if self._wanted == image_id else None,
            self._on_background_done,
            _raise,
        )

    def load(self, image_id: int, path: Path) -> LoadedImage:
        """Reads an image now, or takes it from the cache. Callable from any thread."""
        cached = self._cached(image_id)
        if cached is not None:
            return cached
        try:
            pixels = read_image(path)
        except (IcsegError, OSError) as error:
            return LoadedImage(image_id, None, error=str(error))
        loaded = LoadedImage(image_id, pixels, contrast_limits(pixels))
        self._keep(loaded)
        return loaded

    def forget(self) -> None:
        """Empties the cache and drops what is on the way, for another project."""
        self._wanted = None
        with self._lock:
            self._cache.clear()

    def close(self) -> None:
        """Stops reading."""
        self._wanted = None
        self._background.close()

    def _on_background_done(self, loaded: LoadedImage | None) -> None:
        if loaded is not None and loaded.image_id == self._wanted:
            self._on_loaded(loaded)

    def _cached(self, image_id: int) -> LoadedImage | None:
        with self._lock:
            if image_id in self._cache:
                self._cache.move_to_end(image_id)
            return self._cache.get(image_id)

    def _keep(self, loaded: LoadedImage) -> None:
        with self._lock:
            self._cache[loaded.image_id] = loaded
            while len(self._cache) > 1 and _mib(self._cache) > MAX_CACHED_MIB:
                self._cache.popitem(last=False)


def _mib(cache: OrderedDict[int, LoadedImage]) -> float:
    return sum(c.pixels.nbytes for c in cache.values() if c.pixels is not None) / 2**20


def _raise(error: Exception) -> None:
    raise error
