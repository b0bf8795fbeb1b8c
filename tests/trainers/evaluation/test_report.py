from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from trainers.data.labels import IGNORE
from trainers.evaluate import evaluate
from trainers.evaluation import overlay
from trainers.evaluation.data import labelled_images
from trainers.evaluation.overlay import draw_panels
from trainers.evaluation.report import write_report
from trainers.terminal_tables import print_evaluation

if TYPE_CHECKING:
    from pathlib import Path

    from tests.trainers.conftest import MakeTiles
    from trainers.predict import LoadedModel


class Page(HTMLParser):
    """Counts tags, and fails on one that is left open or closed wrongly."""

    VOID = frozenset({"meta", "img", "rect", "line"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.counts: dict[str, int] = {}
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.counts[tag] = self.counts.get(tag, 0) + 1
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: Any) -> None:
        self.counts[tag] = self.counts.get(tag, 0) + 1

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def report(loaded: LoadedModel, data: Path, out: Path, **options: Any) -> str:
    images = labelled_images(data)
    evaluation = evaluate(loaded, images, **options)
    page = write_report(out, loaded, images, evaluation, title="<run> & co")
    return page.read_text(encoding="utf-8")


def test_the_page_needs_no_other_file_and_is_whole(
    bright: LoadedModel, make_tiles: MakeTiles, tmp_path: Path
) -> None:
    text = report(bright, make_tiles(20), tmp_path / "out")
    page = Page(text)
    assert page.counts["figure"] == 12 + 4
    assert page.counts["img"] == 3 * 16
    assert re.findall(r'(?:src|href)="(?!data:)', text) == []
    assert "&lt;run&gt; &amp; co" in text
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["index.html"]


def test_the_worst_image_is_shown_first(
    bright: LoadedModel, make_tiles: MakeTiles, tmp_path: Path
) -> None:
    data = make_tiles(4, blank=())
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(data / "masks" / "t02.png")
    text = report(bright, data, tmp_path / "out")
    first = re.search(r"<figcaption><strong>(.*?)</strong>", text)
    assert first is not None
    assert first.group(1) == "images/t02.png"


def test_oracle_prompts_are_named_on_the_page_and_the_terminal(
    blank: LoadedModel,
    make_tiles: MakeTiles,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = make_tiles(3)
    assert "oracle prompts" not in report(blank, data, tmp_path / "automatic")
    text = report(blank, data, tmp_path / "oracle", protocol="oracle")
    assert text.count("oracle prompts") >= 2
    print_evaluation(evaluate(blank, data, protocol="oracle"), num_worst=2)
    assert capsys.readouterr().out.count("oracle prompts") == 2


def test_errors_have_the_colours_of_the_legend() -> None:
    image = np.full((64, 64), 90, np.uint8)
    preds, target = np.zeros((64, 64), np.uint8), np.zeros((64, 64), np.uint8)
    preds[0:16], target[0:16, :32] = 1, 1  # right half added
    target[32:48] = 1  # missed
    preds[48:64], target[48:64] = 1, 2  # confused
    target[0:16, 60:] = IGNORE
    panels = draw_panels(image, preds, target)
    assert panels.errors.shape == panels.image.shape == (512, 512, 3)

    def nearest(row: int, col: int) -> tuple[int, ...]:
        pixel = panels.errors[row * 8, col * 8].astype(int)
        colours = (overlay.RIGHT, overlay.ADDED, overlay.MISSED, overlay.CONFUSED)
        return min(colours, key=lambda colour: float(np.abs(pixel - colour).sum()))

    assert nearest(8, 45) == overlay.ADDED
    assert nearest(40, 30) == overlay.MISSED
    assert nearest(56, 30) == overlay.CONFUSED
    assert tuple(panels.errors[0, 255]) == overlay.OUTLINE  # beside the added half
    ignored = panels.errors[64, 62 * 8]
    assert len(set(ignored.tolist())) == 1  # grey: neither right nor wrong


@pytest.mark.parametrize("shape_hw", [(1500, 700), (33, 700), (64, 64), (512, 511), (8, 3000)])
def test_pictures_of_any_size_stay_small(shape_hw: tuple[int, int]) -> None:
    ids = np.zeros(shape_hw, np.uint8)
    panels = draw_panels(np.zeros(shape_hw, np.uint16), ids, ids)
    assert max(panels.errors.shape) <= 1024
    assert max(panels.errors.shape) > 256
