"""The columns of a table in a report, the same for HTML and Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from trainers.experiments.paper import TITLES
from trainers.experiments.summary import PROTOCOL_TITLES

if TYPE_CHECKING:
    from collections.abc import Callable

    from trainers.experiments.results import Scores
    from trainers.experiments.summary import Line, Mean


class Column(NamedTuple):
    """A column: its head, what it means, and its text for a line."""

    head: str
    meaning: str
    text: Callable[[Line], str]


def _accuracy(line: Line) -> str:
    if line.accuracy is not None:
        return mean_text(line.accuracy)
    return "failed" if line.failed else "not measured"


def _seeds(line: Line) -> str:
    return ", ".join(str(result.row.seed) for result in line.done) or "–"


def _score(of: Callable[[Scores], float], shape: str) -> Callable[[Line], str]:
    def text(line: Line) -> str:
        mean = line.mean(of)
        return "–" if mean is None else format(mean.value, shape)

    return text


def mean_text(mean: Mean) -> str:
    """Return "0.9312 ± 0.0040", without an interval for a single seed."""
    spread = "" if mean.half_width is None else f" ± {mean.half_width:.4f}"
    return f"{mean.value:.4f}{spread}"


def _share_wrong(scores: Scores) -> float:
    return scores.wrong_tracks / scores.num_tracks if scores.num_tracks else 0.0


COLUMNS = (
    Column("model", "as printed", lambda line: TITLES[line.row.model]),
    Column("row", "what differs from the model's other rows", lambda line: line.label),
    Column(
        "protocol",
        "automatic: the model sees the image alone; oracle prompts: SAM-SEG gets 20 points from "
        "the ground truth, as published. They are never averaged",
        lambda line: PROTOCOL_TITLES[line.row.protocol],
    ),
    Column("paper", "pixel accuracy as printed", lambda line: _printed(line.paper)),
    Column(
        "measured",
        "pixel accuracy on all test tiles, mean over seeds ± half of the 95 % t-interval; a single "
        "seed has no interval",
        _accuracy,
    ),
    Column("difference", "measured less printed", lambda line: _signed(line.difference)),
    Column(
        "fg IoU",
        "foreground IoU, mean over tiles; a blank tile predicted blank scores 1, with one wrong "
        "pixel 0",
        _score(lambda s: s.foreground_iou, ".4f"),
    ),
    Column("fg Dice", "the same for Dice", _score(lambda s: s.foreground_dice, ".4f")),
    Column(
        "opens",
        "true tracks that were cut: n predicted pieces count n − 1; all test tiles, mean over "
        "seeds, as the next three",
        _score(lambda s: s.opens, ".4g"),
    ),
    Column(
        "shorts",
        "predicted tracks that join k true ones count k − 1",
        _score(lambda s: s.shorts, ".4g"),
    ),
    Column(
        "false", "predicted tracks that touch no true one", _score(lambda s: s.false_tracks, ".4g")
    ),
    Column("missing", "true tracks that were not found", _score(lambda s: s.missing_tracks, ".4g")),
    Column(
        "wrong tracks",
        "share of the true tracks with an open, a short or nothing found (track error rate)",
        _score(_share_wrong, ".1%"),
    ),
    Column("seeds", "that were measured", _seeds),
)


def _printed(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:+.4f}"


VERDICTS = {True: "holds", False: "does not hold", None: "open"}
