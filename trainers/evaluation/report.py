"""Writes the page of an evaluation, with pictures of its worst and best images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainers.evaluation.answer import answer
from trainers.evaluation.data import read_truth
from trainers.evaluation.overlay import draw_panels
from trainers.evaluation.page import render_page
from trainers.evaluation.page_pictures import Picture
from trainers.io.atomic import write_text_atomic

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from trainers.evaluation.data import EvaluationData
    from trainers.evaluation.records import Evaluation, ImageScore
    from trainers.predict import LoadedModel

NUM_WORST, NUM_BEST = 12, 4
PAGE_NAME = "index.html"


def write_report(
    folder: Path,
    loaded: LoadedModel,
    data: EvaluationData,
    evaluation: Evaluation,
    *,
    title: str,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> Path:
    """Write `index.html`, atomically, and return its path; the shown images are predicted anew.

    Raises `DataError` if an image cannot be read or the page not written.
    """
    worst, best = _shown(evaluation.images)
    pictures: list[Picture] = []
    for number, score in enumerate([*worst, *best]):
        progress(number, len(worst) + len(best))
        pictures.append(_picture(loaded, data, evaluation, score))
    progress(len(pictures), len(pictures))
    page = render_page(
        evaluation,
        title=title,
        about=_about(loaded),
        worst=pictures[: len(worst)],
        best=pictures[len(worst) :],
    )
    write_text_atomic(folder / PAGE_NAME, page)
    return folder / PAGE_NAME


def _shown(scores: Sequence[ImageScore]) -> tuple[list[ImageScore], list[ImageScore]]:
    """Return the worst images, and the best of the others that hold objects."""
    rest = [score for score in scores[NUM_WORST:] if score.ap is not None]
    return list(scores[:NUM_WORST]), rest[: -NUM_BEST - 1 : -1]


def _picture(
    loaded: LoadedModel, data: EvaluationData, evaluation: Evaluation, score: ImageScore
) -> Picture:
    item = data.items[data.names.index(score.image)]
    truth = read_truth(item, loaded.class_names)
    labels = answer(loaded, truth, evaluation.protocol).labels
    return Picture(score, draw_panels(truth.image, labels, truth.ids))


def _about(loaded: LoadedModel) -> dict[str, str]:
    """Return what is known of the model, for a reader."""
    config, meta = loaded.config, loaded.meta
    facts = {"model": config.model, "preset": config.preset, "seed": str(config.seed)}
    if meta.get("epoch") is not None:
        facts["epoch"] = str(meta["epoch"])
    if meta.get("data_sha256"):
        facts["training data"] = str(meta["data_sha256"])[:12]
    code = meta.get("code") or {}
    return facts | ({"code": str(code["commit"])[:12]} if code.get("commit") else {})
