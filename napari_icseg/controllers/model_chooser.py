"""Which model answers the clicks: the embedded one, a download, a trained run, or a file."""

from __future__ import annotations

import threading
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING

from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.notify import show_error, show_info, show_warning
from napari_icseg.prompting import checkpoints
from napari_icseg.prompting.errors import DownloadCancelledError
from napari_icseg.prompting.gpu_memory import FULL, is_out_of_memory
from napari_icseg.widgets.labelling_models import CHOOSE_FILE, ModelChoice

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from napari_icseg.controllers.activity import Task
    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.prompting.protocol import PromptPredictor
    from napari_icseg.prompting.worker import PromptWorker
    from napari_icseg.widgets.labelling_models import LabellingModels

DEFAULT_MODEL = "sam2-nano"


def load_predictor(name_or_path: str) -> PromptPredictor:
    """Loads a model; slow, so called in the worker. On the CPU where the GPU is too full."""
    from napari_icseg.prompting.checkpoints import load_predictor as load

    try:
        return load(name_or_path)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        show_warning(FULL.format(name=PurePath(name_or_path).name))
        return load(name_or_path, "cpu")


class ModelChooser:
    """Downloads what is not here yet, then hands the model to the worker."""

    def __init__(
        self,
        session: ProjectSession,
        worker: PromptWorker,
        view: LabellingModels,
        ask_file: Callable[[], Path | None],
    ) -> None:
        self._session, self._gui = session, session.gui
        self._worker = worker
        self._view = view
        self._ask_file = ask_file
        self._background = Background(session.gui, "download")
        self._cancel = threading.Event()
        self._task: Task | None = None
        self.current = DEFAULT_MODEL
        view.model_chosen.connect(self.choose)
        view.cancel_requested.connect(self.cancel)
        session.click_model_asked.connect(self.choose)
        session.runs_changed.connect(self._refresh)
        session.closed.connect(self._on_session_closed)
        worker.noted.connect(self._on_worker_noted)
        session.set_click_model(self.current)
        self._refresh()

    def choose(self, key: str) -> None:
        """Uses a model by its name or the folder of a trained run, or asks for a file."""
        if key == CHOOSE_FILE:
            self._choose_file()
        elif self._is_here(key):
            self._use(key)
        else:
            self._download(key)

    def cancel(self) -> None:
        """Stops a download; what is already here is kept for the next time."""
        self._cancel.set()

    def close(self) -> None:
        """Stops everything."""
        self.cancel()
        self._background.close()
        self._session.click_model_asked.disconnect(self.choose, missing_ok=True)
        self._session.runs_changed.disconnect(self._refresh, missing_ok=True)
        self._session.closed.disconnect(self._on_session_closed, missing_ok=True)
        self._worker.noted.disconnect(self._on_worker_noted, missing_ok=True)
        self._session.set_click_model("")

    def _on_worker_noted(self, text: str) -> None:
        self._gui.call(partial(show_warning, text))

    def _use(self, key: str) -> None:
        self.current = key
        self._worker.use(partial(load_predictor, key))
        self._session.set_click_model(key)
        self._refresh()

    def _is_here(self, key: str) -> bool:
        is_known = key in checkpoints.imported_models() or key in self._runs()
        return is_known or checkpoints.is_available(key)

    def _runs(self) -> dict[str, str]:
        """The trained runs that can answer clicks: what they are called, by their folder."""
        runs = self._session.prefill_runs
        found = {str(run.run_dir): run.label or run.name for run in runs if run.can_click}
        # the list is read anew while this one goes on answering
        used = {self.current: PurePath(self.current).name} if _is_path(self.current) else {}
        return used | found

    def _on_session_closed(self) -> None:
        if _is_path(self.current):  # the next project's images know nothing of that run
            self._use(DEFAULT_MODEL)

    def _choose_file(self) -> None:
        path = self._ask_file()
        self._refresh()
        if path is not None:
            self._background.run(lambda: checkpoints.import_checkpoint(path), self._use, self._fail)

    def _download(self, key: str) -> None:
        self._cancel = threading.Event()
        cancelled = self._cancel.is_set
        self._view.set_download(f"{key}: starting…", None)
        self._task = self._session.activity.start(f"Downloading {key}", cancel=self.cancel)
        self._background.run(
            lambda: checkpoints.download(
                key, progress=partial(self._on_progress, key), cancelled=cancelled
            ),
            lambda _path: self._finish_download(key),
            self._fail,
        )

    def _on_progress(self, key: str, num_done: int, num_bytes: int | None) -> None:
        percent = int(100 * num_done / num_bytes) if num_bytes else None
        of = f" of {num_bytes / 2**20:.0f}" if num_bytes else ""
        text = f"{key}: {num_done / 2**20:.0f}{of} MiB"
        if self._task is not None:
            self._task.update(num_done // 2**20, (num_bytes or 0) // 2**20)
        self._gui.call(lambda: self._view.set_download(text, percent))

    def _finish_download(self, key: str) -> None:
        self._end_download()
        show_info(f"{key} is here and answers your clicks now.")
        self._use(key)

    def _end_download(self) -> None:
        self._view.set_download("", None)
        if self._task is not None:
            self._task.done()

    def _fail(self, error: Exception) -> None:
        self._end_download()
        self._refresh()
        if isinstance(error, DownloadCancelledError):
            show_info(str(error))
        else:
            show_error(str(error))

    def _refresh(self) -> None:
        choices = [_choice(name) for name in checkpoints.MODELS]
        imported = [
            name for name in checkpoints.imported_models() if name not in checkpoints.MODELS
        ]
        choices += [ModelChoice(name, name, "Imported from a file") for name in imported]
        choices += [
            ModelChoice(key, label, f"Trained on this project's labels: {key}")
            for key, label in self._runs().items()
        ]
        choices.append(ModelChoice(CHOOSE_FILE, "Local file…", "A checkpoint of your own"))
        self._view.set_models(choices, self.current)


def _is_path(key: str) -> bool:
    return PurePath(key).name != key


def _choice(name: str) -> ModelChoice:
    source = checkpoints.MODELS[name]
    if checkpoints.is_available(name):
        return ModelChoice(name, source.title, f"{source.title}, ready to use")
    text = f"{source.title}  ↓ {source.num_mib:.0f} MiB"
    return ModelChoice(name, text, f"{source.title}: downloaded when you choose it")
