"""The thread that embeds and predicts, so that the GUI thread never computes.

        use/show/predict/grow/embed_ahead      signals, emitted in the worker's thread
    GUI ───────────────────────────► Inbox ──► worker ──► embedded, predicted, grown, failed,
                                                          status

The worker takes the most urgent request: another model, then clicks, then a mask to follow into
further windows, then the shown image, then images ahead. Work on a request that is no longer
wanted is stopped inside the model.

In an image of several windows the answer of the clicked one comes first, by `predicted`. Its net
is then followed into the others by itself, the layer when `grow` asks for it, and each step is
told by `grown`.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from psygnal import Signal, SignalInstance

from napari_icseg.prompting.answered import Answered
from napari_icseg.prompting.automatic_image import ImageSearch
from napari_icseg.prompting.cache import EmbeddingCache, EmbeddingKey
from napari_icseg.prompting.errors import EmbeddingInterruptedError, PromptError
from napari_icseg.prompting.freed_memory import SpareMemory, give_back_memory, returning_memory
from napari_icseg.prompting.gpu_memory import FULL, go_on_without_gpu, is_out_of_memory
from napari_icseg.prompting.growing import can_grow
from napari_icseg.prompting.interrupt import stop_if_asked, stopping
from napari_icseg.prompting.prompt_image import PromptImage
from napari_icseg.prompting.requests import (
    AheadRequest,
    EmbedRequest,
    FindRequest,
    FindResult,
    GrowRequest,
    HoverRequest,
    HoverResult,
    LoadRequest,
    PredictRequest,
    PredictResult,
)
from napari_icseg.prompting.windowed import answer_in_windows
from napari_icseg.prompting.windows import WindowGrid
from napari_icseg.prompting.worker_calls import WorkerCalls
from trainers.errors import IcsegError

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Self

    from numpy.typing import NDArray

    from napari_icseg.prompting.inbox import Job
    from napari_icseg.prompting.protocol import (
        Embedding,
        PromptPredictor,
    )
    from napari_icseg.prompting.windows import Window

_MAX_THREADS = 8
_JOIN_TIMEOUT_S = 60.0
_NUM_NEAR = 4
"""Windows that are embedded around what the user looks at."""
_DRAWING_S = 0.04
"""The window draws the answer first; beside a model that goes on it takes twice as long."""
_TELL_EVERY_S = 0.2
"""A growing mask is drawn no more often."""
_log = logging.getLogger(__name__)


class PromptWorker(WorkerCalls):
    """Answers prompts in a thread of its own; what can be asked of it is in `WorkerCalls`.

    Signals come from the worker's thread: a GUI must pass them to its own. Nothing that a
    model, an image or a listener does wrong ends the thread.

    Args:
        load: returns the model to begin with; called in the worker.
        cache: where embeddings are kept; by default in memory only.

    """

    embedded: ClassVar[Signal] = Signal(EmbedRequest)
    """The shown image is ready: the next click is answered without embedding."""
    predicted: ClassVar[Signal] = Signal(PredictResult)
    """The answer to the newest prompts; older ones are never answered."""
    grown: ClassVar[Signal] = Signal(PredictResult)
    """The same answer again, one candidate of it larger; `is_growing` until it is the last."""
    hovered: ClassVar[Signal] = Signal(HoverResult)
    """What a click would give where the mouse rests."""
    found: ClassVar[Signal] = Signal(FindResult)
    """How far the search for all objects is, and at its end what it found."""
    failed: ClassVar[Signal] = Signal(object, str)
    """A request (None: the model) and why it failed, for the user."""
    noted: ClassVar[Signal] = Signal(str)
    """What the user should know and need not act on: the model had to leave the GPU."""
    status: ClassVar[Signal] = Signal(str)
    """What the worker is doing; empty when it has nothing urgent to do."""

    def __init__(
        self, load: Callable[[], PromptPredictor], *, cache: EmbeddingCache | None = None
    ) -> None:
        super().__init__()
        self.cache = cache or EmbeddingCache()
        self._predictor: PromptPredictor | None = None
        self._answered: Answered | None = None
        self._search: tuple[FindRequest, ImageSearch] | None = None
        self._why_no_model = ""
        self._inbox.put_load(LoadRequest(load))
        self._thread = threading.Thread(target=self._run, name="icseg-prompts", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop, also in the middle of an embedding, and wait for the thread's end."""
        self._inbox.close()
        if self._thread is not threading.current_thread():
            self._thread.join(_JOIN_TIMEOUT_S)

    # All below runs in the worker's thread.

    def _run(self) -> None:
        spare = SpareMemory()
        while not self._inbox.is_closed:
            job = self._inbox.take(wait=False)
            if job is None and not self._save_one():
                self._tell(self.status, "")
                spare.check()
                job = self._inbox.take(wait=True)
            if job is not None:
                self._do(job)

    def _do(self, job: Job) -> None:
        try:
            if isinstance(job, LoadRequest):
                self._load(job)
            elif isinstance(job, PredictRequest):
                self._predict(job)
            elif isinstance(job, EmbedRequest):
                self._embed(job)
            elif isinstance(job, GrowRequest):
                self._grow(job)
            elif isinstance(job, FindRequest):
                self._find(job)
            elif isinstance(job, HoverRequest):
                self._hover(job)
            else:
                self._embed_ahead(job)
        except EmbeddingInterruptedError:
            if isinstance(job, EmbedRequest | AheadRequest | FindRequest):
                self._inbox.put_back(job)
        # whatever a model or a file does, the next click must be answered
        except Exception as error:
            if is_out_of_memory(error) and go_on_without_gpu(self._predictor):
                self._tell(self.noted, FULL.format(name=self._ready().name))
                self._do(job)
            else:
                self._report(job, error)

    def _load(self, job: LoadRequest) -> None:
        import torch

        torch.set_num_threads(max(1, min(_MAX_THREADS, os.cpu_count() or 1)))
        self._tell(self.status, "Loading the model…")
        try:
            self._predictor = job.load()
        except Exception as error:
            self._why_no_model = str(error)
            raise

    def _predict(self, job: PredictRequest) -> None:
        started_s = time.perf_counter()
        predictor = self._ready()
        embedding_of = partial(self._embedding, job.image, lambda: self._inbox.is_void(job))
        answer = answer_in_windows(predictor, embedding_of, job.image.size_hw, job.prompts)
        if not self._inbox.settle(job):
            return
        kind = job.prompts.kind or "net"
        goes_on = can_grow(answer, kind)
        self._answered = Answered(job, answer, predictor.name)
        # first put down, then told: what the listener then asks for is the newer wish
        if goes_on:
            self._inbox.put_grow(GrowRequest(job, kind))
        self._tell(self.predicted, self._answered.result(started_s, is_growing=goes_on))

    def _grow(self, job: GrowRequest) -> None:
        started_s, answered = time.perf_counter(), self._answered
        if answered is None or answered.request is not job.answered:
            return
        self._inbox.rest(_DRAWING_S)
        is_stale = partial(self._inbox.is_stale, job)
        embedding_of = partial(self._embedding, job.answered.image, is_stale)
        told_s = started_s
        self._tell(self.status, f"Following the {job.kind}…")
        steps = answered.steps(self._ready(), embedding_of, job.kind)
        with stopping(is_stale):
            for number, candidate in enumerate(steps, 2):
                stop_if_asked()
                self._tell(self.status, f"Following the {job.kind}… window {number}")
                if candidate.is_cut and time.perf_counter() - told_s > _TELL_EVERY_S:
                    told_s = time.perf_counter()
                    self._tell(self.grown, answered.result(started_s, is_growing=True))
        self._end_grow(job, started_s)

    def _end_grow(self, job: GrowRequest, started_s: float) -> None:
        if self._inbox.end_grow(job) and self._answered is not None:
            self._tell(self.grown, self._answered.result(started_s, is_growing=False))
        # images that are embedded ahead may keep the worker busy; that is no news
        self._tell(self.status, "")

    def _find(self, job: FindRequest) -> None:
        """Search on where a click interrupted it; with another model, from the beginning."""
        search, must_pause = self._search_for(job), partial(self._inbox.must_find_pause, job)
        self._tell(self.status, "Finding all objects…")
        is_left = True
        while is_left:
            with stopping(must_pause):
                is_left = search.step()
            self._tell(self.found, FindResult(job, search.num_done, search.num_windows))
            if is_left and must_pause():
                raise EmbeddingInterruptedError
        self._search = None
        objects = search.objects()
        if self._inbox.end_find(job):
            result = FindResult(job, search.num_done, search.num_windows, objects)
            self._tell(self.found, result)

    def _search_for(self, job: FindRequest) -> ImageSearch:
        predictor = self._ready()
        if self._search is not None:
            request, search = self._search
            if request is job and search.predictor is predictor:
                return search
        must_pause = partial(self._inbox.must_find_pause, job)
        search = ImageSearch(predictor, partial(self._embedding, job.image, must_pause), job.image)
        self._search = job, search
        return search

    def _hover(self, job: HoverRequest) -> None:
        predictor, is_over = self._ready(), partial(self._inbox.is_hover_over, job)

        def embedding_of(window: Window) -> Embedding:
            key = EmbeddingKey(job.image.content_hash, predictor.checkpoint_id, window)
            embedding = self.cache.peek(key)
            if embedding is None:
                raise EmbeddingInterruptedError
            return embedding

        with stopping(is_over):
            answer = answer_in_windows(predictor, embedding_of, job.image.size_hw, job.prompts)
        if not is_over():
            self._tell(self.hovered, HoverResult(job, next(iter(answer.candidates), None)))

    def _embed(self, job: EmbedRequest) -> None:
        size_hw = job.image.size_hw
        grid = WindowGrid(size_hw, self._ready().input_size_px)
        windows = grid.around(_center_xy(size_hw))
        # a click needs the same embedding where there is only one window
        should_stop = partial(self._inbox.is_void, job) if len(windows) == 1 else None
        self._tell(self.status, "Embedding the image…")
        first = self._embedding(job.image, should_stop or self._inbox.is_urgent, windows[0])
        if not self._inbox.is_void(job):
            self._tell(self.embedded, job)
        # half of the memory stays for other images
        num_affordable = int(self.cache.max_bytes / 2 / max(first.num_bytes, 1))
        rest = windows[1:num_affordable]
        self._inbox.put_rest(job, [AheadRequest(job.image_id, lambda: job.image, w) for w in rest])

    def _embed_ahead(self, job: AheadRequest) -> None:
        predictor, image = self._ready(), job.read()
        image = image if isinstance(image, PromptImage) else PromptImage(image)
        grid = WindowGrid(image.size_hw, predictor.input_size_px)
        if job.near_xy is not None:
            near = grid.around(np.array(job.near_xy, dtype=np.float32))[:_NUM_NEAR]
            for window in near if len(grid.windows) > 1 else ():
                self._embedding(image, self._inbox.is_urgent, window)
            return
        window = job.window or grid.nearest(_center_xy(image.size_hw))
        self._embedding(image, self._inbox.is_urgent, window)

    def _embedding(
        self, image: PromptImage, should_stop: Callable[[], bool], window: Window
    ) -> Embedding:
        predictor = self._ready()
        key = EmbeddingKey(image.content_hash, predictor.checkpoint_id, window)
        embedding = self.cache.get(key)
        if embedding is None:
            give_back_memory()  # what predictions left
            is_part = (window.height, window.width) != image.size_hw
            with returning_memory() if is_part else nullcontext():
                embedding = predictor.embed(image, window, should_stop=should_stop)
            self.cache.put(key, embedding)
            give_back_memory()  # also where more windows follow
        return embedding

    def _ready(self) -> PromptPredictor:
        if self._predictor is None:
            raise PromptError(f"No model is loaded; choose another one. {self._why_no_model}")
        return self._predictor

    def _save_one(self) -> bool:
        try:
            return self.cache.save_one()
        # the cache only saves time: labelling goes on without it
        except Exception as error:
            _log.warning("An embedding was not kept on disk", exc_info=error)
            self._tell(self.status, f"Embeddings are not kept on disk: {error}")
            return True

    def _report(self, job: Job, error: Exception) -> None:
        known = isinstance(error, IcsegError)
        message = str(error) if known else f"{type(error).__name__}: {error}"
        _log.log(logging.INFO if known else logging.ERROR, message, exc_info=not known)
        if isinstance(job, AheadRequest | HoverRequest):
            return  # it fails again, and is told, when the user opens that image
        if isinstance(job, GrowRequest):
            # what was found before stays; the log says why there is no more
            self._end_grow(job, time.perf_counter())
            return
        if isinstance(job, FindRequest):
            self._search = None
            if self._inbox.end_find(job):
                self._tell(self.found, FindResult(job, error=message))
            return
        if isinstance(job, PredictRequest) and not self._inbox.settle(job):
            return
        self._tell(self.failed, None if isinstance(job, LoadRequest) else job, message)

    def _tell(self, signal: SignalInstance | Signal, *args: object) -> None:
        assert isinstance(signal, SignalInstance)
        try:
            signal.emit(*args)
        # a listener's mistake is not the worker's
        except Exception:
            _log.exception("A listener of %s failed", signal.name)


def _center_xy(size_hw: tuple[int, int]) -> NDArray[Any]:
    return np.array([size_hw[1] / 2, size_hw[0] / 2], dtype=np.float32)
