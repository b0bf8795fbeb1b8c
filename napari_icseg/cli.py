"""The command `icseg`: the GUI's commands and all of `trainers.cli`.

Each command imports what it needs when it runs, so that `icseg --help` answers at once.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from napari_icseg.bench.cli import app as bench_app
from napari_icseg.controllers.wording import counted
from trainers.cli import app as trainers_app
from trainers.terminal import progress_bar, run_app

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Label SEM images of integrated circuits by clicks, and train models on them. "
    "Add --debug to any command for a traceback when it fails.",
)


class ExportFormat(StrEnum):
    """What `icseg export` writes."""

    COCO = "coco"
    COCO_POLYGONS = "coco-polygons"
    PNG = "png"
    YOLO = "yolo"
    LABELME = "labelme"
    VOC = "voc"
    CVAT = "cvat"


@app.command(epilog="Example: icseg label tiles/ (makes tiles/tiles.icseg and opens it)")
def label(
    path: Annotated[
        Path | None, typer.Argument(help="Folder of images, or a project file P.icseg.")
    ] = None,
) -> None:
    """Open napari with the Labelling and Training docks on a folder or project."""
    from napari_icseg.controllers.application import run_application

    _require(path)
    run_application(path)


@app.command(epilog="Example: icseg demo (or, without a screen: icseg demo --headless --out demo)")
def demo(
    headless: Annotated[
        bool, typer.Option("--headless", help="Let a simulated annotator do the work.")
    ] = False,
    out: Annotated[Path | None, typer.Option(help="Folder for what the demo leaves.")] = None,
) -> None:
    """Open napari on sample tiles; with --headless, go through the whole workflow and report."""
    if headless:
        if out is None:
            raise typer.BadParameter("--headless needs --out DIR.")
        from napari_icseg.demo.run import run_headless

        raise typer.Exit(run_headless(out))
    from napari_icseg.controllers.application import run_application
    from napari_icseg.controllers.sample_folder import sample_folder

    run_application(sample_folder(out))


@app.command(
    "import",
    epilog="Example: icseg import coco.json --images tiles/images --project tiles/tiles.icseg",
)
def import_labels(
    source: Annotated[Path, typer.Argument(help="COCO file, or folder of PNG masks or data set.")],
    images: Annotated[Path, typer.Option(help="Folder with the images.")],
    project: Annotated[Path, typer.Option(help="Project file; made if there is none.")],
) -> None:
    """Put labels of a COCO file, a folder of masks or a whole data set into a project."""
    from napari_icseg.controllers.label_exchange import import_into

    with progress_bar("Importing") as progress:
        report = import_into(project, source, images, progress=progress)
    objects, num_images = counted(report.num_objects, "object"), counted(report.num_images, "image")
    print(f"Imported {objects} on {num_images} to {project}.")
    _print_notes(report.notes)


@app.command(epilog="Example: icseg export tiles/tiles.icseg --format coco --out export")
def export(
    project: Annotated[Path, typer.Argument(help="Project file P.icseg.")],
    out: Annotated[Path, typer.Option(help="Folder to write into.")],
    format_: Annotated[
        ExportFormat, typer.Option("--format", help="COCO with RLE or polygons, PNG masks, ...")
    ] = ExportFormat.COCO,
) -> None:
    """Write the labels of a project in a format of other programs, and say what it loses."""
    from napari_icseg.controllers.label_exchange import export_to

    _require(project)
    with progress_bar("Exporting") as progress:
        report = export_to(project, out, format_.value, progress=progress)
    objects, images = counted(report.num_objects, "object"), counted(report.num_images, "image")
    print(f"Exported {objects} of {images} to {out}.")
    _print_notes(report.losses)


@app.command(epilog="Example: icseg suggest tiles/tiles.icseg --count 10")
def suggest(
    project: Annotated[Path, typer.Argument(help="Project file P.icseg.")],
    count: Annotated[int, typer.Option(min=1, help="How many images.")] = 10,
    seed: Annotated[int, typer.Option(min=0, help="Of the clustering.")] = 0,
) -> None:
    """Say which images to label next: the most typical one of each kind that is not labelled."""
    from napari_icseg.controllers.suggesting import suggest as find
    from napari_icseg.project.snapshot import ProjectSnapshot

    _require(project)
    with progress_bar("Looking at the images") as progress, ProjectSnapshot.open(project) as view:
        found = find(view, count, seed=seed, progress=progress)
    for each in found:
        print(f"{each.image.path}: {each.reason}")


def _require(path: Path | None) -> None:
    if path is not None and not path.exists():
        raise typer.BadParameter(f"{path} does not exist.")


def _print_notes(notes: tuple[str, ...]) -> None:
    for note in notes:
        print(f"Note: {note}")


def _mount(other: typer.Typer) -> None:
    """Adds all commands and groups of another app."""
    app.registered_commands += other.registered_commands
    app.registered_groups += other.registered_groups


_mount(trainers_app)
app.add_typer(bench_app, name="bench")


def main() -> None:
    """Runs the command line and leaves with its exit code."""
    sys.exit(run_app(app))


if __name__ == "__main__":
    main()
