"""The chosen models on the image: asked in a thread, drawn on the canvas or side by side."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_icseg.controllers import results_words as words
from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.results_asker import ResultAsker
from napari_icseg.controllers.results_layers import SEEN_PX, ResultLayers, middle_for
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
_SEEN_PERCENTILES = (0.2, 99.8)


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
        self._error = -1
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
        if look is not None and look.errors:
            self._error = max(-1, self._error + step) % len(look.errors)
            _model, place = look.errors[self._error]
            row, col = middle_for(place, look.image.shape[:2])
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
        for signal, handler in self._signals():
            signal.disconnect(handler, missing_ok=True)
        self._asking.close()
        self.layers.close()
        self._dock.window_.close()

    def _signals(self) -> tuple[tuple[Any, Callable[..., None]], ...]:
        session = self._session
        return (
            (session.image_shown, self._on_session_image_shown),
            (session.labels_changed, self._on_session_labels_changed),
            (session.classes_changed, self._ask),
            (session.closing, self._on_session_closing),
        )

    def _on_session_image_shown(self, image_id: int) -> None:
        if self._look is None or self._look.image_id != image_id:
            self._ask()

    def _on_session_labels_changed(self, image_id: int) -> None:
        if image_id == self._session.current_image_id:
            self._ask()

    def _on_session_closing(self) -> None:
        self._request += 1
        self._look = None
        self._dock.window_.close()
        self._draw()

    def _ask(self) -> None:
        """Ask the chosen models about the image on the canvas, unless that is out of date soon."""
        self._request += 1
        project, image_id = self._session.project, self._session.current_image_id
        known = self._look
        if known is not None and (not self._runs or known.image_id != image_id):
            self._look = None
            self._draw()
        if problem := self._problem():
            self._look = None
            self._draw()
            self._say(problem)
            return
        if not self._runs or project is None or image_id is None:
            self._draw()
            return
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

    def _problem(self) -> str:
        """Return why the chosen models cannot be shown; empty if they can."""
        if not self._runs:
            return ""
        if self._session.project is None:
            return words.NO_PROJECT
        if self._session.current_image_id is None:
            return words.NO_IMAGE
        gone = [run.row.title for run in self._runs if not run.can_be_shown]
        return words.GONE.format(" and ".join(gone)) if gone else ""

    def _on_answer(self, request: int, look: ImageLook | None) -> None:
        if request == self._request and look is not None:
            self._look, self._error = look, -1
            self._draw()

    def _on_failed(self, request: int, error: Exception) -> None:
        if request == self._request:
            self._look = None
            self._draw()
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
            return
        model, is_on = look.models[-1], self._dock.difference.isChecked()
        picture = model.wrong if is_on and model.wrong is not None else model.classes
        has_marks = picture is model.wrong
        self.layers.show(picture, model.places if has_marks else (), covers_labels=has_marks)
        self._dock.set_shown(self._view(look))
        if self._dock.window_.isVisible():
            self._draw_window(look)

    def _view(self, look: ImageLook) -> ShownView:
        return words.shown_view(look, shows_difference=self._dock.difference.isChecked())

    def _draw_window(self, look: ImageLook) -> None:
        is_on = self._dock.difference.isChecked()
        panes = [Pane(_LABELS, look.truth)] if look.truth is not None else [Pane("image")]
        for model in look.models:
            has_wrong = is_on and model.wrong is not None
            panes.append(
                Pane(
                    words.model_line(model),
                    model.wrong if has_wrong else model.classes,
                    model.places if has_wrong else (),
                )
            )
        low, high = np.percentile(look.image[::4, ::4], _SEEN_PERCENTILES).tolist()
        self._dock.window_.show_panes(look.name, look.image, (low, max(high, low + 1)), panes)
