"""A comparison as rows of a table; pure functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_icseg.controllers.wording import counted
from napari_icseg.widgets.compare_view import CompareRow, Score

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_icseg.controllers.compare_data import ComparisonData
    from trainers.comparison import ComparedRun, Comparison

METRICS = (
    ("pixel_accuracy", "Pixel accuracy", "Share of the pixels that get the right class"),
    ("iou", "IoU", "Intersection over union, mean over classes and images"),
    ("dice", "Dice", "Dice score, mean over classes and images"),
    ("boundary_f", "Boundary F", "How well outlines agree, within a small distance"),
)
_GAIN = ("IoU gain", "How much better the IoU is than the first model's, on the same images")


def columns(num_models: int) -> tuple[tuple[str, str], ...]:
    """Return names and meanings of the columns; there is no gain of a single model."""
    found = tuple(
        (name, f"{meaning}; in brackets, the 95 % interval") for _, name, meaning in METRICS
    )
    return (*found, _GAIN) if num_models > 1 else found


def rows(
    comparison: Comparison, data: ComparisonData, labels: Mapping[str, str]
) -> tuple[CompareRow, ...]:
    """Return a row for each run; `labels` are what the user calls them, by folder name."""
    return tuple(
        CompareRow(
            label=labels.get(run.path.name, run.name),
            scores=_scores(comparison, run),
            note=_note(data.num_seen.get(run.path.name, 0), data.num_images),
        )
        for run in comparison.runs
    )


def summary(comparison: Comparison, data: ComparisonData) -> str:
    """Return what was done, and what speaks against it."""
    stored = sum(run.is_stored for run in comparison.runs)
    known = f" {counted(stored, 'score')} known from before." if stored else ""
    warned = any(data.num_seen.values())
    caution = (
        " ⚠ marks models that learned from some of them: they look too good." if warned else ""
    )
    return f"Scored on {counted(data.num_images, 'image')}.{known}{caution}"


def _scores(comparison: Comparison, run: ComparedRun) -> tuple[Score, ...]:
    found = tuple(_score(run, key) for key, _, _ in METRICS)
    return (*found, _gain(comparison, run)) if len(comparison.runs) > 1 else found


def _score(run: ComparedRun, key: str) -> Score:
    low, high = run.evaluation.intervals.get(key, (None, None))
    return Score(run.evaluation.metrics.get(key), low, high)


def _gain(comparison: Comparison, run: ComparedRun) -> Score:
    first = comparison.runs[0]
    if run is first:
        return Score()
    value = run.evaluation.metrics["iou"] - first.evaluation.metrics["iou"]
    low, high = comparison.difference(run) or (None, None)
    return Score(value, low, high, is_gain=True)


def _note(num_seen: int, num_images: int) -> str:
    if not num_seen:
        return ""
    return f"Learned from {num_seen} of these {counted(num_images, 'image')}: looks too good."
