"""The Review dock of a viewer: proposals of a round, decided on one key stroke each."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.compat import isalive

from napari_icseg.controllers.asked_images import ask_for_image
from napari_icseg.controllers.napari_window import canvas_of, main_window_of
from napari_icseg.controllers.prefill_layer import draw_proposals
from napari_icseg.controllers.review_desk import ReviewDesk
from napari_icseg.controllers.review_way import Phase
from napari_icseg.controllers.session import session_of, unwrapped
from napari_icseg.controllers.theme import colors_of
from napari_icseg.project.records import ReviewState
from napari_icseg.widgets.key_texts import refresh_key_texts
from napari_icseg.widgets.keymap import ACTIVE_KEYS
from napari_icseg.widgets.review_dock import ReviewDock
from napari_icseg.widgets.shortcuts import REVIEW, KeyFilter

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_icseg.controllers.session import ProjectSession


class ViewerReviewDock(ReviewDock):
    """The Review dock of a napari viewer, with its controller."""

    def __init__(self, viewer: Any) -> None:
        super().__init__()
        viewer = unwrapped(viewer)
        self.controller = ReviewController(session_of(viewer), viewer, self)


def open_dock(viewer: Any, name: str) -> None:
    """Show one of our docks in front, opened if it is not there yet."""
    from napari_icseg.controllers.application import PLUGIN

    dock, _widget = viewer.window.add_plugin_dock_widget(PLUGIN, name, tabify=name != "Labelling")
    dock.show()
    dock.raise_()


class ReviewController:
    """Gives the review its keys while its dock is in front, and follows viewer and session."""

    def __init__(self, session: ProjectSession, viewer: Any, dock: ReviewDock) -> None:
        self._session, self._viewer, self._dock = session, viewer, dock
        self._is_front = self._is_closed = False
        draw_proposals(viewer, session)
        self.desk = ReviewDesk(
            session,
            viewer,
            dock,
            show=self._show_image,
            open_dock=partial(open_dock, viewer),
        )
        self.walk = self.desk.walk
        self._actions = self._build_actions()
        self._keys = KeyFilter(
            ACTIVE_KEYS.keymap.shortcuts(), is_wanted=self._wants_key, mode=REVIEW
        )
        self._watched = (canvas_of(viewer), main_window_of(viewer))
        self._keys.triggered.connect(self._on_key)
        dock.front_changed.connect(self._on_dock_front_changed)
        dock.current.action.connect(self._on_dock_action)
        viewer.events.theme.connect(self._on_viewer_theme)
        ACTIVE_KEYS.changed.connect(self._on_active_keys_changed)
        self._on_viewer_theme()

    def do(self, action: str) -> None:
        """Do what a key or a button asks for, see `widgets.shortcuts`."""
        self._actions[action]()

    def close(self) -> None:
        """Stop, and give the keys back; safe to call twice."""
        if self._is_closed:
            return
        self._is_closed = True
        for watched in self._watched:
            if isalive(watched) and isalive(self._keys):
                watched.removeEventFilter(self._keys)
        self._viewer.events.theme.disconnect(self._on_viewer_theme)
        ACTIVE_KEYS.changed.disconnect(self._on_active_keys_changed, missing_ok=True)
        self.desk.close()

    def _build_actions(self) -> dict[str, Callable[[], None]]:
        decide = self.walk.decide
        return {
            "review_accept": partial(decide, ReviewState.ACCEPTED),
            "review_edit": partial(decide, ReviewState.EDITED),
            "review_reject": partial(decide, ReviewState.REJECTED),
            "review_blank": partial(decide, ReviewState.BLANK),
            "review_undo": self.walk.undo,
            "review_skip": partial(self.walk.step, +1),
            "review_back": partial(self.walk.step, -1),
            "review_doubt": self.desk.toggle_doubt,
            "review_previous": self.desk.toggle_previous,
        }

    def _wants_key(self, _action: str) -> bool:
        """Whether the keys are ours: until the next image is there, too, so that none is lost.

        Elsewhere and while an image is edited they are those of labelling.
        """
        walk, shown = self.walk, self._session.current_image_id
        if self._session.project is None or not self._is_front:
            return False
        is_at_end = walk.phase is Phase.OVER and shown == walk.current_id
        return walk.phase in (Phase.REVIEWING, Phase.GOING) or is_at_end

    def _show_image(self, image_id: int) -> None:
        ask_for_image(self._viewer, image_id)
        self._take_keys()

    def _take_keys(self) -> None:
        """Be asked for a key before labelling is, whose dock may have been opened later."""
        for watched in self._watched:
            watched.installEventFilter(self._keys)

    def _on_key(self, action: str, _key: str) -> None:
        self.do(action)

    def _on_dock_action(self, action: str) -> None:
        self.do(action)
        canvas_of(self._viewer).setFocus()

    def _on_dock_front_changed(self, is_front: bool) -> None:
        if self._is_closed:
            return
        self._is_front = is_front
        if is_front:
            self._take_keys()
        self.desk.set_front(is_front=is_front)

    def _on_active_keys_changed(self) -> None:
        self._keys.use(ACTIVE_KEYS.keymap.shortcuts())
        refresh_key_texts(self._dock)
        self.desk.draw()

    def _on_viewer_theme(self, _event: object = None) -> None:
        self._dock.apply_theme(colors_of(self._viewer).background)
