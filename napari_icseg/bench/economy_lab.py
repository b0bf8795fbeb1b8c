"""The machine's side: tiles, models trained on labels, their proposals and their test IoU.

Everything lies in folders and is made once: called again, it is read.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from napari_icseg.bench.economy_annotator import Truth
from napari_icseg.bench.session import EmbeddedTile
from napari_icseg.bench.tiles import DEFAULT_CLASSES
from trainers.errors import DataError, TrainingError
from trainers.io.atomic import write_text_atomic
from trainers.io.folders import discover
from trainers.io.images import read_image
from trainers.io.manifest import MANIFEST_NAME, DatasetIndex, DatasetItem, write_manifest
from trainers.io.masks import read_mask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from napari_icseg.prompting.protocol import PromptPredictor
    from trainers.config import TrainConfig
    from trainers.proposals import ImageProposal

SMALL_UNET: dict[str, Any] = {"widths": (4, 8, 16, 32, 64)}
"""Options of the smallest U-Net that learns the tiles."""
SCORED_DIR = "scored"
MIN_CROPS = 32
"""An epoch of the U-Net has at least so many."""


@dataclass(frozen=True)
class PoolTile:
    """A tile to be labelled, and its true mask, which only the person may look at."""

    image: Path
    mask: Path

    @property
    def name(self) -> str:
        """Of its files."""
        return self.image.stem


@dataclass(frozen=True, eq=False)
class Lab:
    """What all routes share.

    Attributes:
        tiles: to be labelled, in the order of the data.
        class_names: of the ids 1, 2, ….
        data: folder whose test split is unseen.
        num_test: so many of its tiles are scored.
        predictor: answers clicks.
        training: the model and its settings; `out`, `data` and `epochs` are replaced.
        epochs: of every model.
        equal_steps: `epochs` are over all tiles; a model that has fewer labels goes through
            them more often, so that each makes as many steps.
        scored: another model to be scored, its epochs included; None scores the one that
            proposes.

    """

    tiles: tuple[PoolTile, ...]
    class_names: tuple[str, ...]
    data: Path
    num_test: int
    predictor: PromptPredictor
    training: TrainConfig
    epochs: int
    equal_steps: bool
    scored: TrainConfig | None = None

    def embedded(self, tile: PoolTile) -> EmbeddedTile:
        """Return a tile that answers clicks."""
        return EmbeddedTile(self.predictor, read_image(tile.image))

    def truth(self, tile: PoolTile) -> Truth:
        """Return what the person knows of a tile."""
        return Truth(read_mask(tile.mask), self.class_names)

    def train(self, labels: Mapping[PoolTile, Path], folder: Path) -> Path:
        """Train on labels (mask files by tile); return the run's folder. Goes on where it was.

        Raises:
            TrainingError: it failed or was cancelled, or the folder holds another training.

        """
        epochs = self.epochs
        if self.equal_steps:
            epochs = epochs_for(len(labels), len(self.tiles), epochs)
        return self._trained(self.training.replace(epochs=epochs), labels, folder)

    def train_scored(self, labels: Mapping[PoolTile, Path], folder: Path) -> Path:
        """Train the model that is scored, as `train`; in a folder of its own if it is another."""
        if self.scored is None:
            return self.train(labels, folder)
        return self._trained(self.scored, labels, folder / SCORED_DIR)

    def _trained(self, config: TrainConfig, labels: Mapping[PoolTile, Path], folder: Path) -> Path:
        from trainers.progress import RunState
        from trainers.train import ensure_trained

        data, run = folder / "data", folder / "run"
        items = tuple(DatasetItem(tile.image, mask) for tile, mask in labels.items())
        write_manifest(data / MANIFEST_NAME, DatasetIndex(items, self.class_names))
        if ensure_trained(config.replace(out=run, data=data)).state is not RunState.FINISHED:
            raise TrainingError(f"{run} was cancelled. Start the same command again to go on.")
        return run

    def test_iou(self, run: Path) -> float:
        """Return the foreground IoU of a run on the test tiles, measured once."""
        from trainers.evaluate import evaluate
        from trainers.predict import load_run

        path = run.parent / "test.json"
        if not path.exists():
            metrics = evaluate(
                load_run(run, device=self.training.device), self.data, limit=self.num_test
            ).metrics
            write_text_atomic(path, json.dumps({"iou": metrics["iou"]}) + "\n")
        return float(json.loads(path.read_text(encoding="utf-8"))["iou"])

    def proposals(
        self,
        run: Path,
        tiles: Sequence[PoolTile],
        progress: Callable[[int, int], None] = lambda _done, _total: None,
    ) -> dict[PoolTile, ImageProposal]:
        """Return what a run proposes for tiles, as a round does, with the IoU it expects."""
        from trainers.data.snapshot import read_snapshot
        from trainers.predict import load_run
        from trainers.proposals import PROPOSALS_NAME, read_proposals
        from trainers.propose import judge_of, propose
        from trainers.run_folder import RunFolder

        folder = run.parent / "proposals"
        if (folder / PROPOSALS_NAME).exists():
            found = read_proposals(folder)
        else:
            validation = read_snapshot(RunFolder(run).dataset).of("val")
            judge = judge_of(load_run(run, device=self.training.device), validation)
            items = [DatasetItem(tile.image) for tile in tiles]
            found = propose(judge, items, folder, run=run, progress=progress)
        by_image = {proposal.image: proposal for proposal in found.images}
        return {tile: by_image[tile.image] for tile in tiles}

    @cached_property
    def vectors(self) -> npt.NDArray[np.float32]:
        """One standardised vector a tile (N, D), see `trainers.image_vectors`."""
        import numpy as np

        from napari_icseg.controllers.vector_store import VectorStore
        from trainers.image_vectors import standardised

        store = VectorStore(self.training.out / "vectors.npz")
        found = np.stack([store.vector_of(tile.image) for tile in self.tiles])
        store.save()
        return standardised(found)


def pool_of(data: Path, num_tiles: int) -> tuple[tuple[PoolTile, ...], tuple[str, ...]]:
    """Return the first labelled tiles outside the test split, and the class names.

    Raises:
        DataError: there are fewer, or no test split.

    """
    index = discover(data)
    known = [item for item in index.items if item.mask is not None]
    tiles = [
        PoolTile(item.image, item.mask)
        for item in known
        if item.mask is not None and item.split != "test"
    ]
    if len(tiles) < num_tiles or len(tiles) == len(known):
        raise DataError(
            f"{data} has {len(tiles)} labelled tiles outside a test split and "
            f"{len(known) - len(tiles)} in it; {num_tiles} are to be labelled, and at least one "
            "is needed for the test. Give other data, or fewer --tiles."
        )
    names = index.class_names or _names(tiles[:num_tiles])
    return tuple(tiles[:num_tiles]), names


def _names(tiles: Sequence[PoolTile]) -> tuple[str, ...]:
    highest = max(1, *(int(read_mask(tile.mask).max()) for tile in tiles))
    return (DEFAULT_CLASSES + tuple(f"class {n}" for n in range(3, highest + 1)))[:highest]


def epochs_for(num_labelled: int, num_tiles: int, epochs: int) -> int:
    """Return the epochs over the labelled tiles that make as many steps as `epochs` over all."""
    crops = num_labelled * max(1, -(-MIN_CROPS // num_labelled))
    return max(1, round(epochs * max(num_tiles, MIN_CROPS) / crops))
