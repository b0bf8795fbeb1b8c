"""The window that accepts many proposals at once, after showing a sample of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QPixmap
from qtpy.QtWidgets import (
    QDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from napari_icseg.widgets.fields import EntryBox
from napari_icseg.widgets.tones import set_toned_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from qtpy.QtGui import QImage

    from napari_icseg.widgets.training_view import Entry, Tone

NUM_COLUMNS, NUM_ROWS = 4, 3
PICTURE_PX = 168
_PERCENT = (0, 100)


@dataclass(frozen=True, eq=False)
class SamplePicture:
    """One proposal of the sample: its image with outlines, and what is known of it."""

    image: QImage
    caption: str
    tooltip: str


@dataclass(frozen=True, eq=False)
class BatchView:
    """What the window shows.

    Attributes:
        threshold: 0..1.
        count: how many reach it.
        error: what they cost, as it is estimated.
        sample: pictures of some of them.
        status: such as "Drawing a sample…"; its tone.
        num: that would be accepted.
        can_accept: the sample is one of them all.

    """

    threshold: float = 0.9
    count: str = ""
    error: str = ""
    sample: tuple[SamplePicture, ...] = ()
    status: str = ""
    tone: Tone = "neutral"
    num: int = 0
    can_accept: bool = False


class ReviewBatchWindow(QDialog):
    """Not modal: the review goes on behind it.

    Emits `measure_chosen(key)`, `threshold_changed(0..1)`, `resample_clicked` and
    `accept_clicked`.
    """

    measure_chosen = Signal(object)
    threshold_changed = Signal(float)
    resample_clicked = Signal()
    accept_clicked = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.setWindowTitle("Accept the surest proposals")
        self.measure = EntryBox("What must be high enough")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(*_PERCENT)
        self.slider.setPageStep(5)
        self.slider.setToolTip("Proposals from this value on are accepted (arrow keys: .01)")
        self.value, self.count, self.error, self.status = QLabel(), QLabel(), QLabel(), QLabel()
        self.value.setMinimumWidth(self.value.fontMetrics().horizontalAdvance("≥ 1.00"))
        self.resample = QPushButton("Another sample")
        self.resample.setToolTip("Draw others of those that would be accepted")
        self.accept_button = QPushButton()
        self.accept_button.setToolTip("Accept all of them; one undo takes them back")
        self.pictures = [_Picture() for _ in range(NUM_COLUMNS * NUM_ROWS)]
        self._lay_out()
        self.measure.activated.connect(lambda _: self.measure_chosen.emit(self.measure.key()))
        self.slider.valueChanged.connect(self._on_slider_changed)
        self.resample.clicked.connect(lambda: self.resample_clicked.emit())
        self.accept_button.clicked.connect(lambda: self.accept_clicked.emit())
        for button in (self.resample, self.accept_button):
            button.setAutoDefault(False)

    def set_measures(self, entries: Sequence[Entry], key: object) -> None:
        """Offer these."""
        self.measure.set_entries(entries)
        self.measure.choose(key)

    def set_view(self, view: BatchView) -> None:
        """Show another snapshot."""
        blocked = self.slider.blockSignals(True)
        self.slider.setValue(round(100 * view.threshold))
        self.slider.blockSignals(blocked)
        self._show_value(self.slider.value())
        self.count.setText(view.count)
        self.error.setText(view.error)
        set_toned_text(self.status, view.status, view.tone)
        for number, picture in enumerate(self.pictures):
            picture.set_sample(view.sample[number] if number < len(view.sample) else None)
        self.resample.setEnabled(view.num > len(self.pictures))
        self.accept_button.setText(f"Accept {view.num:,}")
        self.accept_button.setEnabled(view.can_accept)

    def show_in_front(self) -> None:
        """Show the window, in front."""
        self.show()
        self.raise_()
        self.activateWindow()

    def _on_slider_changed(self, percent: int) -> None:
        self._show_value(percent)
        self.threshold_changed.emit(percent / 100)

    def _show_value(self, percent: int) -> None:
        self.value.setText("≥ 1.00" if percent == 100 else f"≥ .{percent:02d}")

    def _lay_out(self) -> None:
        top, bottom, grid = QHBoxLayout(), QHBoxLayout(), QGridLayout()
        top.addWidget(self.measure)
        top.addWidget(self.slider, 1)
        top.addWidget(self.value)
        grid.setSpacing(6)
        for number, picture in enumerate(self.pictures):
            grid.addWidget(picture, number // NUM_COLUMNS, number % NUM_COLUMNS)
        bottom.addWidget(self.resample)
        bottom.addWidget(self.status)
        bottom.addStretch(1)
        bottom.addWidget(self.accept_button)
        layout = QVBoxLayout(self)
        layout.setSpacing(8)
        layout.addLayout(top)
        for label in (self.count, self.error):
            label.setWordWrap(True)
            layout.addWidget(label)
        layout.addLayout(grid)
        layout.addLayout(bottom)
        layout.setSizeConstraint(QVBoxLayout.SizeConstraint.SetFixedSize)


class _Picture(QWidget):
    """A picture of a fixed size with a line below."""

    def __init__(self) -> None:
        super().__init__()
        self.picture, self.caption = QLabel(), QLabel()
        self.picture.setFixedSize(PICTURE_PX, PICTURE_PX)
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.caption.setFixedWidth(PICTURE_PX)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(1)
        layout.addWidget(self.picture)
        layout.addWidget(self.caption)

    def set_sample(self, sample: SamplePicture | None) -> None:
        """Show one of the sample, or nothing."""
        self.setToolTip("" if sample is None else sample.tooltip)
        if sample is None:
            self.picture.clear()
            self.caption.clear()
            return
        self.picture.setPixmap(QPixmap.fromImage(sample.image))
        metrics, elide = self.caption.fontMetrics(), Qt.TextElideMode.ElideMiddle
        self.caption.setText(metrics.elidedText(sample.caption, elide, PICTURE_PX))
