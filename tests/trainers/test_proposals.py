"""Proposals for review: their folder, and how they come about."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

import pytest

from trainers.errors import DataError
from trainers.proposals import (
    PROPOSALS_NAME,
    ImageProposal,
    LeftOut,
    ProposalSet,
    read_proposals,
    write_proposals,
)

if TYPE_CHECKING:
    from pathlib import Path


def two_proposals(folder: Path) -> ProposalSet:
    """Return proposals of two images, whose files are not there."""
    images = tuple(
        ImageProposal(
            folder.parent / f"t{number}.png",
            "a" * 64,
            folder / "masks" / f"{number:06d}.png",
            folder / "doubt" / f"{number:06d}.png",
            0.9,
            0.25 * number,
        )
        for number in range(2)
    )
    left_out = (LeftOut(folder.parent / "torn.png", "It is cut off."),)
    return ProposalSet(
        images, ("metal", "via"), folder.parent / "run", {"temperature": 1.5}, left_out
    )


def test_written_proposals_are_read_again_wherever_the_folder_lies(tmp_path: Path) -> None:
    folder = tmp_path / "proposals"
    proposals = two_proposals(folder)
    write_proposals(folder, proposals)
    assert read_proposals(folder) == proposals
    moved = tmp_path / "elsewhere"
    shutil.move(folder, moved)
    assert [each.mask for each in read_proposals(moved).images] == [
        moved / "masks" / "000000.png",
        moved / "masks" / "000001.png",
    ]


def test_a_folder_without_proposals_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no finished proposals.*again"):
        read_proposals(tmp_path)


@pytest.mark.parametrize(
    ("name", "value"),
    [("version", 2), ("images", [{"image": "a"}]), ("images", 3), ("class_names", None)],
)
def test_damaged_proposals_are_refused(tmp_path: Path, name: str, value: object) -> None:
    write_proposals(tmp_path, two_proposals(tmp_path))
    file = tmp_path / PROPOSALS_NAME
    file.write_text(json.dumps({**json.loads(file.read_text()), name: value}))
    with pytest.raises(DataError, match="damaged or of a newer version"):
        read_proposals(tmp_path)
