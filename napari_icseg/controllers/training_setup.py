"""The upper part of the Training dock: what there is to train on, and what can be chosen."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, get_args

from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.training_data import DataSummary, read_summary
from napari_icseg.controllers.training_words import EXPLANATIONS, MODEL_LABELS
from napari_icseg.jobs.devices import devices
from napari_icseg.project.training_set import Selection
from napari_icseg.prompting import checkpoints
from napari_icseg.widgets.fields import AS_PRESET
from napari_icseg.widgets.training_view import Entry, ModelOption, SetupView
from trainers.config import Preset
from trainers.registry import MODELS

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.project.project import Project
    from napari_icseg.project.reader import ProjectReader
    from napari_icseg.widgets.training_setup import SetupPanel
    from napari_icseg.widgets.training_view import TrainingChoice

# it answers clicks, and is made by the project's own trainers, not on a user's labels
_NOT_OFFERED = ("sam2-nano",)
_PROGRESS_EVERY_S = 0.1
_WITH_SAM = ("sam_seg", "sam_det", "rsprompter")
_DEVICES = {"cpu": "CPU", "cuda": "GPU (CUDA)", "mps": "GPU (Apple)"}
NO_PROJECT = SetupView(problem="Open a folder or a project first, in the Labelling dock.")


def train_text(choice: TrainingChoice, summary: DataSummary) -> str:
    """Return what the button says."""
    label = data_label(choice, summary)
    return f"Retrain on {label}" if label else "Retrain on everything labelled"


@dataclass(frozen=True)
class Purpose:
    """What the labels are for: how they are counted, and what the button says of it."""

    read: Callable[[ProjectReader, Selection], DataSummary] = read_summary
    text: Callable[[TrainingChoice, DataSummary], str] = train_text
    tooltip: str = "Train on every image that is labelled or marked as blank"
    first_model: str = "unet"


class SetupPresenter:
    """Counts the labels in a thread and draws what they allow."""

    def __init__(
        self, session: ProjectSession, panel: SetupPanel, purpose: Purpose | None = None
    ) -> None:
        self._session, self._panel = session, panel
        self._purpose = purpose or Purpose()
        self._counted: DataSummary | None = None
        self._busy: tuple[str, float | None] | None = None
        self._failure = self._hindrance = ""
        self._is_counting = self._is_stale = False
        self._counting = Background(session.gui, "count")
        panel.set_models(model_options(self._purpose.first_model))
        panel.set_devices(device_entries(devices()))
        panel.set_sams(sam_entries())
        panel.data_changed.connect(self._on_panel_data_changed)
        session.labels_changed.connect(self._on_session_labels_changed)
        session.images_changed.connect(self.count)
        session.classes_changed.connect(self.count)
        self.draw()

    @property
    def summary(self) -> DataSummary:
        """What was counted last."""
        return self._counted or DataSummary()

    @property
    def is_busy(self) -> bool:
        """Whether a training is being prepared."""
        return self._busy is not None

    def count(self) -> None:
        """Count in the background; changes that come meanwhile lead to one more count."""
        project = self._session.project
        self._is_stale = self._is_counting
        if project is not None and not self._is_counting:
            self._is_counting = True
            selection, read = selection_of(self._panel.choice()), self._purpose.read
            self._counting.run(
                lambda: _summary_of(project, selection, read),
                lambda summary: self._on_counted(project, summary, ""),
                lambda error: self._on_counted(project, None, str(error)),
            )

    def clear(self) -> None:
        """Forget what was counted: the project is closed."""
        self._counted = None
        self.draw()

    def set_busy(self, text: str, fraction: float | None) -> None:
        """Say what is being prepared; `fraction` is 0..1 or None."""
        self._busy = (text, fraction)
        self.draw()

    def say_written(self) -> Callable[[int, int], None]:
        """Return a function for the thread that writes labels, to say how far it is."""
        told_s = 0.0

        def progress(done: int, total: int) -> None:
            nonlocal told_s
            if time.monotonic() - told_s >= _PROGRESS_EVERY_S:
                told_s = time.monotonic()
                text = f"Writing the labels: {done} of {total} images"
                self._session.gui.call(partial(self.set_busy, text, done / max(1, total)))

        return progress

    def end_busy(self, failure: str = "") -> None:
        """Say that the preparation is over, and why it failed if it did."""
        self._busy, self._failure = None, failure
        self.draw()

    def hold(self, reason: str) -> None:
        """Let nothing be started for a reason that the button's tooltip tells; "" ends that."""
        if reason != self._hindrance:
            self._hindrance = reason
            self.draw()

    def fail(self, message: str) -> None:
        """Show an error."""
        self._failure = message
        self.draw()

    def close(self) -> None:
        """Stop counting and listening."""
        self._counting.close()
        session = self._session
        for signal, slot in (
            (session.labels_changed, self._on_session_labels_changed),
            (session.images_changed, self.count),
            (session.classes_changed, self.count),
        ):
            signal.disconnect(slot, missing_ok=True)

    def draw(self) -> None:
        """Draw everything anew."""
        self._panel.set_view(self._view())

    def _view(self) -> SetupView:
        says = self._purpose.text(self._panel.choice(), self.summary)
        if self._session.project is None:
            return replace(NO_PROJECT, train_text=says)
        counted, (text, fraction) = self._counted, self._busy or ("", None)
        if counted is None:
            return SetupView(summary="Counting the labels…", train_text=says)
        return SetupView(
            summary=counted.text,
            problem=self._failure or counted.problem,
            can_train=not (counted.problem or self._busy or self._hindrance),
            busy_text=text,
            busy_fraction=fraction,
            train_text=says,
            train_tooltip=self._hindrance or self._purpose.tooltip,
            classes=_class_entries(counted),
            splits=_split_entries(counted),
        )

    def _on_counted(self, project: Project, summary: DataSummary | None, failure: str) -> None:
        self._is_counting = False
        if project is self._session.project:
            self._counted, self._failure = summary or self._counted, failure or self._failure
            self.draw()
        if self._is_stale or project is not self._session.project:
            self.count()

    def _on_panel_data_changed(self, _choice: TrainingChoice) -> None:
        self._failure = ""
        self.draw()
        self.count()

    def _on_session_labels_changed(self, _image_id: int) -> None:
        self.count()


def selection_of(choice: TrainingChoice) -> Selection:
    """Return which labels are chosen."""
    return Selection(choice.class_id, choice.split)


def data_label(choice: TrainingChoice, summary: DataSummary) -> str:
    """Return what a training learns, if not everything, as its title says it."""
    words = [] if choice.split is None else [f"split {choice.split}"]
    if (name := dict(summary.classes).get(choice.class_id or 0)) is not None:
        words.append(f"{name} only")
    return ", ".join(words)


def options_of(choice: TrainingChoice) -> dict[str, Any]:
    """Return the settings of `RunRequest.options` that were chosen."""
    given = {"batch_size": choice.batch_size, "lr": choice.lr}
    chosen: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    if choice.sam is not None:
        chosen["option.sam"] = choice.sam
    return chosen if choice.device == "auto" else {**chosen, "device": choice.device}


def num_threads() -> int:
    """Return the CPU threads of a training: all but one, which is left to the labeller."""
    return max(1, (os.cpu_count() or 1) - 1)


def model_options(first: str = "unet") -> list[ModelOption]:
    """Return what can be trained on labels; no model is imported for that.

    After the one named first, which is the default, they come the quickest first.
    """
    offered = [name for name in MODELS if name not in _NOT_OFFERED]
    known = [name for name in (first, *MODEL_LABELS) if name in offered]
    presets = get_args(Preset)
    return [
        ModelOption(
            name,
            MODEL_LABELS.get(name, name),
            EXPLANATIONS.get(name, ""),
            presets,
            has_sam=name in _WITH_SAM,
        )
        for name in dict.fromkeys([*known, *offered])
    ]


def sam_entries() -> list[Entry]:
    """Return the SAM-2 models on this machine, the preset's first."""
    here = [source for name, source in checkpoints.MODELS.items() if checkpoints.is_available(name)]
    as_preset = Entry(None, AS_PRESET, "Download others in the Labelling dock, under Click model")
    return [as_preset, *(Entry(source.name, source.title) for source in here)]


def device_entries(found: tuple[str, ...]) -> list[Entry]:
    """Return the devices to choose from; "auto" alone where there is only the CPU."""
    if len(found) < 2:
        return [Entry("auto", "CPU (no GPU found)")]
    automatic = Entry("auto", "Automatic", "The GPU if it can be used, else the CPU")
    return [automatic, *(Entry(name, _DEVICES[name]) for name in found)]


def _class_entries(summary: DataSummary) -> tuple[Entry, ...]:
    if len(summary.classes) < 2:
        return ()
    names = ", ".join(name for _, name in summary.classes)
    return (
        Entry(None, f"all ({names})", "One model that tells all classes apart"),
        *(
            Entry(class_id, f"{name} only", f"Learn {name} against everything else")
            for class_id, name in summary.classes
        ),
    )


def _split_entries(summary: DataSummary) -> tuple[Entry, ...]:
    if not summary.splits:
        return ()
    everything = Entry(None, "all labelled", "Every finished image that is not kept for testing")
    return (everything, *(_split_entry(split, number) for split, number in summary.splits))


def _split_entry(split: str, number: int) -> Entry:
    tooltips = {
        "train": "Learn from the split train, check with the split val if there is one",
        "test": "Learn from the images that were kept for testing: they can test nothing then",
    }
    tooltip = tooltips.get(split, f"Learn from the split {split} alone")
    return Entry(split, f"split {split} ({number})", tooltip)


def _summary_of(
    project: Project, selection: Selection, read: Callable[[ProjectReader, Selection], DataSummary]
) -> DataSummary:
    with project.snapshot() as snapshot:
        return read(snapshot, selection)
