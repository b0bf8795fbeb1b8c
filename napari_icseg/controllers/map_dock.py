"""The Map dock of a viewer: all images of the project, similar ones side by side."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_icseg.controllers import map_words
from napari_icseg.controllers.asked_images import ask_for_image
from napari_icseg.controllers.map_hover import MapHover
from napari_icseg.controllers.map_look import MapLook
from napari_icseg.controllers.map_status import MapStatuses
from napari_icseg.controllers.session import session_of, unwrapped
from napari_icseg.controllers.suggest_words import SuggestBy
from napari_icseg.controllers.theme import colors_of
from napari_icseg.widgets.map_dock import MapDock
from napari_icseg.widgets.map_legend import SUGGESTED
from napari_icseg.widgets.map_view import KINDS, NO_POINTS, MapPoints, unit_places

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_icseg.controllers.map_places import MapPlaces
    from napari_icseg.controllers.session import ProjectSession

MAX_UNASKED = 2000
"""Projects with more images are looked at only when the user asks for it."""
_TO_DO = frozenset(KINDS.index(kind) for kind in ("unlabelled", "in_progress", "waiting"))


class ViewerMapDock(MapDock):
    """The Map dock of a napari viewer, with its controller."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        viewer = unwrapped(viewer)
        self.controller = MapController(
            session_of(viewer), viewer, self, partial(ask_for_image, viewer)
        )


def open_map_dock(viewer: Any) -> None:
    """Show the Map dock in front, opened if it is not there yet."""
    from napari_icseg.controllers.application import PLUGIN

    dock, _widget = viewer.window.add_plugin_dock_widget(PLUGIN, "Map", tabify=True)
    dock.show()
    dock.raise_()


class MapController:
    """Connects a project and the dock. Nothing of it computes in the GUI thread."""

    def __init__(
        self,
        session: ProjectSession,
        viewer: Any,
        dock: MapDock,
        open_image: Callable[[int], None],
    ) -> None:
        self._session, self._viewer, self._dock = session, viewer, dock
        self._looked_ids: frozenset[int] = frozenset()
        self._is_known = self._is_closed = False
        self._drawn: tuple[MapPlaces | None, MapPoints] = (None, NO_POINTS)
        self.look = MapLook(session)
        self.statuses = MapStatuses(session)
        self.hover = MapHover(session, dock.canvas)
        self._open_image = open_image
        self._connect()
        self._on_viewer_theme()
        self._on_session_opened()

    def close(self) -> None:
        """Stop everything and stop listening; safe to call twice."""
        if self._is_closed:
            return
        self._is_closed = True
        for signal, handler in self._signals():
            signal.disconnect(handler, missing_ok=True)
        self._viewer.events.theme.disconnect(self._on_viewer_theme)
        self.look.close()
        self.statuses.close()
        self.hover.close()

    def _connect(self) -> None:
        for signal, handler in self._signals():
            signal.connect(handler)
        self._viewer.events.theme.connect(self._on_viewer_theme)
        dock = self._dock
        dock.canvas.chosen.connect(self._on_canvas_chosen)
        dock.canvas.hovered.connect(self._on_canvas_hovered)
        dock.button_clicked.connect(self._on_dock_button_clicked)
        dock.suggest_clicked.connect(self._on_dock_suggest_clicked)
        dock.stop_clicked.connect(self._session.suggestions.cancel)

    def _signals(self) -> tuple[tuple[Any, Callable[..., None]], ...]:
        session = self._session
        return (
            (session.opened, self._on_session_opened),
            (session.closing, self._on_session_closing),
            (session.closed, self._draw),
            (session.images_changed, self._on_session_images_changed),
            (session.image_shown, self._dock.canvas.set_shown),
            (session.suggestions.changed, self._draw),
            (session.suggestions.busy_changed, self._draw_suggesting),
            (self.look.changed, self._draw),
            (self.statuses.changed, self._on_statuses_changed),
        )

    # what happens ---------------------------------------------------------------------------

    def _on_session_opened(self, _project: object = None) -> None:
        if self._session.project is not None:
            self.statuses.read_all()
        self._dock.canvas.set_shown(self._session.current_image_id)
        self._draw()

    def _on_session_closing(self) -> None:
        self._looked_ids, self._is_known = frozenset(), False
        self.statuses.clear()
        self._dock.canvas.set_shown(None)
        self.look.clear()

    def _on_session_images_changed(self) -> None:
        """What could not be read may be where it should be now."""
        places = self.look.places
        if self.look.failure or (places is not None and places.unreadable):
            self._looked_ids = frozenset()

    def _on_statuses_changed(self) -> None:
        self._is_known = True
        ids = frozenset(self.statuses.kinds)
        is_wanted = self.look.places is not None or len(ids) <= MAX_UNASKED
        if ids and ids != self._looked_ids and is_wanted:
            self._begin()
        self._draw()

    def _begin(self) -> None:
        self._looked_ids = frozenset(self.statuses.kinds)
        self.look.look()

    def _on_dock_button_clicked(self) -> None:
        if self.look.is_busy:
            self.look.cancel()
        else:
            self._begin()

    def _on_dock_suggest_clicked(self, num: int, way: str | None) -> None:
        self._session.suggestions.suggest(num, None if way is None else SuggestBy(way))

    def _on_canvas_chosen(self, image_id: int) -> None:
        self._open_image(image_id)

    def _on_canvas_hovered(self, image_id: int | None) -> None:
        places = self.look.places
        if image_id is None or places is None:
            self.hover.leave()
            return
        kind = self.statuses.kinds.get(image_id)
        self.hover.show(places, image_id, kind, self._session.suggestions.images)

    def _on_viewer_theme(self, _event: object = None) -> None:
        colors = colors_of(self._viewer)
        self._dock.apply_theme(foreground=colors.text, background=colors.background)

    # drawing --------------------------------------------------------------------------------

    def _draw(self) -> None:
        state = self._state()
        points = self._points()
        to_do = points.ids[np.isin(points.kinds, list(_TO_DO))].tolist()
        suggested = self._session.suggestions.images.keys() & set(to_do)
        canvas = self._dock.canvas
        canvas.set_text(map_words.canvas_text(state))
        if points is not canvas.points:
            canvas.set_points(points)
        canvas.set_suggested(suggested)
        counts = points.counts() if len(points.ids) else {}
        self._dock.legend.set_counts({**counts, SUGGESTED: len(suggested)} if counts else {})
        self._dock.set_status(map_words.status_view(state))
        self._draw_suggesting()

    def _draw_suggesting(self) -> None:
        project, busy = self._session.project, self._session.suggestions.is_busy
        self._dock.set_suggesting(is_on=busy, is_possible=project is not None)

    def _state(self) -> map_words.MapState:
        look = self.look
        return map_words.MapState(
            has_project=self._session.project is not None,
            num_images=len(self.statuses.kinds) if self._is_known else None,
            places=look.places,
            is_busy=look.is_busy,
            num_seen=look.num_seen,
            failure=look.failure,
        )

    def _points(self) -> MapPoints:
        places, (drawn, points) = self.look.places, self._drawn
        if places is None:
            points = NO_POINTS
        elif places is not drawn:
            points = MapPoints(places.ids, unit_places(places.places), self._kinds(places))
        elif not np.array_equal(kinds := self._kinds(places), points.kinds):
            points = MapPoints(places.ids, points.places, kinds)
        self._drawn = (places, points)
        return points

    def _kinds(self, places: MapPlaces) -> np.ndarray[Any, np.dtype[np.uint8]]:
        known = self.statuses.kinds
        return np.array([known.get(image_id, 0) for image_id in places.ids.tolist()], np.uint8)
