"""How fast clicks are answered, and whether the GUI thread can breathe meanwhile.

`pytest tests/benchmarks/bench_prompting.py -m bench -s` writes bench-out/prompting.json.
Targets on two CPU cores with sam2-nano: a 256² tile embedded in 60 ms, a 1024² window in
700 ms, click to mask 95 % within 100 ms (that includes drawing, which is not measured here),
no other thread held up by more than 50 ms. `ICSEG_BENCH_DEVICE=cuda` measures a graphics card.
"""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from napari_icseg.prompting.checkpoints import EMBEDDED, is_available, load_predictor
from napari_icseg.prompting.predictor import Sam2PromptPredictor
from napari_icseg.prompting.protocol import Prompts
from napari_icseg.prompting.windowed import answer_in_windows
from napari_icseg.prompting.worker import PromptWorker
from trainers.data.synthetic import PRESETS, generate_tile
from trainers.io.atomic import write_text_atomic
from trainers.models.sam2.nano import build_sam2_nano
from trainers.models.sam2.official import build_official_sam2

OUT = Path("bench-out") / "prompting.json"
NUM_THREADS = 2
DEVICE = os.environ.get("ICSEG_BENCH_DEVICE", "cpu")
NUM_CLICKS = 60
OTHERS = {"cpu": ("sam2.1-tiny",), "cuda": ("sam2.1-tiny", "sam2.1-large")}
HEARTBEAT_S = 0.005
WAIT_S = 120.0


def nano() -> Sam2PromptPredictor:
    """The model that ships, or the same architecture untrained: the cost is equal."""
    if is_available(EMBEDDED):
        return load_predictor(EMBEDDED, DEVICE)
    return untrained(EMBEDDED, build_sam2_nano().eval())


def untrained(name: str, model: Any) -> Sam2PromptPredictor:
    return Sam2PromptPredictor(
        model.to(DEVICE), name=name, checkpoint_id="untrained", device=DEVICE
    )


def tile(size_px: int, index: int) -> np.ndarray:
    return generate_tile(PRESETS["metal_vias"].resized(size_px), 7, index).image


def summary(seconds: list[float]) -> dict[str, float]:
    """Milliseconds: best, median and 95 %."""
    values_ms = np.array(seconds) * 1000
    p50, p95 = np.percentile(values_ms, [50, 95])
    found = {"min_ms": values_ms.min(), "p50_ms": p50, "p95_ms": p95}
    return {name: round(float(value), 1) for name, value in found.items()}


def timed(action) -> float:
    started_s = time.perf_counter()
    action()
    if DEVICE == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started_s


def embedding_times(predictor, images: list[np.ndarray]) -> dict[str, float]:
    predictor.embed(images[0])
    return summary([timed(lambda image=image: predictor.embed(image)) for image in images])


def click_times(predictor, image: np.ndarray) -> dict[str, dict[str, float]]:
    """Sessions of one to five clicks on an embedded image; each click is a prediction."""
    embedding, rng = predictor.embed(image), np.random.default_rng(0)
    first, later = [], []
    while len(first) + len(later) < NUM_CLICKS:
        points = rng.uniform(0, image.shape[0] - 1, (5, 2))
        labels = [1, 0, 1, 0, 1]
        for n in range(1, 6):
            prompts = Prompts(points[:n], labels[:n])
            seconds = timed(
                lambda prompts=prompts: (
                    answer_in_windows(
                        predictor, lambda window: embedding, image.shape, prompts
                    ).candidates
                )
            )
            (first if n == 1 else later).append(seconds)
    return {"first": summary(first), "correction": summary(later)}


class Heartbeat:
    """How late a thread that wants to run every 5 ms is, as a GUI thread would be."""

    def __init__(self) -> None:
        self.late_s: list[float] = []
        self._stop = threading.Event()

    def __enter__(self) -> Heartbeat:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            started_s = time.perf_counter()
            time.sleep(HEARTBEAT_S)
            self.late_s.append(time.perf_counter() - started_s - HEARTBEAT_S)

    def result(self) -> dict[str, float]:
        return {"max_ms": round(1000 * max(self.late_s), 1), **summary(self.late_s)}


def worker_times(load, images: list[np.ndarray]) -> dict[str, object]:
    """Through the worker: show, click, answer; beside it a thread that wants to run."""
    answers, ready = threading.Semaphore(0), threading.Semaphore(0)
    clicks, rng = [], np.random.default_rng(1)
    with PromptWorker(load) as worker, Heartbeat() as heart:
        worker.predicted.connect(lambda result: answers.release())
        worker.embedded.connect(lambda request: ready.release())
        for number, image in enumerate(images):
            worker.show(number, image)
            assert ready.acquire(timeout=WAIT_S)
            for _ in range(10):
                prompts = Prompts(rng.uniform(0, image.shape[0] - 1, (1, 2)), [1])
                started_s = time.perf_counter()
                worker.predict(prompts)
                assert answers.acquire(timeout=WAIT_S)
                clicks.append(time.perf_counter() - started_s)
    return {"click": summary(clicks), "other_thread_late": heart.result()}


@pytest.mark.bench
@pytest.mark.timeout(1200)
def test_prompting() -> None:
    torch.set_num_threads(NUM_THREADS)
    small, large = [tile(256, i) for i in range(20)], [tile(1024, i) for i in range(5)]
    predictor = nano()
    result: dict[str, object] = {
        "machine": {
            "num_cores": os.cpu_count(),
            "num_threads": NUM_THREADS,
            "device": torch.cuda.get_device_name() if DEVICE == "cuda" else DEVICE,
            # above the number of cores, other programs were in the way
            "load_average": [round(load, 1) for load in os.getloadavg()],
        },
        "checkpoint_id": predictor.checkpoint_id,
        EMBEDDED: {
            "load_ms": round(1000 * timed(nano), 1),
            "embed_256": embedding_times(predictor, small),
            "embed_1024": embedding_times(predictor, large),
            "click_256": click_times(predictor, small[0]),
            "click_1024": click_times(predictor, large[0]),
            "worker_256": worker_times(nano, small),
            "worker_1024": worker_times(nano, large),
        },
    }
    for name in OTHERS[DEVICE]:
        other = untrained(name, build_official_sam2(name))
        result[name] = {
            "embed_256": embedding_times(other, small[:3]),
            "click_256": click_times(other, small[0]),
        }
    text = json.dumps(result, indent=1)
    print(text)
    write_text_atomic(OUT, text + "\n")
