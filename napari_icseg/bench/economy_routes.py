"""Four ways to label the same tiles, each a list of points (human seconds, test IoU).

a: clicks alone. b: clicks + pre-fill; the click model's automatic masks are a proposal for each
tile. c: rounds; the first tiles as in b, then the model trained on what is labelled proposes for
the next tiles, and a person reviews each. d: rounds; typical tiles are labelled as in b first;
of the proposals for all others those of which the model is least sure are reviewed, until some in
a row are right, and the rest above a threshold of the expected IoU is accepted at once, after a
look at a sample.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from napari_icseg.bench.economy_annotator import (
    Labelled,
    label_by_clicks,
    looks_right,
    review,
)
from napari_icseg.bench.economy_automatic import automatic_ids
from napari_icseg.bench.economy_costs import Actions
from napari_icseg.bench.economy_curve import Point
from napari_icseg.bench.economy_plan import training_units
from napari_icseg.bench.economy_tally import SAMPLE, tally
from trainers.io.masks import read_mask

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from napari_icseg.bench.economy_annotator import How, Person
    from napari_icseg.bench.economy_book import Book, Entry
    from napari_icseg.bench.economy_costs import Costs
    from napari_icseg.bench.economy_lab import Lab, PoolTile
    from napari_icseg.bench.economy_plan import Plan, RouteName
    from napari_icseg.bench.economy_tally import Tally
    from trainers.proposals import ImageProposal

MAX_WORST = 1 / 8
"""Share of all tiles up to which the least sure are reviewed in a round of route d."""
SAMPLE_SIZE = 12
MAX_BAD = 1 / 12
"""Share of the sample that may look wrong; else the person raises the threshold."""
MAX_SAMPLES = 3
"""In a round."""


@dataclass
class Route:
    """One route under way; `run` gives its points.

    Attributes:
        name: a, b, c or d.
        lab: the machine.
        person: the person.
        costs: of the person's actions.
        plan: how much when.
        book: what was done.
        seed: of the person's eye and hand, of orders and samples.
        tick: told what was done, in units of a labelled tile; for the time left.

    """

    name: RouteName
    lab: Lab
    person: Person
    costs: Costs
    plan: Plan
    book: Book
    seed: int
    tick: Callable[[float], None] = lambda _units: None
    labelled: dict[PoolTile, Entry] = field(default_factory=dict)
    samples: list[Entry] = field(default_factory=list)
    spent: Actions = field(default_factory=Actions)
    points: list[Point] = field(default_factory=list)

    def run(self) -> list[Point]:
        """Return the points; what is in the book or trained already is not done again."""
        if self.name == "d":
            self._run_suggested()
        else:
            self._run_in_order()
        return self.points

    def ways(self) -> dict[str, Tally]:
        """Return what was done in which way, and what it took."""
        entries = (*self.labelled.values(), *self.samples)
        return tally(entries, self.costs, self.person.enough_iou)

    def _run_in_order(self) -> None:
        order = np.random.default_rng([self.seed, 0]).permutation(len(self.lab.tiles))
        tiles = [self.lab.tiles[int(i)] for i in order]
        for num in self.plan.sizes:
            batch = tiles[len(self.labelled) : num]
            proposals = self._proposals(batch) if self.name == "c" and self.points else {}
            for tile in batch:
                self._label(tile, proposals.get(tile))
            self._measure()

    def _run_suggested(self) -> None:
        from trainers.suggest import suggest_typical

        vectors = self.lab.vectors
        for each in suggest_typical(vectors, [], self.plan.num_first, seed=self.seed):
            self._label(self.lab.tiles[each.index], None)
        self._measure()
        for number in range(1, self.plan.num_rounds + 1):
            left = [tile for tile in self.lab.tiles if tile not in self.labelled]
            if not left:
                return
            proposals = self._proposals(left)
            self._review_worst(proposals)
            self._accept_sure(number, proposals)
            self._measure()

    def _label(self, tile: PoolTile, proposal: ImageProposal | None) -> Entry:
        rng = self._rng_of(tile)

        def work() -> Labelled:
            embedded, truth = self.lab.embedded(tile), self.lab.truth(tile)
            if proposal is not None:
                return review(embedded, read_mask(proposal.mask), truth, self.person, rng)
            if self.name == "a":
                return label_by_clicks(embedded, truth, self.person, rng)
            return review(embedded, automatic_ids(self.lab, tile), truth, self.person, rng)

        return self._take(tile, self.book.label(tile, work))

    def _take(self, tile: PoolTile, entry: Entry) -> Entry:
        self.labelled[tile] = entry
        self.spent += entry.actions
        self.tick(1)
        return entry

    def _rng_of(self, tile: PoolTile) -> np.random.Generator:
        """Of a tile and not of the order: the same slips of the hand on every route."""
        return np.random.default_rng([self.seed, 1, self.lab.tiles.index(tile)])

    def _proposals(self, tiles: Sequence[PoolTile]) -> dict[PoolTile, ImageProposal]:
        """Return what a model proposes that was trained on the labels of the last point."""
        run = self.lab.train(self._labels(), self._folder())
        return self.lab.proposals(run, tiles, lambda _done, _all: self.tick(1))

    def _labels(self) -> dict[PoolTile, Path]:
        return {tile: self.book.mask(tile) for tile in self.labelled}

    def _folder(self) -> Path:
        """Return where the models of the last point lie."""
        return self.book.folder / f"point-{len(self.points)}"

    def _review_worst(self, proposals: dict[PoolTile, ImageProposal]) -> None:
        """Review from the least sure proposal on, until some in a row look right."""
        num_right, num_most = 0, max(1, round(MAX_WORST * len(self.lab.tiles)))
        worst = sorted(proposals, key=lambda tile: (proposals[tile].predicted_iou, tile.name))
        for tile in worst[:num_most]:
            if num_right == self.plan.num_in_row:
                return
            entry = self._label(tile, proposals[tile])
            num_right = num_right + 1 if entry.how == "accepted" else 0

    def _accept_sure(self, number: int, proposals: dict[PoolTile, ImageProposal]) -> None:
        """Accept all above a threshold that holds in a sample; it is raised up to twice.

        What is seen in a sample is settled: accepted where it looks right, else corrected.
        """
        left = [tile for tile in proposals if tile not in self.labelled]
        left.sort(key=lambda tile: (-proposals[tile].predicted_iou, tile.name))
        enough = self.person.enough_iou
        sure = [tile for tile in left if proposals[tile].predicted_iou >= enough]
        for trial in range(MAX_SAMPLES):
            if not sure:
                return
            name = f"{number}.{trial + 1} of {len(sure)}"
            rng = np.random.default_rng([self.seed, 2, number, trial])
            seen = self._look_at_sample(name, sure, proposals, rng)
            for tile, is_right in seen.items():
                if is_right:
                    self._accept(tile, proposals[tile], "accepted")
                else:
                    self._label(tile, None)
            if list(seen.values()).count(False) <= MAX_BAD * len(seen):
                for tile in sure:
                    if tile not in seen:
                        self._accept(tile, proposals[tile], "bulk")
                return
            sure = [tile for tile in sure[: len(sure) // 2] if tile not in seen]

    def _look_at_sample(
        self,
        name: str,
        sure: Sequence[PoolTile],
        proposals: dict[PoolTile, ImageProposal],
        rng: np.random.Generator,
    ) -> dict[PoolTile, bool]:
        """Return of each tile of a random sample whether it looks right."""
        num = min(SAMPLE_SIZE, len(sure))
        chosen = [sure[int(i)] for i in rng.choice(len(sure), num, replace=False)]
        seen = {
            tile: looks_right(
                read_mask(proposals[tile].mask), self.lab.truth(tile), self.person, rng
            )
            for tile in chosen
        }
        actions = Actions(verifications=num, judgements=1, keys=1)
        share = float(np.mean(list(seen.values())))
        entry = self.book.sample(f"{SAMPLE} {name}", lambda: (actions, share))
        self.samples.append(entry)
        self.spent += entry.actions
        return seen

    def _accept(self, tile: PoolTile, proposal: ImageProposal, how: How) -> None:
        def work() -> Labelled:
            ids = read_mask(proposal.mask)
            return Labelled(ids, how, Actions(), self.lab.truth(tile).iou(ids))

        self._take(tile, self.book.label(tile, work))

    def _measure(self) -> None:
        """Train on all labels so far and score the model on unseen tiles."""
        entries = self.labelled.values()
        point = Point(
            human_s=round(self.costs.seconds(self.spent), 3),
            test_iou=0.0,
            num_labelled=len(entries),
            num_by_hand=sum(entry.how != "bulk" for entry in entries),
            label_iou=round(float(np.mean([entry.iou for entry in entries])), 6),
            num_clicks=self.spent.num_clicks,
        )
        self.points.append(point)
        run = self.lab.train_scored(self._labels(), self._folder())
        self.points[-1] = replace(point, test_iou=self.lab.test_iou(run))
        self.tick(training_units(len(entries), self.lab.epochs))
