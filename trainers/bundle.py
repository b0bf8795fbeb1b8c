"""A run as one zip file: what predicting with it and comparing it need, and no images.

bundle.json                     format, name of the run, size and hash of each other file
config.json                     settings, without paths
checkpoints/best.safetensors    weights; the settings in their header have no paths either
checkpoints/best.json           the same header, to read
metrics.json, events.jsonl      validation metrics; the course of the training
dataset.json                    names, hashes and splits of the images it trained on
evaluations/<key>.json          results of `icseg models compare`
"""

from __future__ import annotations

import json
import re
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainers.checkpoint import load_checkpoint, save_checkpoint
from trainers.config import read_config
from trainers.errors import DataError, TrainingError
from trainers.io.atomic import atomic_path, write_error
from trainers.io.manifest import MANIFEST_NAME, file_sha256
from trainers.progress import read_events, read_status
from trainers.run_folder import RunFolder, checkpoint_file, code_version, read_metrics
from trainers.run_registry import EVALUATIONS
from trainers.settings_paths import path_name, without_paths

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trainers.progress import Event

FORMAT = 1
BUNDLE, CONFIG, METRICS = "bundle.json", "config.json", "metrics.json"
EVENTS, DATASET = "events.jsonl", "dataset.json"
WEIGHTS, WEIGHTS_JSON = "checkpoints/best.safetensors", "checkpoints/best.json"
EVALUATION_NAME = re.compile(rf"{EVALUATIONS}/[0-9a-f]{{16}}\.json")
_TOLD_KINDS = frozenset({"started", "resumed", "step", "epoch", "finished", "cancelled", "failed"})
_MAX_STEPS = 500
"""Points of the loss curve that go along."""


def export_run(run: Path, file: Path) -> None:
    """Write the bundle of a run, atomically; it names no path of this machine.

    Raises:
        TrainingError: not a run folder, or still running.
        CheckpointError: it has no checkpoint yet, or a damaged one.
        DataError: `file` does not end in .zip, or cannot be written.

    """
    folder = RunFolder(run.absolute())
    if file.suffix.lower() != ".zip":
        raise DataError(f"A bundle ends in .zip, got {file.name}.")
    read_config(folder.config)  # says what is wrong where this is no run
    if not read_status(folder.path).state.is_over:
        raise TrainingError(f"{run} has not ended. Wait for it, or cancel it, then export it.")
    try:
        file.absolute().parent.mkdir(parents=True, exist_ok=True)
        # beside the target: weights may be too large for the system's folder of temporary files
        with tempfile.TemporaryDirectory(prefix=".icseg-", dir=file.absolute().parent) as temporary:
            _collect(folder, Path(temporary))
            _zip(folder.path.name, Path(temporary), file)
    except OSError as error:
        raise write_error(file, error) from error


def _collect(folder: RunFolder, root: Path) -> None:
    """Write all files but `bundle.json` below `root`."""
    file = checkpoint_file(folder.path)
    checkpoint = load_checkpoint(file)
    config = without_paths(json.loads(folder.config.read_text(encoding="utf-8")))
    meta = {
        # runs that started from these weights know their file by this hash
        "original_sha256": file_sha256(file),
        **checkpoint.meta,
        "config": without_paths(checkpoint.meta.get("config") or config),
    }
    (root / EVALUATIONS).mkdir()
    save_checkpoint(root / WEIGHTS, checkpoint.weights, meta)
    _write_json(root / CONFIG, config)
    _write_json(root / METRICS, read_metrics(folder.path))
    events, _ = read_events(folder.events)
    lines = [json.dumps(event) for event in _told(events)]
    (root / EVENTS).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    _write_json(root / DATASET, _data_names(folder, meta))
    for path in sorted((folder.path / EVALUATIONS).glob("*.json")):
        if EVALUATION_NAME.fullmatch(f"{EVALUATIONS}/{path.name}"):
            (root / EVALUATIONS / path.name).write_bytes(path.read_bytes())


def _told(events: list[Event]) -> list[Event]:
    """Return the events that a curve and a status need; messages may name paths and stay here."""
    told = [event for event in events if event["kind"] in _TOLD_KINDS]
    steps = [number for number, event in enumerate(told) if event["kind"] == "step"]
    every = max(1, -(-len(steps) // _MAX_STEPS))
    kept = set(steps[::every]) | set(steps[-1:])
    return [
        {key: value for key, value in event.items() if key not in ("reason", "picture", "file")}
        for number, event in enumerate(told)
        if event["kind"] != "step" or number in kept
    ]


def _data_names(folder: RunFolder, meta: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the run trained on, by names and hashes."""
    try:
        manifest = json.loads((folder.dataset / MANIFEST_NAME).read_text(encoding="utf-8"))
        items = [
            {"image": path_name(item["image"]), "split": item["split"], "sha256": item["sha256"]}
            for item in manifest["items"]
        ]
    except (OSError, ValueError, KeyError, TypeError):  # a model that trains without data
        items = []
    return {
        "class_names": meta.get("class_names") or [],
        "data_sha256": meta.get("data_sha256"),
        "items": items,
    }


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def _zip(name: str, root: Path, file: Path) -> None:
    paths = sorted(path for path in root.rglob("*") if path.is_file())
    about = {
        "format": FORMAT,
        "name": name,
        "code": code_version(),
        "files": {
            path.relative_to(root).as_posix(): {
                "size": path.stat().st_size,
                "sha256": file_sha256(path),
            }
            for path in paths
        },
    }
    with atomic_path(file) as temporary, zipfile.ZipFile(temporary, "w") as archive:
        archive.writestr(BUNDLE, json.dumps(about, indent=1), zipfile.ZIP_DEFLATED)
        for path in paths:
            # weights hardly shrink, and are then read back at the speed of the disk
            how = zipfile.ZIP_STORED if path.name.endswith(".safetensors") else zipfile.ZIP_DEFLATED
            archive.write(path, path.relative_to(root).as_posix(), how)
