"""Our layers among those of a viewer, in one order, whatever the user adds or removes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    import napari
    from numpy.typing import NDArray


class LayerStack:
    """Layers by name; one that the user removed counts as not there."""

    def __init__(self, viewer: napari.Viewer, order: Sequence[str]) -> None:
        """`order` names all layers there can be, the lowest first."""
        self._viewer = viewer
        self._order = tuple(order)
        self._layers: dict[str, Any] = {}

    def get(self, name: str) -> Any | None:
        """The napari layer of a name, if it is in the viewer."""
        layer = self._layers.get(name)
        return layer if layer is not None and layer in self._viewer.layers else None

    def add(self, name: str, method: str, data: NDArray[Any], **options: Any) -> Any:
        """Adds a layer at its place, without making it the active one; returns it."""
        active = self._viewer.layers.selection.active
        layer = getattr(self._viewer, method)(data, name=name, **options)
        self._layers[name] = layer
        order = [known for known in self._order if self.get(known)]
        below = [self._viewer.layers.index(self._layers[n]) for n in order[: order.index(name)]]
        self._viewer.layers.move(self._viewer.layers.index(layer), max(below, default=-1) + 1)
        if active is not None and active in self._viewer.layers:
            self._viewer.layers.selection.active = active
        return layer

    def activate(self, name: str) -> None:
        """Makes a layer the active one, so that its tools are at hand."""
        layer = self.get(name)
        if layer is not None:
            self._viewer.layers.selection.active = layer

    def set_visible(self, *, visible: bool) -> None:
        """Hides all layers or shows them again."""
        for name in self._layers:
            layer = self.get(name)
            # napari redraws a layer even if nothing changes
            if layer is not None and layer.visible != visible:
                layer.visible = visible

    def remove(self, name: str) -> None:
        """Takes a layer out of the viewer, if it is there."""
        layer = self.get(name)
        if layer is not None:
            self._viewer.layers.remove(layer)
        self._layers.pop(name, None)

    def clear(self) -> None:
        """Takes all layers out of the viewer."""
        for name in tuple(self._layers):
            self.remove(name)


def move_below(layers: Any, layer: Any, names: Sequence[str]) -> None:
    """Move a layer of a viewer's `layers` below all of those names that are there."""
    above = [layers.index(name) for name in names if name in layers]
    if above and min(above) < layers.index(layer):
        layers.move(layers.index(layer), min(above))
