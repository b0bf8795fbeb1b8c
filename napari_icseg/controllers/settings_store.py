"""Where the user's settings are kept: one file for all windows, read once, written at each change.

It is the file in which napari itself keeps a plugin's settings, beside its own; see
`napari_preferences` for the page in napari's dialog.
"""

from __future__ import annotations

import logging
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import platformdirs
from psygnal import Signal

from napari_icseg.controllers.settings import Settings, changed, dump, parse
from trainers.errors import IcsegError
from trainers.io.atomic import write_bytes_atomic

PLUGIN = "napari-icseg"
_log = logging.getLogger(__name__)
_stores: dict[Path, SettingsStore] = {}


class SettingsStore:
    """The settings now, and every change of them. For the GUI thread; files are written by another.

    Signals: `changed(settings)` after a change, `failed(message)` from the writing thread.

    Args:
        file: is made at the first change. What is wrong in it is kept beside it, with
            ".bad" behind its name, and `problem` says so.

    """

    changed: ClassVar[Signal] = Signal(Settings)
    failed: ClassVar[Signal] = Signal(str)

    def __init__(self, file: Path) -> None:
        self.file = file
        self.value, self.problem = _read(file)
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="icseg-settings")
        self._lock = threading.Lock()

    def set(self, **changes: Any) -> None:
        """Changes settings at once and writes them soon.

        Raises:
            pydantic.ValidationError: a value is out of its bounds; nothing is changed.

        """
        before, self.value = self.value, changed(self.value, changes)
        if self.value != before:
            names = [name for name in changes if getattr(self.value, name) != getattr(before, name)]
            self._pool.submit(self._write, {name: getattr(self.value, name) for name in names})
            self.changed.emit(self.value)

    def restore(self) -> None:
        """Gives every setting its default, the keys too."""
        self.set(**Settings().model_dump())

    def flush(self) -> None:
        """Waits until everything is written."""
        self._pool.submit(lambda: None).result()

    def _write(self, changes: dict[str, Any]) -> None:
        try:
            # another window of another process may have changed something else meanwhile
            now, _ = _parse_file(self.file)
            write_bytes_atomic(self.file, dump(changed(now, changes)).encode())
        except (IcsegError, OSError) as error:
            self.failed.emit(f"Your settings hold for now, but could not be saved: {error}")


def user_settings() -> SettingsStore:
    """The settings of this user, the same for all windows."""
    file = settings_file()
    if file not in _stores:
        _stores[file] = SettingsStore(file)
    return _stores[file]


def settings_file() -> Path:
    """Where napari keeps our settings; where it has no such file, our own folder."""
    named = os.environ.get("NAPARI_CONFIG")
    if named:
        return Path(named).absolute().with_name(f"{PLUGIN}.yaml")
    try:
        from napari.settings import get_settings

        path = get_settings().config_path
    except ImportError:
        path = None
    folder = Path(path).parent if path else Path(platformdirs.user_config_dir(PLUGIN, False))
    return folder / f"{PLUGIN}.yaml"


def _read(file: Path) -> tuple[Settings, str]:
    """Settings of a file, and what to tell the user about it; a bad file is put aside."""
    settings, problems = _parse_file(file)
    if not problems:
        return settings, ""
    kept = file.with_name(f"{file.name}.bad")
    try:
        os.replace(file, kept)
        write_bytes_atomic(file, dump(settings).encode())
    except (IcsegError, OSError) as error:
        _log.warning("%s could not be put aside", file, exc_info=error)
        kept = file
    more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
    return settings, (
        f"The settings file {file} is damaged: {problems[0]}{more}. What could not be read has "
        f"its default now; the file was kept as {kept.name}."
    )


def _parse_file(file: Path) -> tuple[Settings, tuple[str, ...]]:
    try:
        return parse(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return Settings(), ()
    except (OSError, ValueError) as error:  # ValueError: it is no text
        return Settings(), (f"it cannot be read ({error})",)
