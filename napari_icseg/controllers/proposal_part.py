"""Proposals decided on: walked through, accepted, rejected, re-classed, corrected."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari_icseg.controllers.clicks import Subject
from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.hints import Hint
from napari_icseg.controllers.napari_window import camera_of, canvas_of
from napari_icseg.controllers.notify import show_error
from napari_icseg.controllers.prefill import AUTOMATIC, prefill_of
from napari_icseg.controllers.prefill_automatic import AutomaticMasks
from napari_icseg.controllers.prefill_layer import draw_proposals
from napari_icseg.controllers.proposal_walk import chosen_ids, proposal_at, step, walk_order
from napari_icseg.widgets.labelling_dock import Slot
from napari_icseg.widgets.labelling_models import ModelChoice
from napari_icseg.widgets.proposal_bar import ProposalBar, ProposalView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from napari_icseg.controllers.clicks import ClickState
    from napari_icseg.controllers.desk import Desk
    from napari_icseg.project.records import ProposalRecord

OFF = ""
_NONE = Hint("There is no proposal here. {prefill} proposes all objects of this image.")


class ProposalPart:
    """One for a desk; see `desk.Part`."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._prefill = desk, prefill_of(desk.session)
        self._layer = draw_proposals(desk.viewer, desk.session)
        self._background = Background(desk.session.gui, "proposals")
        self._proposals: tuple[ProposalRecord, ...] = ()
        self._focused: int | None = None
        self.bar = ProposalBar()
        desk.dock.put(Slot.PROPOSALS, self.bar)
        self._source = AutomaticMasks(desk, self._prefill.cancel)
        self._connect()
        self._prefill.offer_automatic(self._source)

    def actions(self) -> dict[str, Callable[[], object]]:
        """The actions of keys and buttons that belong here."""
        return {
            "prefill": self._prefill.prefill,
            "accept_proposals": self._accept_all,
            "reject_proposals": self._prefill.discard_all,
            "next_proposal": partial(self._walk, +1),
            "previous_proposal": partial(self._walk, -1),
            "accept_proposal": partial(self._decide, accepts=True),
            "reject_proposal": partial(self._decide, accepts=False),
            "edit_proposal": self._edit,
        }

    def close(self) -> None:
        """Stops listening."""
        self._prefill.offer_automatic(None)
        self._prefill.changed.disconnect(self._on_prefill_changed)
        self._desk.session.image_shown.disconnect(self._on_image_shown)
        self._desk.classes.chosen.disconnect(self._on_class_chosen)
        self._desk.loop.changed.disconnect(self._on_loop_changed)
        self._source.close()
        self._background.close()

    @property
    def focused(self) -> ProposalRecord | None:
        """The proposal that keys decide on."""
        return next((one for one in self._proposals if one.id == self._focused), None)

    def accept_at(self, row: int, col: int) -> bool:
        """Accept the smallest proposal at a pixel; return whether there is one."""
        found = proposal_at(self._shown(), row, col)
        if found is not None:
            self._accept([found.id], next_id=None)
        return found is not None

    def _connect(self) -> None:
        desk = self._desk
        self._prefill.changed.connect(self._on_prefill_changed)
        desk.session.image_shown.connect(self._on_image_shown)
        desk.classes.chosen.connect(self._on_class_chosen)
        desk.loop.changed.connect(self._on_loop_changed)
        desk.dock.models.prefill_chosen.connect(self._on_dock_prefill_chosen)
        self.bar.triggered.connect(desk.dock.action)
        self.bar.threshold_changed.connect(self._on_threshold_changed)
        self.bar.cancelled.connect(self._prefill.cancel)
        self.bar.over_toggled.connect(self._on_over_toggled)

    # what the user decides --------------------------------------------------------------------

    def _shown(self) -> tuple[ProposalRecord, ...]:
        ids = chosen_ids(self._proposals, self.bar.threshold)
        return tuple(one for one in self._proposals if one.id in ids)

    def _walk(self, direction: int) -> None:
        self._focus(step(self._shown(), self._focused, direction))

    def _decide(self, *, accepts: bool) -> None:
        """Accepts or rejects the focused proposal, and goes to the next; first focuses one."""
        if self.focused is None:
            self._walk(+1)
            return
        proposal, next_id = self.focused, step(self._shown(), self._focused, +1)
        next_id = None if next_id == proposal.id else next_id
        if accepts:
            self._accept([proposal.id], next_id=next_id)
        elif self._desk.session.project is not None:
            self._focused = next_id
            self._desk.session.project.reject_proposal(proposal.id)
            self._focus(next_id)

    def _accept_all(self) -> None:
        self._accept(chosen_ids(self._proposals, self.bar.threshold), next_id=None)

    def _accept(self, ids: Iterable[int], *, next_id: int | None) -> None:
        project, image_id = self._desk.session.project, self._desk.session.current_image_id
        wanted = tuple(ids)
        if project is None or image_id is None or not wanted:
            self._desk.loop.say(_NONE)
            return
        self._focused = next_id
        self._background.run(
            lambda: self._prefill.accept(project, image_id, wanted),
            lambda num: self._on_accepted(num, next_id),
            lambda error: show_error(str(error)),
        )

    def _on_accepted(self, num: int, next_id: int | None) -> None:
        self._prefill.say_accepted(num)
        if next_id is not None:
            self._focus(next_id)

    def _edit(self) -> None:
        """Makes the focused proposal the candidate, for clicks to correct."""
        proposal = self.focused
        if proposal is None:
            self._walk(+1)
            return
        score = 1.0 if proposal.score is None else proposal.score
        self._desk.loop.refine(Subject(proposal.id, proposal.mask, score, is_proposal=True))

    def _on_class_chosen(self, class_id: int) -> None:
        project, proposal = self._desk.session.project, self.focused
        if project is not None and proposal is not None and proposal.class_id != class_id:
            project.set_proposal_class([proposal.id], class_id)

    def _on_threshold_changed(self, threshold: float) -> None:
        self._layer.set_look(focused=self._focused, threshold=threshold)
        self._show()

    def _on_over_toggled(self, is_on: bool) -> None:
        self._prefill.over_accepted = is_on
        self._prefill.prefill()

    def _on_dock_prefill_chosen(self, name: str) -> None:
        self._prefill.choose(name or None)

    # what is shown ------------------------------------------------------------------------------

    def _focus(self, proposal_id: int | None) -> None:
        self._focused = proposal_id
        self._layer.set_look(focused=proposal_id, threshold=self.bar.threshold)
        proposal = self.focused
        if proposal is not None:
            self._pan_to(proposal)
            self._desk.loop.say(
                Hint(
                    "{accept_proposal} accepts this proposal, {reject_proposal} rejects it, "
                    "{edit_proposal} corrects it, a digit gives it another class."
                )
            )
        elif not self._proposals:
            self._desk.loop.say(_NONE)
        self._show()

    def _pan_to(self, proposal: ProposalRecord) -> None:
        """Brings the middle of a proposal on the screen, unless it is there."""
        camera, canvas = camera_of(self._desk.viewer), canvas_of(self._desk.viewer)
        mask = proposal.mask
        row, col = mask.row + mask.height / 2, mask.col + mask.width / 2
        depth, top, left = camera.center
        half_h = canvas.height() / 2 / camera.zoom
        half_w = canvas.width() / 2 / camera.zoom
        if abs(row - top) > half_h * 0.9 or abs(col - left) > half_w * 0.9:
            camera.center = (depth, row, col)

    def _on_image_shown(self, _image_id: int) -> None:
        self._focused = None
        self._on_prefill_changed()

    def _on_loop_changed(self, state: ClickState) -> None:
        if self._focused is not None and state.marks and state.subject is None:
            self._focus(None)

    def _on_prefill_changed(self) -> None:
        self._show_choices()
        self._proposals = walk_order(self._prefill.proposals())
        if self._focused is not None and self.focused is None:
            self._focused = None
            self._layer.set_look(focused=None, threshold=self.bar.threshold)
        self._show()

    def _show(self) -> None:
        prefill = self._prefill
        # the line above says how many there are
        says_more = prefill.status.text.rstrip("s.") != f"{len(self._proposals)} proposal"
        self.bar.set_view(
            ProposalView(
                num=len(self._proposals),
                num_chosen=len(chosen_ids(self._proposals, self.bar.threshold)),
                focus=self._focus_text(),
                status=prefill.status.text if says_more else "",
                tone=prefill.status.tone,
                is_busy=prefill.is_busy,
                over_accepted=prefill.over_accepted,
            )
        )

    def _focus_text(self) -> str:
        proposal = self.focused
        if proposal is None:
            return ""
        record = self._desk.classes.by_id(proposal.class_id)
        number = 1 + self._proposals.index(proposal)
        score = "" if proposal.score is None else f" · score {proposal.score:.2f}"
        name = "?" if record is None else record.name
        return f"{number}/{len(self._proposals)} · {name}{score}"

    def _show_choices(self) -> None:
        runs = [
            ModelChoice(run.name, run.label or run.name, str(run.run_dir))
            for run in self._prefill.runs
        ]
        tooltip = "The model that answers clicks finds all objects of the image by itself"
        automatic = ModelChoice(AUTOMATIC, "Automatic masks (click model)", tooltip)
        choices = [ModelChoice(OFF, "Off"), automatic, *runs]
        self._desk.dock.models.set_prefill(choices, self._prefill.chosen or OFF)
