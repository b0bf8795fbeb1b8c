"""Pre-filling: a trained model proposes objects for the image shown, the user decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, ref

from psygnal import Signal

from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.prefill_choice import PrefillChoice, read_choice, write_choice
from napari_icseg.controllers.prefill_objects import Proposed, trimmed
from napari_icseg.controllers.prefill_predictor import PrefillPredictor
from napari_icseg.project.records import ImageStatus

if TYPE_CHECKING:
    from pathlib import Path

    from napari_icseg.controllers.session import PrefillRun, ProjectSession
    from napari_icseg.project.project import Project
    from napari_icseg.project.records import ProposalRecord
    from napari_icseg.widgets.training_view import Tone

_NOTHING = "The model finds no further object here."


@dataclass(frozen=True)
class PrefillStatus:
    """What the last pre-filling did, in words."""

    text: str = ""
    tone: Tone = "neutral"


@dataclass(frozen=True)
class _Task:
    """One image to be predicted; identity tells the newest."""

    project: Project
    image_id: int
    run_dir: Path
    is_automatic: bool


class PrefillController:
    """Predicts in a thread, newest request first, and keeps proposals off accepted objects.

    `changed` is emitted in the GUI thread whenever anything of it should be read anew.
    """

    changed = Signal()

    def __init__(self, session: ProjectSession) -> None:
        self.status = PrefillStatus()
        # weak: the table below would else keep every session, and its project, for ever
        self._session_ref = ref(session)
        self._choice = PrefillChoice()
        self._newest: _Task | None = None
        self._decided: set[int] = set()
        self._predictor = PrefillPredictor()
        self._background = Background(session.gui, "prefill")
        session.opened.connect(self._on_session_opened)
        session.closing.connect(self._on_session_closing)
        session.image_shown.connect(self._on_session_image_shown)
        session.labels_changed.connect(self._on_session_labels_changed)
        session.runs_changed.connect(self.changed.emit)
        if session.project is not None:
            self._on_session_opened()

    @property
    def _session(self) -> ProjectSession:
        session = self._session_ref()
        assert session is not None, "the session outlives those who use its pre-filling"
        return session

    @property
    def runs(self) -> tuple[PrefillRun, ...]:
        """The runs that can be chosen."""
        return self._session.prefill_runs

    @property
    def chosen(self) -> str | None:
        """Name of the chosen run, if it is (still) among `runs`."""
        return self._choice.run if self._run_dir() is not None else None

    @property
    def is_automatic(self) -> bool:
        """Whether every unlabelled image is pre-filled when it is shown."""
        return self._choice.is_automatic

    @property
    def is_busy(self) -> bool:
        """Whether a prediction is on its way."""
        return self._newest is not None

    @property
    def num_proposals(self) -> int:
        """Proposals of the image shown."""
        project, image_id = self._session.project, self._session.current_image_id
        return 0 if project is None or image_id is None else len(project.proposals(image_id))

    def choose(self, name: str | None, *, by_user: bool = True) -> None:
        """Use the run of that name from now on; None for no pre-filling."""
        self._set_choice(PrefillChoice(name, self.is_automatic and name is not None, by_user))

    def follow_newest(self, name: str) -> None:
        """Use a run that has just finished, unless the user has chosen another himself."""
        if self.chosen is None or not self._choice.by_user:
            self.choose(name, by_user=False)

    def set_automatic(self, *, automatic: bool) -> None:
        """Pre-fill every unlabelled image that is shown, or only on demand."""
        self._set_choice(PrefillChoice(self._choice.run, automatic, self._choice.by_user))
        if automatic and self._session.current_image_id is not None:
            self._on_session_image_shown(self._session.current_image_id)

    def prefill(self, image_id: int | None = None) -> None:
        """Predict an image (by default the one shown); its proposals replace earlier ones."""
        image_id = self._session.current_image_id if image_id is None else image_id
        if image_id is None:
            self._say("Show an image first.", "warning")
        elif self._run_dir() is None:
            self._say("Choose a trained model to pre-fill with, in the Training dock.", "warning")
        else:
            self._start(image_id, is_automatic=False)

    def accept_all(self) -> int:
        """Make the proposals of the image shown objects, and return how many."""
        project, image_id = self._session.project, self._session.current_image_id
        if project is None or image_id is None or not project.proposals(image_id):
            return 0
        proposals = _without_accepted(project, image_id)
        project.accept_proposals([proposal.id for proposal in proposals])
        if not proposals:
            self._say("What was proposed here is accepted already.")
        else:
            self._say(f"Accepted {_num(len(proposals), 'object')}. Ctrl+Z undoes it.", "good")
        return len(proposals)

    def discard_all(self) -> int:
        """Drop the proposals of the image shown, and return how many."""
        project, image_id = self._session.project, self._session.current_image_id
        if project is None or image_id is None:
            return 0
        proposals = project.proposals(image_id)
        self._decided.add(image_id)
        project.reject_proposals([proposal.id for proposal in proposals])
        self._say(f"Discarded {_num(len(proposals), 'proposal')}." if proposals else "")
        return len(proposals)

    def close(self) -> None:
        """Stop predicting."""
        self._newest = None
        self._background.close()

    def _start(self, image_id: int, *, is_automatic: bool) -> None:
        project, run_dir = self._session.project, self._run_dir()
        if project is None or run_dir is None:
            return
        task = self._newest = _Task(project, image_id, run_dir, is_automatic)
        self._say("Predicting…", "active")
        self._background.run(
            lambda: self._work(task),
            lambda found: self._on_background_done(task, found),
            lambda error: self._on_background_failed(task, error),
        )

    def _work(self, task: _Task) -> Proposed | None:
        """Predict and write the proposals, in the worker; None if a newer task is waiting."""
        if task is not self._newest:
            return None
        found = self._predictor.propose(task.project, task.image_id, task.run_dir)
        if task is not self._newest:
            return None
        if found.proposals or task.project.proposals(task.image_id):
            task.project.add_proposals(
                task.image_id, found.proposals, undoable=not task.is_automatic
            )
        return found

    def _on_background_done(self, task: _Task, found: Proposed | None) -> None:
        if task is self._newest and found is not None:
            self._newest = None
            self._say(*_summary(found))

    def _on_background_failed(self, task: _Task, error: Exception) -> None:
        if task is self._newest:  # nobody waits for the others any more
            self._newest = None
            self._say(str(error), "bad")

    def _on_session_opened(self, _project: object = None) -> None:
        self._decided.clear()
        runs_dir = self._session.runs_dir
        self._choice = PrefillChoice() if runs_dir is None else read_choice(runs_dir)
        self._say("")

    def _on_session_closing(self) -> None:
        self._newest = None

    def _on_session_image_shown(self, image_id: int) -> None:
        self._newest = None  # what was asked for the image before is not wanted any more
        self._say("")
        project = self._session.project
        if project is None or not self.is_automatic or image_id in self._decided:
            return
        is_untouched = project.image(image_id).status is ImageStatus.UNLABELLED
        if is_untouched and not project.proposals(image_id):
            self._start(image_id, is_automatic=True)

    def _on_session_labels_changed(self, image_id: int) -> None:
        if image_id == self._session.current_image_id:
            self.changed.emit()

    def _run_dir(self) -> Path | None:
        return next((run.run_dir for run in self.runs if run.name == self._choice.run), None)

    def _set_choice(self, choice: PrefillChoice) -> None:
        self._choice = choice
        if self._session.runs_dir is not None:
            write_choice(self._session.runs_dir, choice)
        self.changed.emit()

    def _say(self, text: str, tone: Tone = "neutral") -> None:
        self.status = PrefillStatus(text, tone)
        self.changed.emit()


def _without_accepted(project: Project, image_id: int) -> tuple[ProposalRecord, ...]:
    """Return the image's proposals, first cut back by what was accepted since they were made."""
    proposals, image = project.proposals(image_id), project.image(image_id)
    left = trimmed(proposals, project.objects(image_id), image.shape)
    if left.num_cut or left.num_known:
        return project.add_proposals(image_id, left.proposals)
    return proposals


def _summary(found: Proposed) -> tuple[str, Tone]:
    """Return what a pre-filling did, and its tone."""
    words = [f"{_num(len(found.proposals), 'proposal')}." if found.proposals else _NOTHING]
    if found.num_cut:
        words.append(f"{found.num_cut} cut back where objects are accepted already.")
    if found.num_known:
        words.append(f"{found.num_known} left out: accepted already.")
    if found.unknown_classes:
        names = ", ".join(found.unknown_classes)
        words.append(f"The project has no class {names}: what the model found of it is left out.")
    return " ".join(words), "warning" if found.unknown_classes else "neutral"


def _num(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


_CONTROLLERS: WeakKeyDictionary[ProjectSession, PrefillController] = WeakKeyDictionary()


def prefill_of(session: ProjectSession) -> PrefillController:
    """Return the session's pre-filling, shared by its docks."""
    if session not in _CONTROLLERS:
        _CONTROLLERS[session] = PrefillController(session)
    return _CONTROLLERS[session]
