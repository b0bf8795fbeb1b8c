from __future__ import annotations

import numpy as np
import pytest

from napari_icseg.controllers.clicks import Click, ClickState, describe
from napari_icseg.prompting.protocol import Candidate
from trainers.io.rle import RleMask

MASK = RleMask.from_mask(np.ones((2, 2), dtype=bool))
NET, LAYER = Candidate(MASK, 0.93, "net"), Candidate(MASK, 0.8, "layer")


def clicked(*clicks: tuple[int, int, bool]) -> ClickState:
    state = ClickState()
    for row, col, is_positive in clicks:
        state = state.add(Click(row, col, is_positive))
    return state


def test_prompts_turn_rows_and_columns_into_x_and_y():
    prompts = clicked((3, 7, True), (5, 9, False)).prompts()
    assert prompts.points_xy.tolist() == [[7.0, 3.0], [9.0, 5.0]]
    assert prompts.labels.tolist() == [1, 0]


def test_the_old_candidates_stay_until_the_new_answer_comes():
    state = clicked((3, 7, True)).answer((NET, LAYER)).add(Click(1, 1, False))
    assert state.is_pending
    assert state.candidate is NET


def test_without_a_positive_click_nothing_is_asked():
    state = clicked((3, 7, True)).answer((NET,)).add(Click(1, 1, False)).remove_last()
    assert state.is_pending
    assert not state.remove_last().is_pending
    assert not clicked((1, 1, False)).is_pending
    assert clicked((1, 1, False)).candidate is None


def test_cycling_goes_round_both_ways():
    state = clicked((3, 7, True)).answer((NET, LAYER))
    assert [state.cycle(step).candidate.kind for step in (1, 2, -1)] == ["layer", "net", "layer"]
    assert ClickState().cycle(1) == ClickState()


def test_the_chosen_kind_is_kept_and_told_to_the_model():
    state = clicked((3, 7, True)).answer((NET, LAYER)).cycle(1).add(Click(1, 1, False))
    assert state.prompts().kind == "layer"
    assert state.answer((LAYER, NET)).candidate.kind == "layer"
    assert state.answer((NET,)).candidate.kind == "net"


def test_asking_to_accept_is_forgotten_by_another_click():
    state = clicked((3, 7, True)).ask_accept()
    assert state.accept_when_ready
    assert not state.add(Click(1, 1, True)).accept_when_ready


@pytest.mark.parametrize(
    ("state", "text"),
    [
        (ClickState(), ""),
        (clicked((1, 1, True)).answer((NET,)), "net 1/1 · score 0.93"),
        (
            clicked((1, 1, True)).answer((NET, LAYER)).cycle(1),
            "layer 2/2 · score 0.80 · Tab for next",
        ),
        (
            clicked((1, 1, True)).answer((Candidate(MASK, 0.5, "part", is_cut=True),)),
            "part 1/1 · score 0.50 · goes on beyond",
        ),
    ],
)
def test_the_candidate_line_says_which_of_how_many_and_how_sure(state, text):
    assert describe(state) == text
