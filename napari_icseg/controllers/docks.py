"""What the manifest points to: docks with their controllers, one session for each viewer."""

from __future__ import annotations

import atexit
from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QEvent, QObject
from qtpy.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from napari_icseg.controllers.labelling import LabellingController
from napari_icseg.controllers.napari_window import main_window_of
from napari_icseg.controllers.session import forget_session, session_of, unwrapped
from napari_icseg.widgets.labelling_dock import LabellingDock

if TYPE_CHECKING:
    from collections.abc import Callable

_CLOSING = (QEvent.Type.Close, QEvent.Type.Hide)


class _TakenOutGuard(QObject):
    """Closes a dock's controller when the user closes the dock: nothing stays on the canvas.

    napari takes such a dock out of its window; Python may collect it much later.
    """

    def __init__(self, dock: QWidget, close: Callable[[], None]) -> None:
        super().__init__(dock)
        self._dock, self._close, self._was_docked = dock, close, False
        dock.installEventFilter(self)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Qt's hook; never keeps an event from anybody."""
        if event is not None and event.type() == QEvent.Type.ParentChange:
            if self._dock.parent() is not None:
                self._was_docked = True
            elif self._was_docked:
                self._close()
        return False


class LabellingPluginDock(LabellingDock):
    """The Labelling dock of a viewer. napari hands the viewer in by the parameter's name."""

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        viewer = unwrapped(napari_viewer)
        self.controller = LabellingController(viewer, session_of(viewer), self)
        _CloseGuard(viewer, partial(_end, viewer, self.controller))
        _TakenOutGuard(self, self.controller.close)


def _end(viewer: Any, controller: LabellingController) -> None:
    """Stop threads and close the project."""
    controller.close()
    forget_session(viewer)


class _FullHeightDock(QWidget):
    """Holds one dock, and closes its controller when the user closes it or the window.

    Else napari adds an empty stretch below, which takes half of the height.
    """

    def __init__(self, dock: Any, viewer: Any) -> None:
        super().__init__()
        self.dock = dock
        guard = _CloseGuard(unwrapped(viewer), dock.controller.close)
        _TakenOutGuard(self, guard.close)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(dock)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)


class TrainingPluginDock(_FullHeightDock):
    """The Training dock of a viewer."""

    def __init__(self, napari_viewer: Any) -> None:
        from napari_icseg.controllers.training import ViewerTrainingDock

        super().__init__(ViewerTrainingDock(napari_viewer), napari_viewer)


class RoundsPluginDock(_FullHeightDock):
    """The Rounds dock of a viewer."""

    def __init__(self, napari_viewer: Any) -> None:
        from napari_icseg.controllers.rounds import ViewerRoundsDock

        super().__init__(ViewerRoundsDock(napari_viewer), napari_viewer)


class ReviewPluginDock(_FullHeightDock):
    """The Review dock of a viewer."""

    def __init__(self, napari_viewer: Any) -> None:
        from napari_icseg.controllers.review import ViewerReviewDock

        super().__init__(ViewerReviewDock(napari_viewer), napari_viewer)


class MapPluginDock(_FullHeightDock):
    """The Map dock of a viewer."""

    def __init__(self, napari_viewer: Any) -> None:
        from napari_icseg.controllers.map_dock import ViewerMapDock

        super().__init__(ViewerMapDock(napari_viewer), napari_viewer)


class ResultsPluginDock(_FullHeightDock):
    """The Results dock of a viewer."""

    def __init__(self, napari_viewer: Any) -> None:
        from napari_icseg.controllers.results import ViewerResultsDock

        super().__init__(ViewerResultsDock(napari_viewer), napari_viewer)


class _CloseGuard(QObject):
    """Closes something once: when the viewer's window really closes, or when Python ends.

    Later, when Python or Qt takes apart what is left, its parts are no longer whole.
    """

    def __init__(self, viewer: Any, close: Callable[[], None]) -> None:
        super().__init__()
        self._close: Callable[[], None] | None = close
        main_window_of(viewer).installEventFilter(self)
        atexit.register(self.close)

    def eventFilter(self, watched: QObject | None, event: QEvent | None) -> bool:
        """Qt's hook; never keeps an event from anybody."""
        # a close by the user may still be refused in napari's own question; the window then
        # stays, else it hides. A close by a program is never refused.
        if event is not None and event.type() in _CLOSING and not event.spontaneous():
            self.close()
        return False

    def close(self) -> None:
        """Close it, if that has not been done yet."""
        # until then this is what keeps the guard alive
        atexit.unregister(self.close)
        close, self._close = self._close, None
        if close is not None:
            close()
