"""A YOLO-seg data set turned into an import plan."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from napari_icseg.project.import_plan import ImportedImage, ImportedObject, ImportPlan
from napari_icseg.project.records import ImageStatus
from trainers.errors import DataError
from trainers.io.manifest import SPLITS
from trainers.io.text_file import read_text
from trainers.io.yolo_reader import (
    LABELS_DIR,
    YoloData,
    find_data_yaml,
    parse_yolo,
    read_data_yaml,
    split_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_icseg.project.image_index import FoundImage, ImageIndex
    from napari_icseg.project.watching import Watch

_OTHER_TEXTS = {"classes.txt", "readme.txt", "export_report.txt", "readme.roboflow.txt"}


def plan_yolo(source: Path, images: ImageIndex, watch: Watch) -> ImportPlan:
    """Read a data set's folder, its data.yaml, or a folder of label files.

    An image whose label file is empty is BLANK, one without a label file is not touched.
    Splits come from folders named train, val, valid or test, or from train.txt and the like.

    Raises:
        DataError: no label files, or a broken one.

    """
    root = source if source.is_dir() else source.parent
    yaml = find_data_yaml(root) if source.is_dir() else source
    data = YoloData() if yaml is None else read_data_yaml(yaml)
    files = label_files(root)
    splits = _listed_splits(root)
    planned: list[ImportedImage] = []
    unmatched: list[str] = []
    notes: list[str] = []
    for file in watch.over(files):
        name = _image_name(file)
        found = images.find(name)
        if found is None:
            unmatched.append(file)
            continue
        split = split_of(PurePosixPath(file).parts[:-1]) or splits.get(PurePosixPath(name).name)
        image, more = _image(root / file, found, data, split)
        planned.append(image)
        notes.extend(more)
    names = _class_names(data, planned)
    return ImportPlan(
        root.name, tuple(planned), names, {}, tuple(notes), unmatched=tuple(unmatched)
    )


def label_files(root: Path) -> tuple[str, ...]:
    """Return the label files below a folder as sorted relative POSIX paths.

    Where there are folders `labels`, only the text files in them count.

    Raises:
        DataError: there are none.

    """
    texts: list[str] = []
    for parent, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        texts += [
            Path(parent, name).relative_to(root).as_posix()
            for name in files
            if name.lower().endswith(".txt") and not name.startswith(".")
        ]
    inside = [text for text in texts if LABELS_DIR in PurePosixPath(text).parts[:-1]]
    lists = _OTHER_TEXTS | {f"{split}.txt" for split in SPLITS}
    chosen = inside or [text for text in texts if PurePosixPath(text).name.lower() not in lists]
    if not chosen:
        raise DataError(
            f"Found no label files in {root}. Expected a folder {LABELS_DIR} with a text file for "
            "each image."
        )
    return tuple(sorted(chosen))


def _image_name(file: str) -> str:
    """Return what the image of a label file is called, without its suffix, below its folder."""
    path = PurePosixPath(file)
    parts = list(path.parts)
    if LABELS_DIR in parts[:-1]:
        parts = parts[len(parts) - 1 - parts[::-1].index(LABELS_DIR) + 1 :]
        if len(parts) > 1 and split_of(parts[:1]) is not None:
            parts = parts[1:]
    return str(PurePosixPath(*parts).with_suffix(""))


def _image(
    path: Path, found: FoundImage, data: YoloData, split: str | None
) -> tuple[ImportedImage, tuple[str, ...]]:
    shape_hw = found.shape_hw()
    text = read_text(path)
    parsed, notes = parse_yolo(text, shape_hw, str(path))
    objects = tuple(
        ImportedObject(data.name(each.class_index, str(path)), each.mask) for each in parsed
    )
    blank = not text.strip()
    status = ImageStatus.BLANK if blank else ImageStatus.LABELLED if objects else None
    return ImportedImage(found.path, shape_hw, objects, status, split), notes


def _listed_splits(root: Path) -> Mapping[str, str]:
    """Return the split of each image (its name without suffix) that a list at the root names."""
    found: dict[str, str] = {}
    for split in SPLITS:
        path = root / f"{split}.txt"
        if path.is_file():
            for line in read_text(path).splitlines():
                if line.strip() and "\0" not in line:
                    found.setdefault(PurePosixPath(line.strip().replace("\\", "/")).stem, split)
    return found


def _class_names(data: YoloData, planned: list[ImportedImage]) -> tuple[str, ...]:
    used = {each.class_name for image in planned for each in image.objects}
    named = tuple(dict.fromkeys(data.names[index] for index in sorted(data.names)))
    return (*named, *sorted(used - set(named)))
