"""Settings without the paths of the machine on which they were made."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_PATH_FIELDS = ("out", "data", "parent")


def without_paths(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings in which paths are only names: the other machine has its own."""
    return {
        name: path_name(value) if name in _PATH_FIELDS or _is_absolute(value) else value
        for name, value in config.items()
    } | {"model_options": _without_paths(config.get("model_options") or {})}


def _without_paths(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without_paths(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_without_paths(inner) for inner in value]
    return path_name(value) if _is_absolute(value) else value


def _is_absolute(value: object) -> bool:
    # of either system: a bundle may come from Windows and go to Linux
    return isinstance(value, str) and bool(re.match(r"[/\\]|[A-Za-z]:[/\\]", value))


def path_name(path: object) -> str | None:
    """Return the last part of a path of either system; None for None."""
    return None if path is None else re.split(r"[/\\]", str(path).rstrip("/\\"))[-1]
