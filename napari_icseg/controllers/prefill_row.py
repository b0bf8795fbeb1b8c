"""The pre-fill selector and the proposals' buttons of the Labelling dock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_icseg.controllers.prefill import prefill_of
from napari_icseg.widgets.labelling_models import ModelChoice

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_icseg.controllers.desk import Desk

OFF = ""


class PrefillRow:
    """Shows what the session's PrefillController has, and hands it the user's wishes."""

    def __init__(self, desk: Desk) -> None:
        self._prefill = prefill_of(desk.session)
        self._dock = desk.dock
        self._prefill.changed.connect(self._on_prefill_changed)
        self._dock.models.prefill_chosen.connect(self._on_dock_prefill_chosen)
        self._on_prefill_changed()

    def actions(self) -> dict[str, Callable[[], object]]:
        """The actions of keys and buttons that belong here."""
        return {
            "prefill": self._prefill.prefill,
            "accept_proposals": self._prefill.accept_all,
            "reject_proposals": self._prefill.discard_all,
        }

    def close(self) -> None:
        """Stops listening."""
        self._prefill.changed.disconnect(self._on_prefill_changed)

    def _on_dock_prefill_chosen(self, name: str) -> None:
        self._prefill.choose(name or None)

    def _on_prefill_changed(self) -> None:
        runs = [
            ModelChoice(run.name, run.label or run.name, str(run.run_dir))
            for run in self._prefill.runs
        ]
        none = "Off" if runs else "No trained model yet"
        self._dock.models.set_prefill([ModelChoice(OFF, none), *runs], self._prefill.chosen or OFF)
        self._dock.proposals.set_count(self._prefill.num_proposals)
