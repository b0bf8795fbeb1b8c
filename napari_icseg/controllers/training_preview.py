"""The picture of a run's predictions, read in a thread whenever there is a newer one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from qtpy.QtGui import QImage

from napari_icseg.controllers.gui_thread import Background
from napari_icseg.jobs.folder import CONFIG_FILE
from napari_icseg.widgets.training_view import PreviewView
from trainers.io.palette import class_color

if TYPE_CHECKING:
    from pathlib import Path

    from napari_icseg.controllers.gui_thread import GuiThread
    from napari_icseg.jobs.watcher import RunSnapshot
    from napari_icseg.widgets.preview import PreviewPanel

NO_PREVIEW = PreviewView()


class PreviewPresenter:
    """Keeps the picture of the run that is shown; a newer wish replaces one on its way."""

    def __init__(self, gui: GuiThread, panel: PreviewPanel) -> None:
        self._panel = panel
        self._shown: Path | None = None
        self._reading = Background(gui, "preview")

    def show(self, run: RunSnapshot | None) -> None:
        """Show the newest picture of a run; nothing where there is none."""
        has_one = run is not None and bool(run.status.preview)
        path = run.run_dir / run.status.preview if run is not None and has_one else None
        if path == self._shown:
            return
        is_other_run = path is None or self._shown is None or path.parent != self._shown.parent
        self._shown = path
        if is_other_run:  # the picture before must not be taken for this run's
            self._panel.set_view(NO_PREVIEW)
        if path is not None and run is not None:
            epoch, run_dir = run.status.epoch, run.run_dir
            self._reading.run(
                lambda: read_preview(path, run_dir, epoch),
                lambda view: self._on_read(path, view),
                lambda _error: None,
            )

    def close(self) -> None:
        """Stop reading."""
        self._reading.close()

    def _on_read(self, path: Path, view: PreviewView) -> None:
        if path == self._shown:
            self._panel.set_view(view)


def read_preview(path: Path, run_dir: Path, epoch: int) -> PreviewView:
    """Return the picture with its caption; none where the file is gone or damaged."""
    image = QImage(str(path))
    if image.isNull():
        return NO_PREVIEW
    names = _class_names(run_dir)
    when = f" after epoch {epoch}" if epoch else ""
    return PreviewView(
        image=image,
        caption=f"Validation images{when}. Tinted: what the model finds. Outlined: your labels.",
        legend=tuple((_hex(class_color(number)), name) for number, name in enumerate(names, 1)),
    )


def _class_names(run_dir: Path) -> tuple[str, ...]:
    try:
        names = json.loads((run_dir / CONFIG_FILE).read_text(encoding="utf-8"))["class_names"]
    except (OSError, ValueError, KeyError, TypeError):
        return ()
    return tuple(map(str, names)) if isinstance(names, list) else ()


def _hex(rgb: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*rgb)
