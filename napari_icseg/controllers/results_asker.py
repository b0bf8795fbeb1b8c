"""Asks models about an image: they and their answers are kept for a while. For one thread."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from napari_icseg.controllers.prefill_objects import class_ids_by_label
from napari_icseg.controllers.prefill_predictor import check_size
from napari_icseg.controllers.results_look import ImageLook, Said, class_picture, looks_at
from napari_icseg.project.records import ImageStatus
from napari_icseg.project.rendering import decode, render_semantic
from napari_icseg.prompting.torchvision_import import import_torchvision
from trainers.errors import DataError
from trainers.io.images import read_image
from trainers.io.palette import class_color
from trainers.run_folder import checkpoint_file

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_icseg.controllers.results_look import Ids, Rgba
    from napari_icseg.controllers.results_rows import ResultRun
    from napari_icseg.project.project import Project
    from napari_icseg.project.records import ClassRecord
    from trainers.predict import LoadedModel

MAX_MODELS, MAX_ANSWERS = 2, 12
DONE = (ImageStatus.LABELLED, ImageStatus.BLANK)


class _Scene(NamedTuple):
    """What is known of an image: grey values (H, W), its objects, if it is finished, classes."""

    image_id: int
    stamp: tuple[Path, int]
    image: NDArray[Any]
    objects: tuple[Any, ...]
    is_done: bool
    classes: tuple[ClassRecord, ...]


class ResultAsker:
    """Loads models, asks them, and says how they differ from the labels or from each other."""

    def __init__(self) -> None:
        self._models: OrderedDict[tuple[Path, int], LoadedModel] = OrderedDict()
        self._answers: OrderedDict[tuple[Any, ...], Ids] = OrderedDict()

    def look(
        self,
        project: Project,
        image_id: int,
        runs: Sequence[ResultRun],
        say: Callable[[str], None] = lambda _text: None,
    ) -> ImageLook:
        """Return what one or two models say of an image.

        Args:
            project: open.
            image_id: of the project.
            runs: at least one.
            say: is told what takes time.

        Raises:
            CheckpointError: a model's weights are missing or damaged.
            DataError: the image cannot be read, is too large, or points are to come from its
                truth and it is not labelled.
            ProjectError: the project was closed meanwhile.

        """
        scene = _scene(project, image_id)
        said: list[Said] = []
        truths: dict[str, Ids | None] = {}
        for run in runs:
            say(f"Asking {run.row.title}…")
            loaded = self._load(run.run_dir)
            ids_by_label = class_ids_by_label(loaded.class_names, scene.classes)
            truth = _truth(scene, ids_by_label)
            truths[run.row.key] = truth
            ids = self._answer(loaded, run, scene, truth)
            said.append(Said(run.row.key, run.row.title, ids, _colors(scene, loaded, ids_by_label)))
        models, compared_with = looks_at(said, truths)
        labels = _labels(said, truths)
        return ImageLook(image_id, scene.stamp[0].name, scene.image, models, labels, compared_with)

    def _load(self, run_dir: Path) -> LoadedModel:
        from trainers.predict import load_run

        import_torchvision()
        key = _stamp(checkpoint_file(run_dir))
        if key not in self._models:
            while len(self._models) >= MAX_MODELS:  # before another takes its memory
                self._models.popitem(last=False)
            self._models[key] = load_run(run_dir)
        self._models.move_to_end(key)
        return self._models[key]

    def _answer(self, loaded: LoadedModel, run: ResultRun, scene: _Scene, truth: Ids | None) -> Ids:
        from trainers.predict import predict_image, predict_prompted

        if run.is_oracle and truth is None:
            raise DataError(
                f"{run.row.title} was tested with points from the truth, and this image has none. "
                "Label it and mark it as labelled, or choose a row tested without such points."
            )
        weights = _stamp(checkpoint_file(run.run_dir))
        told = truth if run.is_oracle else None
        key = (weights, scene.stamp, b"" if told is None else told.tobytes())
        if key not in self._answers:
            answer = (
                predict_image(loaded, scene.image)
                if told is None
                else predict_prompted(loaded, scene.image, told)
            )
            self._answers[key] = answer.labels
            while len(self._answers) > MAX_ANSWERS:
                self._answers.popitem(last=False)
        return self._answers[key]


def _scene(project: Project, image_id: int) -> _Scene:
    path, record = project.absolute_path(image_id), project.image(image_id)
    check_size(path)
    image = read_image(path)
    return _Scene(
        image_id,
        _stamp(path),
        image,
        project.objects(image_id),
        record.status in DONE,
        project.classes(),
    )


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
    shape_hw = (scene.image.shape[0], scene.image.shape[1])
    return render_semantic(decode(known), value_of, shape_hw).labels.astype(np.uint8)


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
