"""Which image is on screen: the list, previous and next, reading ahead."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_icseg.controllers.image_loader import ImageLoader, LoadedImage
from napari_icseg.controllers.image_reading import DecodingProgress, with_objects
from napari_icseg.controllers.settings_store import user_settings
from trainers.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.widgets.image_list import ImageList
    from trainers.io.lazy_image import LazyImage


class ImageSwitcher:
    """Reads the wanted image in a thread. Newest wins: images skipped over are never shown.

    Emits `leaving()` when another image is wanted, then `loaded(LoadedImage)`, which may carry
    an error instead of pixels.
    """

    leaving = Signal()
    loaded = Signal(object)

    def __init__(self, session: ProjectSession, images: ImageList) -> None:
        self._session = session
        self._images = images
        self._loader = ImageLoader(
            session.gui,
            self._on_image_loaded,
            prepare=partial(with_objects, session),
            on_progress=DecodingProgress(session.activity),
        )
        self._wanted: int | None = None
        self._expected: tuple[int, ...] = ()
        images.image_chosen.connect(self.go)

    @property
    def wanted_id(self) -> int | None:
        """The image on screen or on its way."""
        return self._wanted

    def go(self, image_id: int) -> None:
        """Shows an image as soon as it is read."""
        project = self._session.project
        if project is None or not self._is_readable_row(image_id):
            return
        self._wanted = image_id
        self._images.select(image_id)
        self.leaving.emit()
        self._loader.request(image_id, project.absolute_path(image_id))

    def step(self, step: int) -> bool:
        """Goes to the next (+1) or previous (-1) image of the list as filtered.

        Returns whether there is one.
        """
        target = self._images.model.neighbour(self._wanted, step)
        while target is not None and not self._is_readable_row(target):
            target = self._images.model.neighbour(target, step)
        if target is None:
            return False
        self.go(target)
        return True

    def step_to_do(self, step: int) -> tuple[int, bool] | None:
        """Goes to the next (+1) or previous (-1) image that is not done, round the end.

        Returns its id and whether that was round the end; None if there is no other.
        """
        found = self._images.model.next_to_do(self._wanted, step)
        if found is not None:
            self.go(found[0])
        return found

    def go_to_end(self, step: int) -> bool:
        """Goes to the last (+1) or first (-1) image of the list; returns whether there is one."""
        target = self._images.model.end(step)
        if target is not None:
            self.go(target)
        return target is not None

    def jump(self, text: str) -> int | None:
        """Goes to the image that a typed number or name means, and returns its id.

        It is shown in the list even where the filter hid it.
        """
        target = self._images.model.find(text)
        if target is not None:
            self._images.reveal(target)
            self.go(target)
        return target

    def expect(self, image_ids: tuple[int, ...]) -> None:
        """Reads the images ahead that will be wanted next, in another order than the list's."""
        self._expected = image_ids
        project = self._session.project
        if project is None:
            return
        for image_id in image_ids:
            self._loader.read_ahead(image_id, project.absolute_path(image_id))

    def ahead(self) -> list[tuple[int, Callable[[], NDArray[Any] | LazyImage]]]:
        """The images to embed ahead and how to read them, the likeliest first.

        They are those that a dock expects, else the next ones of the list as filtered, as many
        as the settings say, then the one before: it was on screen last, and costs nothing
        where it is still known.
        """
        num_ahead = user_settings().value.num_ahead
        if self._session.project is None or num_ahead == 0:
            return []
        found = [one for one in self._expected if one != self._wanted][:num_ahead]
        image_id = None if found else self._wanted
        while image_id is not None and len(found) < num_ahead:
            image_id = self._images.model.neighbour(image_id, +1)
            if image_id is not None and self._is_readable_row(image_id):
                found.append(image_id)
        before = self.neighbour(-1)
        found += [] if before is None else [before]
        return [(image_id, self._reader(image_id)) for image_id in found]

    def neighbour(self, step: int) -> int | None:
        """The image `step` rows from the one on screen, or None at the end of the list."""
        found: int | None = self._images.model.neighbour(self._wanted, step)
        return found if found is not None and self._is_readable_row(found) else None

    def reader(self, image_id: int) -> Callable[[], NDArray[Any] | LazyImage]:
        """How to read an image, uint8 or uint16 (H, W); to be called in a thread.

        It raises `DataError` if the image cannot be read.
        """
        return self._reader(image_id)

    def forget(self) -> None:
        """Another project is coming."""
        self._wanted, self._expected = None, ()
        self._loader.forget()

    def close(self) -> None:
        """Stops reading."""
        self._loader.close()

    def _reader(self, image_id: int) -> Callable[[], NDArray[Any] | LazyImage]:
        project = self._session.project
        assert project is not None
        path = project.absolute_path(image_id)

        def read() -> NDArray[Any] | LazyImage:
            loaded = self._loader.load(image_id, path)
            if loaded.pixels is None:
                raise DataError(loaded.error)
            return loaded.pixels

        return read

    def _on_image_loaded(self, loaded: LoadedImage) -> None:
        if loaded.image_id == self._wanted:
            self._images.model.set_error(loaded.image_id, loaded.error or None)
            self.loaded.emit(loaded)

    @staticmethod
    def _is_readable_row(image_id: int) -> bool:
        # files that were left out of the project are listed with negative ids
        return image_id >= 0
