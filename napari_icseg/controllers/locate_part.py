"""Images that were moved: noticed when a project is opened, found again on request."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari_icseg.controllers.gui_thread import Background
from napari_icseg.controllers.notify import show_error, show_info, show_warning
from napari_icseg.controllers.wording import counted
from napari_icseg.project.locating import LocatePlan, plan_location
from napari_icseg.widgets import dialogs

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from napari_icseg.controllers.desk import Desk
    from napari_icseg.project.project import Project


class LocatePart:
    """One for a desk; see `desk.Part`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._session = desk.session
        self._background = Background(desk.session.gui, "locate")
        self._session.opened.connect(self._on_session_opened)
        if self._session.project is not None:
            self._on_session_opened(self._session.project)

    def actions(self) -> Mapping[str, Callable[[], object]]:
        """Asks for the folder in which the images are now."""
        return {"locate_images": self._ask}

    def locate(self, folder: Path) -> None:
        """Looks for the missing images below a folder, in a thread."""
        project = self._session.project
        if project is None:
            return
        task = self._session.activity.start(f"Looking for images in {folder.name}")

        def work() -> LocatePlan:
            try:
                with project.snapshot() as view:
                    return plan_location(view, folder)
            finally:
                task.done()

        self._background.run(work, partial(self._apply, project, folder), _fail)

    def close(self) -> None:
        """Stops listening."""
        self._session.opened.disconnect(self._on_session_opened)
        self._background.close()

    def _ask(self) -> None:
        if self._session.project is None:
            return
        folder = dialogs.ask_folder(self._desk.dock, "Folder in which the images are now")
        if folder is not None:
            self.locate(folder)

    def _apply(self, project: Project, folder: Path, plan: LocatePlan) -> None:
        if project is not self._session.project:
            return
        if plan.root is not None:
            project.locate(plan.root)
        elif plan.paths:
            project.move_images(plan.paths)
        text, is_good = _summary(plan, folder)
        (show_info if is_good else show_warning)(text)
        if self._session.current_image_id is not None:
            self._desk.images.go(self._session.current_image_id)

    def _on_session_opened(self, project: Project) -> None:
        self._background.run(project.missing_images, partial(self._tell_missing, project), _ignore)

    def _tell_missing(self, project: Project, missing: tuple[str, ...]) -> None:
        if project is self._session.project and missing:
            total = counted(len(missing), "image")
            show_warning(
                f"{total} of {project.name} cannot be found, {missing[0]} for instance. Labels "
                "are safe. Project > Locate images… finds them in another folder."
            )


def _summary(plan: LocatePlan, folder: Path) -> tuple[str, bool]:
    """What was found, in words, and whether that is all."""
    if plan.root is not None:
        return f"All images were found below {plan.root}.", True
    found = counted(len(plan.paths), "image")
    if not plan.missing and not plan.doubtful:
        return (f"{found} found again.", True) if plan.paths else ("No image is missing.", True)
    words = [f"{found} found below {folder}."]
    if plan.missing:
        words.append(
            f"Not there: {counted(len(plan.missing), 'image')}, such as {plan.missing[0]}."
        )
    if plan.doubtful:
        words.append(
            f"Left alone, because several files could be it or its size is another one: "
            f"{counted(len(plan.doubtful), 'image')}, such as {plan.doubtful[0]}."
        )
    return " ".join(words), False


def _fail(error: Exception) -> None:
    show_error(str(error))


def _ignore(_error: Exception) -> None:
    """The project was closed meanwhile."""
