"""How far the review is: the round, the order, counts and pace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QVBoxLayout, QWidget

from napari_icseg.widgets.fields import EntryBox
from napari_icseg.widgets.review_view import ProgressLine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from napari_icseg.widgets.training_view import Entry


class ReviewProgress(QWidget):
    """Emits `round_chosen(key)` and `order_chosen(key)` when the user chooses."""

    round_chosen = Signal(object)
    order_chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rounds = EntryBox("The round whose proposals are reviewed")
        self.orders = EntryBox("Which image comes first")
        self.busy, self.counts, self.pace = QLabel(), QLabel(), QLabel()
        self.bar = QProgressBar()
        self.bar.setTextVisible(True)
        self.bar.setFormat("%v of %m reviewed")
        self.counts.setWordWrap(True)
        for box in (self.rounds, self.orders):
            box.setMinimumContentsLength(6)
        self._lay_out()
        self.rounds.activated.connect(lambda _: self.round_chosen.emit(self.rounds.key()))
        self.orders.activated.connect(lambda _: self.order_chosen.emit(self.orders.key()))
        self.set_view(ProgressLine())

    def set_orders(self, orders: Sequence[Entry]) -> None:
        """Offer these orders."""
        self.orders.set_entries(orders)

    def set_order(self, key: object, busy: str) -> None:
        """Show which order is chosen, and what it waits for."""
        self.orders.choose(key)
        self.busy.setText(busy)
        self.busy.setVisible(bool(busy))

    def set_view(self, view: ProgressLine) -> None:
        """Show another snapshot."""
        self.rounds.set_entries(view.rounds)
        self.rounds.choose(view.round_key)
        self.rounds.setVisible(len(view.rounds) > 1)
        self._set_bar(view.num_done, max(1, view.num_images))
        self.counts.setText(view.counts)
        self.pace.setText(view.pace)
        self.pace.setVisible(bool(view.pace))

    def _set_bar(self, value: int, maximum: int) -> None:
        if (self.bar.value(), self.bar.maximum()) == (value, maximum):
            return
        # Qt's bar paints the whole window at once, before the image of the same step is there
        self.bar.setUpdatesEnabled(False)
        self.bar.setMaximum(maximum)
        self.bar.setValue(value)
        self.bar.setUpdatesEnabled(True)

    def _lay_out(self) -> None:
        choice = QHBoxLayout()
        choice.addWidget(QLabel("Order"))
        choice.addWidget(self.orders, 3)
        choice.addWidget(self.rounds, 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addLayout(choice)
        for widget in (self.busy, self.bar, self.counts, self.pace):
            layout.addWidget(widget)
