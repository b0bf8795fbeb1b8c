"""`icseg experiment …`: the paper's experiments."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trainers.cli.train import settings
from trainers.experiments.matrix import TABLE_TITLES, TABLES, rows_of
from trainers.experiments.paper import MODELS
from trainers.terminal import progress_bar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trainers.experiments.data import ExperimentData
    from trainers.experiments.matrix import Row, Table
    from trainers.experiments.recipe import Changes
    from trainers.experiments.run import Outcome

app = typer.Typer(no_args_is_help=True, help="The paper's experiments, on your own tiles.")
_DEFAULT_OUT = Path("experiments")


class ProtocolName(StrEnum):
    """How SAM-SEG is tested; the other models see the image alone."""

    PAPER = "paper"
    AUTOMATIC = "automatic"


DataOption = Annotated[Path, typer.Option(help="Labelled tiles with train/ and test/.")]
OutOption = Annotated[Path, typer.Option(help="Folder for results.csv, runs and the report.")]
ScaleOption = Annotated[
    float, typer.Option(help="Share of the paper's 1,000 images: 0.1 trains on 100.")
]
ModelsOption = Annotated[str, typer.Option(help="Names, divided by commas.")]
SeedsOption = Annotated[
    int | None, typer.Option(help="Trainings of each row; 3 for tables 1 and 4, else 1.")
]
ProtocolOption = Annotated[
    ProtocolName,
    typer.Option(help="automatic, or paper: SAM-SEG gets test prompts from the ground truth."),
]
SamOption = Annotated[
    str | None,
    typer.Option(help="SAM-2 in the paper's recipes, e.g. sam2-nano; the paper's if left out."),
]
LimitOption = Annotated[int | None, typer.Option(min=1, help="Test on the first tiles only.")]
DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Only say what it would take.")]
SettingOption = Annotated[
    list[str] | None, typer.Option("--set", help="Any other setting, as in `icseg train`.")
]


def _command(table: Table) -> Callable[..., None]:
    def run(
        data: DataOption,
        out: OutOption = _DEFAULT_OUT,
        scale: ScaleOption = 1.0,
        models: ModelsOption = ",".join(MODELS),
        seeds: SeedsOption = None,
        protocol: ProtocolOption = ProtocolName.AUTOMATIC,
        sam: SamOption = None,
        test_limit: LimitOption = None,
        dry_run: DryRunOption = False,
        setting: SettingOption = None,
    ) -> None:
        from trainers.experiments.launcher import work_alone

        work_alone()
        from trainers.experiments.data import read_data
        from trainers.experiments.recipe import Changes, require_weights

        scale = float(f"{scale:g}")  # as results.csv keeps it
        names = [name.strip() for name in models.split(",") if name.strip()]
        rows = rows_of(table, models=names, num_seeds=seeds, protocol=protocol.value, scale=scale)
        changes = Changes(sam, settings(setting or []))
        with progress_bar("Reading the images") as progress:
            images = read_data(data, test_limit=test_limit, progress=progress)
        if dry_run:
            _print_plan(rows, images, out, changes)
            return
        require_weights(rows, changes)
        outcome = _carry_out(rows, images, out, changes)
        _print_table(table, images, out, changes, scale)
        _conclude(outcome, out)

    return run


for _table in TABLES:
    app.command(
        _table,
        help=f"Train and test the rows of {TABLE_TITLES[_table]}. Rows that are done are skipped; "
        "several processes may work on one folder.",
        epilog=f"Example: icseg experiment {_table} --data tiles --scale 0.1 --sam sam2-nano "
        "--out results",
    )(_command(_table))


@app.command(epilog="Example: icseg experiment report --out results")
def report(out: OutOption = _DEFAULT_OUT) -> None:
    """Write OUT/report: one HTML page, and Markdown, with tables, charts and pictures."""
    from trainers.experiments.report import write_report

    with progress_bar("Drawing") as progress:
        written = write_report(out, progress=progress)
    print(f"Report: {written.html} and {written.markdown}")


def _carry_out(rows: Sequence[Row], images: ExperimentData, out: Path, changes: Changes) -> Outcome:
    from trainers.experiments.row_work import Workshop
    from trainers.experiments.run import run_rows
    from trainers.experiments.tiles import ensure_tiles
    from trainers.terminal_matrix import matrix_report

    with progress_bar("Choosing tiles to show") as progress:
        shown = ensure_tiles(images, out, progress=progress)
    with matrix_report(len(rows)) as shows:
        shop = Workshop(out, images, changes, shown, shows.event, shows.tested)
        return run_rows(rows, shop, on_begin=shows.begin, on_end=shows.end)


def _print_plan(rows: Sequence[Row], images: ExperimentData, out: Path, changes: Changes) -> None:
    from trainers.errors import CheckpointError, DataError
    from trainers.experiments.estimate import GUESS_WORDS, estimate
    from trainers.experiments.recipe import require_weights
    from trainers.experiments.results import Results
    from trainers.terminal_matrix import print_estimate

    notes = {}
    for row in rows:
        try:
            images.require_enough(row)
        except DataError as error:
            notes[row.name] = str(error)
    found = estimate(
        rows,
        Results(out).read(),
        changes,
        data_sha256=images.sha256,
        num_test=len(images.test.items),
    )
    print_estimate(found, words=GUESS_WORDS, notes=notes)
    try:
        require_weights(rows, changes)
    except CheckpointError as error:
        print(f"Note: {error}")


def _print_table(
    table: Table, images: ExperimentData, out: Path, changes: Changes, scale: float
) -> None:
    from trainers.experiments.results import Results
    from trainers.experiments.summary import Setup, lines_of
    from trainers.terminal_matrix import print_lines

    setup = Setup(images.sha256, changes.text, scale)
    print_lines(TABLE_TITLES[table], lines_of(table, setup, Results(out).read()))


def _conclude(outcome: Outcome, out: Path) -> None:
    for result in outcome.failed:
        print(f"Failed: {result.row.name}. {result.reason}")
    if outcome.busy:
        print(
            f"Rows that other processes work on: {len(outcome.busy)}. Start the same command "
            "again, when they have ended, to see them."
        )
    print(f"Results: {out / 'results.csv'}")
