"""Pre-filling: a trained model proposes objects for the image shown, the user decides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from weakref import WeakKeyDictionary, ref

from psygnal import Signal

from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.prefill_choice import PrefillChoice, read_choice, write_choice
from napari_icseg.controllers.prefill_objects import Proposed, cut_back
from napari_icseg.controllers.prefill_predictor import PrefillPredictor
from napari_icseg.project.records import ImageStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from typing import Any

    from napari_icseg.controllers.session import PrefillRun, ProjectSession
    from napari_icseg.project.project import Project
    from napari_icseg.project.records import ObjectRecord, ProposalRecord
    from napari_icseg.widgets.training_view import Tone

AUTOMATIC = "automatic-masks"
"""Stands for a run: the click model proposes all objects by itself."""
_NOTHING = "The model finds nothing here."
_NOTHING_MORE = "The model finds nothing here that is not accepted already."


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
    run_dir: Path | None
    """None: the click model finds the objects."""
    is_automatic: bool


class AutomaticSource(Protocol):
    """Finds all objects of the image shown with the model that answers clicks."""

    def find(
        self,
        image_id: int,
        on_found: Callable[[Callable[[Iterable[ObjectRecord]], Proposed]], None],
        on_error: Callable[[str], None],
    ) -> None:
        """Begin; one of the two is called in the GUI thread.

        `on_found` gets a function for a thread: from accepted objects to proposals.
        """

    def cancel(self) -> None:
        """Nobody waits for it any more."""


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
        self._source: AutomaticSource | None = None
        self._known: tuple[int, tuple[ProposalRecord, ...]] | None = None
        self.over_accepted = False
        """Whether proposals may lie on accepted objects of their own class."""
        self._background = Background(session.gui, "prefill")
        session.opened.connect(self._on_session_opened)
        session.closing.connect(self._on_session_closing)
        session.image_shown.connect(self._on_session_image_shown)
        session.labels_changed.connect(self._on_session_labels_changed)
        session.images_changed.connect(self._on_session_much_changed)
        session.classes_changed.connect(self._on_session_much_changed)
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
        """Name of the chosen run, if it is (still) among `runs`, or AUTOMATIC."""
        if self._run_dir() is not None:
            return self._choice.run
        is_off = self._choice.run is None and self._choice.by_user
        is_wanted = self._choice.run == AUTOMATIC or (not self.runs and not is_off)
        return AUTOMATIC if is_wanted and self._source is not None else None

    @property
    def can_find(self) -> bool:
        """Whether AUTOMATIC can be chosen."""
        return self._source is not None

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
        return len(self.proposals())

    def proposals(self) -> tuple[ProposalRecord, ...]:
        """The proposals of the image shown, surest first; read once after each change."""
        project, image_id = self._session.project, self._session.current_image_id
        if project is None or image_id is None:
            return ()
        if self._known is None or self._known[0] != image_id:
            self._known = image_id, project.proposals(image_id)
        return self._known[1]

    def offer_automatic(self, source: AutomaticSource | None) -> None:
        """Let a click model find objects, or no longer."""
        self._source = source
        self.changed.emit()

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
        elif self.chosen is None:
            self._say("Choose a trained model to pre-fill with, in the Training dock.", "warning")
        else:
            self._start(image_id, is_automatic=False)

    def accept_all(self) -> int:
        """Make the proposals of the image shown objects, and return how many."""
        project, image_id = self._session.project, self._session.current_image_id
        if project is None or image_id is None or not project.proposals(image_id):
            return 0
        ids = [proposal.id for proposal in project.proposals(image_id)]
        num = self.accept(project, image_id, ids)
        self.say_accepted(num)
        return num

    def accept(self, project: Project, image_id: int, proposal_ids: Iterable[int]) -> int:
        """Make proposals objects without what is accepted already; return how many. Any thread."""
        wanted = set(proposal_ids)
        proposals = [one for one in project.proposals(image_id) if one.id in wanted]
        masks, known = (
            ({}, ()) if self.over_accepted else cut_back(proposals, project.objects(image_id))
        )
        ids = [proposal.id for proposal in proposals if proposal.id not in known]
        project.accept_proposals(ids, masks=masks, drop=known)
        return len(ids)

    def say_accepted(self, num: int) -> None:
        """Say how many were accepted."""
        if num:
            self._say(f"Accepted {_num(num, 'object')}. Ctrl+Z undoes it.", "good")
        else:
            self._say("What was proposed here is accepted already.")

    def cancel(self) -> None:
        """Stop what is being predicted."""
        if self._newest is not None:
            self._forget()
            self._say("Stopped.")

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
        self._forget()
        self._background.close()

    def _start(self, image_id: int, *, is_automatic: bool) -> None:
        project, run_dir = self._session.project, self._run_dir()
        if project is None or self.chosen is None:
            return
        task = self._newest = _Task(project, image_id, run_dir, is_automatic)
        if run_dir is not None:
            self._say("Predicting…", "active")
            self._run(task, lambda: self._predict(task, run_dir))
        elif self._source is not None:
            self._say("Finding all objects…", "active")
            self._source.find(
                image_id,
                lambda propose: self._run(task, lambda: propose(self._accepted(task))),
                lambda message: self._fail(task, message),
            )

    def _run(self, task: _Task, propose: Callable[[], Proposed]) -> None:
        self._background.run(
            lambda: self._work(task, propose),
            lambda found: self._on_background_done(task, found),
            lambda error: self._fail(task, str(error)),
        )

    def _predict(self, task: _Task, run_dir: Path) -> Proposed:
        more: dict[str, Any] = {"over_accepted": True} if self.over_accepted else {}
        return self._predictor.propose(task.project, task.image_id, run_dir, **more)

    def _accepted(self, task: _Task) -> tuple[ObjectRecord, ...]:
        return () if self.over_accepted else task.project.objects(task.image_id)

    def _work(self, task: _Task, propose: Callable[[], Proposed]) -> Proposed | None:
        """Predict and write the proposals, in the worker; None if a newer task is waiting."""
        if task is not self._newest:
            return None
        found = propose()
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

    def _fail(self, task: _Task, message: str) -> None:
        if task is self._newest:  # nobody waits for the others any more
            self._newest = None
            self._say(message, "bad")

    def _forget(self) -> None:
        self._newest = None
        if self._source is not None:
            self._source.cancel()

    def _on_session_opened(self, _project: object = None) -> None:
        self._decided.clear()
        self._known = None
        runs_dir = self._session.runs_dir
        self._choice = PrefillChoice() if runs_dir is None else read_choice(runs_dir)
        self._say("")

    def _on_session_closing(self) -> None:
        self._forget()

    def _on_session_image_shown(self, image_id: int) -> None:
        self._forget()  # what was asked for the image before is not wanted any more
        self._say("")
        project = self._session.project
        if project is None or not self.is_automatic or image_id in self._decided:
            return
        is_untouched = project.image(image_id).status is ImageStatus.UNLABELLED
        if is_untouched and not project.proposals(image_id):
            self._start(image_id, is_automatic=True)

    def _on_session_labels_changed(self, image_id: int) -> None:
        if image_id == self._session.current_image_id:
            self._known = None
            self.changed.emit()

    def _on_session_much_changed(self) -> None:
        self._known = None
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


def _summary(found: Proposed) -> tuple[str, Tone]:
    """Return what a pre-filling did, and its tone."""
    nothing = _NOTHING_MORE if found.num_known else _NOTHING
    words = [f"{_num(len(found.proposals), 'proposal')}." if found.proposals else nothing]
    if found.num_cut:
        words.append(f"{found.num_cut} cut back where objects are accepted already.")
    if found.num_known:
        words.append(f"{found.num_known} left out: accepted already.")
    if found.unknown_classes:
        names = ", ".join(found.unknown_classes)
        words.append(f"The project has no class {names}: what the model found of it is left out.")
    if found.num_unnamed:
        words.append(
            f"{_num(found.num_unnamed, 'small object')} on top left out: add a second class for "
            "them, such as via."
        )
    return " ".join(words), "warning" if found.unknown_classes else "neutral"


def _num(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


_CONTROLLERS: WeakKeyDictionary[ProjectSession, PrefillController] = WeakKeyDictionary()


def prefill_of(session: ProjectSession) -> PrefillController:
    """Return the session's pre-filling, shared by its docks."""
    if session not in _CONTROLLERS:
        _CONTROLLERS[session] = PrefillController(session)
    return _CONTROLLERS[session]
