"""The command `icseg`: the GUI's commands and all of `trainers.cli`.

Each command imports what it needs when it runs, so that `icseg --help` answers at once.
"""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from napari_icseg.bench.cli import app as bench_app
from napari_icseg.controllers.suggest_words import SuggestBy
from napari_icseg.controllers.wording import counted
from trainers.cli import app as trainers_app
from trainers.terminal import progress_bar, run_app

if TYPE_CHECKING:
    from napari_icseg.project.import_mapping import ImportPreview

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


class ImportFormatName(StrEnum):
    """What `icseg import` reads."""

    AUTO = "auto"
    COCO = "coco"
    YOLO = "yolo"
    LABELME = "labelme"
    VOC = "voc"
    MASKS = "masks"
    INSTANCES = "instances"
    FOLDER = "folder"


class MergeChoice(StrEnum):
    """What happens to images that are labelled already."""

    SKIP = "skip"
    ADD = "add"
    REPLACE = "replace"


@app.command(
    "import",
    epilog="Example: icseg import yolo --images tiles --project tiles/tiles.icseg --map wire=m1",
)
def import_labels(
    source: Annotated[
        Path,
        typer.Argument(
            help="COCO or LabelMe file, or folder: YOLO, LabelMe, VOC, masks, data set."
        ),
    ],
    images: Annotated[Path, typer.Option(help="Folder with the images.")],
    project: Annotated[Path, typer.Option(help="Project file; made if there is none.")],
    format_: Annotated[
        ImportFormatName, typer.Option("--format", help="auto finds out by looking.")
    ] = ImportFormatName.AUTO,
    map_: Annotated[
        list[str] | None,
        typer.Option(
            "--map", help="FILE_CLASS=PROJECT_CLASS; nothing after = leaves it out. Repeatable."
        ),
    ] = None,
    merge: Annotated[
        MergeChoice, typer.Option(help="Images that are labelled already: skip, add, replace.")
    ] = MergeChoice.SKIP,
    skip_missing: Annotated[
        bool, typer.Option("--skip-missing", help="Leave out labels whose image is not there.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be imported.")
    ] = False,
) -> None:
    """Put labels of COCO, YOLO-seg, LabelMe, VOC or mask files into a project."""
    from napari_icseg.controllers.label_import import ImportRequest, import_into, preview_import
    from napari_icseg.project.import_sources import ImportFormat

    chosen = None if format_ is ImportFormatName.AUTO else ImportFormat(format_.value)
    request = ImportRequest(
        source, images, chosen, _mapping(map_ or []), merge.value, skip_missing=skip_missing
    )
    if dry_run:
        with progress_bar("Reading") as progress:
            title, found = preview_import(project, request, progress=progress)
        _print_preview(title, found)
        return
    with progress_bar("Importing") as progress:
        report = import_into(project, request, progress=progress)
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
    by: Annotated[
        SuggestBy | None,
        typer.Option(
            help="The most typical image of each kind, or those of which the last round's model "
            "is unsure. Without it: by doubt as soon as a round has judged images."
        ),
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the clustering.")] = 0,
    duplicates: Annotated[
        bool, typer.Option("--duplicates", help="Print all groups of near-duplicates, too.")
    ] = False,
) -> None:
    """Say which images to label next, and why; of near-duplicates only one."""
    from napari_icseg.controllers.suggest_words import printed
    from napari_icseg.controllers.suggesting import suggest as find
    from napari_icseg.project.snapshot import ProjectSnapshot

    _require(project)
    with progress_bar("Looking at the images") as progress, ProjectSnapshot.open(project) as view:
        found = find(view, count, by=by, seed=seed, progress=progress)
    for line in printed(found, num_asked=count, all_groups=duplicates):
        print(line)


def _require(path: Path | None) -> None:
    if path is not None and not path.exists():
        raise typer.BadParameter(f"{path} does not exist.")


def _print_notes(notes: tuple[str, ...]) -> None:
    for note in notes:
        print(f"Note: {note}")


def _mapping(texts: list[str]) -> dict[str, str | None]:
    mapping: dict[str, str | None] = {}
    for text in texts:
        old, equals, new = text.rpartition("=")
        if not equals or not old:
            raise typer.BadParameter(f"--map {text}: expected FILE_CLASS=PROJECT_CLASS.")
        mapping[old] = new or None
    return mapping


def _print_preview(title: str, found: ImportPreview) -> None:
    print(
        f"{title}: {counted(found.num_objects, 'object')} on {counted(found.num_images, 'image')}."
    )
    if found.num_new_images:
        print(f"{counted(found.num_new_images, 'image')} would be new in the project.")
    if found.num_worked_on:
        print(f"{counted(found.num_worked_on, 'image')} are labelled already (see --merge).")
    if found.unmatched:
        print(f"{len(found.unmatched)} without an image, {found.unmatched[0]} for instance.")
    for each in found.classes:
        target = f"the project's {each.existing}" if each.existing else "a new class"
        print(f"  {each.name}: {counted(each.num_objects, 'object')} -> {target}")
    _print_notes(found.notes)
    print("Nothing was changed.")


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
