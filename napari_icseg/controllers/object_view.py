"""How the accepted objects are drawn; nothing of it changes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari_icseg.controllers.class_colors import NUM_SHADES
from napari_icseg.controllers.layers import OBJECTS
from napari_icseg.widgets.labelling_dock import Slot
from napari_icseg.widgets.object_view_bar import ObjectViewBar

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from napari_icseg.controllers.desk import Desk

OUTLINE_PX = 2


class ObjectView:
    """One for a desk; see `desk.Part`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.bar = ObjectViewBar()
        self.bar.start.addWidget(desk.dock.classes.add_button)
        desk.dock.put(Slot.UNDER_CLASSES, self.bar)
        self.bar.triggered.connect(desk.dock.action)
        self.bar.opacity_changed.connect(self._on_bar_opacity_changed)
        desk.session.image_shown.connect(self._on_session_image_shown)

    def actions(self) -> Mapping[str, Callable[[], object]]:
        """The switches."""
        return {
            "toggle_instances": self.switch_instances,
            "toggle_outlines": self.switch_outlines,
            "toggle_objects": self.switch_objects,
        }

    def close(self) -> None:
        """Stops listening."""
        self._desk.session.image_shown.disconnect(self._on_session_image_shown, missing_ok=True)

    def switch_instances(self) -> None:
        """Each object in its own shade, or all of a class alike."""
        layers = self._desk.layers
        layers.set_shades(1 if layers.num_shades > 1 else NUM_SHADES)
        self._show()

    def switch_outlines(self) -> None:
        """Outlines, or filled objects."""
        layer = self._layer
        if layer is not None:
            layer.contour = 0 if layer.contour else OUTLINE_PX
        self._show()

    def switch_objects(self) -> None:
        """Hides all objects, or shows them again."""
        layer = self._layer
        if layer is not None:
            layer.visible = not layer.visible
        self._show()

    @property
    def _layer(self) -> Any | None:
        return self._desk.layers.get(OBJECTS)

    def _on_bar_opacity_changed(self, percent: int) -> None:
        if self._layer is not None:
            self._layer.opacity = percent / 100

    def _on_session_image_shown(self, _image_id: int) -> None:
        self._show()

    def _show(self) -> None:
        """Lets the bar say how the layer is."""
        layer = self._layer
        self.bar.instances.setChecked(self._desk.layers.num_shades > 1)
        if layer is not None:
            self.bar.outlines.setChecked(bool(layer.contour))
            self.bar.hidden.setChecked(not layer.visible)
            self.bar.set_opacity(round(layer.opacity * 100))
