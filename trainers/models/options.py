"""A model's own settings, read from `TrainConfig.model_options`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from trainers.errors import TrainingError

if TYPE_CHECKING:
    from trainers.config import TrainConfig

Options = TypeVar("Options", bound=BaseModel)


def read_options(kind: type[Options], config: TrainConfig) -> Options:
    """Return the options of a run, checked; raise `TrainingError` naming each wrong one."""
    try:
        return kind.model_validate(config.model_options)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()
        )
        raise TrainingError(f"The options of {config.model} are not valid: {problems}.") from error
