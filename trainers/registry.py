"""The models that can be trained, by name; each is imported only when it is used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from trainers.config import TrainConfig, parse_config
from trainers.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from trainers.models.base import Task


def _lazy(module: str, name: str) -> Callable[[], Task]:
    def build() -> Task:
        task: Task = getattr(import_module(module), name)()
        return task

    return build


MODELS: dict[str, Callable[[], Task]] = {
    "unet": _lazy("trainers.models.unet_task", "UNetTask"),
    "sam_det": _lazy("trainers.models.sam_det_task", "SamDetTask"),
    "sam_seg": _lazy("trainers.models.sam_seg_task", "SamSegTask"),
    "sam2-nano": _lazy("trainers.models.sam2.task", "Sam2NanoTask"),
    "rsprompter": _lazy("trainers.models.rsprompter_task", "RSPrompterTask"),
}


def build_task(name: str) -> Task:
    """Return the task of that model; raise `TrainingError` for an unknown name."""
    if name not in MODELS:
        known = ", ".join(sorted(MODELS))
        raise TrainingError(f"There is no model {name!r}. Choose one of: {known}.")
    return MODELS[name]()


def make_config(
    model: str, *, out: Path, data: Path | None = None, preset: str = "best", **changes: Any
) -> TrainConfig:
    """Return the configuration of a preset, with `changes` (None values are left out)."""
    task = build_task(model)
    if data is None and task.needs_data:
        raise TrainingError(f"{model} needs labelled images: give a data folder with --data DIR.")
    given = {key: value for key, value in changes.items() if value is not None}
    options = {**task.defaults(preset).get("model_options", {}), **given.pop("model_options", {})}
    fields = {**task.defaults(preset), **given, "model_options": options}
    return parse_config({"model": model, "out": out, "data": data, "preset": preset, **fields})
