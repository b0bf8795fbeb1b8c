"""How images are shown: kept in the project file, outside the undo history.

One row of the table `meta` for all images, and one for each image that differs, by its id:
ids are never given twice, so an image that was removed and comes back finds its own again.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields

from napari_icseg.project.core import ProjectCore

_FOR_ALL = "view"
MIN_GAMMA, MAX_GAMMA = 0.2, 5.0
MAX_DENOISE = 3


@dataclass(frozen=True, slots=True)
class ViewSettings:
    """How an image is shown; the pixels that the models get never change.

    Args:
        low, high: The grey values shown as black and white, as shares 0..1 of the image
            type's range, low < high; both None: as the image is shown at first.
        is_auto: Limits from the grey values of each image itself; low and high are None.
        gamma: MIN_GAMMA..MAX_GAMMA; below 1 the dark parts get brighter.
        is_inverted: Bright is shown dark.
        denoise: 0 (off) to MAX_DENOISE.

    """

    low: float | None = None
    high: float | None = None
    is_auto: bool = False
    gamma: float = 1.0
    is_inverted: bool = False
    denoise: int = 0


class ViewEdits(ProjectCore):
    """The settings of the view, read and written."""

    def view_of(self, image_id: int) -> ViewSettings:
        """Return an image's own settings, else those for all; plain ones if there are none."""
        rows = dict(
            self._rows(
                "SELECT key, value FROM meta WHERE key IN (?, ?)", _FOR_ALL, _key_of(image_id)
            )
        )
        return _parse(str(rows.get(_key_of(image_id)) or rows.get(_FOR_ALL) or "{}"))

    def set_view(self, image_id: int, view: ViewSettings) -> None:
        """Keep the settings of one image."""
        self._store_view(_key_of(image_id), view, forget_others=False)

    def set_view_of_all(self, view: ViewSettings) -> None:
        """Keep the settings for all images; what single images had is forgotten."""
        self._store_view(_FOR_ALL, view, forget_others=True)

    def _store_view(self, key: str, view: ViewSettings, *, forget_others: bool) -> None:
        with self._lock, self._transaction():
            if forget_others:
                self._connection.execute("DELETE FROM meta WHERE key GLOB 'view:*'")
            self._connection.execute(
                "INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, json.dumps(asdict(view)))
            )


def _key_of(image_id: int) -> str:
    return f"{_FOR_ALL}:{int(image_id)}"


def _parse(text: str) -> ViewSettings:
    """Read what was stored; whatever makes no sense becomes the plain view: it is only a view."""
    try:
        stored = json.loads(text)
        known = {field.name for field in fields(ViewSettings)}
        view = ViewSettings(**{name: stored[name] for name in known & set(stored)})
        return view if _is_sound(view) else ViewSettings()
    except (ValueError, TypeError):
        return ViewSettings()


def _is_sound(view: ViewSettings) -> bool:
    numbers = (view.low, view.high, view.gamma, float(view.denoise))
    if not all(number is None or math.isfinite(number) for number in numbers):
        return False
    has_limits = view.low is not None and view.high is not None
    are_limits_right = (view.low is None) == (view.high is None) and (
        not has_limits or 0 <= view.low < view.high <= 1  # type: ignore[operator]
    )
    return (
        are_limits_right
        and isinstance(view.denoise, int)
        and isinstance(view.is_auto, bool)
        and isinstance(view.is_inverted, bool)
        and MIN_GAMMA <= view.gamma <= MAX_GAMMA
        and 0 <= view.denoise <= MAX_DENOISE
    )
