"""`icseg models …`: the runs of a folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from trainers.cli.evaluate import (
    DataOption,
    DeviceOption,
    LimitOption,
    ProtocolName,
    ProtocolOption,
)
from trainers.terminal import progress_bar

app = typer.Typer(no_args_is_help=True, help="Trained models.")
RunArgument = Annotated[Path, typer.Argument(help="Run folder.")]
JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("list", epilog="Example: icseg models list runs")
def list_models(
    folder: Annotated[Path, typer.Argument(help="Folder that holds the runs.")] = Path("."),
    as_json: JsonFlag = False,
) -> None:
    """List the runs in a folder with their validation metrics."""
    from trainers.run_registry import describe_all

    found = describe_all(folder)
    rows = [_row(run) for run in found.runs]
    for path in found.damaged:
        typer.echo(f"Left out, because its settings cannot be read: {path}", err=True)
    if as_json:
        print(json.dumps(rows, indent=2))
        return
    from trainers.terminal_tables import print_runs

    if rows:
        print_runs(rows)
    else:
        print(f"No runs in {folder}.")


def _row(run: Any) -> dict[str, Any]:
    """Return what a list shows of a `RunDescription`; None for what is not known."""
    scores = {
        name: round(run.metrics[name], 4) if name in run.metrics else None
        for name in ("pixel_accuracy", "iou", "dice")
    }
    return {
        "run": run.name,
        "model": run.model,
        "state": run.state,
        "epochs": f"{run.epoch}/{run.num_epochs}",
        **scores,
        "preset": run.preset,
        "data": run.data_sha256[:8] if run.data_sha256 else None,
        "parent": run.parent["name"] if run.parent else None,
    }


@app.command(epilog="Example: icseg models show runs/first")
def show(run: RunArgument, as_json: JsonFlag = False) -> None:
    """Print all that is known of a run: settings, data, metrics, parent, code, time and size."""
    from trainers.run_registry import describe

    described = describe(run)
    if as_json:
        print(json.dumps(described.to_dict(), indent=2))
        return
    from trainers.terminal_tables import print_description

    print_description(described)


@app.command(epilog="Example: icseg models compare runs/first runs/second --data tiles")
def compare(
    runs: Annotated[list[Path], typer.Argument(help="Run folders or .safetensors files.")],
    data: DataOption,
    json_file: Annotated[Path | None, typer.Option("--json", help="File for all scores.")] = None,
    csv_file: Annotated[
        Path | None, typer.Option("--csv", help="File, a row for each run.")
    ] = None,
    protocol: ProtocolOption = ProtocolName.AUTOMATIC,
    limit: LimitOption = None,
    device: DeviceOption = "auto",
) -> None:
    """Score runs on the same images and print one table; stored results are used again."""
    from trainers.comparison import compare as score
    from trainers.comparison import write_comparison_csv
    from trainers.io.atomic import write_text_atomic
    from trainers.terminal_tables import print_comparison

    with progress_bar("Evaluating") as progress:
        comparison = score(
            runs,
            data,
            protocol=protocol.value,
            limit=limit,
            device=device,
            progress=lambda _name, done, total: progress(done, total),
        )
    if json_file is not None:
        write_text_atomic(json_file, json.dumps(comparison.to_dict(), indent=2) + "\n")
    if csv_file is not None:
        write_comparison_csv(csv_file, comparison)
    print_comparison(comparison)


@app.command(epilog="Example: icseg models delete runs/first --yes")
def delete(
    run: RunArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove a run; a running one is refused, and files that no run writes are left."""
    from trainers.run_registry import delete_run, describe

    described = describe(run)
    size_mb = described.size_bytes / 1e6
    question = f"Delete {described.model} run {described.path} ({size_mb:.1f} MB) for good?"
    if not yes and not typer.confirm(question):
        print("Nothing was deleted.")
        return
    left = delete_run(run)
    print(f"Deleted {run}.")
    for path in left:
        print(f"Left, because no run writes it: {path}")


@app.command("export", epilog="Example: icseg models export runs/first first.zip")
def export_model(
    run: RunArgument,
    file: Annotated[Path, typer.Argument(help="Zip file to write.")],
) -> None:
    """Write a bundle that another machine can import: weights, settings, metrics, no images."""
    from trainers.bundle import export_run

    export_run(run, file)
    print(f"Exported {run} to {file} ({file.stat().st_size / 1e6:.1f} MB).")


@app.command("import", epilog="Example: icseg models import first.zip --into runs")
def import_model(
    file: Annotated[Path, typer.Argument(help="Zip file that `models export` wrote.")],
    into: Annotated[Path, typer.Option(help="Folder for the run.")] = Path("."),
) -> None:
    """Unpack a bundle as a run; a run that is there already is never replaced."""
    from trainers.bundle_import import import_run

    print(f"Imported as {import_run(file, into)}.")
