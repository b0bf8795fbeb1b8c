"""Reads images in a thread; only the newest request is answered."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from napari_icseg.controllers.gui_thread import Background, GuiThread
from napari_icseg.prompting.prompt_image import PromptImage
from trainers.errors import IcsegError
from trainers.io.converted import ConversionCancelledError
from trainers.io.open_image import open_image

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_icseg.controllers.image_objects import ImageObjects
    from trainers.io.lazy_image import LazyImage

_Stamp = tuple[int, int] | None
"""Size and time of change of a file; None where there is none."""
MAX_CACHED_MIB = 16
MIN_CACHED = 3
"""The image on the screen and the two ahead are kept, however large they are."""


@dataclass(frozen=True, eq=False)
class LoadedImage:
    """An image's pixels, or why there are none.

    Args:
        image_id: The image's id in the project.
        pixels: uint8 or uint16 (H, W); None if it cannot be read. A `LazyImage` for one that
            is too large to be held.
        limits: Grey values to show as black and white.
        error: Why it cannot be read.
        objects: Those of the image, where a `prepare` of the loader reads them.

    """

    image_id: int
    pixels: NDArray[Any] | LazyImage | None
    limits: tuple[float, float] = (0.0, 255.0)
    error: str = ""
    objects: ImageObjects | None = None


class ImageLoader:
    """Keeps the last images read (MAX_CACHED_MIB of them, but MIN_CACHED) for going back.

    An image whose file was changed or removed since is read again.

    Args:
        gui: Where `on_loaded` is called.
        on_loaded: Gets the image that was requested last.
        prepare: Adds in the thread, each time an image is to be shown, what goes with it.
        on_progress: Gets, in the thread, an image's path and 0..1 while it is decoded once
            because its format cannot be read part by part.

    """

    def __init__(
        self,
        gui: GuiThread,
        on_loaded: Callable[[LoadedImage], None],
        *,
        prepare: Callable[[LoadedImage], LoadedImage] | None = None,
        on_progress: Callable[[Path, float], None] | None = None,
    ) -> None:
        self._background = Background(gui, "images")
        self._ahead = Background(gui, "images-ahead")
        self._on_loaded = on_loaded
        self._prepare = prepare
        self._on_progress = on_progress
        self._wanted: int | None = None
        self._cache: OrderedDict[int, LoadedImage] = OrderedDict()
        self._stamps: dict[int, _Stamp] = {}
        self._lock = threading.Lock()

    def request(self, image_id: int, path: Path) -> None:
        """Reads an image and hands it to `on_loaded`, unless another is wanted by then."""
        self._wanted = image_id
        self._background.run(
            lambda: self._load_wanted(image_id, path), self._on_background_done, _raise
        )

    def read_ahead(self, image_id: int, path: Path) -> None:
        """Reads an image that will be requested soon, after those that are."""
        self._ahead.run(lambda: self._load_ahead(image_id, path), _nothing, _nothing)

    def load(self, image_id: int, path: Path) -> LoadedImage:
        """Reads an image now, or takes it from the cache. Callable from any thread."""
        return self._cached(image_id, path) or self._load(image_id, path, None)

    def _load_wanted(self, image_id: int, path: Path) -> LoadedImage | None:
        """Reads an image unless another is wanted by now, or before it is decoded."""
        if self._wanted != image_id:
            return None
        try:
            loaded = self._cached(image_id, path) or self._load(
                image_id, path, lambda: self._wanted != image_id
            )
        except ConversionCancelledError:
            return None
        return loaded if self._prepare is None else self._prepare(loaded)

    def _load_ahead(self, image_id: int, path: Path) -> None:
        """Nothing is converted for an image that may never be shown."""
        if self._cached(image_id, path) is None:
            with contextlib.suppress(ConversionCancelledError):
                self._load(image_id, path, lambda: True)

    def _load(
        self, image_id: int, path: Path, is_cancelled: Callable[[], bool] | None
    ) -> LoadedImage:
        stamp = _stamp_of(path)
        on_progress = None if self._on_progress is None else partial(self._on_progress, path)
        try:
            pixels = open_image(path, on_progress=on_progress, is_cancelled=is_cancelled)
            limits = PromptImage(pixels).limits
        except (IcsegError, OSError) as error:
            return LoadedImage(image_id, None, error=str(error))
        loaded = LoadedImage(image_id, pixels, limits)
        self._keep(loaded, stamp)
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
        self._ahead.close()

    def _on_background_done(self, loaded: LoadedImage | None) -> None:
        if loaded is not None and loaded.image_id == self._wanted:
            self._on_loaded(loaded)

    def _cached(self, image_id: int, path: Path) -> LoadedImage | None:
        stamp = _stamp_of(path)
        with self._lock:
            if image_id not in self._cache or self._stamps[image_id] != stamp:
                return None
            self._cache.move_to_end(image_id)
            return self._cache[image_id]

    def _keep(self, loaded: LoadedImage, stamp: _Stamp) -> None:
        with self._lock:
            self._cache[loaded.image_id] = loaded
            self._stamps[loaded.image_id] = stamp
            while len(self._cache) > MIN_CACHED and _mib(self._cache) > MAX_CACHED_MIB:
                self._cache.popitem(last=False)


def _stamp_of(path: Path) -> _Stamp:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns


def _mib(cache: OrderedDict[int, LoadedImage]) -> float:
    return sum(c.pixels.nbytes for c in cache.values() if c.pixels is not None) / 2**20


def _raise(error: Exception) -> None:
    raise error


def _nothing(_answer: object) -> None:
    """Says nothing: whoever shows the image hears of it."""
