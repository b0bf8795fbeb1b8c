from __future__ import annotations

import numpy as np
import pytest

from napari_icseg.controllers import hints
from napari_icseg.controllers.boxes import Box
from napari_icseg.controllers.clicks import Click, ClickState, Subject, chip_of, describe
from napari_icseg.controllers.scribbles import Scribble
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
            "layer 2/2 · score 0.80",
        ),
        (
            clicked((1, 1, True)).answer((Candidate(MASK, 0.5, "part", is_cut=True),)),
            "part 1/1 · score 0.50 · goes on beyond",
        ),
    ],
)
def test_the_candidate_line_says_which_of_how_many_and_how_sure(state, text):
    assert describe(state) == text


STROKE = Scribble(((5, 5), (5, 45)), is_positive=True, shape_hw=(60, 60))
NOT_THIS = Scribble(((9, 9),), is_positive=False, shape_hw=(60, 60))


def test_a_stroke_is_few_points_for_the_model_and_one_step_back_for_the_user():
    state = clicked((1, 1, True)).add(STROKE)
    assert state.prompts().num_points == 5
    assert [stroke.is_positive for stroke in state.prompts().strokes] == [True]
    assert state.remove_last().clicks == (Click(1, 1, is_positive=True),)


def test_a_stroke_that_only_takes_away_asks_nothing_of_the_model():
    assert not ClickState().add(NOT_THIS).is_pending
    assert ClickState().add(NOT_THIS).add(STROKE).is_pending


def test_a_box_asks_by_itself_and_a_new_one_replaces_it():
    state = ClickState().with_box(Box(2, 3, 12, 23)).with_box(Box(4, 5, 14, 25))
    assert state.is_pending
    # corners are pixel centres, x before y
    assert state.prompts().box_xyxy.tolist() == [5, 4, 24, 13]


def test_corrections_of_a_box_are_taken_back_before_the_box():
    state = ClickState().with_box(Box(2, 3, 12, 23)).add(Click(4, 4, is_positive=False))
    assert state.remove_last().prompts().box_xyxy is not None
    assert state.remove_last().remove_last() == ClickState()


def test_an_object_to_correct_is_its_own_candidate_until_a_click_corrects_it():
    subject = Subject(7, MASK, 0.8)
    state = ClickState().refine(subject)
    assert state.candidate.mask == MASK
    assert not state.is_pending
    corrected = state.add(Click(1, 1, is_positive=False))
    assert corrected.is_pending
    assert corrected.prompts().mask == MASK
    assert corrected.answer((LAYER,)).remove_last() == state


def test_the_hint_owns_up_to_a_guess():
    sure, unsure = clicked((1, 1, True)).answer((NET,)), Candidate(MASK, 0.41, "net")
    assert hints.after_clicks(sure, "metal").kind == "info"
    hint = hints.after_clicks(clicked((1, 1, True)).answer((unsure,)), "metal")
    assert (hint.kind, "unsure here (score 0.41)" in hint.text) == ("warning", True)


def test_the_hint_owns_up_to_a_frayed_mask():
    frayed = Candidate(MASK, 0.87, "net", is_frayed=True)
    hint = hints.after_clicks(clicked((1, 1, True)).answer((frayed,)), "metal")
    assert hint == hints.FRAYED


def test_the_hint_asks_whether_a_click_outside_of_its_mask_was_meant():
    missed = clicked((1, 1, True), (9, 9, True)).answer((NET,))
    assert hints.after_clicks(missed, "metal") == hints.MISSED
    only_taken_away = clicked((1, 1, True), (9, 9, False)).answer((NET,))
    assert hints.after_clicks(only_taken_away, "metal").kind == "info"


def test_the_hint_says_when_a_correction_changed_nothing():
    state = ClickState().refine(Subject(7, MASK)).add(Click(1, 1, is_positive=False))
    assert hints.after_clicks(state.answer((NET,)), "metal") == hints.NOT_CORRECTED


def test_a_chip_is_short():
    assert [chip_of(candidate) for candidate in (NET, LAYER)] == ["net .93", "layer .80"]
