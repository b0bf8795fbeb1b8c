"""The rows of the paper's four tables: which model is trained on what, and how; no torch.

The same row may stand in several tables (SAM-SEG at 1e-4 on all images stands in three); it is
trained once.

Scale F trains on F times the paper's images. With the recipes of the paper the batch becomes
F times as large (see `recipe`), so that the number of steps stays the paper's and a learning
rate means the same; trainings of more than 10 epochs become F times as long, at least 10. The
preset `best` keeps its batch and its epochs.

Tables 1 and 4 have a second half that the paper has not: the same images with the preset `best`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from trainers.errors import DataError
from trainers.experiments import paper

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trainers.config import Preset

Table = Literal["table1", "table2", "table3", "table4"]
TABLES: tuple[Table, ...] = ("table1", "table2", "table3", "table4")
TABLE_TITLES: dict[Table, str] = {
    "table1": "Table 1: the best of each model",
    "table2": "Table 2: learning rates",
    "table3": "Table 3: number of training images",
    "table4": "Table 4: labelled and unlabelled images",
}
TestProtocol = Literal["paper", "automatic"]
TEST_PROTOCOLS: tuple[TestProtocol, ...] = ("paper", "automatic")
PROMPTED = "sam_seg"
"""The one model that the paper tests with prompts from the ground truth."""
DEFAULT_SEEDS: dict[Table, int] = {"table1": 3, "table2": 1, "table3": 1, "table4": 3}
MIN_LONG_EPOCHS = 10
"""Only longer trainings become shorter with the scale, and not shorter than this."""


@dataclass(frozen=True)
class Row:
    """One training with its test.

    Attributes:
        model: a key of `paper.TITLES`.
        preset: `paper`, or `best` for ours.
        lr: learning rate; None for the preset's own.
        epochs: None for the preset's own.
        images: labelled images as the paper counts them, at scale 1.
        unlabelled: images that the model labels for its successor, at scale 1.
        seed: of the training.
        protocol: `paper` only for SAM-SEG, which then gets oracle prompts; the others take
            none, and are tested alike whatever was asked for.
        scale: share of the paper's images.

    """

    model: str
    preset: Preset
    lr: float | None
    epochs: int | None
    images: int
    unlabelled: int
    seed: int
    protocol: TestProtocol
    scale: float

    @property
    def num_images(self) -> int:
        """Labelled images at this scale, those for validation among them."""
        return scaled(self.images, self.scale)

    @property
    def num_unlabelled(self) -> int:
        """Unlabelled images at this scale."""
        return scaled(self.unlabelled, self.scale) if self.unlabelled else 0

    @property
    def name(self) -> str:
        """A name that no other row of the matrix has, fit for a file."""
        return f"{self.training_name}-oracle" if self.protocol == "paper" else self.training_name

    @property
    def training_name(self) -> str:
        """The name of the training, which two protocols may test."""
        parts = [self.model, self.preset]
        parts += [] if self.lr is None else [f"lr{self.lr:g}"]
        parts += [] if self.epochs is None else [f"e{self.epochs}"]
        parts += [f"n{self.images}"] + ([f"u{self.unlabelled}"] if self.unlabelled else [])
        parts += [f"s{self.seed}", f"x{self.scale:g}"]
        return "-".join(parts)

    def of_seed(self, seed: int) -> Row:
        """Return the row with another seed."""
        return replace(self, seed=seed)


def scaled(count: int, scale: float) -> int:
    """Return a share of a number of images, at least 2: one to train, one to validate."""
    return max(2, round(count * scale))


def scaled_epochs(epochs: int, scale: float) -> int:
    """Return the epochs of one of the paper's trainings at that scale."""
    if epochs <= MIN_LONG_EPOCHS:
        return epochs
    return max(MIN_LONG_EPOCHS, round(epochs * min(scale, 1.0)))


def rows_of(
    table: Table,
    *,
    models: Sequence[str] = paper.MODELS,
    num_seeds: int | None = None,
    protocol: TestProtocol = "automatic",
    scale: float = 1.0,
) -> tuple[Row, ...]:
    """Return the rows of a table, the first seed of all of them first.

    Raises:
        DataError: an unknown model, a scale or a number of seeds that makes no sense, or a
            table that has none of the models.

    """
    _check(models, num_seeds, scale)
    cells = tuple(cell for cell in cells_of(table, protocol, scale) if cell.model in models)
    if not cells:
        raise DataError(
            f"{table} is about {paper.TITLES[paper.ROUNDS_MODEL]} alone: leave --models out, or "
            f"let it contain {paper.ROUNDS_MODEL}."
        )
    return tuple(
        cell.of_seed(seed) for seed in range(num_seeds or DEFAULT_SEEDS[table]) for cell in cells
    )


def cells_of(table: Table, protocol: TestProtocol, scale: float = 1.0) -> tuple[Row, ...]:
    """Return a row for each cell of a table, of seed 0."""
    cells = {"table1": _best, "table2": _by_lr, "table3": _by_images, "table4": _by_labelled}
    return cells[table](protocol, scale)


def _best(protocol: TestProtocol, scale: float) -> tuple[Row, ...]:
    published = [
        _row(model, recipe.lr, protocol, scale, epochs=scaled_epochs(recipe.epochs, scale))
        for model, recipe in paper.BEST_RECIPES.items()
    ]
    ours = [
        Row(m, "best", None, None, paper.ALL_IMAGES, 0, 0, _tested(m, protocol), scale)
        for m in paper.MODELS
    ]
    return (*ours, *published)


def _by_lr(protocol: TestProtocol, scale: float) -> tuple[Row, ...]:
    return tuple(_row(m, lr, protocol, scale) for m in paper.MODELS for lr in paper.LRS)


def _by_images(protocol: TestProtocol, scale: float) -> tuple[Row, ...]:
    return tuple(
        _row(model, paper.IMAGES_LR, protocol, scale, images=images)
        for model in paper.MODELS
        for images in paper.IMAGES
    )


def _by_labelled(protocol: TestProtocol, scale: float) -> tuple[Row, ...]:
    model, lr = paper.ROUNDS_MODEL, paper.ROUNDS_LR
    published = [
        _row(model, lr, protocol, scale, images=labelled, unlabelled=unlabelled)
        for labelled, unlabelled in paper.ROUNDS
    ]
    tested = _tested(model, protocol)
    ours = [
        Row(model, "best", None, None, labelled, unlabelled, 0, tested, scale)
        for labelled, unlabelled in paper.ROUNDS
    ]
    return (*ours, *published)


def _row(
    model: str,
    lr: float,
    protocol: TestProtocol,
    scale: float,
    *,
    epochs: int = paper.EPOCHS,
    images: int = paper.ALL_IMAGES,
    unlabelled: int = 0,
) -> Row:
    tested = _tested(model, protocol)
    return Row(model, "paper", lr, epochs, images, unlabelled, 0, tested, scale)


def _tested(model: str, protocol: TestProtocol) -> TestProtocol:
    return protocol if model == PROMPTED else "automatic"


def _check(models: Sequence[str], num_seeds: int | None, scale: float) -> None:
    unknown = [model for model in models if model not in paper.MODELS]
    if unknown or not models:
        raise DataError(
            f"The paper's models are {', '.join(paper.MODELS)}, got "
            f"{', '.join(unknown) or 'none'}. Check --models."
        )
    if num_seeds is not None and num_seeds < 1:
        raise DataError(f"Expected at least one seed, got {num_seeds}. Check --seeds.")
    if not 0.0 < scale <= 10.0:
        raise DataError(
            f"Expected a scale above 0 and up to 10, got {scale:g}: 1 trains on as many images "
            "as the paper, 0.1 on a tenth. Check --scale."
        )
