"""The annotator at work in the Labelling dock: click, look, cycle, correct, accept."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
from qtpy.QtCore import Qt

from napari_icseg.controllers.napari_window import canvas_of
from napari_icseg.controllers.session import session_of
from napari_icseg.demo.annotator import (
    GOOD_ENOUGH_IOU,
    Accepted,
    Target,
    best_candidate,
    first_click,
)
from napari_icseg.demo.driver import DemoError
from trainers.metrics.clicks import next_click

if TYPE_CHECKING:
    from napari_icseg.controllers.labelling import LabellingController
    from napari_icseg.demo.driver import Driver
    from trainers.metrics.clicks import Click

MAX_CLICKS = 5
CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


class Labeller:
    """Works on the image shown; every action is a mouse or key event."""

    def __init__(self, driver: Driver, controller: LabellingController, *, seed: int = 0) -> None:
        self.driver = driver
        self.controller = controller
        self._loop = controller.loop
        self._session = session_of(driver.viewer)
        self._rng = np.random.default_rng(seed)
        self._embedded_ids: set[int] = set()
        controller.worker.embedded.connect(self._on_worker_embedded)
        self.accepted: list[Accepted] = []

    @property
    def image_name(self) -> str:
        """File name of the image shown."""
        return str(self._project.image(self._session.current_image_id).name)

    def wait_for_image(self, name: str | None = None) -> float:
        """Wait until an image (of this name) is shown and embedded; return the seconds."""
        return self.driver.wait_until(lambda: self._is_ready(name), "the image to be ready")

    def label(self, target: Target, *, on_candidate: Any = None) -> Accepted:
        """Label one target by clicks; `on_candidate()` is called before Enter.

        Raises:
            DemoError: no candidate appeared, or Enter did not save the object.
        """
        self.driver.key(Qt.Key(Qt.Key.Key_0 + target.digit))
        clicks, waits_ms = [first_click(target, self._rng)], []
        waits_ms.append(self._click(clicks[-1]))
        num_tabs, iou = self._choose(target)
        while iou < GOOD_ENOUGH_IOU and len(clicks) < MAX_CLICKS:
            click = next_click(self._shown(target), target.mask, self._rng, jitter=0.6)
            if click is None:
                break
            clicks.append(click)
            waits_ms.append(self._click(click))
            tabs, iou = self._choose(target)
            num_tabs += tabs
        if on_candidate is not None:
            on_candidate()
        enter_s = self._enter()
        entry = Accepted(
            self.image_name, target.kind, iou, len(clicks), num_tabs, tuple(waits_ms), enter_s
        )
        self.accepted.append(entry)
        return entry

    def objects(self) -> Any:
        """Return the objects saved on the image shown."""
        return self._project.objects(self._session.current_image_id)

    def num_objects(self) -> int:
        """Return their number."""
        return len(self.objects())

    def num_proposals(self) -> int:
        """Return the number of proposals on the image shown."""
        return len(self._project.proposals(self._session.current_image_id))

    def undo(self) -> None:
        """Press Ctrl+Z."""
        self.driver.key(Qt.Key.Key_Z, CTRL)

    def redo(self) -> None:
        """Press Ctrl+Shift+Z."""
        self.driver.key(Qt.Key.Key_Z, CTRL | SHIFT)

    def next_image(self) -> float:
        """Press ] and wait; return the seconds until the next image can be clicked."""
        before = self.image_name
        started_s = time.perf_counter()
        self.driver.key(Qt.Key.Key_BracketRight)
        self.driver.wait_until(lambda: self._is_other(before), "the next image")
        self.wait_for_image()
        return time.perf_counter() - started_s

    @property
    def _project(self) -> Any:
        return self._session.project

    def _is_other(self, name: str) -> bool:
        return self._session.current_image_id is not None and self.image_name != name

    def _is_ready(self, name: str | None) -> bool:
        image_id = self._session.current_image_id
        if image_id is None or self._loop.image_id != image_id:
            return False
        return (name is None or self.image_name == name) and image_id in self._embedded_ids

    def _on_worker_embedded(self, request: Any) -> None:
        self._embedded_ids.add(request.image_id)

    @property
    def has_candidate(self) -> bool:
        """Whether there is a candidate to accept."""
        return self._loop.state.candidate is not None

    @property
    def is_following(self) -> bool:
        """Whether the candidate is still being followed through a large image."""
        return self._loop.state.is_growing

    def click(self, row: float, col: float, *, positive: bool = True) -> float:
        """Click and wait for the candidate to be painted; return ms from press to paint."""
        self.driver.move(row, col)
        started_s = time.perf_counter()
        self.driver.click(row, col, positive=positive)
        self.driver.wait_until(lambda: not self._loop.state.is_pending, "a candidate")
        canvas_of(self.driver.viewer).repaint()
        return (time.perf_counter() - started_s) * 1000

    def _click(self, click: Click) -> float:
        return self.click(click.y, click.x, positive=click.positive)

    def _choose(self, target: Target) -> tuple[int, float]:
        """Tab to the best candidate; return how often and its IoU."""
        candidates = self._loop.state.candidates
        if not candidates:
            return 0, 0.0
        best, iou = best_candidate(candidates, target)
        num_tabs = (best - self._loop.state.index) % len(candidates)
        for _ in range(num_tabs):
            self.driver.key(Qt.Key.Key_Tab)
        if self._loop.state.index != best:
            raise DemoError("Tab did not cycle the candidates.")
        return num_tabs, iou

    def _shown(self, target: Target) -> Any:
        candidate = self._loop.state.candidate
        if candidate is None:
            return np.zeros_like(target.mask)
        return candidate.mask.to_mask((target.mask.shape[0], target.mask.shape[1]))

    def _enter(self) -> float:
        """Press Enter and wait until the object is saved; return the seconds."""
        before, started_s = self.num_objects(), time.perf_counter()
        self.driver.key(Qt.Key.Key_Return)
        self.driver.wait_until(
            lambda: self.num_objects() == before + 1,
            "the object to be in the project",
            timeout_s=10,
        )
        return time.perf_counter() - started_s
