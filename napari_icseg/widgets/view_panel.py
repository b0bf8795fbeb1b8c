"""How the image is shown: contrast, gamma, denoising, inversion. Layout and signals only."""

from __future__ import annotations

import math
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QSlider, QWidget
from superqt import QDoubleRangeSlider

from napari_icseg.widgets.key_texts import with_keys

if TYPE_CHECKING:
    from collections.abc import Iterator

DENOISE_WORDS = ("off", "light", "medium", "strong")
_GAMMA_STEPS = 100
_MAX_GAMMA = 5.0


@dataclass(frozen=True, slots=True)
class ShownView:
    """What the panel shows.

    Args:
        limits: Grey values shown as black and white.
        range: The least and the largest that can be chosen.
        gamma: 0.2..5.
        denoise: 0..3.
        is_auto: Limits follow each image.
        is_inverted: Bright is shown dark.

    """

    limits: tuple[float, float] = (0.0, 255.0)
    range: tuple[float, float] = (0.0, 255.0)
    gamma: float = 1.0
    denoise: int = 0
    is_auto: bool = False
    is_inverted: bool = False


class ViewPanel(QWidget):
    """Three sliders and four buttons.

    Signals, each after the user did it: `limits_changed(low, high)`, `gamma_changed(gamma)`,
    `denoise_changed(strength)`, `auto_toggled(is_on)`, `action(name)` of the buttons.
    """

    limits_changed = Signal(float, float)
    gamma_changed = Signal(float)
    denoise_changed = Signal(int)
    auto_toggled = Signal(bool)
    action = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_showing = False
        self.limits = QDoubleRangeSlider(Qt.Orientation.Horizontal)
        self.limits.setToolTip("Grey values shown as black and as white")
        self.gamma = QSlider(Qt.Orientation.Horizontal)
        self.gamma.setRange(-_GAMMA_STEPS, _GAMMA_STEPS)
        self.gamma.setToolTip("Left: dark parts brighter. Right: bright parts darker")
        self.denoise = QSlider(Qt.Orientation.Horizontal)
        self.denoise.setRange(0, len(DENOISE_WORDS) - 1)
        self.denoise.setPageStep(1)
        self.denoise.setToolTip("Smooths what you see; the models get the image as it is")
        self.values = {name: QLabel() for name in ("limits", "gamma", "denoise")}
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(4)
        grid.setColumnStretch(1, 1)
        sliders = {"limits": self.limits, "gamma": self.gamma, "denoise": self.denoise}
        words = ("Contrast", "Gamma", "Denoise")
        for row, (name, word) in enumerate(zip(sliders, words, strict=True)):
            sliders[name].setFocusPolicy(Qt.FocusPolicy.NoFocus)
            self.values[name].setMinimumWidth(64)
            grid.addWidget(QLabel(word), row, 0)
            grid.addWidget(sliders[name], row, 1)
            grid.addWidget(self.values[name], row, 2)
        grid.addLayout(self._build_buttons(), 3, 0, 1, 3)
        self._connect()
        self.show_view(ShownView())

    def show_view(self, view: ShownView) -> None:
        """Shows settings, without emitting."""
        with self._silently():
            self.limits.setRange(*view.range)
            self.limits.setValue(view.limits)
            self.gamma.setValue(round(math.log(view.gamma, _MAX_GAMMA) * _GAMMA_STEPS))
            self.denoise.setValue(view.denoise)
            self.auto.setChecked(view.is_auto)
            self.invert.setChecked(view.is_inverted)
        low, high = view.limits
        self.values["limits"].setText(f"{low:.0f}–{high:.0f}")
        self.values["gamma"].setText(f"{view.gamma:.2f}")
        self.values["denoise"].setText(DENOISE_WORDS[view.denoise])

    def _build_buttons(self) -> QHBoxLayout:
        self.auto = _button("Auto", "Stretch the contrast of each image by its own grey values")
        self.auto.setCheckable(True)
        self.invert = _button("Invert ({invert_view})", "Show bright as dark (key {invert_view})")
        self.invert.setCheckable(True)
        self.for_all = _button("For all images", "Show all images of the project like this one")
        self.reset = _button("Reset", "Show this image as it is")
        row = QHBoxLayout()
        row.setSpacing(4)
        for button in (self.auto, self.invert, self.for_all, self.reset):
            row.addWidget(button)
        return row

    def _connect(self) -> None:
        self.limits.valueChanged.connect(self._on_limits_changed)
        self.gamma.valueChanged.connect(self._on_gamma_changed)
        self.denoise.valueChanged.connect(self._on_denoise_changed)
        self.auto.clicked.connect(self.auto_toggled)
        for button, name in (
            (self.invert, "invert_view"),
            (self.for_all, "view_for_all"),
            (self.reset, "reset_view"),
        ):
            button.clicked.connect(lambda _checked=False, name=name: self.action.emit(name))

    def _on_limits_changed(self, limits: tuple[float, float]) -> None:
        if not self._is_showing:
            self.limits_changed.emit(float(limits[0]), float(limits[1]))

    def _on_gamma_changed(self, step: int) -> None:
        if not self._is_showing:
            self.gamma_changed.emit(_MAX_GAMMA ** (step / _GAMMA_STEPS))

    def _on_denoise_changed(self, strength: int) -> None:
        if not self._is_showing:
            self.denoise_changed.emit(strength)

    @contextmanager
    def _silently(self) -> Iterator[None]:
        self._is_showing = True
        try:
            yield
        finally:
            self._is_showing = False


def _button(text: str, tooltip: str) -> QPushButton:
    button = with_keys(QPushButton(), text=text, tooltip=tooltip)
    button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return button
