"""What `icseg bench noc` prints and writes: a table and a JSON file that can be traced back."""

from __future__ import annotations

import json
import platform
import sys
from dataclasses import asdict
from importlib import metadata
from typing import TYPE_CHECKING, Any

from napari_icseg.bench.noc import LABELLED_IOU, RIGHT_IOU, VARIANTS, summary
from trainers.io.atomic import write_text_atomic
from trainers.metrics.interactive import IOU_CLICKS, MAX_CLICKS, NOC_IOUS
from trainers.run_folder import code_version

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rich.table import Table

    from napari_icseg.bench.noc import TileResult
    from napari_icseg.bench.tiles import BenchData
    from napari_icseg.prompting.protocol import PromptPredictor

_NOCS = [f"NoC@{round(100 * q)}" for q in NOC_IOUS]
_IOUS = [f"IoU@{number}" for number in IOU_CLICKS]
_PACKAGES = ("torch", "numpy", "opencv-python-headless", "scipy", "sam2")


def make_report(
    tiles: Sequence[TileResult],
    predictor: PromptPredictor,
    data: BenchData,
    *,
    data_name: str,
    protocol: Mapping[str, Any],
) -> dict[str, Any]:
    """Return the scores with all that is needed to get them again.

    Args:
        tiles: what happened on them.
        predictor: the model.
        data: all tiles that were to be clicked.
        data_name: what the user called them.
        protocol: the options of `noc.run_noc`.

    """
    return {
        "benchmark": "noc",
        "is_complete": len(tiles) == len(data.tiles),
        "model": {"name": predictor.name, "checkpoint_id": predictor.checkpoint_id},
        "data": {
            "path": data_name,
            "sha256": data.sha256(),
            "num_tiles": len(data.tiles),
            "reference": data.reference,
            "reference_note": data.note,
        },
        "protocol": {
            **protocol,
            "max_clicks": MAX_CLICKS,
            "right_iou": RIGHT_IOU,
            "labelled_iou": LABELLED_IOU,
        },
        "code": code_version(),
        "command": " ".join(sys.argv),
        "versions": versions(),
        **summary(tiles),
        "tiles": [_rounded(asdict(tile)) for tile in tiles],
    }


def write_report(path: Path, report: dict[str, Any]) -> None:
    """Write a report as JSON, atomically; raises `DataError` if it cannot be written."""
    write_text_atomic(path, json.dumps(report, indent=1) + "\n")


def score_table(report: dict[str, Any], variant: str) -> Table:
    """Return the scores of each kind of target as a table; `variant` is one of `VARIANTS`."""
    from rich import box
    from rich.table import Table

    table = Table(title=f"{variant} clicks", box=box.SIMPLE, pad_edge=False, title_justify="left")
    table.add_column("target", no_wrap=True)
    for heading in ("num", *_NOCS, "fail@90", *_IOUS, "1st right", "1st any", "Tabs"):
        table.add_column(heading, justify="right")
    groups = {**report[variant]["by_target"], "all": report[variant]["all"]}
    for name, scores in groups.items():
        if scores is not None:
            table.add_row(name, *_cells(scores))
    return table


def report_lines(report: dict[str, Any]) -> list[str]:
    """Return what the table does not say: tiles, calibration and what was compared."""
    lines = [f"Compared with {report['data']['reference_note']}."]
    if not report["is_complete"]:
        of_all = f"{len(report['tiles'])} of {report['data']['num_tiles']} tiles"
        lines.insert(0, f"Incomplete: {of_all} were clicked.")
    for variant in VARIANTS:
        tile = report[variant]["tile"]
        if tile["num"]:
            lines.append(
                f"A tile by its layers until IoU {LABELLED_IOU:.2f}, {variant}: "
                f"{tile['clicks']:.2f} clicks, {tile['tabs']:.2f} Tabs, {tile['model_s']:.2f} s of "
                f"the model ({tile['embed_s']:.2f} s to embed); "
                f"{tile['num_unfinished']} of {tile['num']} not reached, "
                f"{tile['num_blank']} blank (0 clicks)."
            )
    for kind, scores in report["calibration"].items():
        lines.append(
            f"Score of {kind} candidates: ECE {scores['ece']:.3f} "
            f"(mean score {scores['mean_score']:.3f}, mean IoU {scores['mean_iou']:.3f}, "
            f"{scores['num']} candidates)."
        )
    return lines


def _cells(scores: dict[str, Any]) -> list[str]:
    return [
        str(scores["num"]),
        *(f"{scores[f'noc_{round(100 * q)}']:.2f}" for q in NOC_IOUS),
        str(scores["failures_90"]),
        *(f"{scores[f'iou_{number}']:.3f}" for number in IOU_CLICKS),
        f"{scores['first_right']:.2f}",
        f"{scores['first_right_any']:.2f}",
        f"{scores['tabs']:.2f}",
    ]


def _rounded(value: Any) -> Any:
    """Return nested fields with floats at four digits: there are twenty for every target."""
    if isinstance(value, dict):
        return {key: _rounded(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return round(value, 4) if isinstance(value, float) else value


def versions() -> dict[str, str]:
    """Return the versions of Python and of what the scores depend on."""
    found = {name: metadata.version(name) for name in _PACKAGES}
    return {"python": platform.python_version(), "machine": platform.machine(), **found}
