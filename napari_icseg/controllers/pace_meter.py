"""How long the rest will take, beside the progress: today's actions, read once and followed."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING

from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.pace import Action, describe_left, describe_pace, measure
from napari_icseg.project.records import ImageStatus

if TYPE_CHECKING:
    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.project.activity import LoggedAction
    from napari_icseg.project.project import Project
    from napari_icseg.widgets.labelling_dock import LabellingDock


class PaceMeter:
    """Reads today's part of the history in a thread, then each new action by itself."""

    def __init__(self, session: ProjectSession, dock: LabellingDock) -> None:
        self._session = session
        self._dock = dock
        self._background = Background(session.gui, "pace")
        self._project: Project | None = None
        self._actions: list[Action] = []
        self._last_id = 0
        self._is_read = False
        self._shown_for: tuple[int, int] | None = None

    def begin(self) -> None:
        """Reads the project that is open now, unless that was done."""
        project = self._session.project
        if project is None or project is self._project:
            return
        self._project, self._is_read, self._shown_for = project, False, None
        self._actions, self._last_id = [], 0
        self._dock.header.set_time_left("", "")
        since_unix_s = _midnight_unix_s(time.time())
        self._background.run(
            lambda: project.actions_since(since_unix_s),
            lambda found: self._on_background_done(project, found),
            lambda _error: None,  # no claim is made then
        )

    def follow(self) -> None:
        """Takes in what was done since the last call."""
        project = self._session.project
        if project is None or project is not self._project or not self._is_read:
            return
        since_unix_s = _midnight_unix_s(time.time())
        self._take(project.actions_since(since_unix_s, after_id=self._last_id))
        if self._actions and self._actions[0].at_unix_s < since_unix_s:
            self._actions = [a for a in self._actions if a.at_unix_s >= since_unix_s]
        self.show()

    def show(self) -> None:
        """Shows what is left, if the number of images that are done changed."""
        if not self._is_read:
            return
        model = self._dock.images.model
        counts = {status: model.count(status.value) for status in ImageStatus}
        num_left = sum(n for status, n in counts.items() if not status.is_done)
        num_left -= len(self._session.skipped)
        num_marks = sum(action.marked_id is not None for action in self._actions)
        if self._shown_for == (num_left, num_marks):
            return
        self._shown_for = (num_left, num_marks)
        pace = measure(self._actions, self._is_done)
        self._dock.header.set_time_left(describe_left(pace, num_left), describe_pace(pace))

    def close(self) -> None:
        """Stops reading."""
        self._project, self._is_read = None, False
        self._background.close()

    def _on_background_done(self, project: Project, found: list[LoggedAction]) -> None:
        if project is not self._session.project or project is not self._project:
            return
        self._is_read = True
        self._take(found)
        self.follow()
        self.show()

    def _take(self, found: list[LoggedAction]) -> None:
        self._actions += [Action(a.at_unix_s, a.marked_id) for a in reversed(found)]
        self._last_id = max([self._last_id, *(action.id for action in found)])

    def _is_done(self, image_id: int) -> bool:
        row = self._dock.images.model.row_of(image_id)
        return row is not None and ImageStatus[row.status.name].is_done


def _midnight_unix_s(now_unix_s: float) -> float:
    day = datetime.fromtimestamp(now_unix_s).replace(hour=0, minute=0, second=0, microsecond=0)
    return day.timestamp()
