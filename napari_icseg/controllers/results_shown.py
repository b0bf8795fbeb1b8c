"""The chosen models on the image: asked in a thread, drawn on the canvas or side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QTimer

from napari_icseg.controllers import results_words as words
from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.results_asker import ResultAsker
from napari_icseg.controllers.results_layers import SEEN_PX, ResultLayers, middle_for
from napari_icseg.controllers.results_look import MAX_MARKS
from napari_icseg.widgets.results_view import ShownView
from napari_icseg.widgets.results_window import Pane

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_icseg.controllers.results_look import ImageLook
    from napari_icseg.controllers.results_rows import ResultRun
    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.widgets.results_dock import ResultsDock
    from napari_icseg.widgets.training_view import Tone

_LABELS = "labels"
_EDIT_WAIT_MS = 300
"""After a change of labels: the next one may follow at once."""


class ShownResults:
    """Follows the image on the canvas, its labels, and the rows that are chosen."""

    def __init__(self, session: ProjectSession, viewer: Any, dock: ResultsDock) -> None:
        self._session, self._dock = session, dock
        self.layers = ResultLayers(viewer)
        self._asker = ResultAsker()
        self._asking = Background(session.gui, "ask-results")
        self._runs: tuple[ResultRun, ...] = ()
        self._look: ImageLook | None = None
        self._request = 0
        self._drawn, self._error = 0, -1
        self._is_closed = False
        self._edited = QTimer(dock)
        self._edited.setSingleShot(True)
        self._edited.setInterval(_EDIT_WAIT_MS)
        self._edited.timeout.connect(self._ask)
        for signal, handler in self._signals():
            signal.connect(handler)
        dock.difference_changed.connect(lambda _is_on: self._draw())
        dock.hide_clicked.connect(lambda: dock.table.choose(()))
        dock.next_clicked.connect(self.go_to_error)
        dock.compare_clicked.connect(self.show_side_by_side)
        self._draw()

    @property
    def look(self) -> ImageLook | None:
        """What is shown; None while nothing is, or models are being asked."""
        return self._look

    def choose(self, runs: tuple[ResultRun, ...]) -> None:
        """Show these models, one or two, from now on; none hides them."""
        self._runs = runs
        self._ask()

    def go_to_error(self, step: int) -> None:
        """Move to the next marked error, or to the one before with a step of -1."""
        look = self._look
        if look is None or not look.errors:
            return
        self._error = max(-1, self._error + step) % len(look.errors)
        model, place = look.errors[self._error]
        self._drawn = look.models.index(model)
        self._draw()
        row, col = middle_for(place, look.shape_hw)
        self.layers.look_at(row, col)
        self._dock.window_.look_at(row, col, SEEN_PX)
        self._say(words.error_text(self._error, look))

    def show_side_by_side(self) -> None:
        """Open the window with labels and models beside each other."""
        if self._look is not None:
            self._dock.window_.show_in_front()
            self._draw_window(self._look)

    def close(self) -> None:
        """Take everything off the canvas and stop listening."""
        self._is_closed = True
        for signal, handler in self._signals():
            signal.disconnect(handler, missing_ok=True)
        self._edited.stop()
        self._asking.close()
        self.layers.close()
        self._dock.window_.close()

    def _signals(self) -> tuple[tuple[Any, Callable[..., None]], ...]:
        session = self._session
        return (
            (session.image_shown, self._on_session_image_shown),
            (session.labels_changed, self._on_session_labels_changed),
            (session.classes_changed, self._on_session_classes_changed),
            (session.closing, self._on_session_closing),
        )

    def _on_session_image_shown(self, image_id: int) -> None:
        if self._look is None or self._look.image_id != image_id:
            self._ask()

    def _on_session_labels_changed(self, image_id: int) -> None:
        if self._runs and image_id == self._session.current_image_id:
            self._edited.start()

    def _on_session_classes_changed(self) -> None:
        if self._runs:
            self._edited.start()

    def _on_session_closing(self) -> None:
        self._forget()
        self._dock.window_.close()
        self._draw()

    def _forget(self) -> None:
        self._request += 1
        self._look = None
        self._asking.run(self._asker.forget, lambda _done: None, lambda _error: None)

    def _ask(self) -> None:
        """Ask the chosen models about the image on the canvas, unless that is out of date soon."""
        if self._is_closed:
            return
        self._request += 1
        project, image_id = self._session.project, self._session.current_image_id
        if self._look is not None and self._look.image_id != image_id:
            self._look = None
        if not self._runs:
            self._forget()
            self._draw()
        elif project is None or image_id is None:
            self._look = None
            self._draw()
            self._say(words.NO_PROJECT if project is None else words.NO_IMAGE)
        else:
            self._draw()
            self._start(project, image_id)

    def _start(self, project: Any, image_id: int) -> None:
        request, runs = self._request, self._runs
        self._say(f"Asking {' and '.join(run.row.title for run in runs)}…", is_busy=True)

        def work() -> ImageLook | None:
            # a later wish waits in the queue: this answer would not be looked at
            return self._asker.look(project, image_id, runs) if request == self._request else None

        self._asking.run(
            work,
            lambda look: self._on_answer(request, look),
            lambda error: self._on_failed(request, error),
        )

    def _on_answer(self, request: int, look: ImageLook | None) -> None:
        if request != self._request or look is None:
            return
        before, self._look = self._look, look
        keys = [model.key for model in look.models]
        if before is None or [model.key for model in before.models] != keys:
            self._drawn, self._error = len(keys) - 1, -1
        self._error = min(self._error, len(look.errors) - 1)
        self._draw()

    def _on_failed(self, request: int, error: Exception) -> None:
        if request == self._request:
            self._look = None
            self._draw()
            self._dock.window_.show_nothing()
            self._say(str(error), is_bad=True)

    def _say(self, text: str, *, is_busy: bool = False, is_bad: bool = False) -> None:
        view = ShownView() if self._look is None else self._view(self._look)
        tone: Tone = "bad" if is_bad else "neutral"
        self._dock.set_shown(replace(view, status=text, tone=tone, is_busy=is_busy))

    def _draw(self) -> None:
        look = self._look
        if look is None:
            self.layers.hide()
            self._dock.set_shown(ShownView())
            if not self._runs:
                self._dock.window_.show_nothing()
            return
        model, is_on = look.models[self._drawn], self._dock.difference.isChecked()
        has_marks = is_on and model.wrong is not None
        picture = model.wrong if is_on and model.wrong is not None else model.classes
        places = model.places[:MAX_MARKS] if has_marks else ()
        self.layers.show(picture, look.shape_hw, places, covers_labels=has_marks)
        self._dock.set_shown(self._view(look))
        if self._dock.window_.isVisible():
            self._draw_window(look)

    def _view(self, look: ImageLook) -> ShownView:
        is_on = self._dock.difference.isChecked()
        return words.shown_view(look, self._drawn, shows_difference=is_on)

    def _draw_window(self, look: ImageLook) -> None:
        is_on = self._dock.difference.isChecked()
        panes = [Pane(_LABELS, look.truth)] if look.truth is not None else [Pane("image")]
        for model in look.models:
            has_wrong = is_on and model.wrong is not None
            picture = model.wrong if has_wrong else model.classes
            places = model.places[:MAX_MARKS] if has_wrong else ()
            panes.append(Pane(words.model_line(model), picture, places))
        window = self._dock.window_
        window.show_panes(look.name, look.image, look.shape_hw, look.limits, panes)
