"""The pre-fill section of the Training dock."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_icseg.controllers import training_words as words
from napari_icseg.controllers.notify import errors_shown
from napari_icseg.controllers.prefill import AUTOMATIC
from napari_icseg.widgets.training_view import PrefillView

if TYPE_CHECKING:
    from napari_icseg.controllers.prefill import PrefillController
    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.controllers.training_runs import RunsPresenter
    from napari_icseg.widgets.training_prefill import PrefillPanel


class PrefillPresenter:
    """Draws the session's PrefillController and hands it the user's wishes."""

    def __init__(
        self,
        session: ProjectSession,
        panel: PrefillPanel,
        prefill: PrefillController,
        runs: RunsPresenter,
    ) -> None:
        self._session, self._panel = session, panel
        self._prefill, self._runs = prefill, runs
        panel.prefill_clicked.connect(self._on_panel_prefill_clicked)
        panel.accept_clicked.connect(self._on_panel_accept_clicked)
        panel.discard_clicked.connect(self._on_panel_discard_clicked)
        panel.automatic_toggled.connect(self._on_panel_automatic_toggled)
        prefill.changed.connect(self.draw)
        session.image_shown.connect(self._on_session_image_shown)
        self.draw()

    def draw(self) -> None:
        """Draw everything anew."""
        prefill = self._prefill
        has_image = self._session.current_image_id is not None
        self._panel.set_view(
            PrefillView(
                chosen_label=self._chosen_label(),
                status=prefill.status.text,
                tone=prefill.status.tone,
                can_prefill=prefill.chosen is not None and has_image and not prefill.is_busy,
                num_proposals=prefill.num_proposals,
                is_automatic=prefill.is_automatic,
            )
        )

    def close(self) -> None:
        """Stop listening."""
        self._prefill.changed.disconnect(self.draw)
        self._session.image_shown.disconnect(self._on_session_image_shown)

    def _chosen_label(self) -> str:
        name = self._prefill.chosen
        if name == AUTOMATIC:
            return "automatic masks of the click model"
        run = next((run for run in self._runs.snapshots if run.name == name), None)
        if run is None:
            return name or ""
        iou = words.scores_of(run).get("iou")
        score = "" if iou is None else f" (validation IoU {iou:.3f})"
        return f"{words.model_label(run)} of {words.moment(run.created_unix_s)}{score}"

    def _on_panel_prefill_clicked(self) -> None:
        self._prefill.prefill()

    def _on_panel_accept_clicked(self) -> None:
        with errors_shown():
            self._prefill.accept_all()

    def _on_panel_discard_clicked(self) -> None:
        with errors_shown():
            self._prefill.discard_all()

    def _on_panel_automatic_toggled(self, is_automatic: bool) -> None:
        self._prefill.set_automatic(automatic=is_automatic)

    def _on_session_image_shown(self, _image_id: int) -> None:
        self.draw()
