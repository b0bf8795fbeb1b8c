"""What is drawn over an image under review, read ahead in a thread: doubts and the last round."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.proposal_paint import coarse_frame
from trainers.errors import IcsegError
from trainers.io.images import read_image
from trainers.io.masks import read_mask
from trainers.proposals import read_proposals

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from napari_icseg.controllers.gui_thread import GuiThread
    from napari_icseg.project.project import Project
    from trainers.proposals import ImageProposal

MAX_KEPT = 8


@dataclass(frozen=True, eq=False)
class ReviewPicture:
    """What is drawn over one image; arrays are of the image's `coarse_frame`.

    Attributes:
        image_id: of the project.
        doubt: uint8 (h, w), 255 * (1 - probability of the pixel's class); None without.
        outlines: uint8 (h, w), 1 at the edges of what the round before proposed; None without.
        agreement: foreground IoU of both rounds' proposals, 0..1; None without the former.
        problem: why the doubts or the image cannot be shown, and what to do.

    """

    image_id: int
    doubt: NDArray[np.uint8] | None = None
    outlines: NDArray[np.uint8] | None = None
    agreement: float | None = None
    problem: str = ""


class ReviewPictures:
    """Reads the pictures that are wanted, the first one first, and keeps the last few.

    `on_read(ReviewPicture)` is called in the GUI thread.
    """

    def __init__(self, gui: GuiThread, on_read: Callable[[ReviewPicture], None]) -> None:
        self._on_read = on_read
        self._background = Background(gui, "review-pictures")
        self._known: OrderedDict[int, ReviewPicture] = OrderedDict()
        self._wanted: tuple[int, ...] = ()
        self._previous: PreviousProposals | None = None

    def get(self, image_id: int) -> ReviewPicture | None:
        """The picture of an image, if it has been read."""
        return self._known.get(image_id)

    def use_previous(self, folder: Path | None) -> None:
        """Draw the proposals of another folder; what was read with others is forgotten."""
        before = None if self._previous is None else self._previous.folder
        if folder != before:
            self._previous = None if folder is None else PreviousProposals(folder)
            self._known.clear()

    def want(self, project: Project, image_ids: Iterable[int]) -> None:
        """Read these unless they are known; what was wanted before and has not begun is dropped."""
        self._wanted = tuple(image_ids)
        for image_id in self._wanted:
            if image_id not in self._known:
                self._background.run(
                    partial(self._read, project, self._previous, image_id), self._take, _raise
                )

    def clear(self) -> None:
        """Forget everything: another project is coming."""
        self._wanted, self._previous = (), None
        self._known.clear()

    def close(self) -> None:
        """Stop reading."""
        self.clear()
        self._background.close()

    def _read(
        self, project: Project, previous: PreviousProposals | None, image_id: int
    ) -> ReviewPicture | None:
        """Runs in the thread; None where nobody waits any more."""
        if image_id not in self._wanted or image_id in self._known:
            return None
        try:
            return read_picture(project, image_id, previous)
        except IcsegError as error:  # closed, or the image was removed meanwhile
            return ReviewPicture(image_id, problem=str(error))

    def _take(self, picture: ReviewPicture | None) -> None:
        if picture is None or picture.image_id not in self._wanted:
            return
        self._known[picture.image_id] = picture
        while len(self._known) > MAX_KEPT:
            self._known.popitem(last=False)
        self._on_read(picture)


class PreviousProposals:
    """The proposals of the round before, listed once, when the first is asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._by_image: Mapping[Path, ImageProposal] | None = None

    def of(self, image: Path) -> ImageProposal | None:
        """What was proposed for an image file, if anything; for a thread."""
        if self._by_image is None:
            try:
                found = read_proposals(self.folder).images
            except IcsegError:  # the folder may be cleaned up at any time: there is nothing to show
                found = ()
            self._by_image = {proposal.image: proposal for proposal in found}
        return self._by_image.get(image)


def read_picture(
    project: Project, image_id: int, previous: PreviousProposals | None
) -> ReviewPicture:
    """Return what is drawn over an image; for a thread.

    Raises:
        ProjectError: the image is gone, or the project closed.

    """
    shape_hw = project.image(image_id).shape
    doubt, problem = _doubt(project, image_id, shape_hw)
    if not project.absolute_path(image_id).is_file():
        problem = "The image file is missing: put it back before you decide, or leave it for later."
    step = coarse_frame(shape_hw).step
    former = None if previous is None else _former(previous, project.absolute_path(image_id))
    if former is None or former.shape != shape_hw:
        return ReviewPicture(image_id, doubt, problem=problem)
    return ReviewPicture(
        image_id,
        doubt,
        edges_of(former[::step, ::step]).astype(np.uint8),
        _agreement(project, image_id, former > 0),
        problem,
    )


def edges_of(ids: NDArray[Any]) -> NDArray[np.bool_]:
    """Return the pixels (h, w) of class ids whose right or lower neighbour has another one."""
    edges = np.zeros(ids.shape, dtype=np.bool_)
    edges[:-1] |= ids[:-1] != ids[1:]
    edges[:, :-1] |= ids[:, :-1] != ids[:, 1:]
    return edges


def shrunk(doubt: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    """Return the largest value of each step x step pixels: a spot of doubt must not vanish."""
    if step == 1:
        return doubt
    rows, cols = (-(-side // step) * step for side in doubt.shape)
    padded = np.pad(doubt, ((0, rows - doubt.shape[0]), (0, cols - doubt.shape[1])))
    blocks = padded.reshape(rows // step, step, cols // step, step)
    largest: NDArray[np.uint8] = blocks.max(axis=(1, 3))
    return largest


def _doubt(
    project: Project, image_id: int, shape_hw: tuple[int, int]
) -> tuple[NDArray[np.uint8] | None, str]:
    review = project.review(image_id)
    file = None if review is None else project.doubt_file(review)
    if file is None:
        return None, ""
    try:
        doubt = read_image(file)
    except (IcsegError, OSError):
        return None, "The picture of the uncertain pixels is gone: the round's folder was changed."
    if doubt.shape != shape_hw or doubt.dtype != np.uint8:
        return None, "The picture of the uncertain pixels does not fit the image."
    return shrunk(doubt, coarse_frame(shape_hw).step), ""


def _former(previous: PreviousProposals, image: Path) -> NDArray[Any] | None:
    proposal = previous.of(image)
    if proposal is None:
        return None
    try:
        return read_mask(proposal.mask)
    except (IcsegError, OSError):
        return None


def _agreement(project: Project, image_id: int, former: NDArray[np.bool_]) -> float:
    """Return the foreground IoU of the proposals in the project and of former ones (H, W)."""
    present = np.zeros(former.shape, dtype=np.bool_)
    for proposal in project.proposals(image_id):
        mask = proposal.mask
        place = (slice(mask.row, mask.row + mask.height), slice(mask.col, mask.col + mask.width))
        present[place] |= mask.crop()
    union = np.count_nonzero(present | former)
    return float(np.count_nonzero(present & former) / union) if union else 1.0


def _raise(error: Exception) -> None:
    raise error
