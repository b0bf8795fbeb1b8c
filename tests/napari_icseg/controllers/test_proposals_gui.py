"""Proposals decided on by mouse and keys, as a person does it."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_icseg.controllers.prefill import AUTOMATIC, prefill_of
from napari_icseg.controllers.prefill_layer import LAYER
from napari_icseg.controllers.proposal_part import ProposalPart
from napari_icseg.project.records import NewProposal
from tests.napari_icseg.conftest import CTRL, SHIFT, SIDE_PX

pytestmark = pytest.mark.gui


def part_of(gui) -> ProposalPart:
    return next(part for part in gui.controller.parts if isinstance(part, ProposalPart))


def proposals(gui):
    return gui.project.proposals(gui.session.current_image_id)


def propose(gui) -> None:
    """F, and wait for the three bars of the tile."""
    gui.key(Qt.Key.Key_F)
    gui.wait(lambda: len(proposals(gui)) == 3)
    gui.wait(lambda: gui.viewer.layers[LAYER].visible)


def give_scores(gui, *scores: float) -> None:
    """Proposals of the same places with these scores, top to bottom."""
    old = sorted(proposals(gui), key=lambda one: one.mask.row)
    new = [NewProposal(one.class_id, one.mask, s) for one, s in zip(old, scores, strict=True)]
    gui.project.add_proposals(gui.session.current_image_id, new)


def test_f_proposes_all_objects_and_shift_enter_accepts_those_above_the_slider(gui) -> None:
    bar = part_of(gui).bar
    assert prefill_of(gui.session).chosen == AUTOMATIC
    propose(gui)
    assert gui.objects() == ()
    give_scores(gui, 0.9, 0.5, 0.8)
    bar.slider.setValue(70)
    assert bar.accept.text() == "Accept 2 of 3"
    drawn = gui.viewer.layers[LAYER].data
    assert 0 < np.count_nonzero(drawn[34:60]) < np.count_nonzero(drawn[:30]) / 5

    gui.key(Qt.Key.Key_Return, SHIFT)
    gui.wait(lambda: len(gui.objects()) == 2)

    assert sorted(record.score for record in gui.objects()) == [0.8, 0.9]
    gui.key(Qt.Key.Key_Z, CTRL)
    gui.wait(lambda: len(proposals(gui)) == 3)
    assert gui.objects() == ()


def test_keys_walk_through_proposals_accept_reject_and_give_another_class(gui) -> None:
    propose(gui)
    part, (first, second, third) = part_of(gui), sorted(proposals(gui), key=lambda p: p.mask.row)
    gui.key(Qt.Key.Key_Period)
    assert part.focused == first
    assert "1/3" in part.bar.text.text()
    gui.key(Qt.Key.Key_Y)
    gui.wait(lambda: len(gui.objects()) == 1)
    assert gui.objects()[0].mask == first.mask
    gui.wait(lambda: part.focused is not None and part.focused.id == second.id)
    gui.key(Qt.Key.Key_2)
    gui.wait(lambda: part.focused is not None and part.focused.class_id != second.class_id)
    gui.key(Qt.Key.Key_T)
    gui.wait(lambda: [one.id for one in proposals(gui)] == [third.id])
    assert part.focused is not None
    assert part.focused.id == third.id
    assert len(gui.objects()) == 1


def test_a_proposal_corrected_by_clicks_becomes_one_object(gui) -> None:
    propose(gui)
    gui.key(Qt.Key.Key_Period)
    first = part_of(gui).focused
    gui.key(Qt.Key.Key_Y, SHIFT)
    assert gui.state.candidate is not None
    assert gui.state.candidate.mask == first.mask
    gui.key(Qt.Key.Key_Return)

    assert [record.mask for record in gui.objects()] == [first.mask]
    assert first.id not in [one.id for one in proposals(gui)]


def test_ctrl_click_accepts_the_proposal_under_the_mouse(gui) -> None:
    propose(gui)
    target = max(proposals(gui), key=lambda one: one.mask.row)
    gui.click(target.mask.row + 5, 40, modifier=CTRL)

    gui.wait(lambda: len(gui.objects()) == 1)
    assert gui.objects()[0].mask == target.mask


def test_what_is_accepted_is_not_proposed_again_unless_asked(gui) -> None:
    gui.label(14, 40)
    gui.key(Qt.Key.Key_F)
    gui.wait(lambda: len(proposals(gui)) == 2)
    accepted = gui.objects()[0].mask.to_mask((SIDE_PX, SIDE_PX))
    for one in proposals(gui):
        assert not (one.mask.to_mask((SIDE_PX, SIDE_PX)) & accepted).any()

    part_of(gui).bar.over.click()
    gui.wait(lambda: len(proposals(gui)) == 3)


def test_a_tile_without_objects_says_so(gui) -> None:
    nothing = np.full((SIDE_PX, SIDE_PX), 40, dtype=np.uint8)
    gui.controller.loop.show(gui.session.current_image_id, nothing)
    gui.key(Qt.Key.Key_F)

    gui.wait(lambda: part_of(gui).bar.status.text() == "The model finds nothing here.")
    assert proposals(gui) == ()
    assert part_of(gui).bar.isVisibleTo(gui.dock)
