"""The visible, collapsible list of shortcuts."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QToolButton, QVBoxLayout, QWidget

from napari_icseg.widgets.shortcuts import SHORTCUTS, Shortcut


class ShortcutList(QWidget):
    """A header that opens and closes a two-column list of keys and what they do."""

    def __init__(
        self, shortcuts: tuple[Shortcut, ...] = SHORTCUTS, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.header = QToolButton()
        self.header.setText("Shortcuts")
        self.header.setCheckable(True)
        self.header.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.header.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.header.setToolTip("Show or hide the list of keys")
        self.body = QWidget()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.header)
        layout.addWidget(self.body)
        self.set_shortcuts(shortcuts)
        self.header.toggled.connect(self._on_header_toggled)
        self.set_open(open_=False)

    def set_shortcuts(self, shortcuts: tuple[Shortcut, ...]) -> None:
        """Lists these, in place of those before."""
        before, self.body = self.body, _build_grid(shortcuts)
        self.layout().replaceWidget(before, self.body)
        before.hide()
        before.deleteLater()
        self.body.setVisible(self.header.isChecked())

    def set_open(self, *, open_: bool) -> None:
        """Shows or hides the rows."""
        self.header.setChecked(open_)
        self._on_header_toggled(open_)

    def _on_header_toggled(self, checked: bool) -> None:
        self.header.setArrowType(Qt.ArrowType.DownArrow if checked else Qt.ArrowType.RightArrow)
        self.body.setVisible(checked)


def _build_grid(shortcuts: tuple[Shortcut, ...]) -> QWidget:
    body = QWidget()
    grid = QGridLayout(body)
    grid.setContentsMargins(4, 0, 0, 0)
    grid.setHorizontalSpacing(12)
    grid.setVerticalSpacing(1)
    grid.setColumnStretch(1, 1)
    for row, shortcut in enumerate(entry for entry in shortcuts if entry.text):
        keys = QLabel(f"<b>{shortcut.label}</b>")
        text = QLabel(shortcut.text)
        text.setWordWrap(True)
        grid.addWidget(keys, row, 0, Qt.AlignmentFlag.AlignTop)
        grid.addWidget(text, row, 1)
    return body
