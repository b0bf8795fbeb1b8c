"""The Markdown page of `icseg bench economy`: everything that was measured, and how."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from napari_icseg.bench.economy_costs import SOURCES, Costs
from trainers.io.atomic import write_text_atomic

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

TARGET_TIMES = 5
"""So many times fewer human seconds than by clicks alone are wanted of route d."""
TARGET_PER_MINUTE = 60


def write_page(path: Path, report: Mapping[str, Any], *, figure: str | None = None) -> None:
    """Write a report as a page; `figure` is the picture's file, as the page names it.

    Raises:
        DataError: the file cannot be written.

    """
    sections = [
        "# What labelling costs a person",
        _scope(report),
        *([f"![Human seconds against test IoU]({figure})"] if figure else []),
        "## Human seconds at equal test IoU",
        _equal(report),
        *_verdict(report),
        "## All tiles labelled",
        _ends(report),
        "## All points",
        _points(report),
        "## Where the seconds go",
        _ways(report),
        *_pace(report),
        "## Seconds of each action",
        _costs(report),
        "## Again",
        f"Commit {report['code']['commit']}. The same command goes on with a run that was "
        f"stopped.\n\n```sh\n{report['command']}\n```",
    ]
    write_text_atomic(path, "\n\n".join(sections) + "\n")


def _scope(report: Mapping[str, Any]) -> str:
    settings, plan = report["settings"], report["plan"]
    steps = " over all tiles, as many steps with fewer labels" if settings["equal_steps"] else ""
    person = settings["person"]
    return (
        f"A simulated person labels {settings['num_tiles']} tiles, clicks with jitter "
        f"{person['jitter']} and is content from an IoU of {person['enough_iou']} with the truth, "
        f"which the eye sees with a deviation of {person['eye_error']}. Models propose that were "
        f"trained on what is labelled by then (`{settings['model']}`, {settings['epochs']} "
        f"epochs{steps}). {_scored(settings)} on {settings['num_test']} unseen tiles (mean "
        f"foreground IoU). Seed {settings['seed']}, one CPU thread.\n\n"
        "- **a, clicks alone**: every tile.\n"
        "- **b, clicks + pre-fill**: the click model's automatic masks are accepted or "
        "corrected.\n"
        "- **c, rounds with review**: the first tiles as in b; the last model proposes for the "
        "next, and each proposal is accepted or corrected.\n"
        f"- **d, rounds + suggestion**: {plan['num_first']} typical tiles as in b; in each of up "
        f"to {plan['num_rounds']} rounds the proposals for all others are reviewed, the least sure "
        f"first, until {plan['num_in_row']} in a row are right (at most an eighth of all tiles); "
        "then all of which the model expects enough IoU are accepted at once, after a look at a "
        "sample of 12. More than one wrong in it raises the threshold. What is seen in a sample is "
        "accepted or corrected."
    )


def _scored(settings: Mapping[str, Any]) -> str:
    if settings["scored"] in ("", settings["model"]):
        return "These models are scored"
    return (
        f"Another, `{settings['scored']}`, learns from scratch from the labels of each point "
        f"({settings['scored_epochs']} epochs of them) and is scored"
    )


def _equal(report: Mapping[str, Any]) -> str:
    names = list(report["routes"])
    rows = [*report["at_levels"], report["at_target"]]
    return _table(
        ("test IoU", *(report["routes"][name]["title"] for name in names)),
        ([f"{row['test_iou']:.4f}", *(_cell(row, name) for name in names)] for row in rows),
    )


def _cell(row: Mapping[str, Any], name: str) -> str:
    human_s, times = row["human_s"][name], row["times_fewer_than_a"][name]
    if human_s is None:
        return "not reached"
    return f"{human_s:.0f} s" + ("" if name == "a" or times is None else f" ({times:.1f} ×)")


def _verdict(report: Mapping[str, Any]) -> list[str]:
    times = report["at_target"]["times_fewer_than_a"].get("d")
    if not times:
        return []
    is_met = "reached" if times >= TARGET_TIMES else "missed"
    return [
        f"In brackets: how many times fewer than route a. At {report['target_iou']:.4f}, "
        f"{_which(report)}, route d needs 1/{times:.1f} of the seconds of route a; the target of "
        f"1/{TARGET_TIMES} is {is_met}."
    ]


def _which(report: Mapping[str, Any]) -> str:
    given = report["target_is_given"]
    return "the target" if given else "the highest IoU that every route reaches"


def _ends(report: Mapping[str, Any]) -> str:
    """Return the last point of each route: what it took to label all that it labelled."""
    rows = []
    by_clicks = report["routes"].get("a")
    for route in report["routes"].values():
        last = route["points"][-1]
        times = by_clicks["points"][-1]["human_s"] / last["human_s"] if by_clicks else None
        rows.append(
            [
                route["title"],
                str(last["num_labelled"]),
                f"{last['label_iou']:.4f}",
                f"{last['human_s']:.0f} s" + ("" if times is None else f" ({times:.1f} ×)"),
                f"{last['test_iou']:.4f}",
            ]
        )
    return _table(("route", "tiles", "IoU of the labels", "human seconds", "test IoU"), rows)


def _points(report: Mapping[str, Any]) -> str:
    columns = ("route", "labelled", "by hand", "label IoU", "clicks", "human s", "test IoU")
    return _table(
        columns,
        (
            [
                route["title"],
                str(point["num_labelled"]),
                str(point["num_by_hand"]),
                f"{point['label_iou']:.4f}",
                str(point["num_clicks"]),
                f"{point['human_s']:.0f}",
                f"{point['test_iou']:.4f}",
            ]
            for route in report["routes"].values()
            for point in route["points"]
        ),
    )


def _ways(report: Mapping[str, Any]) -> str:
    rows = []
    for route in report["routes"].values():
        for way, done in route["ways"].items():
            rows.append(
                [
                    route["title"],
                    way,
                    str(done["num"]),
                    f"{done['human_s']:.0f}",
                    f"{done['human_s'] / done['num']:.1f}",
                    f"{done['num_right']}",
                ]
            )
    return _table(("route", "way", "tiles", "seconds", "a tile", "right"), rows)


def _pace(report: Mapping[str, Any]) -> list[str]:
    enough = report["settings"]["person"]["enough_iou"]
    costs = report["settings"]["costs"]
    alone = 60 / (costs["verification_s"] + costs["key_s"])
    paces = [
        f"{name} {route['accepted_per_minute']:.0f}"
        for name, route in report["routes"].items()
        if route["accepted_per_minute"] is not None
    ]
    if not paces:
        return []
    return [
        f"Right: an IoU of at least {enough} with the truth. Right proposals accepted a minute of "
        f"looking at proposals: {', '.join(paces)} (wanted: {TARGET_PER_MINUTE}). One by one the "
        f"costs allow {alone:.0f} (a look and a key); only accepting at once is faster."
    ]


def _costs(report: Mapping[str, Any]) -> str:
    costs = report["settings"]["costs"]
    return _table(
        ("action", "seconds", "from"),
        (
            [field.name.removesuffix("_s"), f"{costs[field.name]:.2f}", SOURCES[field.name]]
            for field in fields(Costs)
        ),
    )


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
