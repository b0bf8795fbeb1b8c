"""Asks models about an image: they and their answers are kept for a while. For one thread."""

from __future__ import annotations

import contextlib
import hashlib
from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_icseg.controllers.prefill_objects import class_ids_by_label
from napari_icseg.controllers.prefill_predictor import check_size
from napari_icseg.controllers.proposal_paint import coarse_frame
from napari_icseg.controllers.results_look import (
    ImageLook,
    ModelLook,
    Said,
    class_picture,
    looks_at,
    reduced,
)
from napari_icseg.project.records import ImageStatus
from napari_icseg.project.rendering import decode, render_semantic
from napari_icseg.prompting.torchvision_import import import_torchvision
from napari_icseg.widgets.results_view import titles_of
from trainers.errors import CheckpointError, DataError
from trainers.io.images import contrast_limits, read_image
from trainers.io.palette import class_color
from trainers.run_folder import checkpoint_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_icseg.controllers.results_look import Ids, Rgba
    from napari_icseg.controllers.results_rows import ResultRun
    from napari_icseg.project.project import Project
    from napari_icseg.project.records import ClassRecord
    from trainers.predict import LoadedModel

MAX_MODELS, MAX_ANSWER_BYTES = 2, 64 * 2**20
DONE = (ImageStatus.LABELLED, ImageStatus.BLANK)


GONE = "The weights of {} are not there any more: its row can be read, not shown."
NEVER = "{} has no weights to show. {}"
NO_POINTS = (
    "{} was tested with points from the truth, and there is none for this image: mark it as "
    "labelled, in a project that has the model's classes, or choose a row tested without points."
)
NO_MEMORY = "There is not enough memory for {}. Wait for the training to end, or choose another."


class _Scene(NamedTuple):
    """What is known of an image: grey values (H, W), its objects, if it is finished, classes."""

    image_id: int
    stamp: tuple[Path, int]
    image: NDArray[Any]
    objects: tuple[Any, ...]
    is_done: bool
    classes: tuple[ClassRecord, ...]

    @property
    def shape_hw(self) -> tuple[int, int]:
        return self.image.shape[0], self.image.shape[1]


class ResultAsker:
    """Loads models, asks them, and says how they differ from the labels or from each other."""

    def __init__(self) -> None:
        self._models: OrderedDict[tuple[Path, int], LoadedModel] = OrderedDict()
        self._answers: OrderedDict[tuple[Any, ...], Ids] = OrderedDict()
        self._image: tuple[tuple[Path, int], NDArray[Any]] | None = None

    def look(self, project: Project, image_id: int, runs: Sequence[ResultRun]) -> ImageLook:
        """Return what one or two models say of an image.

        Args:
            project: open.
            image_id: of the project.
            runs: at least one.

        Raises:
            CheckpointError: a model's weights are missing or damaged.
            DataError: the image cannot be read, is too large, there is not enough memory, or
                points are to come from the truth and there is none.
            ProjectError: the project was closed meanwhile.

        """
        scene = self._scene(project, image_id)
        said: list[Said] = []
        truths: dict[str, Ids | None] = {}
        for run, title in zip(runs, titles_of([run.row for run in runs]), strict=True):
            with self._enough_memory(title):
                loaded = self._load(run, title)
                ids_by_label = class_ids_by_label(loaded.class_names, scene.classes)
                truths[run.row.key] = truth = _truth(scene, ids_by_label)
                ids = self._answer(loaded, run, scene, truth, title)
            colors = _colors(scene, loaded, ids_by_label)
            known = frozenset(ids_by_label)
            said.append(Said(run.row.key, title, ids, colors, loaded.class_names, known))
        return _picture(scene, said, truths)

    def forget(self) -> None:
        """Give models and answers back: nothing is shown any more."""
        self._models.clear()
        self._answers.clear()
        self._image = None

    @contextlib.contextmanager
    def _enough_memory(self, title: str) -> Iterator[None]:
        from trainers.accumulate import is_out_of_memory

        try:
            yield
        except (RuntimeError, MemoryError) as error:
            if not isinstance(error, MemoryError) and not is_out_of_memory(error):
                raise
            self.forget()
            raise DataError(NO_MEMORY.format(title)) from error

    def _scene(self, project: Project, image_id: int) -> _Scene:
        path, record = project.absolute_path(image_id), project.image(image_id)
        check_size(path)
        stamp = _stamp(path)
        if self._image is None or self._image[0] != stamp:
            self._image = (stamp, read_image(path))
        return _Scene(
            image_id,
            stamp,
            self._image[1],
            project.objects(image_id),
            record.status in DONE,
            project.classes(),
        )

    def _load(self, run: ResultRun, title: str) -> LoadedModel:
        from trainers.predict import load_run

        import_torchvision()
        key = _weights(run, title)
        if key not in self._models:
            while len(self._models) >= MAX_MODELS:  # before another takes its memory
                self._models.popitem(last=False)
            self._models[key] = load_run(run.run_dir)
        self._models.move_to_end(key)
        return self._models[key]

    def _answer(
        self, loaded: LoadedModel, run: ResultRun, scene: _Scene, truth: Ids | None, title: str
    ) -> Ids:
        from trainers.predict import predict_image, predict_prompted

        if run.is_oracle and truth is None:
            raise DataError(NO_POINTS.format(title))
        told = truth if run.is_oracle else None
        digest = b"" if told is None else hashlib.sha256(told.tobytes()).digest()
        key = (_weights(run, title), scene.stamp, digest)
        if key not in self._answers:
            answer = (
                predict_image(loaded, scene.image)
                if told is None
                else predict_prompted(loaded, scene.image, told)
            )
            self._answers[key] = answer.labels
            while sum(ids.size for ids in self._answers.values()) > MAX_ANSWER_BYTES:
                if len(self._answers) == 1:
                    break
                self._answers.popitem(last=False)
        self._answers.move_to_end(key)
        return self._answers[key]


def _weights(run: ResultRun, title: str) -> tuple[Path, int]:
    """Return file and time of a model's weights; raise `CheckpointError` if there are none."""
    try:
        return _stamp(checkpoint_file(run.run_dir))
    except (CheckpointError, FileNotFoundError):
        is_failed = run.row.tone == "bad"
        text = NEVER.format(title, run.row.reason) if is_failed else GONE.format(title)
        raise CheckpointError(text) from None


def _picture(scene: _Scene, said: Sequence[Said], truths: Mapping[str, Ids | None]) -> ImageLook:
    step = coarse_frame(scene.shape_hw).step
    models, compared_with = looks_at(said, truths)
    labels = _labels(said, truths)
    return ImageLook(
        scene.image_id,
        scene.stamp[0].name,
        np.ascontiguousarray(scene.image[step // 2 :: step, step // 2 :: step]),
        tuple(_coarse(model, step) for model in models),
        None if labels is None else reduced(labels, step),
        compared_with,
        scene.shape_hw,
        contrast_limits(scene.image),
    )


def _coarse(model: ModelLook, step: int) -> ModelLook:
    wrong = None if model.wrong is None else reduced(model.wrong, step)
    return replace(model, classes=reduced(model.classes, step), wrong=wrong)


def _stamp(path: Path) -> tuple[Path, int]:
    return path, path.stat().st_mtime_ns


def _truth(scene: _Scene, ids_by_label: dict[int, int]) -> Ids | None:
    """Return the labels as class ids of a model; classes it has not learned are background.

    None where the image is not finished, or the project has none of the model's classes.
    """
    if not scene.is_done or not ids_by_label:
        return None
    value_of = {class_id: label for label, class_id in ids_by_label.items()}
    known = [each for each in scene.objects if each.class_id in value_of]
    return render_semantic(decode(known), value_of, scene.shape_hw).labels.astype(np.uint8)


def _labels(said: Sequence[Said], truths: Mapping[str, Ids | None]) -> Rgba | None:
    """Return the labels as a picture, in the classes of the first model that has them."""
    pictures = (
        class_picture(truth, one.colors) for one in said if (truth := truths[one.key]) is not None
    )
    return next(pictures, None)


def _colors(scene: _Scene, loaded: LoadedModel, ids_by_label: dict[int, int]) -> tuple[str, ...]:
    """Return "#rrggbb" of the model's classes: the project's own where it has the class."""
    color_of = {record.id: record.color for record in scene.classes}
    return tuple(
        color_of.get(ids_by_label.get(label, -1))
        or "#{:02x}{:02x}{:02x}".format(*class_color(label))
        for label in range(1, len(loaded.class_names) + 1)
    )
