"""What the Results dock shows: plain values, no Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from napari_icseg.widgets.training_view import Tone


@dataclass(frozen=True, slots=True)
class ResultRow:
    """A trained model and how it scored; what is not known is None.

    Attributes:
        key: names the row among all.
        model: kind of model, as it is called.
        recipe: "best", "paper", or what else sets it apart from others of its kind.
        source: the experiment's folder, or the project.
        tested_on: which images the scores are of, and whether prompts came from the truth.
        state: of the training, or of the row.
        tone: of the state.
        reason: why it failed.
        setup: what else decides the result: settings, data and scale, in short; rows that
            differ in it are never averaged.
        epochs: of the training, where the experiment says so.
        lr: learning rate, where the recipe has one of its own.
        images: labelled ones, those for validation among them.
        unlabelled: further images that the model labelled for itself.
        seed: of the training.
        accuracy: pixel accuracy, 0..1; `iou` and `dice` likewise, of the foreground.
        opens: counted over all tested images; `shorts`, `false_tracks`, `missing_tracks` too.
        minutes: of training.

    """

    key: str
    model: str
    recipe: str
    source: str
    tested_on: str
    state: str
    tone: Tone = "neutral"
    reason: str = ""
    setup: str = ""
    epochs: int | None = None
    lr: float | None = None
    images: int | None = None
    unlabelled: int | None = None
    seed: int | None = None
    accuracy: float | None = None
    iou: float | None = None
    dice: float | None = None
    opens: int | None = None
    shorts: int | None = None
    false_tracks: int | None = None
    missing_tracks: int | None = None
    minutes: float | None = None

    @property
    def title(self) -> str:
        """What the user calls it."""
        parts = [f"{self.model} {self.recipe}".strip()]
        parts += [] if self.lr is None else [f"lr {self.lr:g}"]
        parts += [] if self.epochs is None else [f"{self.epochs} epochs"]
        more = f" + {self.unlabelled:,}" if self.unlabelled else ""
        parts += [] if self.images is None else [f"{self.images:,}{more} images"]
        return ", ".join(parts)


def titles_of(rows: Sequence[ResultRow]) -> tuple[str, ...]:
    """Return titles that tell the rows apart: those alike say seed, test, setup or start, too."""
    titles = [row.title for row in rows]
    for more in (
        lambda row: "" if row.seed is None else f"seed {row.seed}",
        lambda row: row.tested_on,
        lambda row: row.setup,
        lambda row: row.reason,
    ):
        values: dict[str, set[str]] = {}
        for title, row in zip(titles, rows, strict=True):
            values.setdefault(title, set()).add(more(row))
        titles = [
            ", ".join(filter(None, (title, more(row)))) if len(values[title]) > 1 else title
            for title, row in zip(titles, rows, strict=True)
        ]
    return tuple(titles)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the table: name, meaning, what stands in it, and by what it is sorted."""

    title: str
    meaning: str
    text: Callable[[ResultRow], str]
    sort_key: Callable[[ResultRow], float | str]


def _share(title: str, meaning: str, value: Callable[[ResultRow], float | None]) -> Column:
    return Column(
        title,
        meaning,
        lambda row: "–" if (found := value(row)) is None else f"{found:.4f}",
        lambda row: -1.0 if (found := value(row)) is None else found,
    )


def _count(title: str, meaning: str, value: Callable[[ResultRow], float | None]) -> Column:
    return Column(
        title,
        meaning,
        lambda row: "–" if (found := value(row)) is None else f"{found:,.0f}",
        lambda row: -1.0 if (found := value(row)) is None else found,
    )


COLUMNS: tuple[Column, ...] = (
    Column(
        "Model",
        "Kind of model and its recipe",
        lambda row: f"{row.model} {row.recipe}",
        lambda row: f"{row.model} {row.recipe}",
    ),
    Column(
        "lr",
        "Learning rate, where it is not the recipe's own",
        lambda row: "–" if row.lr is None else f"{row.lr:g}",
        lambda row: -1.0 if row.lr is None else row.lr,
    ),
    _count(
        "Images",
        "Labelled images it was trained on, those for validation among them",
        lambda row: row.images,
    ),
    _share("Acc.", "Share of the pixels that get the right class", lambda row: row.accuracy),
    _share("IoU", "Foreground intersection over union, mean over images", lambda row: row.iou),
    _count("Opens", "Breaks in true tracks, over all test images", lambda row: row.opens),
    _count("Shorts", "False links between true tracks", lambda row: row.shorts),
    _count("Unlab.", "Images that the model labelled for itself", lambda row: row.unlabelled),
    _count("Seed", "Seed of the training", lambda row: row.seed),
    _share("Dice", "Foreground Dice score, mean over images", lambda row: row.dice),
    _count("False", "Predicted tracks where there is none", lambda row: row.false_tracks),
    _count("Missing", "True tracks of which nothing was found", lambda row: row.missing_tracks),
    _count("Minutes", "Minutes of training", lambda row: row.minutes),
    Column(
        "Tested on",
        "Which images the scores are of: compare only rows of the same",
        lambda row: row.tested_on,
        lambda row: row.tested_on,
    ),
    Column(
        "State",
        "Where the training stands",
        lambda row: row.state,
        lambda row: row.state,
    ),
)
STATE_COLUMN = len(COLUMNS) - 1
TEXT_COLUMNS = (0, STATE_COLUMN - 1, STATE_COLUMN)


@dataclass(frozen=True, slots=True)
class LegendEntry:
    """A colour (#rrggbb), what it means, and the sign in that colour."""

    color: str
    text: str
    sign: str = "■"


@dataclass(frozen=True, slots=True)
class ShownView:
    """What stands below the table about the models on the image; an empty text is hidden."""

    status: str = ""
    tone: Tone = "neutral"
    lines: tuple[str, ...] = ()
    """One for each model on the image."""
    legend: tuple[LegendEntry, ...] = ()
    num_errors: int = 0
    """Marked places that can be gone to."""
    can_compare: bool = False
    is_busy: bool = False
