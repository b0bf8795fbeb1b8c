"""The click model as a source of proposals: it finds all objects of the image shown."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari_icseg.controllers.prefill_objects import propose_found
from napari_icseg.prompting.errors import PromptError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from napari_icseg.controllers.activity import Task
    from napari_icseg.controllers.desk import Desk
    from napari_icseg.controllers.prefill_objects import Proposed
    from napari_icseg.project.records import ClassRecord, ObjectRecord
    from napari_icseg.prompting.automatic import FoundObject
    from napari_icseg.prompting.requests import FindRequest, FindResult

    OnFound = Callable[[Callable[[Iterable[ObjectRecord]], Proposed]], None]

TITLE = "Finding all objects"


class AutomaticMasks:
    """See `prefill.AutomaticSource`; all methods belong to the GUI thread.

    Args:
        desk: whose model and image it is.
        on_cancel: what the Cancel button of the progress does.

    """

    def __init__(self, desk: Desk, on_cancel: Callable[[], None]) -> None:
        self._desk, self._on_cancel = desk, on_cancel
        self._request: FindRequest | None = None
        self._wanted: int | None = None
        self._task: Task | None = None
        self._callbacks: tuple[OnFound, Callable[[str], None]] | None = None
        desk.worker.found.connect(self._on_worker_found)
        desk.loop.changed.connect(self._on_loop_changed)

    def find(self, image_id: int, on_found: OnFound, on_error: Callable[[str], None]) -> None:
        """Begin, or as soon as the image is there; see `prefill.AutomaticSource.find`."""
        self._end()
        self._wanted, self._callbacks = image_id, (on_found, on_error)
        self._begin()

    def cancel(self) -> None:
        """Nobody waits for it any more."""
        if self._request is not None:
            self._desk.worker.cancel_find()
        self._end()

    def close(self) -> None:
        """Stops listening."""
        self.cancel()
        self._desk.worker.found.disconnect(self._on_worker_found)
        self._desk.loop.changed.disconnect(self._on_loop_changed)

    def _begin(self) -> None:
        if self._wanted is None or self._desk.loop.image_id != self._wanted:
            return  # the image is being opened
        self._wanted = None
        try:
            self._request = self._desk.worker.find()
        except PromptError as error:
            self._fail(str(error))
            return
        activity = self._desk.session.activity
        self._task = activity.start(TITLE, cancel=self._on_cancel)

    def _on_loop_changed(self, _state: object) -> None:
        if self._wanted is not None:
            self._begin()

    def _on_worker_found(self, result: FindResult) -> None:
        self._desk.session.gui.call(partial(self._take, result))

    def _take(self, result: FindResult) -> None:
        if result.request is not self._request or self._callbacks is None:
            return
        if result.error:
            self._fail(result.error)
        elif result.objects is None:
            if self._task is not None and result.num_windows > 1:
                self._task.update(result.num_done, result.num_windows)
        else:
            self._hand_over(result.objects, result.request.image.size_hw)

    def _hand_over(self, objects: tuple[FoundObject, ...], shape_hw: tuple[int, int]) -> None:
        chooser, callbacks = self._desk.classes, self._callbacks
        is_mixed = any(one.is_on_top for one in objects)
        try:
            classes = classes_for(chooser.classes, chooser.current, is_mixed=is_mixed)
        except PromptError as error:
            self._fail(str(error))
            return
        self._end()
        if callbacks is not None:
            callbacks[0](lambda accepted: propose_found(objects, classes, accepted, shape_hw))

    def _fail(self, message: str) -> None:
        callbacks = self._callbacks
        self._end()
        if callbacks is not None:
            callbacks[1](message)

    def _end(self) -> None:
        if self._task is not None:
            self._task.done()
        self._request = self._wanted = self._task = self._callbacks = None


def classes_for(
    classes: tuple[ClassRecord, ...], current: ClassRecord | None, *, is_mixed: bool
) -> tuple[int, int | None]:
    """Return the classes of what a model found that names none: of all, and of what is on top.

    What is on top gets the class after the chosen one. If there is none after it, it gets the
    chosen one and all else the class before; of a single class it gets none.

    Raises:
        PromptError: the project has no class.

    """
    if current is None:
        raise PromptError("The project has no class. Add one before proposing objects.")
    ids = [record.id for record in classes]
    place = ids.index(current.id)
    if place + 1 < len(ids):
        return current.id, ids[place + 1]
    if is_mixed and place > 0:
        return ids[place - 1], current.id
    return current.id, None
