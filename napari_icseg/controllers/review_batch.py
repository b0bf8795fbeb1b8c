"""Accepting all proposals from a value on: a sample and the estimated error are shown first."""

from __future__ import annotations

import random
from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QTimer

from napari_icseg.controllers import review_words as words
from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.review_queue import above, estimated_error
from napari_icseg.controllers.review_sample import sample_picture
from napari_icseg.widgets.review_batch import (
    NUM_COLUMNS,
    NUM_ROWS,
    PICTURE_PX,
    BatchView,
    ReviewBatchWindow,
    SamplePicture,
)
from trainers.errors import IcsegError

if TYPE_CHECKING:
    from collections.abc import Callable

    from qtpy.QtWidgets import QWidget

    from napari_icseg.controllers.review_queue import Entry
    from napari_icseg.controllers.review_walk import ReviewWalk
    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.project.project import Project

NUM_SAMPLE = NUM_COLUMNS * NUM_ROWS
_WAIT_MS = 200
"""So long the slider must rest before a sample is drawn."""
_DEFAULTS = {"predicted_iou": 0.9, "confidence": 0.97}
NO_PICTURES: tuple[SamplePicture, ...] = ()


class ReviewBatch:
    """One window for a dock. `accept(image_ids)` is called when the user has agreed."""

    def __init__(
        self,
        session: ProjectSession,
        walk: ReviewWalk,
        parent: QWidget,
        accept: Callable[[tuple[int, ...]], None],
    ) -> None:
        self._session, self._walk, self._parent, self._accept = session, walk, parent, accept
        self._window: ReviewBatchWindow | None = None
        self._measure, self._threshold = "predicted_iou", _DEFAULTS["predicted_iou"]
        self._chosen: tuple[Entry, ...] = ()
        self._sample: tuple[SamplePicture, ...] = NO_PICTURES
        self._sampled_of: tuple[int, ...] | None = None
        self._random = random.Random()
        self._background = Background(session.gui, "review-sample")
        self._resting = QTimer(singleShot=True, interval=_WAIT_MS)
        self._resting.timeout.connect(self._draw_sample)
        walk.changed.connect(self._on_walk_changed)

    @property
    def window(self) -> ReviewBatchWindow:
        """Made when it is first needed."""
        if self._window is None:
            self._window = window = ReviewBatchWindow(self._parent)
            window.set_measures(words.MEASURES, self._measure)
            window.measure_chosen.connect(self._on_window_measure_chosen)
            window.threshold_changed.connect(self._on_window_threshold_changed)
            window.resample_clicked.connect(self._draw_sample)
            window.accept_clicked.connect(self._on_window_accept_clicked)
        return self._window

    def open(self) -> None:
        """Show the window with a sample."""
        entries = self._walk.queue.waiting
        if all(each.predicted_iou is None for each in entries):
            self._measure, self._threshold = "confidence", _DEFAULTS["confidence"]
        self.window.set_measures(words.MEASURES, self._measure)
        self._count()
        self._draw_sample()
        self.window.show_in_front()

    def close(self) -> None:
        """Hide the window, and stop drawing."""
        self._resting.stop()
        self._walk.changed.disconnect(self._on_walk_changed, missing_ok=True)
        self._background.close()
        if self._window is not None:
            self._window.close()
            self._window.deleteLater()
            self._window = None

    def hide(self) -> None:
        """Another project is coming."""
        self._chosen, self._sample, self._sampled_of = (), NO_PICTURES, None
        if self._window is not None:
            self._window.hide()

    def _count(self) -> None:
        """Find out which reach the value; a sample of others does not count any more."""
        self._chosen = above(self._walk.queue.entries, self._threshold, self._measure)
        self._show()

    def _draw_sample(self) -> None:
        project = self._session.project
        if project is None:
            return
        chosen = self._chosen
        ids = tuple(each.image_id for each in chosen)
        picked = self._random.sample(chosen, min(NUM_SAMPLE, len(chosen)))
        self._background.run(
            partial(self._pictures, project, ids, picked), partial(self._on_drawn, ids), _raise
        )

    def _pictures(
        self, project: Project, ids: tuple[int, ...], picked: list[Entry]
    ) -> tuple[SamplePicture, ...] | None:
        """Runs in the thread; None where others are wanted by now."""
        found = []
        for entry in sorted(picked, key=lambda each: getattr(each, self._measure)):
            if ids != tuple(each.image_id for each in self._chosen):
                return None
            try:
                image = sample_picture(project, entry.image_id, PICTURE_PX)
            except (IcsegError, OSError):
                continue  # it says so when it is opened
            found.append(
                SamplePicture(image, words.sample_caption(entry), words.sample_tooltip(entry))
            )
        return tuple(found)

    def _on_drawn(self, ids: tuple[int, ...], pictures: tuple[SamplePicture, ...] | None) -> None:
        if pictures is not None:
            self._sample, self._sampled_of = pictures, ids
            self._show()

    def _show(self) -> None:
        if self._window is None:
            return
        ids = tuple(each.image_id for each in self._chosen)
        is_sampled = self._sampled_of == ids
        self._window.set_view(
            BatchView(
                self._threshold,
                words.batch_count(len(ids), len(self._walk.queue.waiting), self._measure),
                words.batch_error(estimated_error(self._chosen), len(ids)),
                self._sample if is_sampled else NO_PICTURES,
                "" if is_sampled else "Drawing a sample…",
                "active",
                len(ids),
                can_accept=is_sampled and bool(ids),
            )
        )

    def _on_window_measure_chosen(self, key: object) -> None:
        self._measure = str(key)
        self._threshold = _DEFAULTS[self._measure]
        self._count()
        self._resting.start()

    def _on_window_threshold_changed(self, threshold: float) -> None:
        self._threshold = threshold
        self._count()
        self._resting.start()

    def _on_window_accept_clicked(self) -> None:
        ids = tuple(each.image_id for each in self._chosen)
        if ids and self._sampled_of == ids:
            self.hide()
            self._accept(ids)

    def _on_walk_changed(self) -> None:
        """What is decided meanwhile falls out; a sample with one more stays good enough."""
        if self._window is None or not self._window.isVisible():
            return
        still = above(self._walk.queue.entries, self._threshold, self._measure)
        if still == self._chosen:
            return
        was_sampled = self._sampled_of == tuple(each.image_id for each in self._chosen)
        is_part = {each.image_id for each in still} <= {each.image_id for each in self._chosen}
        self._chosen = still
        if was_sampled and is_part:
            self._sampled_of = tuple(each.image_id for each in still)
        else:
            self._resting.start()
        self._show()


def _raise(error: Exception) -> None:
    raise error
