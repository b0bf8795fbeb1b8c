"""`icseg bench noc`: how many clicks a model needs, on any labelled images.

Every target of every tile is labelled twice by a simulated annotator, once with clicks at the
centre of the largest error, once with jittered clicks. What it took is summed up per class, per
kind of target and per tile.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_icseg.bench.session import EmbeddedTile, Played, play
from trainers.metrics.calibration import calibration_bins, expected_calibration_error
from trainers.metrics.interactive import MAX_CLICKS, click_scores, clicks_to_reach

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from napari_icseg.bench.targets import Target
    from napari_icseg.bench.tiles import BenchData, BenchTile
    from napari_icseg.prompting.protocol import PromptPredictor

RIGHT_IOU = 0.80
"""A first candidate that overlaps this much is called right."""
LABELLED_IOU = 0.90
"""A tile counts as labelled when each of its layers has reached this."""
VARIANTS = ("centred", "jittered")
DEFAULT_JITTER = 0.6


@dataclass
class TileResult:
    """What happened on one tile; `played` by variant."""

    name: str
    num_targets: int
    embed_s: float
    played: dict[str, list[Played]] = field(default_factory=dict)


def run_noc(
    predictor: PromptPredictor,
    data: BenchData,
    *,
    jitter: float = DEFAULT_JITTER,
    seed: int = 0,
    max_objects: int | None = None,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    on_tile: Callable[[TileResult], None] = lambda _tile: None,
) -> list[TileResult]:
    """Label every target of every tile by clicks.

    Args:
        predictor: the model.
        data: the tiles.
        jitter: of the jittered clicks, 0..1; see `trainers.metrics.clicks.next_click`.
        seed: of the jittered clicks, and of the choice of objects.
        max_objects: click at most so many nets and vias of a tile, beside its layers.
        progress: told the tiles done and all tiles.
        on_tile: told each tile's result, so that an interrupted run keeps what it has.

    Raises:
        DataError: a file cannot be read.

    """
    results = []
    for number, tile in enumerate(data.tiles):
        progress(number, len(data.tiles))
        results.append(_run_tile(predictor, tile, jitter, [seed, number], max_objects))
        on_tile(results[-1])
    progress(len(data.tiles), len(data.tiles))
    return results


def _run_tile(
    predictor: PromptPredictor,
    tile: BenchTile,
    jitter: float,
    seed: list[int],
    max_objects: int | None,
) -> TileResult:
    image, targets = tile.read()
    chosen = _chosen(targets, np.random.default_rng(seed), max_objects)
    embedded = EmbeddedTile(predictor, image)
    played: dict[str, list[Played]] = {}
    for variant, amount in zip(VARIANTS, (0.0, jitter), strict=True):
        # a generator for each target: its clicks do not depend on the other targets
        played[variant] = [
            play(
                embedded,
                targets[number],
                targets,
                np.random.default_rng([*seed, number]),
                jitter=amount,
            )
            for number in chosen
        ]
    return TileResult(tile.path.name, len(targets), embedded.embed_s, played)


def _chosen(
    targets: Sequence[Target], rng: np.random.Generator, max_objects: int | None
) -> list[int]:
    """Return the numbers of all layers and of at most so many other targets, in order."""
    layers = [number for number, target in enumerate(targets) if target.kind == "layer"]
    objects = [number for number, target in enumerate(targets) if target.kind != "layer"]
    if max_objects is not None and len(objects) > max_objects:
        objects = rng.choice(objects, max_objects, replace=False).tolist()
    return sorted(layers + objects)


def summary(tiles: Sequence[TileResult]) -> dict[str, Any]:
    """Return the scores: by variant, `by_target`, `by_kind`, `all` and `tile`; calibration."""
    report: dict[str, Any] = {}
    for variant in VARIANTS:
        played = [each for tile in tiles for each in tile.played[variant]]
        report[variant] = {
            "by_target": _groups(played, lambda each: each.target),
            "by_kind": _groups(played, lambda each: each.kind),
            "all": _groups(played, lambda _each: "all").get("all"),
            "tile": _tile_scores(tiles, variant),
        }
    return {**report, "calibration": _calibration(tiles)}


def _groups(played: Iterable[Played], key: Callable[[Played], str]) -> dict[str, Any]:
    groups: dict[str, list[Played]] = {}
    for each in played:
        groups.setdefault(key(each), []).append(each)
    return {name: _group_scores(groups[name]) for name in sorted(groups)}


def _group_scores(played: Sequence[Played]) -> dict[str, Any]:
    scores = click_scores([each.ious for each in played])
    return {
        "num": scores.num,
        **{f"noc_{round(100 * q)}": _rounded(noc) for q, noc in scores.noc.items()},
        **{f"failures_{round(100 * q)}": num for q, num in scores.num_failures.items()},
        **{f"iou_{number}": _rounded(iou) for number, iou in scores.iou.items()},
        "first_right": _mean(each.first_iou >= RIGHT_IOU for each in played),
        "first_right_any": _mean(each.first_iou_any >= RIGHT_IOU for each in played),
        "tabs": _mean(each.num_tabs for each in played),
    }


def _tile_scores(tiles: Sequence[TileResult], variant: str) -> dict[str, Any]:
    """Return the means over tiles, blank ones included, of labelling them by their layers."""
    layers = [[each for each in t.played[variant] if each.kind == "layer"] for t in tiles]
    spent = [[_clicks_to_label(each) for each in of_tile] for of_tile in layers]
    predict_s = [
        sum(sum(each.predict_s[:num]) for each, num in zip(of_tile, nums, strict=True))
        for of_tile, nums in zip(layers, spent, strict=True)
    ]
    return {
        "num": len(tiles),
        "num_blank": sum(not tile.num_targets for tile in tiles),
        "num_unfinished": sum(
            any(clicks_to_reach(each.ious, LABELLED_IOU) is None for each in of_tile)
            for of_tile in layers
        ),
        "clicks": _mean(sum(nums) for nums in spent),
        "tabs": _mean(sum(each.num_tabs for each in of_tile) for of_tile in layers),
        "embed_s": _mean(tile.embed_s for tile in tiles),
        "predict_s": _mean(predict_s),
        "model_s": _mean(t.embed_s + seconds for t, seconds in zip(tiles, predict_s, strict=True)),
    }


def _clicks_to_label(layer: Played) -> int:
    return clicks_to_reach(layer.ious, LABELLED_IOU) or MAX_CLICKS


def _calibration(tiles: Sequence[TileResult]) -> dict[str, Any]:
    """Return the expected calibration error of first-click candidates, by kind and of all."""
    found = [
        candidate
        for tile in tiles
        for variant in VARIANTS
        for each in tile.played[variant]
        for candidate in each.candidates
    ]
    report = {}
    for kind in ("net", "layer", "all"):
        chosen = [each for each in found if kind in (each.kind, "all")]
        scores, ious = [each.score for each in chosen], [each.iou for each in chosen]
        if chosen:
            report[kind] = {
                "num": len(chosen),
                "ece": _rounded(expected_calibration_error(scores, ious)),
                "mean_score": _mean(scores),
                "mean_iou": _mean(ious),
                "bins": [asdict(each) for each in calibration_bins(scores, ious)],
            }
    return report


def _mean(values: Iterable[float]) -> float | None:
    numbers = [float(value) for value in values]
    return _rounded(float(np.mean(numbers))) if numbers else None


def _rounded(value: float) -> float:
    return round(value, 4)
