from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_icseg.prompting.gpu_memory import is_out_of_memory
from napari_icseg.prompting.predictor import Sam2PromptPredictor
from napari_icseg.prompting.protocol import Prompts
from napari_icseg.prompting.worker import PromptWorker
from tests.napari_icseg.prompting.fakes import FakePredictor, Listener, image
from trainers.models.sam2.nano import build_sam2_nano


class FullGpuPredictor(FakePredictor):
    """On a device that is too small for everything; on the CPU after `to_cpu`."""

    def __init__(self, fails_in: str) -> None:
        super().__init__(name="big")
        self.fails_in = fails_in
        self.num_moves = 0

    def to_cpu(self) -> bool:
        self.num_moves += 1
        return self.num_moves == 1

    def _use_memory(self, step: str) -> None:
        if step == self.fails_in and self.num_moves == 0:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")

    def embed(self, *args, **options):
        self._use_memory("embed")
        return super().embed(*args, **options)

    def predict(self, *args):
        self._use_memory("predict")
        return super().predict(*args)


@pytest.mark.parametrize("step", ["embed", "predict"])
def test_a_full_gpu_is_told_and_the_click_is_answered_on_the_cpu(step):
    fake = FullGpuPredictor(step)
    with PromptWorker(lambda: fake) as worker:
        listener, noted = Listener(worker), []
        worker.noted.connect(noted.append)
        worker.show(1, image())
        worker.predict(Prompts([[5, 5]], [1]))
        listener.wait(lambda: listener.predicted)
        assert not listener.failed
        assert fake.num_moves == 1
        assert len(noted) == 1
        assert "big goes on on the CPU" in noted[0]


def test_a_model_that_never_finds_enough_memory_is_told_as_a_failure_and_the_thread_lives():
    class Hopeless(FullGpuPredictor):
        def _use_memory(self, step: str) -> None:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")

    fake = Hopeless("embed")
    with PromptWorker(lambda: fake) as worker:
        listener = Listener(worker)
        worker.show(1, image())
        listener.wait(lambda: listener.failed)
        assert "out of memory" in listener.failed[0][1]
        worker.use(FakePredictor)
        listener.wait(lambda: listener.embedded)


class _FullOnce(torch.nn.Module):
    """A SAM-2 whose first pass finds no memory, as a graphics card would."""

    def __init__(self, model) -> None:
        super().__init__()
        self._inner, self._is_full = model, True
        self.token_kinds, self.native_resolution = model.token_kinds, model.native_resolution
        self.input_size_px = model.input_size_px
        self.decode = model.decode

    def encode(self, pixels):
        if self._is_full:
            self._is_full = False
            raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
        return self._inner.encode(pixels)


def test_the_real_predictor_answers_on_the_cpu_as_if_it_had_always_been_there():
    torch.manual_seed(0)
    model = build_sam2_nano().eval()
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64), dtype=np.uint8)
    plain = Sam2PromptPredictor(model, name="nano", checkpoint_id="a")
    wanted = plain.predict(plain.embed(pixels), Prompts([[20, 20]], [1]))
    full = Sam2PromptPredictor(_FullOnce(model), name="nano", checkpoint_id="a", device="meta")
    full._frame = plain._frame
    with PromptWorker(lambda: full) as worker:
        listener = Listener(worker)
        worker.show(1, pixels)
        worker.predict(Prompts([[20, 20]], [1]))
        listener.wait(lambda: listener.predicted)
    found = listener.predicted[-1].candidates
    assert [(c.kind, c.mask) for c in found] == [(c.kind, c.mask) for c in wanted]
    # the worker may use another number of threads, which add up in another order
    assert [c.score for c in found] == pytest.approx([c.score for c in wanted], abs=1e-6)
    assert full.to_cpu() is False


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (torch.cuda.OutOfMemoryError("CUDA out of memory."), True),
        (RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"), True),
        (RuntimeError("sizes differ"), False),
        (MemoryError("out of memory"), False),
    ],
)
def test_only_a_full_device_is_taken_for_one(error, expected):
    assert is_out_of_memory(error) is expected
