"""Which accepted objects are selected: outlined in white, and changed by keys and buttons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psygnal import Signal

from napari_icseg.controllers import hints
from napari_icseg.project.mask_shapes import touches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from napari_icseg.controllers.boxes import Box
    from napari_icseg.controllers.class_chooser import ClassChooser
    from napari_icseg.controllers.hints import Hint
    from napari_icseg.controllers.layers import ViewerLayers
    from napari_icseg.controllers.object_index import ObjectIndex
    from napari_icseg.project.records import ObjectRecord


class Selection:
    """Emits `changed(ids)` when other objects are selected, or those selected were changed.

    Objects of hidden and of locked classes are never selected.
    """

    changed = Signal(object)

    def __init__(
        self,
        layers: ViewerLayers,
        classes: ClassChooser,
        say: Callable[[Hint], None],
        index: Callable[[], ObjectIndex],
    ) -> None:
        self._layers = layers
        self._classes = classes
        self._say = say
        self._index = index
        self.ids: tuple[int, ...] = ()
        """In the order of their choice."""

    @property
    def records(self) -> tuple[ObjectRecord, ...]:
        """The selected objects, in the order of their choice."""
        found = (self._index().get(object_id) for object_id in self.ids)
        return tuple(record for record in found if record is not None)

    @property
    def candidates(self) -> tuple[ObjectRecord, ...]:
        """All objects of the image that can be selected, oldest first."""
        return tuple(record for record in self._index().all() if self.may_edit(record))

    def may_edit(self, record: ObjectRecord) -> bool:
        """Whether an object can be selected and changed: its class is in sight and not locked."""
        known = self._classes.by_id(record.class_id)
        return known is not None and known.is_visible and not known.is_locked

    def near(self, box: Box) -> tuple[ObjectRecord, ...]:
        """Those of `candidates` whose boxes meet a box of the image."""
        return tuple(record for record in self._index().near(box) if self.may_edit(record))

    def pick(self, record: ObjectRecord | None, *, adds: bool = False) -> None:
        """Selects the object that was clicked; added to those selected, or taken away again.

        Args:
            record: the object; None if there is none at that place.
            adds: the others stay selected.

        """
        if record is None or not self.may_edit(record):
            if not adds:
                self.clear()
            self._say(hints.NO_OBJECT_HERE if record is None else self._locked(record))
            return
        others = [key for key in self.ids if key != record.id] if adds else []
        was_selected = adds and record.id in self.ids
        self.set(others if was_selected else [*others, record.id])
        self._say_selected()

    def pick_in(self, box: Box) -> None:
        """Selects the objects that have a pixel in a box of the image."""
        window = (slice(box.top, box.bottom), slice(box.left, box.right))
        self.set(record.id for record in self.near(box) if touches(record.mask, window))
        self._say_selected()

    def pick_all(self) -> None:
        """Selects all objects of the image."""
        self.set(record.id for record in self.candidates)
        self._say_selected()

    def set(self, object_ids: Iterable[int]) -> None:
        """Selects these objects, as far as they are there and can be edited."""
        found = [self._index().get(object_id) for object_id in object_ids]
        records = [record for record in found if record is not None and self.may_edit(record)]
        self.ids = tuple(record.id for record in records)
        self._layers.show_selection([record.mask for record in records])
        self.changed.emit(self.ids)

    def clear(self) -> None:
        """Lets go of all."""
        self.set(())

    def forget(self) -> None:
        """Lets go of all without drawing: the image goes."""
        if self.ids:
            self.ids = ()
            self.changed.emit(())

    def _locked(self, record: ObjectRecord) -> Hint:
        known = self._classes.by_id(record.class_id)
        name = "?" if known is None else known.name
        return hints.Hint(f"The class {name} is locked: unlock it in the list of classes.")

    def _say_selected(self) -> None:
        records = self.records
        if len(records) == 1:
            found = self._classes.by_id(records[0].class_id)
            self._say(hints.selected(found.name if found is not None else "object"))
        else:
            self._say(hints.selected_many(len(records)))
