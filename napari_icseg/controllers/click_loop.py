"""The click loop: clicks go to the worker, its candidates to the canvas, Enter to the project."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_icseg.controllers import hints
from napari_icseg.controllers.clicks import ClickState, chip_of, describe
from napari_icseg.controllers.notify import errors_shown
from napari_icseg.project.records import ObjectSource

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from napari_icseg.controllers.boxes import Box
    from napari_icseg.controllers.class_chooser import ClassChooser
    from napari_icseg.controllers.clicks import Mark, Subject
    from napari_icseg.controllers.hints import Hint
    from napari_icseg.controllers.layers import ViewerLayers
    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.project.project import Project
    from napari_icseg.prompting.prompt_image import Pixels
    from napari_icseg.prompting.protocol import Candidate
    from napari_icseg.prompting.requests import PredictResult
    from napari_icseg.prompting.worker import PromptWorker
    from napari_icseg.widgets.labelling_status import LabellingStatus


PENDING_DELAY_MS = 130
"""An answer that comes within this is drawn together with its click, in one go: without a
graphics card drawing takes longer than the model."""


class ClickLoop:
    """One object at a time.

    Emits `changed(ClickState)` after every change and `accepted(object_id)` after an object is
    in the project file. All methods belong to the GUI thread; the worker's signals are
    marshalled to it.
    """

    changed = Signal(object)
    accepted = Signal(int)

    def __init__(
        self,
        session: ProjectSession,
        worker: PromptWorker,
        layers: ViewerLayers,
        status: LabellingStatus,
        classes: ClassChooser,
    ) -> None:
        self._session = session
        self._worker = worker
        self._layers = layers
        self._status = status
        self._classes = classes
        self._image_id: int | None = None
        self._request: Any | None = None
        self._answered: Any | None = None
        self.state = ClickState()
        self._shown = ClickState()
        self._timer = QTimer()
        self._timer.setSingleShot(True)
        self._timer.setInterval(PENDING_DELAY_MS)
        self._timer.timeout.connect(self._on_timer_timeout)
        layers.rested.connect(self._on_layers_rested)
        worker.predicted.connect(self._on_worker_predicted)
        worker.grown.connect(self._on_worker_grown)
        worker.status.connect(self._on_worker_status)
        worker.failed.connect(self._on_worker_failed)

    @property
    def image_id(self) -> int | None:
        """The image that clicks go to; None while one is being opened."""
        return self._image_id

    def show(self, image_id: int, pixels: Pixels) -> None:
        """Begins with an image, uint8 or uint16 (H, W)."""
        self._image_id = image_id
        self._worker.show(image_id, pixels)
        self._set(ClickState(), hints.READY)

    def leave(self) -> None:
        """Forgets the clicks and the image: another one is being opened."""
        self._image_id = None
        self._forget_request()
        self._set(ClickState(), hints.LOADING)

    def click(self, mark: Mark) -> None:
        """One more click or stroke on the object."""
        self._prompt(lambda state: state.add(mark))

    def draw_box(self, box: Box) -> None:
        """The object lies in this box, whole pixels of the image."""
        self._prompt(lambda state: state.with_box(box))

    def refine(self, subject: Subject) -> None:
        """Begins to correct an accepted object, which accepting then replaces."""
        self._forget_request()
        self._set(ClickState().refine(subject), hints.REFINE)

    def remove_click(self) -> None:
        """Takes the last click, stroke or box back."""
        if self.state.marks or self.state.box is not None:
            self._ask(self.state.remove_last())
        else:
            self.say(hints.NOTHING_TO_REMOVE)

    def clear(self) -> None:
        """Forgets the clicks and the candidate."""
        self._forget_request()
        self._set(ClickState(), hints.READY)

    def cycle(self, step: int) -> None:
        """Shows the next (+1) or the previous (-1) candidate.

        One that goes on beyond the window of the clicks is followed from now on.
        """
        self._choose(self.state.cycle(step))

    def choose(self, index: int) -> None:
        """Shows a candidate by its number, from 0."""
        if index < len(self.state.candidates):
            self._choose(self.state.choose(index))

    def _choose(self, state: ClickState) -> None:
        candidate = state.candidate
        if candidate is not None and candidate.is_cut and not state.is_growing and self._answered:
            state = state.follow()
            self._worker.grow(self._answered, candidate.kind)
        self._set(state, self._hint_for(state))

    def accept(self) -> None:
        """Saves the candidate as an object of the current class.

        While the answer to the last click is still being computed, it is saved as soon as
        it comes; one that is being followed, as soon as it is whole, or when asked again.
        The object is on the disk before the dock says so.
        """
        candidate, current, state = self.state.candidate, self._classes.current, self.state
        if state.is_pending or (state.is_growing and not state.accept_when_ready):
            self.state = state.ask_accept()
            if state.is_growing:
                self.say(self._hint_for(self.state))
            return
        project = self._session.project
        if candidate is None or current is None or project is None or self._image_id is None:
            self.say(hints.NOTHING_TO_ACCEPT)
            return
        object_id = self._save(project, self._image_id, candidate, current.id)
        saved = hints.accepted(current.name) if state.subject is None else hints.REFINED
        self._forget_request()
        self._set(ClickState(), saved)
        self.accepted.emit(object_id)

    def _save(self, project: Project, image_id: int, candidate: Candidate, class_id: int) -> int:
        """Adds the candidate, or puts it in the place of the object that was corrected."""
        subject, mask = self.state.subject, candidate.mask
        if subject is None:
            source, score = ObjectSource.PROMPT, candidate.score
            return project.add_object(image_id, class_id, mask, source, score).id
        if subject.is_proposal:
            ids, masks = [subject.object_id], {subject.object_id: mask}
            source = ObjectSource.PROMPT if mask != subject.mask else ObjectSource.MODEL
            return project.accept_proposals(ids, masks=masks, source=source)[0].id
        if mask != subject.mask:
            summary = "refine an object"
            project.edit_objects(image_id, replace={subject.object_id: mask}, summary=summary)
        return subject.object_id

    def say(self, hint: Hint) -> None:
        """Shows a hint."""
        self._status.set_hint(hint.text, hint.kind)

    def close(self) -> None:
        """Stops listening to the worker."""
        self._timer.stop()
        self._layers.rested.disconnect(self._on_layers_rested, missing_ok=True)
        for signal, handler in (
            (self._worker.predicted, self._on_worker_predicted),
            (self._worker.grown, self._on_worker_grown),
            (self._worker.status, self._on_worker_status),
            (self._worker.failed, self._on_worker_failed),
        ):
            signal.disconnect(handler)

    def _prompt(self, change: Callable[[ClickState], ClickState]) -> None:
        if self._image_id is None:
            self.say(hints.NO_IMAGE)
            return
        self._ask(change(self.state))

    def _ask(self, state: ClickState) -> None:
        if not state.is_pending:
            self._forget_request()
            self._set(state, self._hint_for(state))
            return
        self.state = state
        self._answered = None
        self._request = self._worker.predict(state.prompts())
        self._timer.start()
        self.changed.emit(state)

    def _on_layers_rested(self, point_rc: tuple[float, float]) -> None:
        """The user looks at a part of a large image: the next clicks are likely there."""
        if self._image_id is not None:
            self._worker.look_at((point_rc[1], point_rc[0]))

    def _on_timer_timeout(self) -> None:
        if self.state.is_pending:
            self._show(self._hint_for(self.state))

    def _set(self, state: ClickState, hint: Hint) -> None:
        self.state = state
        self._show(hint)
        self.changed.emit(state)

    def _show(self, hint: Hint) -> None:
        """Draws what differs from what is drawn."""
        old, new = self._shown, self.state
        self._shown = new
        if old.candidate is not new.candidate:
            self._layers.show_candidate(None if new.candidate is None else new.candidate.mask)
        if old.clicks != new.clicks:
            self._layers.show_clicks(new.clicks)
        self._status.set_candidates([chip_of(c) for c in new.candidates], new.index)
        self._status.set_candidate(describe(new))
        self.say(hint)

    def _hint_for(self, state: ClickState) -> Hint:
        return hints.after_clicks(state, self._classes.current_name)

    def _forget_request(self) -> None:
        self._request = self._answered = None
        self._worker.cancel()

    def _on_worker_predicted(self, result: PredictResult) -> None:
        self._session.gui.call(lambda: self._answer(result))

    def _answer(self, result: PredictResult) -> None:
        """Takes the answer to the newest request; any other is stale."""
        if self._request is None or result.request.number != self._request.number:
            return
        self._request, self._answered = None, result.request
        growing_kind = (result.request.prompts.kind or "net") if result.is_growing else None
        state = self.state.answer(result.candidates, growing_kind)
        self._set(state, self._hint_for(state))
        self._accept_if_asked()

    def _on_worker_grown(self, result: PredictResult) -> None:
        self._session.gui.call(lambda: self._grow(result))

    def _grow(self, result: PredictResult) -> None:
        """Takes a further step of the last answer; of any other it is stale."""
        if self._answered is None or result.request.number != self._answered.number:
            return
        state = self.state.grow(result.candidates, is_last=not result.is_growing)
        self._set(state, self._hint_for(state))
        self._accept_if_asked()

    def _accept_if_asked(self) -> None:
        if self.state.accept_when_ready and not self.state.is_growing:
            with errors_shown():
                self.accept()

    def _on_worker_status(self, text: str) -> None:
        self._session.gui.call(lambda: self._status.set_busy(text))

    def _on_worker_failed(self, _request: Any, message: str) -> None:
        self._session.gui.call(lambda: self._fail(message))

    def _fail(self, message: str) -> None:
        self._request = None
        kept = replace(self.state, candidates=(), index=0, is_pending=False, growing_kind=None)
        self._set(kept, hints.Hint(message, "error"))
