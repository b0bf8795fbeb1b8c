"""When what was done: read from the operation log, for the pace and for sorting images."""

from __future__ import annotations

from dataclasses import dataclass

from napari_icseg.project.reader import ProjectReader
from napari_icseg.project.records import ImageStatus, OperationKind

# a program does these by itself: they are no work of the user's
_BY_PROGRAM = (
    OperationKind.ADD_IMAGES,
    OperationKind.ADD_PROPOSALS,
    OperationKind.ADD_ROUND,
    OperationKind.ADD_REVIEWS,
    OperationKind.IMPORT,
)
_CHUNK = 2000
_MARKING = (OperationKind.ACCEPT_REVIEW, OperationKind.BLANK_REVIEW)
_ENDS = tuple(f" as {status.value}" for status in ImageStatus if status.is_done)


@dataclass(frozen=True, slots=True)
class LoggedAction:
    """One action of the user's.

    Args:
        id: Of the operation; later ones have larger ids.
        at_unix_s: When.
        marked_id: The one image that it marked as labelled or blank, if it did.

    """

    id: int
    at_unix_s: float
    marked_id: int | None


class Activity(ProjectReader):
    """Questions about the times in the operation log."""

    def actions_since(self, since_unix_s: float, *, after_id: int = 0) -> list[LoggedAction]:
        """Return the user's actions, newest first; costs what the answer is long.

        Args:
            since_unix_s: Older ones are left out.
            after_id: Those up to this id are known already.

        """
        found: list[LoggedAction] = []
        before_id = 2**62
        while rows := self._rows(
            "SELECT id, created_unix_s, kind, summary, image_id FROM operations "
            "WHERE id > ? AND id < ? ORDER BY id DESC LIMIT ?",
            after_id,
            before_id,
            _CHUNK,
        ):
            for row in rows:
                if row[1] < since_unix_s:
                    return found
                if row[2] not in _BY_PROGRAM:
                    found.append(LoggedAction(row[0], row[1], _marked_id(*row[2:])))
            before_id = rows[-1][0]
        return found

    def num_human_actions(self, since_unix_s: float = 0.0) -> int:
        """Return how many actions of the user's there were since then.

        Those undone later count: they took their time. So does accepting many images at once,
        as one.
        """
        marks = ", ".join("?" * len(_BY_PROGRAM))
        question = (
            f"SELECT COUNT(*) FROM operations WHERE created_unix_s >= ? AND kind NOT IN ({marks})"
        )
        return int(self._rows(question, float(since_unix_s), *_BY_PROGRAM)[0][0])

    def changed_unix_s(self) -> dict[int, float]:
        """Return when each image was last changed, by id; the others never were.

        Reads the whole log: for a thread of its own, on a snapshot.
        """
        question = (
            "SELECT image_id, MAX(created_unix_s) FROM operations "
            "WHERE image_id IS NOT NULL GROUP BY image_id"
        )
        return dict(self._rows(question))


def _marked_id(kind: str, summary: str, image_id: int | None) -> int | None:
    is_mark = kind == OperationKind.SET_STATUS and summary.endswith(_ENDS)
    return image_id if is_mark or kind in _MARKING else None
