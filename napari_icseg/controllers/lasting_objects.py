"""Keeps Python's collector from stopping the window over objects that live as long as it does.

A full collection visits every object of napari, Qt's bindings, torch and the model, and all
threads wait for it: a quarter of a second, at a moment that nobody chose.
"""

from __future__ import annotations

import gc
from typing import TYPE_CHECKING

from napari_icseg.controllers.desk import KeylessPart

if TYPE_CHECKING:
    from napari_icseg.controllers.desk import Desk


class LastingObjects(KeylessPart):
    """One for a desk; see `desk.Part`. From the first embedded image on, until it closes."""

    def __init__(self, desk: Desk) -> None:
        self._worker = desk.worker
        self._worker.embedded.connect(self._on_worker_embedded)

    def close(self) -> None:
        """Lets the collector see everything again: the window is going."""
        self._worker.embedded.disconnect(self._on_worker_embedded, missing_ok=True)
        gc.unfreeze()

    def _on_worker_embedded(self, _request: object) -> None:
        """The window is complete, the libraries are imported, and the model is loaded."""
        self._worker.embedded.disconnect(self._on_worker_embedded, missing_ok=True)
        gc.freeze()
