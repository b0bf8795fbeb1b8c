"""`icseg bench economy`: human seconds against test IoU, by four ways of labelling."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_icseg.bench.economy_annotator import Person
from napari_icseg.bench.economy_book import Book
from napari_icseg.bench.economy_costs import Costs
from napari_icseg.bench.economy_lab import SMALL_UNET, Lab, pool_of
from napari_icseg.bench.economy_plan import TITLES, Plan, training_units
from napari_icseg.bench.economy_routes import Route
from trainers.errors import DataError
from trainers.io.atomic import write_text_atomic
from trainers.registry import make_config

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_icseg.bench.economy_curve import Point
    from napari_icseg.bench.economy_plan import RouteName
    from napari_icseg.bench.economy_tally import Tally
    from napari_icseg.prompting.protocol import PromptPredictor
    from trainers.config import TrainConfig

SETTINGS_NAME = "economy.json"
SHARES = (1 / 32, 1 / 8, 1 / 4, 1 / 2, 1.0)
"""Of the tiles, labelled at the points of the routes a, b and c."""
FEWEST = 4


@dataclass(frozen=True)
class Settings:
    """Everything that decides the result; the same settings go on with a stopped run.

    The costs may change (the seconds are counted anew from what was done), and the routes.

    Attributes:
        data: folder with labelled tiles in a training and a test split, absolute.
        num_tiles: to be labelled.
        num_test: tiles of the test split that are scored.
        epochs: of every model that proposes.
        equal_steps: see `economy_lab.Lab`.
        model: that proposes, and is scored where `scored` names no other.
        scored: another model that is scored; it learns from the labels alone.
        scored_epochs: of that.
        seed: of everything drawn, trainings included.
        routes: which ones, of "abcd".
        num_first, num_in_row, num_rounds: of route d, see `economy_plan.Plan`; `num_first` 0
            takes a 32nd of the tiles.
        training: settings of the model, as in `icseg train --set`.
        person: how the person works.
        costs: seconds of each action.

    """

    data: str
    num_tiles: int
    num_test: int
    epochs: int
    equal_steps: bool = False
    model: str = "unet"
    scored: str = ""
    scored_epochs: int = 10
    seed: int = 0
    routes: tuple[RouteName, ...] = ("a", "b", "c", "d")
    num_first: int = 0
    num_in_row: int = 3
    num_rounds: int = 4
    training: dict[str, Any] = field(default_factory=dict)
    person: Person = field(default_factory=Person)
    costs: Costs = field(default_factory=Costs)

    def plan(self) -> Plan:
        """Return how much is labelled when."""
        num = self.num_tiles
        sizes = sorted({max(FEWEST, round(num * share)) for share in SHARES})
        return Plan(
            tuple(size for size in sizes if size <= num),
            self.num_first or max(FEWEST, num // 32),
            self.num_in_row,
            self.num_rounds,
        )

    def work(self) -> float:
        """Return all the work, in units of one labelled tile; a guess for the time left."""
        plan, num = self.plan(), self.num_tiles
        in_order = num + sum(training_units(size, self.epochs) for size in plan.sizes)
        extra = {"c": num, "d": self.num_rounds * (num + training_units(num, self.epochs))}
        return sum(
            extra.get(route, 0) + (num if route == "d" else in_order) for route in self.routes
        )


@dataclass(frozen=True)
class RouteResult:
    """What came of a route: its points, and what was done in which way."""

    points: tuple[Point, ...]
    ways: dict[str, Tally]


def run_economy(
    settings: Settings,
    out: Path,
    predictor: PromptPredictor,
    *,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
    on_route: Callable[[RouteName, RouteResult], None] = lambda _name, _result: None,
) -> dict[RouteName, RouteResult]:
    """Label the tiles by each route; what `out` holds already is not done again.

    Args:
        settings: of the run.
        out: its folder, with one folder a route.
        predictor: answers the clicks.
        progress: told the work done and in all, in tiles.
        on_route: told each route as it is done.

    Raises:
        DataError: `out` holds a run with other settings, or data cannot be read.
        TrainingError: a training failed or was cancelled.

    """
    tiles, class_names = pool_of(Path(settings.data), settings.num_tiles)
    _keep_settings(out / SETTINGS_NAME, settings, predictor.checkpoint_id)
    lab = Lab(
        tiles,
        class_names,
        Path(settings.data),
        settings.num_test,
        predictor,
        make_config(settings.model, **_training(settings, out, settings.model)),
        settings.epochs,
        settings.equal_steps,
        _scored(settings, out),
    )
    results: dict[RouteName, RouteResult] = {}
    done, total = [0.0], settings.work()

    def tick(units: float) -> None:
        done[0] += units
        progress(round(min(done[0], total)), round(total))

    for name in settings.routes:
        route = Route(
            name,
            lab,
            settings.person,
            settings.costs,
            settings.plan(),
            Book(out / name),
            settings.seed,
            tick,
        )
        points = tuple(route.run())
        results[name] = RouteResult(points, route.ways())
        on_route(name, results[name])
    return results


def title(name: RouteName) -> str:
    """Return a route's name in words: "a: clicks alone"."""
    return f"{name}: {TITLES[name]}"


def _training(settings: Settings, out: Path, model: str) -> dict[str, Any]:
    options = {"model_options": SMALL_UNET} if model == "unet" else {}
    return {
        "out": out.absolute(),
        "data": Path(settings.data),
        "device": "cpu",
        "num_threads": 1,
        "tensorboard": False,
        **options,
        **(settings.training if model == settings.model else {}),
        "seed": settings.seed,
    }


def _scored(settings: Settings, out: Path) -> TrainConfig | None:
    """Return the other model that is scored, if there is one."""
    model = settings.scored
    if model in ("", settings.model):
        return None
    return make_config(model, **_training(settings, out, model), epochs=settings.scored_epochs)


def _keep_settings(path: Path, settings: Settings, checkpoint_id: str) -> None:
    """Write the settings, or refuse a folder that holds others.

    Costs change no label, and the routes know nothing of one another.
    """
    wanted = {**asdict(settings), "checkpoint_id": checkpoint_id}
    del wanted["costs"], wanted["routes"]
    text = json.dumps(wanted, indent=1) + "\n"
    if not path.exists():
        write_text_atomic(path, text)
        return
    found = path.read_text(encoding="utf-8")
    if found != text:
        raise DataError(
            f"{path.parent} holds a run with other settings ({_difference(found, wanted)}). "
            "Give the same settings to go on with it, or another --out."
        )


def _difference(found: str, wanted: dict[str, Any]) -> str:
    try:
        known = json.loads(found)
    except ValueError:
        return f"{SETTINGS_NAME} is damaged"
    now = json.loads(json.dumps(wanted))
    return ", ".join(f"{k}: {known.get(k)!r}" for k in now if known.get(k) != now[k])
