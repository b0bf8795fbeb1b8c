"""The top of the dock: which project is open, its menu, and how far the labelling is."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QSizePolicy,
    QWidget,
)

from napari_icseg.widgets.progress_bar import StackedBar

MENU = (
    ("open_folder", "Open folder…"),
    ("open_project", "Open project…"),
    ("open_sample", "Sample tiles"),
    ("", ""),
    ("import_labels", "Import labels…"),
    ("export", "Export labels…"),
    ("locate_images", "Locate images…"),
    ("", ""),
    ("settings", "Settings…"),
    ("help", "Keys and mouse"),
    ("", ""),
    ("close_project", "Close project"),
)


class LabellingHeader(QWidget):
    """Project name, menu and progress. Emits `action(name)` with the names of MENU."""

    action = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = QLabel()
        self.name.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
        self.menu_button = QPushButton()
        self.menu_button.setText("Project")
        self.menu_button.setToolTip("Open, import, export")
        self.menu_button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.menu_button.setMenu(self._build_menu())
        self.export_button = QPushButton()
        self.export_button.setText("Export…")
        self.export_button.setToolTip("Write the labels as COCO, YOLO, LabelMe, VOC or masks")
        self.export_button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.export_button.clicked.connect(lambda _checked=False: self.action.emit("export"))
        self.progress_text = QLabel()
        # long numbers are cut, and do not widen the dock
        self.progress_text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.time_left = QLabel()
        self.time_left.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.progress = StackedBar()
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(4)
        grid.setColumnStretch(0, 1)
        grid.addWidget(self.name, 0, 0)
        grid.addWidget(self.menu_button, 0, 1)
        grid.addWidget(self.export_button, 0, 2)
        grid.addLayout(_row(self.progress_text, self.time_left), 1, 0, 1, 3)
        grid.addWidget(self.progress, 2, 0, 1, 3)

    def set_project(self, name: str, tooltip: str) -> None:
        """Shows the project's name, with its path as tooltip."""
        self.name.setText(f"<b>{name}</b>")
        self.name.setToolTip(tooltip)

    def set_progress(
        self, *, num_done: int, num_blank: int, num_images: int, num_in_progress: int = 0
    ) -> None:
        """Shows "5 of 25 labelled, 3 blank"; blank images count as labelled."""
        self.progress_text.setText(f"{num_done:,} of {num_images:,} labelled, {num_blank:,} blank")
        counts = {
            "labelled": num_done - num_blank,
            "blank": num_blank,
            "in_progress": num_in_progress,
        }
        self.progress.set_counts(counts, num_images)
        tooltip = (
            f"{counts['labelled']:,} labelled (green), {num_blank:,} blank (blue), "
            f"{num_in_progress:,} in progress (orange), "
            f"{num_images - num_done - num_in_progress:,} not begun"
        )
        self.progress.setToolTip(tooltip)
        self.progress_text.setToolTip(tooltip)

    def set_time_left(self, text: str, tooltip: str) -> None:
        """Shows "about 2 h 10 left"; an empty text claims nothing."""
        self.time_left.setText(text)
        self.time_left.setToolTip(tooltip)

    def _build_menu(self) -> QMenu:
        menu = QMenu(self)
        for action, text in MENU:
            if not action:
                menu.addSeparator()
                continue
            entry = menu.addAction(text)
            entry.triggered.connect(lambda _checked=False, name=action: self.action.emit(name))
        return menu


def _row(text: QLabel, time_left: QLabel) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(8)
    row.addWidget(text, 1)
    row.addWidget(time_left)
    return row
