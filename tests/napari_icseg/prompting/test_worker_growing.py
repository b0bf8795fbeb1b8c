"""The worker answers at once, then follows what the clicked window cuts, until it is not wanted."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from napari_icseg.prompting.interrupt import stop_if_asked
from napari_icseg.prompting.protocol import Prompts
from napari_icseg.prompting.windows import WindowGrid
from napari_icseg.prompting.worker import PromptWorker
from tests.napari_icseg.flood_predictor import FloodPredictor
from tests.napari_icseg.prompting.fakes import WAIT_S, FakePredictor, Listener, image

SIDE_PX = 300
SHAPE_HW = (300, 800)


class SteppedFlood(FloodPredictor):
    """Answers the first window at once; further ones wait while `beyond` is closed."""

    input_size_px = SIDE_PX

    def __init__(self) -> None:
        super().__init__()
        self.beyond = threading.Event()
        self.beyond.set()
        self.is_waiting = threading.Event()
        self.error: Exception | None = None
        self.num_predicted = self.num_beyond = 0

    def predict(self, embedding, prompts):
        self.num_predicted += 1
        if embedding.window.left > 0:
            self.is_waiting.set()
            assert self.beyond.wait(WAIT_S)
            if self.error is not None:
                raise self.error
            # as a model does before each of its modules
            stop_if_asked()
            self.num_beyond += 1
        return super().predict(embedding, prompts)


@pytest.fixture
def flood():
    return SteppedFlood()


@pytest.fixture
def worker(flood):
    with PromptWorker(lambda: flood) as worker:
        yield worker
        flood.beyond.set()


@pytest.fixture
def listener(worker):
    return Listener(worker)


@pytest.fixture
def pixels():
    """A net through the whole image, another on its left, and one on its right."""
    pixels = np.zeros(SHAPE_HW, np.uint8)
    pixels[100:110, 20:780] = 200
    pixels[200:210, 20:60] = 200
    pixels[200:210, 600:780] = 200
    return pixels


def click(x=30, y=105, **options):
    return Prompts([[x, y]], [1], **options)


def kinds(result):
    return {candidate.kind: candidate for candidate in result.candidates}


def last_grown(listener):
    listener.wait(lambda: listener.grown and not listener.grown[-1].is_growing)
    return listener.grown[-1]


def test_the_clicked_window_answers_first_and_its_net_then_grows_to_its_ends(
    worker, flood, listener, pixels
):
    flood.beyond.clear()
    worker.show(1, pixels)
    request = worker.predict(click())
    listener.wait(lambda: listener.predicted)
    first = listener.predicted[0]
    assert first.is_growing
    assert kinds(first)["net"].is_cut
    flood.beyond.set()
    last = last_grown(listener)
    assert len(listener.predicted) == 1
    assert all(result.request is request for result in listener.grown)
    assert all(result.is_growing for result in listener.grown[:-1])
    net = kinds(last)["net"]
    assert not net.is_cut
    assert (net.mask.to_mask(SHAPE_HW)[100:110] == (pixels[100:110] > 0)).all()
    assert net.mask.area == 10 * 760
    # nobody asked for the layer
    assert kinds(last)["layer"].is_cut


def test_a_net_that_takes_its_time_is_shown_on_its_way(worker, flood, listener, pixels):
    flood.seconds = 0.25
    worker.show(1, pixels)
    worker.predict(click())
    last = last_grown(listener)
    sizes = [kinds(result)["net"].mask.area for result in listener.grown]
    assert len(sizes) > 2
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1] == kinds(last)["net"].mask.area


def test_every_window_is_embedded_once(worker, flood, listener, pixels):
    worker.show(1, pixels)
    for number in (1, 2):
        worker.predict(click(30 + number))
        listener.wait(lambda number=number: len(listener.predicted) == number)
        listener.grown.clear()
        last_grown(listener)
    num_windows = len(WindowGrid(SHAPE_HW, SIDE_PX).windows)
    # the end of following is told as idleness too, before the windows ahead are embedded
    listener.wait(lambda: len(flood.embedded) >= num_windows)
    listener.wait_idle()
    assert len(flood.embedded) == num_windows


def test_a_net_inside_its_window_is_answered_once(worker, listener, pixels):
    worker.show(1, pixels)
    worker.predict(click(30, 205))
    listener.wait(lambda: listener.predicted)
    listener.wait_idle()
    assert not listener.predicted[0].is_growing
    assert not listener.grown


def test_the_layer_grows_when_it_is_asked_for(worker, listener, pixels):
    worker.show(1, pixels)
    request = worker.predict(click(30, 205))
    listener.wait(lambda: listener.predicted)
    worker.grow(request, "layer")
    last = last_grown(listener)
    layer = kinds(last)["layer"]
    assert (layer.mask.to_mask(SHAPE_HW) == (pixels > 0)).all()
    assert not layer.is_cut
    assert kinds(last)["net"] == kinds(listener.predicted[0])["net"]


def test_a_neighbour_that_is_embedded_ahead_does_not_hold_it_up(pixels):
    fake = FakePredictor(input_size_px=SIDE_PX)
    with PromptWorker(lambda: fake) as worker:
        listener = Listener(worker)
        worker.show(1, pixels)
        request = worker.predict(click())
        listener.wait(lambda: listener.predicted)
        listener.wait(lambda: len(fake.embedded) == len(WindowGrid(SHAPE_HW, SIDE_PX).windows))
        fake.embed_gate.clear()
        fake.is_embedding.clear()
        worker.embed_ahead([(2, lambda: image(2))])
        assert fake.is_embedding.wait(WAIT_S)
        worker.grow(request, "layer")
        last_grown(listener)
        assert fake.interrupted == [2]
        fake.embed_gate.set()


def test_the_layer_asked_for_in_answer_to_the_click_grows_instead_of_the_net(
    worker, listener, pixels
):
    worker.predicted.connect(lambda result: worker.grow(result.request, "layer"))
    worker.show(1, pixels)
    worker.predict(click())
    last = last_grown(listener)
    assert not kinds(last)["layer"].is_cut
    assert kinds(last)["net"].is_cut


def test_a_chosen_layer_grows_by_itself(worker, listener, pixels):
    worker.show(1, pixels)
    worker.predict(click(kind="layer"))
    assert kinds(last_grown(listener))["layer"].mask.area == np.count_nonzero(pixels)


@pytest.mark.parametrize("interruption", ["click", "cancel", "image", "model"])
def test_what_is_no_longer_wanted_is_not_followed(worker, flood, listener, pixels, interruption):
    flood.beyond.clear()
    worker.show(1, pixels)
    old = worker.predict(click())
    assert flood.is_waiting.wait(WAIT_S)
    if interruption == "click":
        worker.predict(click(30, 205))
    elif interruption == "cancel":
        worker.cancel()
    elif interruption == "image":
        worker.show(2, np.zeros_like(pixels))
    else:
        worker.use(lambda: flood)
    num_told = len(listener.grown)
    flood.beyond.set()
    if interruption == "click":
        listener.wait(lambda: len(listener.predicted) == 2)
    listener.wait_idle()
    assert flood.num_beyond == 0
    assert len(listener.grown) == num_told
    worker.grow(old, "net")
    listener.wait_idle()
    assert len(listener.grown) == num_told


def test_asking_for_the_kind_that_grows_already_does_not_start_it_again(
    worker, flood, listener, pixels
):
    flood.beyond.clear()
    worker.show(1, pixels)
    request = worker.predict(click())
    assert flood.is_waiting.wait(WAIT_S)
    for _ in range(5):
        worker.grow(request, "net")
    flood.beyond.set()
    last_grown(listener)
    listener.wait_idle()
    assert sum(not result.is_growing for result in listener.grown) == 1
    # but who asks once more is told at once that this was all
    num_predicted = flood.num_predicted
    worker.grow(request, "net")
    listener.wait(lambda: sum(not result.is_growing for result in listener.grown) == 2)
    assert flood.num_predicted == num_predicted


def test_a_mistake_on_the_way_leaves_what_was_found_and_ends_it(worker, flood, listener, pixels):
    flood.error = RuntimeError("out of memory")
    worker.show(1, pixels)
    worker.predict(click())
    last = last_grown(listener)
    assert kinds(last)["net"] == kinds(listener.predicted[0])["net"]
    assert not listener.failed
    flood.error = None
    worker.grow(last.request, "net")
    listener.wait(lambda: listener.grown and not kinds(listener.grown[-1])["net"].is_cut)
    worker.predict(click(30, 205))
    listener.wait(lambda: len(listener.predicted) == 2)


def test_close_stops_following(worker, flood, pixels, listener):
    flood.beyond.clear()
    worker.show(1, pixels)
    worker.predict(click())
    assert flood.is_waiting.wait(WAIT_S)
    threading.Timer(0.05, flood.beyond.set).start()
    worker.close()
    assert not worker._thread.is_alive()


def test_following_waits_until_the_answer_is_drawn_and_the_next_click_does_not(
    worker, listener, pixels, monkeypatch
):
    monkeypatch.setattr("napari_icseg.prompting.worker._DRAWING_S", 2 * WAIT_S)
    worker.show(1, pixels)
    worker.predict(click())
    listener.wait(lambda: listener.predicted)
    worker.predict(click(30, 205))
    listener.wait(lambda: len(listener.predicted) == 2)
    assert not listener.grown
