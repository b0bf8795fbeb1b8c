from __future__ import annotations

import logging
import threading
import time

import numpy as np
import pytest

from napari_icseg.prompting.cache import EmbeddingCache
from napari_icseg.prompting.errors import PromptError
from napari_icseg.prompting.predictor import Sam2PromptPredictor
from napari_icseg.prompting.protocol import Prompts
from napari_icseg.prompting.windows import WindowGrid
from napari_icseg.prompting.worker import PromptWorker
from tests.napari_icseg.prompting.fakes import WAIT_S, FakePredictor, Listener, image
from trainers.errors import CheckpointError, DataError
from trainers.models.sam2.nano import build_sam2_nano


def click(x: float = 5, y: float = 5) -> Prompts:
    return Prompts([[x, y]], [1])


@pytest.fixture
def fake() -> FakePredictor:
    return FakePredictor()


@pytest.fixture
def worker(fake):
    with PromptWorker(lambda: fake) as worker:
        yield worker
        # a gate left closed would make the end of the test wait
        fake.predict_gate.set()


@pytest.fixture
def listener(worker) -> Listener:
    return Listener(worker)


def wait_until(condition) -> None:
    until_s = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < until_s
        time.sleep(0.002)


def test_the_shown_image_is_embedded_once_and_clicks_are_answered(worker, fake, listener):
    shown = worker.show(7, image(1))
    listener.wait(lambda: listener.embedded == [shown])
    for x in (3, 4):
        request = worker.predict(click(x))
        listener.wait(
            lambda request=request: (
                listener.predicted[-1:] and listener.predicted[-1].request is request
            )
        )
    result = listener.predicted[-1]
    assert result.request.image_id == 7
    assert result.model == "fake"
    assert (result.candidates[0].mask.row, result.candidates[0].mask.col) == (5, 4)
    assert len(fake.embedded) == 1
    assert fake.threads == {worker._thread.ident} != {threading.get_ident()}


def test_a_click_before_the_embedding_is_ready_is_answered_after_it(worker, fake, listener):
    fake.embed_gate.clear()
    worker.show(1, image(1))
    request = worker.predict(click())
    assert fake.is_embedding.wait(WAIT_S)
    assert not listener.predicted
    fake.embed_gate.set()
    listener.wait(lambda: [r.request for r in listener.predicted] == [request])
    listener.wait(lambda: len(listener.embedded) == 1)
    assert len(fake.embedded) == 1
    assert not fake.interrupted


def test_clicks_during_an_embedding_do_not_start_it_again(worker, fake, listener):
    fake.embed_gate.clear()
    worker.show(1, image(1))
    assert fake.is_embedding.wait(WAIT_S)
    for x in range(20):
        worker.predict(click(x))
        time.sleep(0.002)
    fake.embed_gate.set()
    listener.wait(lambda: listener.predicted)
    assert not fake.interrupted
    assert len(fake.embedded) == 1


def test_of_ten_thousand_requests_the_newest_is_answered_and_nothing_piles_up(
    worker, fake, listener
):
    worker.show(1, image(1))
    fake.predict_gate.clear()
    worker.predict(click(0))
    assert fake.is_predicting.wait(WAIT_S)
    for number in range(10_000):
        newest = worker.predict(click(number % 60))
        assert worker._inbox.num_waiting <= 2
    fake.predict_gate.set()
    listener.wait(lambda: listener.predicted)
    listener.wait_idle()
    assert [result.request for result in listener.predicted] == [newest]
    assert len(fake.predicted) == 2


def test_a_cancelled_click_is_not_answered(worker, fake, listener):
    worker.show(1, image(1))
    fake.predict_gate.clear()
    worker.predict(click(1))
    assert fake.is_predicting.wait(WAIT_S)
    worker.cancel()
    fake.predict_gate.set()
    newest = worker.predict(click(2))
    listener.wait(lambda: listener.predicted)
    assert [result.request for result in listener.predicted] == [newest]


def test_clicks_on_an_image_left_behind_are_void_and_its_embedding_stops(worker, fake, listener):
    fake.embed_gate.clear()
    worker.show(1, image(1))
    worker.predict(click())
    assert fake.is_embedding.wait(WAIT_S)
    second = worker.show(2, image(2))
    wait_until(lambda: fake.interrupted)
    fake.embed_gate.set()
    listener.wait(lambda: listener.embedded == [second])
    listener.wait_idle()
    assert set(fake.interrupted) == {1}
    assert not listener.predicted
    assert [value for value, _ in fake.embedded] == [2]


def test_neighbours_are_embedded_ahead_and_then_shown_without_waiting(worker, fake, listener):
    worker.show(1, image(1))
    worker.embed_ahead([(2, lambda: image(2)), (3, lambda: image(3))])
    wait_until(lambda: len(fake.embedded) == 3)
    assert [value for value, _ in fake.embedded] == [1, 2, 3]
    shown = worker.show(3, image(3))
    listener.wait(lambda: shown in listener.embedded)
    assert len(fake.embedded) == 3
    assert len(listener.embedded) == 2


def test_a_click_stops_the_embedding_ahead_which_then_goes_on(worker, fake, listener):
    worker.show(1, image(1))
    listener.wait(lambda: listener.embedded)
    fake.embed_gate.clear()
    fake.is_embedding.clear()
    worker.embed_ahead([(2, lambda: image(2))])
    assert fake.is_embedding.wait(WAIT_S)
    request = worker.predict(click())
    listener.wait(lambda: [r.request for r in listener.predicted] == [request])
    assert 2 in fake.interrupted
    fake.embed_gate.set()
    wait_until(lambda: [value for value, _ in fake.embedded] == [1, 2])


def test_newer_neighbours_replace_the_older_ones(worker, fake, listener):
    fake.embed_gate.clear()
    worker.show(1, image(1))
    assert fake.is_embedding.wait(WAIT_S)
    worker.embed_ahead([(number, lambda: image(9)) for number in range(1000)])
    worker.embed_ahead([(2, lambda: image(2))])
    fake.embed_gate.set()
    wait_until(lambda: len(fake.embedded) == 2)
    listener.wait_idle()
    assert [value for value, _ in fake.embedded] == [1, 2]


def test_a_neighbour_that_cannot_be_read_disturbs_nobody(worker, fake, listener):
    def broken():
        raise DataError("cut off")

    worker.show(1, image(1))
    worker.embed_ahead([(2, broken), (3, lambda: image(3))])
    wait_until(lambda: [value for value, _ in fake.embedded] == [1, 3])
    listener.wait_idle()
    assert not listener.failed


def test_a_large_image_is_ready_after_its_central_window_and_the_rest_follows(
    worker, fake, listener
):
    fake.input_size_px = 400
    shown = worker.show(1, image(1, (600, 900)))
    listener.wait(lambda: listener.embedded == [shown])
    windows = WindowGrid((600, 900), 400).windows
    wait_until(lambda: len(fake.embedded) == len(windows))
    assert {window for _, window in fake.embedded} == set(windows)
    worker.predict(click(880, 10))
    listener.wait(lambda: listener.predicted)
    assert len(fake.embedded) == len(windows)


def test_windows_ahead_take_no_more_than_half_of_the_memory(fake):
    fake.input_size_px = 400
    # an embedding of the fake has 48 bytes
    with PromptWorker(lambda: fake, cache=EmbeddingCache(max_bytes=48 * 6)) as worker:
        listener = Listener(worker)
        worker.show(1, image(1, (600, 900)))
        listener.wait(lambda: listener.embedded)
        listener.wait_idle()
        assert len(fake.embedded) == 3


@pytest.mark.parametrize("point", [(64, 5), (5, -1)])
def test_a_click_outside_the_image_is_told_and_the_next_one_is_answered(worker, listener, point):
    worker.show(1, image(1))
    bad = worker.predict(click(*point))
    listener.wait(lambda: listener.failed)
    request, message = listener.failed[0]
    assert request is bad
    assert "outside the image of 64 x 64" in message
    worker.predict(click())
    listener.wait(lambda: listener.predicted)


def test_no_prompt_at_all_is_told(worker, listener):
    worker.show(1, image(1))
    worker.predict(Prompts([], []))
    listener.wait(lambda: listener.failed)
    assert "no prompt" in listener.failed[0][1]


def test_without_an_image_there_is_nothing_to_click(worker):
    with pytest.raises(PromptError, match="No image is open"):
        worker.predict(click())


def test_what_is_no_grey_image_is_refused_at_once(worker):
    with pytest.raises(PromptError, match="Expected a grey image"):
        worker.show(1, np.zeros((4, 4, 3), np.uint8))


def test_a_models_mistake_is_told_and_the_thread_lives(worker, fake, listener, monkeypatch):
    def fail(*args):
        raise RuntimeError("out of memory")

    worker.show(1, image(1))
    with monkeypatch.context() as patch:
        patch.setattr(fake, "predict", fail)
        bad = worker.predict(click())
        listener.wait(lambda: listener.failed)
    assert listener.failed == [(bad, "RuntimeError: out of memory")]
    worker.predict(click())
    listener.wait(lambda: listener.predicted)


def test_a_listeners_mistake_does_not_end_the_thread(worker, listener, caplog):
    def broken(result):
        raise ValueError("not my day")

    worker.predicted.connect(broken)
    worker.show(1, image(1))
    with caplog.at_level(logging.CRITICAL):
        for x in (1, 2):
            worker.predict(click(x))
            listener.wait(lambda x=x: len(listener.predicted) == x)
    assert worker._thread.is_alive()


def test_a_model_that_cannot_be_loaded_is_told_and_another_can_be_chosen(fake):
    gate = threading.Event()

    def missing():
        assert gate.wait(WAIT_S)
        raise CheckpointError("The weights are not on this machine.")

    with PromptWorker(missing) as worker:
        listener = Listener(worker)
        gate.set()
        listener.wait(lambda: listener.failed == [(None, "The weights are not on this machine.")])
        worker.show(1, image(1))
        listener.wait(lambda: len(listener.failed) == 2)
        assert "No model is loaded" in listener.failed[1][1]
        assert "not on this machine" in listener.failed[1][1]
        worker.use(lambda: fake)
        listener.wait(lambda: len(listener.embedded) == 1)


def test_a_failed_switch_leaves_the_model_that_worked(worker, fake, listener):
    def missing():
        raise CheckpointError("no weights")

    worker.show(1, image(1))
    # a switch before the first model is loaded takes its place
    listener.wait(lambda: listener.embedded)
    worker.use(missing)
    listener.wait(lambda: listener.failed == [(None, "no weights")])
    worker.predict(click())
    listener.wait(lambda: listener.predicted)
    assert listener.predicted[0].model == "fake"


def test_a_switch_during_a_prediction_lets_only_the_new_model_answer(worker, fake, listener):
    other = FakePredictor(name="other", checkpoint_id="other")
    worker.show(1, image(1))
    fake.predict_gate.clear()
    request = worker.predict(click())
    assert fake.is_predicting.wait(WAIT_S)
    worker.use(lambda: other)
    fake.predict_gate.set()
    listener.wait(lambda: listener.predicted)
    listener.wait_idle()
    assert [(r.request, r.model) for r in listener.predicted] == [(request, "other")]
    assert len(other.embedded) == 1


def test_a_switch_during_an_embedding_stops_it_and_embeds_anew(worker, fake, listener):
    other = FakePredictor(name="other", checkpoint_id="other")
    fake.embed_gate.clear()
    shown = worker.show(1, image(1))
    assert fake.is_embedding.wait(WAIT_S)
    worker.use(lambda: other)
    listener.wait(lambda: listener.embedded == [shown])
    assert fake.interrupted
    assert len(other.embedded) == 1


@pytest.mark.parametrize("state", ["idle", "embedding", "predicting", "ahead"])
def test_close_ends_the_thread_from_any_state(worker, fake, listener, state):
    worker.show(1, image(1))
    listener.wait(lambda: listener.embedded)
    fake.is_embedding.clear()
    if state in ("embedding", "ahead"):
        fake.embed_gate.clear()
        if state == "embedding":
            worker.show(2, image(2))
        else:
            worker.embed_ahead([(2, lambda: image(2))])
        assert fake.is_embedding.wait(WAIT_S)
    elif state == "predicting":
        fake.predict_gate.clear()
        worker.predict(click())
        assert fake.is_predicting.wait(WAIT_S)
        threading.Timer(0.05, fake.predict_gate.set).start()
    started_s = time.monotonic()
    worker.close()
    assert not worker._thread.is_alive()
    assert time.monotonic() - started_s < 5
    worker.close()
    worker.show(1, image(1))
    worker.predict(click())
    worker.embed_ahead([(2, lambda: image(2))])
    assert not listener.predicted


def test_close_from_a_listener_does_not_wait_for_itself(worker, listener):
    worker.embedded.connect(lambda request: worker.close())
    worker.show(1, image(1))
    wait_until(lambda: not worker._thread.is_alive())


@pytest.mark.parametrize("error", [DataError("No space left"), ValueError("No space left")])
def test_whatever_the_disk_does_only_costs_the_cache(fake, error):
    class FullDisk:
        def read(self, key):
            return None

        def write(self, key, embedding):
            raise error

    with PromptWorker(lambda: fake, cache=EmbeddingCache(disk=FullDisk())) as worker:
        listener = Listener(worker)
        worker.show(1, image(1))
        listener.wait(lambda: any("No space left" in text for text in listener.status))
        worker.predict(click())
        listener.wait(lambda: listener.predicted)
        assert not listener.failed


def test_a_real_model_closes_in_the_middle_of_an_embedding():
    nano = build_sam2_nano(width=32, num_blocks=1).eval()
    load = Sam2PromptPredictor(nano, name="nano", checkpoint_id="x")
    with PromptWorker(lambda: load) as worker:
        listener = Listener(worker)
        worker.show(1, np.zeros((1024, 1024), np.uint8))
        listener.wait(lambda: "Embedding the image…" in listener.status)
        started_s = time.monotonic()
    assert time.monotonic() - started_s < 5
    assert not worker._thread.is_alive()


def test_hovering_says_what_a_click_would_give(worker, fake, listener):
    worker.show(7, image(1))
    listener.wait(lambda: listener.embedded)
    listener.wait_idle()
    worker.hover(click(9, 4))
    listener.wait(lambda: listener.hovered)
    (result,) = listener.hovered
    assert result.candidate.mask.contains(4, 9)
    assert listener.predicted == []


def test_hovering_never_embeds_and_is_silent_before_the_image_is_ready(worker, fake, listener):
    fake.embed_gate.clear()
    worker.show(7, image(1))
    worker.cache.max_bytes = 0
    worker.hover(click())
    fake.embed_gate.set()
    listener.wait(lambda: listener.embedded)
    listener.wait_idle()
    assert len(fake.embedded) == 1
    assert listener.hovered == []
    assert listener.failed == []


def test_a_click_takes_the_place_of_a_preview_that_waits(worker, fake, listener):
    worker.show(7, image(1))
    listener.wait(lambda: listener.embedded)
    listener.wait_idle()
    fake.predict_gate.clear()
    worker.hover(click(1, 1))
    assert fake.is_predicting.wait(WAIT_S)
    worker.hover(click(2, 2))
    request = worker.predict(click(3, 3))
    fake.predict_gate.set()
    listener.wait(lambda: listener.predicted)
    listener.wait_idle()
    assert listener.predicted[0].request is request
    assert listener.hovered == []
    assert [prompts.points_xy[0, 0] for prompts in fake.predicted] == [1, 3]


def test_a_click_stops_a_preview_in_the_middle_of_the_model():
    model = build_sam2_nano().eval()
    predictor = Sam2PromptPredictor(model, name="nano", checkpoint_id="x")
    started, go_on, called = threading.Event(), threading.Event(), []

    def hold(*_args) -> None:
        called.append(1)
        started.set()
        assert go_on.wait(WAIT_S)

    with PromptWorker(lambda: predictor) as worker:
        listener = Listener(worker)
        worker.show(1, image(1))
        listener.wait(lambda: listener.embedded)
        for module in model.mask_decoder.modules():
            module.register_forward_pre_hook(hold)
        worker.hover(click(9, 9))
        assert started.wait(WAIT_S)
        request = worker.predict(click(5, 5))
        go_on.set()
        listener.wait(lambda: listener.predicted)
        num_with_preview = len(called)
        worker.predict(click(7, 7))
        listener.wait(lambda: len(listener.predicted) == 2)
    assert listener.predicted[0].request is request
    assert num_with_preview <= len(called) - num_with_preview + 2
