"""What a finished round changed, and the way to its proposals."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QGridLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_icseg.widgets.relayout import Relayout
from napari_icseg.widgets.rounds_view import ResultView, ScoreRow
from napari_icseg.widgets.tones import set_toned_text
from napari_icseg.widgets.training_status import set_fraction

_MAX_ROWS = 4
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_HEADS = (
    (
        "IoU",
        "Foreground intersection over union on the validation images, the mean of images and "
        "classes.\nA class that an image does not have counts 1, or 0 if one stray pixel is found",
    ),
    ("Pixel acc.", "The share of validation pixels that get the right class"),
)
_NO_SCORES = ScoreRow("", "", "")
_EXPLANATION = (
    "Labels are made by hand (or imported), or accepted from a model's proposals, as they were or "
    "edited.\nAn action is a step of the history: an object accepted or changed, an image marked "
    "as done or blank, a proposal reviewed."
)


class ResultPanel(QWidget):
    """Scores before and after, what was used, what waits.

    Emits `review_clicked`, and `retry_clicked` when the proposals shall be read again.
    """

    review_clicked = Signal()
    retry_clicked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title, self.lines, self.warnings, self.failure = (_wrapped() for _ in range(4))
        self.busy_text, self.busy_bar = QLabel(), QProgressBar()
        self.scores = QWidget()
        self.score_rows = [(QLabel(), QLabel(), QLabel()) for _ in range(_MAX_ROWS)]
        self.review = QPushButton()
        self.review.setMinimumHeight(30)
        self.review.setToolTip(
            "Open the Review dock: a key stroke for each image, the most doubtful first"
        )
        self.retry = QPushButton("Read the proposals again")
        self.retry.setToolTip("Take the proposals of this round into the project once more")
        self.lines.setToolTip(_EXPLANATION)
        self._relayout = Relayout(self)
        self._lay_out()
        self.review.clicked.connect(lambda: self.review_clicked.emit())
        self.retry.clicked.connect(lambda: self.retry_clicked.emit())
        for button in (self.review, self.retry):
            button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.set_view(ResultView())

    def set_view(self, view: ResultView) -> None:
        """Show another snapshot."""
        set_toned_text(self.title, view.title, view.tone)
        self._set_scores(view)
        set_toned_text(self.lines, "\n".join(view.lines), "neutral")
        set_toned_text(self.warnings, "\n".join(f"⚠ {w}" for w in view.warnings), "warning")
        set_toned_text(self.failure, view.failure, "bad")
        self.retry.setVisible(bool(view.failure))
        self.busy_text.setText(view.busy_text)
        for widget in (self.busy_text, self.busy_bar):
            widget.setVisible(bool(view.busy_text))
        set_fraction(self.busy_bar, view.busy_fraction)
        num = view.num_waiting
        self.review.setText(f"Review {num:,} image{'' if num == 1 else 's'}")
        self.review.setVisible(num > 0)
        self.setVisible(bool(view.title or view.failure or view.busy_text))
        self._relayout.start()

    def _set_scores(self, view: ResultView) -> None:
        self.scores.setVisible(bool(view.scores))
        for number, labels in enumerate(self.score_rows):
            row = view.scores[number] if number < len(view.scores) else _NO_SCORES
            texts = (row.label, row.iou, row.pixel_accuracy)
            tones = (row.tone, row.tone, row.accuracy_tone)
            for label, text, tone in zip(labels, texts, tones, strict=True):
                set_toned_text(label, text, tone)
                label.setToolTip(row.tooltip)

    def _lay_out(self) -> None:
        grid = QGridLayout(self.scores)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(1)
        grid.setColumnStretch(0, 1)
        for column, (text, tooltip) in enumerate(_HEADS, start=1):
            head = QLabel(text)
            head.setToolTip(tooltip)
            head.setEnabled(False)
            grid.addWidget(head, 0, column, _RIGHT)
        for number, (name, iou, accuracy) in enumerate(self.score_rows, start=1):
            grid.addWidget(name, number, 0)
            grid.addWidget(iou, number, 1, _RIGHT)
            grid.addWidget(accuracy, number, 2, _RIGHT)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        for widget in (
            *(self.title, self.scores, self.lines, self.warnings),
            *(self.busy_text, self.busy_bar, self.failure, self.retry, self.review),
        ):
            layout.addWidget(widget)


def _wrapped() -> QLabel:
    label = QLabel()
    label.setWordWrap(True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    return label
