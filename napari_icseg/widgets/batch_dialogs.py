"""Questions before many images are changed: what to change, and how much that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qtpy.QtWidgets import QComboBox, QDialog, QDialogButtonBox, QFormLayout, QLabel, QWidget

if TYPE_CHECKING:
    from collections.abc import Sequence


class ClassChange(QDialog):
    """From which class to which; names how many objects that is.

    Args:
        counts: name and number of objects of each class that the images have.
        targets: names of the classes that objects may go to.
        images: such as "12 images".
        parent: of the dialog.

    """

    def __init__(
        self,
        counts: Sequence[tuple[str, int]],
        targets: Sequence[str],
        images: str,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Change the class of objects")
        self.source, self.target = QComboBox(), QComboBox()
        for name, num in counts:
            self.source.addItem(f"{name}  ({num:,})", name)
        self.source.setToolTip("The class whose objects change, and how many there are")
        self.target.setToolTip("The class that they get")
        self._targets = tuple(targets)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        change = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        change.setText("Change")
        change.setToolTip("Changes the class on all these images, in one step of the history")
        form = QFormLayout(self)
        form.addRow(QLabel(f"On {images}. Undo brings all back."))
        form.addRow("Objects of", self.source)
        form.addRow("become", self.target)
        form.addRow(self.buttons)
        self.source.currentIndexChanged.connect(self._offer_targets)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self._offer_targets()

    @property
    def choice(self) -> tuple[str, str]:
        """The names of the old class and the new one."""
        return str(self.source.currentData()), str(self.target.currentText())

    def _offer_targets(self) -> None:
        self.target.clear()
        self.target.addItems([name for name in self._targets if name != self.choice[0]])
        ok = self.buttons.button(QDialogButtonBox.StandardButton.Ok)
        ok.setEnabled(self.target.count() > 0)


class ObjectDeletion(QDialog):
    """Objects of which class to delete, or all; arguments as for `ClassChange`."""

    def __init__(
        self, counts: Sequence[tuple[str, int]], images: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Delete objects")
        self.source = QComboBox()
        self.source.addItem(f"all classes  ({sum(num for _, num in counts):,})", "")
        for name, num in counts:
            self.source.addItem(f"{name}  ({num:,})", name)
        self.source.setToolTip("The class whose objects are deleted, and how many there are")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        delete = buttons.addButton("Delete", QDialogButtonBox.ButtonRole.AcceptRole)
        delete.setDefault(True)
        delete.setToolTip("Deletes the objects on all these images, in one step of the history")
        form = QFormLayout(self)
        form.addRow(QLabel(f"On {images}. Undo brings all back."))
        form.addRow("Objects of", self.source)
        form.addRow(buttons)
        buttons.accepted.connect(self.accept)
        buttons.rejected.connect(self.reject)

    @property
    def choice(self) -> str:
        """The name of the class; "" for all."""
        return str(self.source.currentData())


def ask_change(
    parent: QWidget, counts: Sequence[tuple[str, int]], targets: Sequence[str], images: str
) -> tuple[str, str] | None:
    """The names of the old class and the new one; None to leave all as it is."""
    dialog = ClassChange(counts, targets, images, parent)
    is_accepted = dialog.exec() == QDialog.DialogCode.Accepted
    choice = dialog.choice
    dialog.deleteLater()
    return choice if is_accepted else None


def ask_deletion(parent: QWidget, counts: Sequence[tuple[str, int]], images: str) -> str | None:
    """The name of the class whose objects to delete, "" for all; None to leave all as it is."""
    dialog = ObjectDeletion(counts, images, parent)
    is_accepted = dialog.exec() == QDialog.DialogCode.Accepted
    choice = dialog.choice
    dialog.deleteLater()
    return choice if is_accepted else None
