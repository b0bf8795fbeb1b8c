"""The user's settings: what there is, its bounds and defaults, and how a file of them is read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

GROUPS = {
    "memory": "Speed and memory",
    "labelling": "Labelling",
    "view": "View",
    "keys": "Keys",
}
"""Headings, by the name that a group has in the file and in napari's preferences."""


def _setting(default: Any, group: str, title: str, description: str, **rest: Any) -> Any:
    """A field; `unit` goes behind its number, bounds are pydantic's."""
    extra = {"group": group, "unit": rest.pop("unit", "")}
    return Field(default, title=title, description=description, json_schema_extra=extra, **rest)


class Settings(BaseModel):
    """One user's choices. Each has a default, so that a missing one does no harm.

    A new setting is one field here and one property in napari.yaml (a test compares them).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    disk_cache_gib: float = _setting(
        2.0,
        "memory",
        "Embeddings on disk",
        "Images seen before are ready at once. The oldest make room when this is full; "
        "0 keeps none",
        ge=0.0,
        le=1000.0,
        unit="GiB",
    )
    memory_cache_mib: int = _setting(
        64,
        "memory",
        "Embeddings in memory",
        "Going back to an image takes no reading. Large images need more",
        ge=32,
        le=65536,
        unit="MiB",
    )
    num_ahead: int = _setting(
        2,
        "memory",
        "Images prepared ahead",
        "While you label one image, the next ones of the list are embedded; 0 prepares none",
        ge=0,
        le=4,
        unit="images",
    )
    hover_preview: bool = _setting(
        True,
        "labelling",
        "Preview under the cursor",
        "Shows what a click would give before you click",
    )
    go_on_after_marking: bool = _setting(
        False,
        "labelling",
        "Go on after marking",
        "Marking an image as done or blank opens the next one that is to do",
    )
    thumbnails: bool = _setting(
        True, "view", "Thumbnails in the image list", "Small pictures beside the names"
    )
    changed_keys: str = _setting(
        "",
        "keys",
        "Changed keys",
        'Such as "undo: Ctrl+U; delete: X, Del". Easier in Labelling > Project > Settings',
        max_length=10_000,
    )


def group_of(name: str) -> str:
    """The group of a setting."""
    return str(_extra(Settings.model_fields[name])["group"])


def unit_of(name: str) -> str:
    """What its number counts; empty for none."""
    return str(_extra(Settings.model_fields[name])["unit"])


def bounds_of(name: str) -> tuple[float, float] | None:
    """The least and the largest number, both allowed; None for other types."""
    found = {
        bound: getattr(rule, bound)
        for rule in Settings.model_fields[name].metadata
        for bound in ("ge", "le")
        if hasattr(rule, bound)
    }
    return (found["ge"], found["le"]) if len(found) == 2 else None


def parse(text: str) -> tuple[Settings, tuple[str, ...]]:
    """The settings of a file's text, and what was wrong with it; never fails.

    What is wrong gets its default; the rest is kept. A setting that we do not know is no
    mistake: a newer version may have written it.
    """
    try:
        data = yaml.safe_load(text)
    # the parser also lets ValueErrors, RecursionErrors and others of odd texts through
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        return Settings(), (f"it is not YAML ({reason})",)
    if data is None:
        return Settings(), ()
    if not isinstance(data, dict):
        return Settings(), (f"it holds a {type(data).__name__} in place of groups of settings",)
    return _parse_groups(data)


def dump(settings: Settings) -> str:
    """The text of a file: only what differs from the defaults, in groups as napari has them."""
    groups: dict[str, dict[str, Any]] = {}
    for name, value in settings.model_dump(exclude_defaults=True).items():
        groups.setdefault(group_of(name), {})[name] = value
    return yaml.safe_dump(groups, sort_keys=False, allow_unicode=True) if groups else ""


def _parse_groups(data: dict[Any, Any]) -> tuple[Settings, tuple[str, ...]]:
    settings, problems = Settings(), []
    for group in GROUPS:
        values = data.get(group, {})
        if not isinstance(values, dict):
            problems.append(f"{group} holds no settings")
            continue
        for name, value in values.items():
            if name not in Settings.model_fields or group_of(name) != group:
                continue
            try:
                settings = changed(settings, {name: value})
            except ValidationError as error:
                problems.append(f"{name} is {value!r:.60}: {error.errors()[0]['msg']}")
    return settings, tuple(problems)


def changed(settings: Settings, changes: dict[str, Any]) -> Settings:
    """The settings with some changed.

    Raises:
        ValidationError: a value is of another type or out of bounds.

    """
    return Settings.model_validate({**settings.model_dump(), **changes})


def _extra(field: FieldInfo) -> dict[str, Any]:
    assert isinstance(field.json_schema_extra, dict)
    return field.json_schema_extra
