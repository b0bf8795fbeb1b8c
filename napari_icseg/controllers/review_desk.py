"""The parts of a review joined: the queue, the way through it, what is drawn, the dock."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer

from napari_icseg.controllers import review_words as words
from napari_icseg.controllers.notify import show_info
from napari_icseg.controllers.review_batch import ReviewBatch
from napari_icseg.controllers.review_layers import ReviewLayers, ReviewLook
from napari_icseg.controllers.review_memory import Remembered, read_remembered, write_remembered
from napari_icseg.controllers.review_pictures import ReviewPicture, ReviewPictures
from napari_icseg.controllers.review_queue import Order, ReviewQueue
from napari_icseg.controllers.review_show import Rows, current_view, overlay_view, progress_line
from napari_icseg.controllers.review_source import ReviewSource
from napari_icseg.controllers.review_walk import ReviewWalk
from napari_icseg.controllers.review_way import Phase
from napari_icseg.widgets.keymap import ACTIVE_KEYS

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.project.project import Project
    from napari_icseg.widgets.review_dock import ReviewDock

_PATIENCE_MS = 150
"""The dock waits so long for the next image, to be drawn with it."""
_WITH_PICTURE = (Phase.REVIEWING, Phase.EDITING)


class ReviewDesk:
    """One for a dock; `show(image_id)` gets an image on the canvas, `open_dock(name)` a dock."""

    def __init__(
        self,
        session: ProjectSession,
        viewer: Any,
        dock: ReviewDock,
        *,
        show: Callable[[int], None],
        open_dock: Callable[[str], None],
    ) -> None:
        self._session, self._dock, self._open_dock = session, dock, open_dock
        self._is_front = self._has_begun = self._has_told = False
        self._remembered, self._rows = Remembered(), Rows()
        self.look = ReviewLook()
        self.layers = ReviewLayers(viewer)
        self.pictures = ReviewPictures(session.gui, self._on_picture_read)
        self.source = ReviewSource(session)
        self.walk = ReviewWalk(session, show, self._expect)
        self.batch = ReviewBatch(session, self.walk, dock, self.walk.accept_many)
        self._drawing = QTimer(singleShot=True)
        self._drawing.timeout.connect(self.draw)
        dock.progress.set_orders(words.ORDERS)
        self._connect()
        if session.project is not None:
            self._on_session_opened(session.project)
        self.draw()

    def set_front(self, *, is_front: bool) -> None:
        """Go on with the review when its dock comes into sight."""
        self._is_front = self.walk.is_front = is_front
        if is_front and self.walk.phase in (Phase.IDLE, Phase.AWAY, Phase.OVER):
            self._begin()

    def toggle_doubt(self) -> None:
        """Mark the uncertain pixels, or no longer."""
        self._set_look(replace(self.look, shows_doubt=not self.look.shows_doubt))

    def toggle_previous(self) -> None:
        """Draw the outlines of the round before, or no longer."""
        if self.source.board.previous is None:
            return
        self._set_look(replace(self.look, shows_previous=not self.look.shows_previous))

    def draw(self) -> None:
        """Draw the dock anew."""
        walk, board, session = self.walk, self.source.board, self._session
        self._dock.progress.set_view(progress_line(board, walk))
        self._dock.progress.set_order(self.source.order, self.source.busy)
        self._dock.current.set_view(
            current_view(
                walk,
                board,
                has_project=session.project is not None,
                is_read=self.source.is_read,
                shown_id=session.current_image_id,
            )
        )
        self._dock.overlays.set_view(overlay_view(self.look, board, self._picture()))
        self._dock.queue.set_rows(self._rows.of(walk.queue), walk.current_id)
        is_needed = bool(walk.queue.waiting) or walk.phase is Phase.EDITING
        self._dock.overlays.setVisible(is_needed)
        self._dock.queue.setVisible(is_needed)
        self._dock.progress.setVisible(bool(board.entries))

    def close(self) -> None:
        """Stop everything; the place is remembered."""
        self._remember()
        self._drawing.stop()
        session = self._session
        session.opened.disconnect(self._on_session_opened, missing_ok=True)
        session.closing.disconnect(self._on_session_closing, missing_ok=True)
        session.closed.disconnect(self.draw, missing_ok=True)
        session.images_changed.disconnect(self.source.look, missing_ok=True)
        self.batch.close()
        self.walk.close()
        self.source.close()
        self.pictures.close()
        self.layers.close()

    def _connect(self) -> None:
        session, dock, walk = self._session, self._dock, self.walk
        session.opened.connect(self._on_session_opened)
        session.closing.connect(self._on_session_closing)
        session.closed.connect(self.draw)
        session.images_changed.connect(self.source.look)
        self.source.read.connect(self._on_source_read)
        self.source.busy_changed.connect(self._on_source_busy_changed)
        walk.changed.connect(self._on_walk_changed)
        walk.stale.connect(self.source.look)
        walk.edit_begun.connect(self._on_edit_begun)
        walk.edit_ended.connect(dock.bring_to_front)
        dock.progress.round_chosen.connect(self.source.choose_round)
        dock.progress.order_chosen.connect(self._on_dock_order_chosen)
        dock.current.return_clicked.connect(self._begin)
        dock.current.batch_clicked.connect(self.batch.open)
        dock.current.next_round_clicked.connect(lambda: self._open_dock("Rounds"))
        dock.overlays.doubt_toggled.connect(lambda _: self.toggle_doubt())
        dock.overlays.previous_toggled.connect(lambda _: self.toggle_previous())
        dock.overlays.threshold_changed.connect(self._on_dock_threshold_changed)
        dock.queue.image_chosen.connect(walk.go_to)

    def _begin(self) -> None:
        """Go on where the review was left."""
        if not self.source.board.entries:
            return
        wanted = None if self._has_begun else self._remembered.image_id
        self._has_begun = True
        self.walk.begin(wanted)

    def _expect(self, ids: tuple[int, ...]) -> None:
        project, current = self._session.project, self.walk.current_id
        if project is None:
            return
        self.pictures.want(project, ids if current is None else (current, *ids))
        self._session.images_expected.emit(ids)

    def _set_look(self, look: ReviewLook) -> None:
        self.look = look
        self._draw_layers()
        self._drawing.start(0)

    def _picture(self) -> ReviewPicture | None:
        """What is known of the image on the canvas, if it is the one under review."""
        walk, shown = self.walk, self._session.current_image_id
        if shown is None or shown != walk.current_id or walk.phase not in _WITH_PICTURE:
            return None
        return self.pictures.get(shown)

    def _draw_layers(self) -> None:
        project, shown = self._session.project, self._session.current_image_id
        if project is None or shown is None or self.walk.phase is Phase.GOING:
            return  # until the next image is there, the marks belong to the one on the canvas
        self.layers.show(self._picture(), project.image(shown).shape, self.look)

    def _remember(self) -> None:
        runs_dir, board = self._session.runs_dir, self.source.board
        if runs_dir is not None and board.round_id is not None:
            place = Remembered(self.walk.current_id, self.source.order, self.look)
            write_remembered(runs_dir, place)

    # what happens elsewhere ----------------------------------------------------------------------

    def _on_session_opened(self, _project: Project) -> None:
        runs_dir = self._session.runs_dir
        assert runs_dir is not None, "an open project has a file"
        self._remembered = found = read_remembered(runs_dir)
        self._has_begun = False
        self.look = found.look
        self.source.clear()
        self.source.order = found.order
        self.source.look()

    def _on_session_closing(self) -> None:
        self._remember()
        self.batch.hide()
        self.source.clear()
        self.pictures.clear()
        self.layers.close()
        self.walk.clear()

    def _on_source_read(self, queue: ReviewQueue) -> None:
        previous = self.source.board.previous
        self.pictures.use_previous(None if previous is None else previous[1])
        self.walk.use(queue)
        if self._is_front and self.walk.phase is Phase.IDLE:
            self._begin()

    def _on_source_busy_changed(self) -> None:
        self._drawing.start(0)

    def _on_edit_begun(self) -> None:
        self._open_dock("Labelling")
        if not self._has_told:
            self._has_told = True
            show_info(ACTIVE_KEYS.fill(words.EDIT.text))

    def _on_walk_changed(self) -> None:
        self._draw_layers()
        # each time anything of the window is painted, all of it is put together: once will do
        if self.walk.phase is Phase.GOING:
            self._drawing.start(_PATIENCE_MS)
        elif self._drawing.isActive() and self._drawing.interval() == _PATIENCE_MS:
            self._drawing.stop()
            self.draw()
        else:
            self._drawing.start(0)

    def _on_picture_read(self, picture: ReviewPicture) -> None:
        if picture.image_id == self.walk.current_id:
            self._draw_layers()
            self._drawing.start(0)

    def _on_dock_order_chosen(self, key: object) -> None:
        self.source.choose_order(Order(str(key)))

    def _on_dock_threshold_changed(self, threshold: float) -> None:
        self._set_look(replace(self.look, threshold=threshold))
