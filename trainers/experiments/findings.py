"""Where and why what was measured differs from the paper, in words with their numbers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scipy import stats

from trainers.experiments import paper
from trainers.experiments.matrix import TABLE_TITLES, Table
from trainers.experiments.summary import PROTOCOL_TITLES, lr_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trainers.experiments.results import Result
    from trainers.experiments.summary import Line, Setup

NUM_FURTHEST = 8
_RANK_FROM = 0.5
"""Rank correlation (Spearman) from which accuracy is said to rise with the images."""

_PRINTED = 0.5e-4
"""Half of the last digit of an accuracy as it is shown."""


@dataclass(frozen=True)
class Finding:
    """One claim of the paper; `holds` is None where too little was measured to say."""

    claim: str
    holds: bool | None
    words: str


def findings_of(tables: Mapping[Table, Sequence[Line]]) -> tuple[Finding, ...]:
    """Return what becomes of the paper's claims, as far as their tables have results."""
    found: list[Finding] = []
    if "table1" in tables:
        found += [_behind(tables["table1"]), _best_is_better(tables["table1"])]
    if "table2" in tables:
        found += _optima(tables["table2"])
    if "table3" in tables:
        found += _by_images(tables["table3"])
    if "table4" in tables:
        found += _rounds(tables["table4"])
    return tuple(found)


def named(line: Line) -> str:
    """Return a model's name, with the protocol where it is not the usual one."""
    name = paper.TITLES[line.row.model]
    return f"{name} ({PROTOCOL_TITLES['paper']})" if line.row.protocol == "paper" else name


def _groups(lines: Sequence[Line], preset: str) -> dict[str, list[Line]]:
    """Return the measured lines of each model and protocol, by name."""
    groups: dict[str, list[Line]] = {}
    for line in lines:
        if line.done and line.row.preset == preset:
            groups.setdefault(named(line), []).append(line)
    return groups


def _value(line: Line) -> float:
    mean = line.accuracy
    assert mean is not None, "only measured lines are compared"
    return mean.value


def _behind(lines: Sequence[Line]) -> Finding:
    claim = "SAM-DET is behind the others (Table 1)."
    measured = {name: _value(own[0]) for name, own in _groups(lines, "paper").items()}
    others = {name: value for name, value in measured.items() if name != "SAM-DET"}
    words = ", ".join(f"{name} {value:.4f}" for name, value in measured.items())
    if "SAM-DET" not in measured or len(others) < 2:
        return Finding(claim, None, f"By the paper's recipes: {words or 'nothing measured'}.")
    holds = measured["SAM-DET"] < min(others.values())
    return Finding(claim, holds, f"By the paper's recipes: {words}.")


def _best_is_better(lines: Sequence[Line]) -> Finding:
    claim = "The preset best is above the paper in every cell of Table 1 (ours)."
    best = [line for line in lines if line.row.preset == "best"]
    measured = [line for line in best if line.done]
    words = ", ".join(
        f"{named(line)} {_value(line):.4f} (paper {line.paper:.4f})" for line in measured
    )
    if not measured:
        return Finding(claim, None, "Nothing measured.")
    holds: bool | None = all((line.difference or 0.0) > 0 for line in measured)
    if holds and len(measured) < len(best):
        holds = None
    return Finding(claim, holds, f"{words}.")


def _optima(lines: Sequence[Line]) -> list[Finding]:
    return [_optimum(name, own) for name, own in _groups(lines, "paper").items()]


def _optimum(name: str, lines: Sequence[Line]) -> Finding:
    published = [line for line in lines if line.paper is not None]
    known = {lr: v for (m, lr), v in paper.TABLE2.items() if m == lines[0].row.model}
    theirs = max(known, key=lambda lr: known[lr])
    claim = f"{name} learns best at lr {lr_text(theirs)} (Table 2)."
    ours = max(lines, key=_value)
    words = (
        f"Measured: best at {lr_text(ours.row.lr)} ({_value(ours):.4f}), at the paper's "
        f"{lr_text(theirs)} {_at(lines, theirs)} (paper {known[theirs]:.4f}); worst "
        f"{min(map(_value, lines)):.4f}."
    )
    if len(published) < len(known):
        return Finding(claim, None, f"{words} Not all rates were measured.")
    return Finding(claim, ours.row.lr == theirs, words)


def _at(lines: Sequence[Line], lr: float) -> str:
    found = [line for line in lines if line.row.lr == lr]
    return f"{_value(found[0]):.4f}" if found else "not measured"


def _by_images(lines: Sequence[Line]) -> list[Finding]:
    found = []
    for name, own in _groups(lines, "paper").items():
        first, last = own[0], own[-1]
        claim = f"{name} gets better with more images (Table 3)."
        theirs = [v for (m, _), v in paper.TABLE3.items() if m == first.row.model]
        gain = _value(last) - _value(first)
        words = (
            f"From {first.row.images} to {last.row.images} images: {_value(first):.4f} to "
            f"{_value(last):.4f} ({gain:+.4f}; paper {theirs[-1] - theirs[0]:+.4f})"
        )
        if len(own) < len(theirs):
            found.append(Finding(claim, None, f"{words}. Not all numbers were measured."))
            continue
        rank = _rank([line.row.images for line in own], [_value(line) for line in own])
        words += f"; rank correlation {rank:+.2f}, in the paper "
        words += f"{_rank(range(len(theirs)), theirs):+.2f}."
        found.append(Finding(claim, gain > 0 and rank >= _RANK_FROM, words))
    return found


def _rank(places: Sequence[int], values: Sequence[float]) -> float:
    """Return Spearman's rank correlation; 0 where all values are the same."""
    if len(set(values)) < 2:
        return 0.0
    return float(stats.spearmanr(places, values).statistic)


def _rounds(lines: Sequence[Line]) -> list[Finding]:
    found = []
    for preset in ("paper", "best"):
        recipe = "preset best" if preset == "best" else "the paper's recipe"
        for name, own in _groups(lines, preset).items():
            claim = (
                f"{name}, {recipe}: unlabelled images in place of labelled ones cost accuracy "
                "(Table 4)."
            )
            by_ratio = {(line.row.images, line.row.unlabelled): line for line in own}
            whole = by_ratio.pop((1000, 0), None)
            if whole is None or not by_ratio:
                found.append(Finding(claim, None, "1000 + 0 and another ratio are needed."))
                continue
            losses = {ratio: _value(line) - _value(whole) for ratio, line in by_ratio.items()}
            words = ", ".join(
                f"{a} + {b} {loss:+.4f} (paper {paper.TABLE4[a, b] - paper.TABLE4[1000, 0]:+.4f})"
                for (a, b), loss in losses.items()
            )
            holds = all(_is_below(line, whole) for line in by_ratio.values())
            found.append(Finding(claim, holds, f"Against 1000 + 0 ({_value(whole):.4f}): {words}."))
    return found


def _is_below(line: Line, other: Line) -> bool:
    """Return whether an accuracy is lower by more than either interval, and than is printed."""
    means = [each.accuracy for each in (line, other)]
    widths = [mean.half_width or 0.0 for mean in means if mean is not None]
    return _value(line) < _value(other) - max(*widths, _PRINTED)


def furthest(tables: Mapping[Table, Sequence[Line]]) -> tuple[str, ...]:
    """Return the cells that are furthest from the paper, in words, the furthest first."""
    cells: dict[tuple[str, float | None], tuple[float, str]] = {}
    for table, lines in tables.items():
        for line in lines:
            gap = line.difference
            if gap is not None and line.row.preset == "paper":
                where = TABLE_TITLES[table].partition(":")[0]
                words = (
                    f"{where}, {named(line)}, {line.label}: {_value(line):.4f}, paper "
                    f"{line.paper:.4f} ({gap:+.4f})"
                )
                cells.setdefault((line.row.name, line.paper), (gap, words))
    ordered = sorted(cells.values(), key=lambda pair: -abs(pair[0]))
    return tuple(words for _, words in ordered[:NUM_FURTHEST])


def reasons(setup: Setup, results: Sequence[Result]) -> tuple[str, ...]:
    """Return what is known to differ from the paper's experiment."""
    said = [_of_data(results)]
    if setup.scale != 1:
        said.append(
            f"Scale {setup.scale:g}: trained on {setup.scale:g} times the paper's images. Its "
            "recipes take batches smaller by the same factor (at least 1; RSPrompter 2), so that "
            "the number of steps is kept; trainings of more than 10 epochs are shorter."
        )
    settings = json.loads(setup.settings) if setup.settings else {}
    if "sam" in settings:
        said.append(
            f"The paper's recipes ran on {settings.pop('sam')}; the paper has SAM-2 large for "
            "SAM-SEG, small for SAM-DET, and the first SAM's huge for RSPrompter."
        )
    if any(result.row.model != "unet" for result in results):
        said.append(
            "sam2-nano, on which the presets best of SAM-SEG, SAM-DET and RSPrompter build, was "
            "trained on images of this project's own generator: on tiles of `icseg synth` it "
            "starts from knowledge that the U-NET has not."
        )
    if settings:
        said.append(f"Settings that the command changed: {json.dumps(settings, sort_keys=True)}.")
    return (*said, *_of_protocol(results))


def _of_data(results: Sequence[Result]) -> str:
    blank = next((r.scores.blank_accuracy for r in results if r.scores is not None), None)
    nothing = "" if blank is None else f" A model that finds nothing scores {blank:.4f} on them"
    nothing += "" if blank is None else " (the paper does not say what it would on its own)."
    return f"The images are not known to be the paper's.{nothing}"


def _of_protocol(results: Sequence[Result]) -> list[str]:
    ours = [r for r in results if r.row.model == "sam_seg" and r.row.preset == "paper"]
    said = []
    if any(r.row.protocol == "automatic" for r in ours):
        said.append(
            "SAM-SEG by the paper's recipe learns from 99 positive points a tile and never without "
            "any. Tested automatically it gets none: that score says what the recipe is worth "
            "where nobody gives points, and is not to be compared with the paper's figure."
        )
    if any(r.row.protocol == "paper" for r in ours):
        said.append(
            "SAM-SEG's rows with oracle prompts are tested as published, with 20 points from the "
            "ground truth: where there is no positive point, the tile is blank. No unlabelled "
            "image has such points."
        )
    if any(r.row.unlabelled for r in ours):
        said.append(
            "Pseudo-labels (Table 4) are made without points, because an unlabelled image has "
            "none. The paper does not say how it prompted there."
        )
    said.append(
        "What the paper leaves open (losses, batch sizes, boxes to masks) was chosen; the choices "
        "are in docs/models.md."
    )
    return said
