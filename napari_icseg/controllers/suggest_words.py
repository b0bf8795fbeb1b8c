"""What is said about suggested images, in the docks and on the command line."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from napari_icseg.controllers.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_icseg.controllers.suggesting import Suggested, SuggestedImage

MAX_NAMES = 5


class SuggestBy(StrEnum):
    """What makes an image worth labelling: many are like it, or a model is unsure of it."""

    TYPICAL = "typical"
    DOUBT = "doubt"


def printed(found: Suggested, *, num_asked: int, all_groups: bool) -> list[str]:
    """Return the lines of `icseg suggest`."""
    lines = [f"{each.image.path}: {each.reason}{_alike(each)}" for each in found.images]
    lines += [f"Note: {note}" for note in notes(found, num_asked)]
    if all_groups:
        lines.append(
            f"{counted(len(found.duplicates), 'group')} of near-duplicates "
            f"(cosine similarity of {similarity()} or more):"
        )
        lines += [f"  {', '.join(group)}" for group in found.duplicates]
    return lines


def notes(found: Suggested, num_asked: int) -> list[str]:
    """Return what the user should know beside the suggestions."""
    said = []
    if len(found.images) < num_asked and found.num_alike:
        said.append(
            f"fewer than asked for: {counted(found.num_alike, 'more unlabelled image')} "
            f"{'shows' if found.num_alike == 1 else 'show'} nearly the same as these or as "
            f"labelled ones (cosine similarity of {similarity()} or more)."
        )
    elif len(found.images) < num_asked:
        said.append("fewer than asked for: no more are left.")
    if found.unreadable:
        said.append(
            f"{counted(len(found.unreadable), 'image')} could not be read: {found.unreadable[0]}"
        )
    return said


def tell(found: Suggested, num_asked: int) -> str:
    """Return the message of the docks when suggestions have come."""
    how = {
        SuggestBy.TYPICAL: "one of each kind",
        SuggestBy.DOUBT: "those of which the last model is unsure",
    }[found.by]
    num = counted(len(found.images), "image")
    text = f"{num} suggested, {how}: the list shows them, the most useful first."
    return " ".join([text, *(note[0].upper() + note[1:] for note in notes(found, num_asked))])


def short(names: Sequence[str], num: int = MAX_NAMES) -> str:
    """Return some names, and how many more there are."""
    more = len(names) - num
    return ", ".join(names[:num]) + (f" and {more:,} more" if more > 0 else "")


def similarity() -> str:
    """Return from which cosine similarity on two images show nearly the same."""
    from trainers.suggest import DUPLICATE_DISTANCE

    return f"{1 - DUPLICATE_DISTANCE:g}"


def _alike(each: SuggestedImage) -> str:
    return f"; nearly the same: {short(each.alike)}" if each.alike else ""
