"""What the Map dock says; pure functions of the state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_icseg.controllers.suggest_words import MAX_NAMES, similarity
from napari_icseg.controllers.wording import counted
from napari_icseg.widgets.map_dock import MapStatusView

if TYPE_CHECKING:
    from napari_icseg.controllers.map_places import MapPlaces

DRAW, CANCEL, AGAIN = "Draw the map", "Cancel", "Try again"
NO_PROJECT = "Open a folder or a project in the Labelling dock: its images appear here."
NO_IMAGES = "This project has no image yet. Open a folder with images in the Labelling dock."
_ASK = (
    "On the map, images that look alike lie together. For that each image is looked at once, "
    "in the background."
)


@dataclass(frozen=True, slots=True)
class MapState:
    """What the words depend on; `num_images` is None until the project has been read."""

    has_project: bool
    num_images: int | None = None
    places: MapPlaces | None = None
    is_busy: bool = False
    num_seen: tuple[int, int] = (0, 0)
    failure: str = ""


def canvas_text(state: MapState) -> str:
    """Return what is said in the middle while there is no point."""
    if not state.has_project:
        return NO_PROJECT
    if state.num_images == 0:
        return NO_IMAGES
    if state.is_busy:
        done, total = state.num_seen
        return f"Looking at the images: {done:,} of {total:,}" if total else "Reading…"
    return "" if state.failure or state.num_images is None else _ASK


def status_view(state: MapState) -> MapStatusView:
    """Return the line below the map."""
    if not state.has_project or not state.num_images:
        return MapStatusView()
    if state.is_busy:
        return MapStatusView(
            _busy_text(state), "active", CANCEL, "Stop; what was computed of the images is kept"
        )
    if state.failure:
        text = f"There is no map: {state.failure}"
        return MapStatusView(text, "bad", AGAIN, "Look at the images again")
    if state.places is None:
        return MapStatusView(
            counted(state.num_images, "image"), "neutral", DRAW, "Look at all images once"
        )
    return _drawn(state.num_images, state.places)


def _busy_text(state: MapState) -> str:
    if state.places is not None and not state.places.is_final:
        return "Moving images that look alike closer together…"
    done, total = state.num_seen
    if state.places is not None and total:
        return f"Looking at the images: {done:,} of {total:,}"
    return "You can go on labelling meanwhile." if state.places is None else ""


def _drawn(num_images: int, places: MapPlaces) -> MapStatusView:
    num_missing = num_images - len(places.ids) - len(places.unreadable)
    parts = [counted(len(places.ids), "image")]
    if places.num_groups:
        parts.append(f"{counted(places.num_groups, 'group')} of near-duplicates")
    if places.unreadable:
        parts.append(f"{len(places.unreadable):,} cannot be read")
    text = ", ".join(parts)
    if num_missing > 0:
        text = f"{text}, {num_missing:,} not on the map yet"
        return MapStatusView(text, "warning", "Update", "Look at these, too", _details(places))
    if not places.is_final:  # it was stopped while they moved
        arrange = "Move images that look alike closer together"
        return MapStatusView(text, "neutral", "Arrange", arrange, _details(places))
    return MapStatusView(text, details=_details(places))


def _details(places: MapPlaces) -> str:
    lines = []
    if places.num_groups:
        lines.append(
            f"Near-duplicates have a cosine similarity of {similarity()} or more.\n"
            "Only one of a group is suggested; point at one to see the others."
        )
    if places.unreadable:
        lines.append("\n".join(["Cannot be read:", *places.unreadable[:MAX_NAMES]]))
    return "\n".join(lines)
