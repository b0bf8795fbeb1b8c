"""The model that pre-fills: loaded once, asked in a worker thread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from napari_icseg.controllers.prefill_objects import (
    Proposed,
    class_ids_by_label,
    propose,
    propose_instances,
)
from napari_icseg.prompting.torchvision_import import import_torchvision
from trainers.errors import DataError
from trainers.io.images import image_size, read_image
from trainers.run_folder import RunFolder

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_icseg.project.project import Project
    from trainers.models.base import Instance
    from trainers.predict import LoadedModel, Prediction

MAX_PIXELS = 5000 * 5000
"""Of an image that is predicted: it and the probabilities of all classes are held in memory."""


@dataclass(frozen=True)
class _Cached:
    """A loaded model and the state of its file at that time."""

    run_dir: Path
    modified_ns: int
    model: LoadedModel


class PrefillPredictor:
    """Predicts an image of a project with a run; keeps the last model. One thread at a time."""

    def __init__(self) -> None:
        self._cached: _Cached | None = None

    def propose(
        self, project: Project, image_id: int, run_dir: Path, *, over_accepted: bool = False
    ) -> Proposed:
        """Return proposals for the image; nothing is written.

        Raises:
            CheckpointError: the run has no usable checkpoint.
            DataError: the image cannot be read, or is too large to be predicted as a whole.
            ProjectError: the project was closed meanwhile.

        """
        model = self._load(run_dir)
        path = project.absolute_path(image_id)
        check_size(path)
        image = read_image(path)
        answer = _answer(model, image)
        class_ids = class_ids_by_label(model.class_names, project.classes())
        accepted = () if over_accepted else project.objects(image_id)
        if isinstance(answer, list):
            shape_hw = (image.shape[0], image.shape[1])
            found = propose_instances(answer, class_ids, accepted, shape_hw)
        else:
            found = propose(answer.labels, answer.probs, class_ids, accepted)
        unknown = tuple(
            name for label, name in enumerate(model.class_names, start=1) if label not in class_ids
        )
        return Proposed(found.proposals, found.num_cut, found.num_known, unknown)

    def _load(self, run_dir: Path) -> LoadedModel:
        from trainers.predict import load_run

        import_torchvision()
        modified_ns = _modified_ns(run_dir)
        cached = self._cached
        if cached is None or (cached.run_dir, cached.modified_ns) != (run_dir, modified_ns):
            self._cached = None  # the old model's memory is free before the new one is loaded
            self._cached = cached = _Cached(run_dir, modified_ns, load_run(run_dir))
        return cached.model


def _answer(model: LoadedModel, image: NDArray[Any]) -> list[Instance] | Prediction:
    """Return the objects of a model that finds them one by one, else its segmentation."""
    # torch takes seconds to import and must not be needed to open the dock
    from trainers.models.base import InstanceTask
    from trainers.predict import predict_image
    from trainers.predict_instances import proposed_instances

    if isinstance(model.task, InstanceTask):
        return proposed_instances(model, image)
    return predict_image(model, image)


def check_size(path: Path) -> None:
    """Raise `DataError` if an image is too large to be predicted as a whole."""
    height, width = image_size(path)
    if height * width > MAX_PIXELS:
        raise DataError(
            f"{path.name} has {width} x {height} pixels. A trained model sees an image as a "
            f"whole, up to {MAX_PIXELS // 10**6} million pixels. Cut it into tiles, "
            "or find its objects without a trained model: that goes window by window."
        )


def _modified_ns(run_dir: Path) -> int:
    """Return when the best checkpoint was written: a run that goes on replaces it."""
    try:
        return RunFolder(run_dir).best.stat().st_mtime_ns
    except OSError:  # none yet: loading says so
        return 0
