"""Suggested images in the Labelling dock: its button asks for some, the list shows them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari_icseg.controllers.desk import KeylessPart
from napari_icseg.controllers.hints import Hint
from napari_icseg.widgets.suggest_menu import SuggestMenu

if TYPE_CHECKING:
    from napari_icseg.controllers.desk import Desk
    from napari_icseg.controllers.suggest_service import Suggestions

SUGGESTED = Hint("The list shows what to label next. {next_to_do} opens the first image.", "done")


class SuggestPart(KeylessPart):
    """One for a desk; see `desk.Part`. The Map dock may ask for suggestions, too."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._list = desk.dock.images
        self._suggestions: Suggestions = desk.session.suggestions
        self.menu = SuggestMenu(self._list)
        self._list.suggest.setMenu(self.menu)
        self.menu.count_chosen.connect(self._suggestions.suggest)
        self.menu.stop_asked.connect(self._suggestions.cancel)
        self.menu.map_asked.connect(partial(_open_map, desk.viewer))
        self._suggestions.changed.connect(self._on_suggestions_changed)
        self._suggestions.busy_changed.connect(self._on_suggestions_busy_changed)
        self._on_suggestions_busy_changed()
        if self._suggestions.images:
            self._on_suggestions_changed()

    def close(self) -> None:
        """Stops listening."""
        self._suggestions.changed.disconnect(self._on_suggestions_changed)
        self._suggestions.busy_changed.disconnect(self._on_suggestions_busy_changed)

    def _on_suggestions_changed(self) -> None:
        found = self._suggestions.images
        self._list.show_suggested({image_id: each.reason for image_id, each in found.items()})
        if found:
            self._desk.loop.say(SUGGESTED)

    def _on_suggestions_busy_changed(self) -> None:
        self.menu.set_busy(is_busy=self._suggestions.is_busy)


def _open_map(viewer: object) -> None:
    from napari_icseg.controllers.map_dock import open_map_dock

    open_map_dock(viewer)
