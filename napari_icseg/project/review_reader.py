"""Questions about reviews: what models proposed for whole images, and what was decided."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_icseg.project.errors import ProjectError
from napari_icseg.project.records import ImageStatus, Provenance, ReviewRecord, ReviewState
from napari_icseg.project.rows import RowReader

if TYPE_CHECKING:
    from collections.abc import Sequence

_COLUMNS = "image_id, round_id, state, confidence, predicted_iou, doubt_path, num_proposals"
# what waits for an image that has been labelled meanwhile needs no decision any more
_OVERTAKEN = (
    "image_id IN (SELECT id FROM images WHERE num_objects > 0 OR status IN ('labelled', 'blank'))"
)
_STATE = {state.value: state for state in ReviewState}
_FROM_MODEL = (ReviewState.ACCEPTED, ReviewState.EDITED, ReviewState.BLANK)
MANUAL = Provenance("manual")


class ReviewReader(RowReader):
    """Read access to reviews."""

    def reviews(
        self, round_id: int | None = None, state: ReviewState | None = None
    ) -> tuple[ReviewRecord, ...]:
        """Return the reviews in the order of the images, of all rounds and states or of one.

        Left out are those WAITING for an image that was labelled by hand meanwhile: there is
        nothing to decide, unless that is undone.
        """
        question = f"SELECT {_COLUMNS} FROM reviews WHERE NOT (state = 'waiting' AND {_OVERTAKEN})"
        values: list[object] = []
        if state is not None:
            question, values = f"{question} AND state = ?", [str(state)]
        if round_id is not None:
            question, values = f"{question} AND round_id = ?", [*values, int(round_id)]
        return self._records(_review, self._rows(f"{question} ORDER BY image_id", *values))

    def review(self, image_id: int) -> ReviewRecord | None:
        """Return the review of an image, whatever became of the image since, if there is one."""
        question = f"SELECT {_COLUMNS} FROM reviews WHERE image_id = ?"
        found = self._records(_review, self._rows(question, int(image_id)))
        return found[0] if found else None

    def num_reviews(self, round_id: int | None = None) -> dict[ReviewState, int]:
        """Return how many of `reviews` are in each state (0 for a state nothing has)."""
        question = (
            f"SELECT state, COUNT(*) FROM reviews WHERE NOT (state = 'waiting' AND {_OVERTAKEN}) "
            "AND (?1 IS NULL OR round_id = ?1) GROUP BY state"
        )
        counts = dict(self._rows(question, None if round_id is None else int(round_id)))
        return {state: counts.get(state.value, 0) for state in ReviewState}

    def doubt_file(self, review: ReviewRecord) -> Path | None:
        """Return where the PNG of doubts should be; it is not checked to exist."""
        if review.doubt_path is None:
            return None
        found = self._rows("SELECT run_dir FROM rounds WHERE id = ?", review.round_id)
        return Path(self.file.parent, found[0][0], review.doubt_path) if found else None

    def provenances(self) -> dict[int, Provenance]:
        """Return where labels come from, by image; those of all other images are "manual".

        For finished and unfinished images alike; a proposal that waits or was rejected is none.
        """
        rows = self._rows(
            "SELECT image_id, state, round_id, model FROM reviews JOIN rounds "
            "ON rounds.id = round_id WHERE state IN (?, ?, ?)",
            *_FROM_MODEL,
        )
        return {row[0]: Provenance(row[1], row[2], row[3]) for row in rows}

    def class_ids_of(self, class_names: Sequence[str]) -> tuple[int, ...]:
        """Return the project's classes of these names, small and capital letters being one.

        Raises:
            ProjectError: if the project lacks one of them; with both lists and what to do.

        """
        known = {
            name.casefold(): (class_id, name)
            for class_id, name in self._rows("SELECT id, name FROM classes ORDER BY position, id")
        }
        missing = [name for name in class_names if name.casefold() not in known]
        if missing:
            raise ProjectError(
                f"the model knows the classes {', '.join(class_names)}, this project has "
                f"{', '.join(name for _, name in known.values())}: {', '.join(missing)} is "
                "missing. Add a class of that name, rename one, or use a model that was trained "
                "on this project. Nothing was proposed."
            )
        return tuple(known[name.casefold()][0] for name in class_names)


def is_open(status: ImageStatus, num_objects: int) -> bool:
    """Return whether nobody has labelled an image, so that a model may propose labels for it."""
    return not status.is_done and num_objects == 0


def _review(row: Sequence[Any]) -> ReviewRecord:
    return ReviewRecord(row[0], row[1], _STATE[row[2]], row[3], row[4], row[5], row[6])
