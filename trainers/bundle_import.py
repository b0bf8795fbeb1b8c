"""Unpacks a bundle as a run; nothing in it is believed before it is checked."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shutil
import stat
import zipfile
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from trainers.bundle import (
    BUNDLE,
    CONFIG,
    DATASET,
    EVALUATION_NAME,
    EVENTS,
    FORMAT,
    METRICS,
    WEIGHTS,
    WEIGHTS_JSON,
)
from trainers.config import parse_config
from trainers.errors import CheckpointError, DataError, TrainingError
from trainers.io.atomic import write_error, write_text_atomic
from trainers.io.weights_file import read_header
from trainers.settings_paths import without_paths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_REQUIRED = frozenset({BUNDLE, CONFIG, WEIGHTS, WEIGHTS_JSON, METRICS, EVENTS, DATASET})
_RUN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_ .+=-]{0,119}")
_MAX_WEIGHTS_BYTES = 8 << 30
_MAX_TEXT_BYTES = 256 << 20
"""Of all files but the weights together."""
_BLOCK_BYTES = 1 << 20


def import_run(file: Path, into: Path) -> Path:
    """Unpack a bundle to `into`/<name of the run>, and return that folder.

    The run appears complete, by a rename. What it says of paths is set to where it lies now.

    Raises:
        DataError: not a bundle; one with files that no bundle has, of unreasonable size, or
            changed since it was written; a run of that name is there; the disk refuses.
        CheckpointError: its weights are not whole safetensors, or do not say what they are.

    """
    with _opened(file) as archive:
        about = _about(archive, file)
        target = (into / str(about["name"])).absolute()
        if target.exists():
            raise DataError(
                f"{target} exists already and was left alone. Rename it, or import into another "
                "folder with --into."
            )
        temporary = target.with_name(f".importing-{secrets.token_hex(6)}")
        try:
            temporary.mkdir(parents=True)
            for name in about["files"]:
                _unpack(archive, name, about["files"][name], temporary / name)
            _finish(temporary, target)
            temporary.rename(target)
        except OSError as error:
            raise write_error(target, error) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    return target


@contextmanager
def _opened(file: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(file) as archive:
            yield archive
    except FileNotFoundError as error:
        raise DataError(f"There is no file {file}.") from error
    except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError) as error:
        raise DataError(
            f"{file} is not a whole zip file ({error}). Copy it again, or export the run anew."
        ) from error


def _about(archive: zipfile.ZipFile, file: Path) -> dict[str, Any]:
    """Return `bundle.json`, after checking that the zip file holds what it lists, and no more."""
    names = [entry.filename for entry in archive.infolist()]
    for entry in archive.infolist():
        _check_entry(entry, file)
    text_bytes = sum(entry.file_size for entry in archive.infolist() if entry.filename != WEIGHTS)
    if text_bytes > _MAX_TEXT_BYTES:
        raise DataError(
            f"{file} would unpack to {text_bytes} bytes of text; a bundle has at most "
            f"{_MAX_TEXT_BYTES}. Nothing was unpacked."
        )
    if len(set(names)) != len(names) or not set(names) >= _REQUIRED:
        missing = ", ".join(sorted(_REQUIRED - set(names))) or "none, but some are there twice"
        raise DataError(
            f"{file} is not a bundle of a run (missing: {missing}). Use a file that "
            "`icseg models export` wrote."
        )
    about = _json(archive.read(BUNDLE), BUNDLE, file)
    if about.get("format") != FORMAT:
        raise DataError(
            f"{file} is a bundle of format {about.get('format')!r}, this version reads {FORMAT}. "
            "Update napari-icseg."
        )
    name, files = about.get("name"), about.get("files")
    if not isinstance(name, str) or not _RUN_NAME.fullmatch(name) or name.endswith((" ", ".")):
        raise DataError(f"{file} has no usable name of a run: {name!r}.")
    if not isinstance(files, dict) or set(files) != set(names) - {BUNDLE}:
        raise DataError(f"{file} does not hold the files that its {BUNDLE} lists. Export it anew.")
    return about


def _check_entry(entry: zipfile.ZipInfo, file: Path) -> None:
    """Raise `DataError` for a file that no bundle has; paths that lead elsewhere are such."""
    name, mode = entry.filename, entry.external_attr >> 16
    if name not in _REQUIRED and not EVALUATION_NAME.fullmatch(name):
        raise DataError(f"{file} holds {name!r}, which no bundle has. Nothing was unpacked.")
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        raise DataError(f"{file}: {name!r} is no plain file. Nothing was unpacked.")
    # weights are stored as they are, so that they cannot grow on unpacking
    grows = name == WEIGHTS and entry.file_size != entry.compress_size
    if grows or entry.file_size > _MAX_WEIGHTS_BYTES:
        raise DataError(
            f"{file}: {name} is said to have {entry.file_size} bytes, and {entry.compress_size} in "
            "the zip file. No bundle is like that. Nothing was unpacked."
        )


def _unpack(archive: zipfile.ZipFile, name: str, expected: Any, target: Path) -> None:
    """Write one file, never more than it is said to have; raise `DataError` if it differs."""
    size, sha256 = (expected or {}).get("size"), (expected or {}).get("sha256")
    hashed, written = hashlib.sha256(), 0
    target.parent.mkdir(exist_ok=True)
    with archive.open(name) as source, target.open("xb") as out:
        while block := source.read(_BLOCK_BYTES):
            written += len(block)
            if written > archive.getinfo(name).file_size:
                break
            hashed.update(block)
            out.write(block)
    if written != size or hashed.hexdigest() != sha256:
        raise DataError(f"{name} in the bundle was changed or damaged. Copy or export it again.")


def _finish(run: Path, target: Path) -> None:
    """Check the weights and settings of an unpacked run, and tell it where it will lie."""
    meta = read_header(run / WEIGHTS).meta
    if not isinstance(meta.get("config"), dict):
        raise CheckpointError(
            "The weights in the bundle do not say which model they are. Export the run anew."
        )
    content = _json((run / CONFIG).read_bytes(), CONFIG, run)
    for name in (METRICS, DATASET, WEIGHTS_JSON):
        _json((run / name).read_bytes(), name, run)
    try:
        parse_config({**meta["config"], "out": target})
        fields = {**without_paths(content), "out": target, "data": None, "parent": None}
        config = parse_config(fields)
    except TrainingError as error:
        raise DataError(f"The settings in the bundle cannot be used: {error}") from error
    write_text_atomic(run / CONFIG, config.to_json())


def _json(content: bytes, name: str, file: Path) -> dict[str, Any]:
    try:
        parsed = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{name} in {file} is not JSON ({error}). Export the run anew.") from error
    if not isinstance(parsed, dict):
        raise DataError(f"{name} in {file} is not a JSON object. Export the run anew.")
    return parsed
