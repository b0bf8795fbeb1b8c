"""Going through the images: to the next that is to do, to the ends, by name; marking them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari_icseg.controllers import hints
from napari_icseg.controllers.hints import Hint
from napari_icseg.controllers.notify import show_info
from napari_icseg.controllers.settings_store import user_settings
from napari_icseg.project.records import ImageStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_icseg.controllers.desk import Desk
    from napari_icseg.controllers.settings import Settings

ALL_DONE = Hint("Every other image of the list is labelled or blank.", "done")


class ImageSteps:
    """The keys N, Home, End, Ctrl+F, D and B, and Enter in the search field."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._settings = user_settings()
        self._go_on = desk.dock.image_buttons.button("toggle_go_on")
        self._go_on.setCheckable(True)
        self._settings.changed.connect(self._on_settings_changed)
        self._on_settings_changed(self._settings.value)
        desk.dock.images.jump_asked.connect(self._on_list_jump_asked)

    def actions(self) -> dict[str, Callable[[], object]]:
        """The actions of keys and buttons that belong here."""
        return {
            "next_to_do": partial(self._step_to_do, +1),
            "previous_to_do": partial(self._step_to_do, -1),
            "first_image": partial(self._go_to_end, -1),
            "last_image": partial(self._go_to_end, +1),
            "toggle_go_on": self._toggle_go_on,
            "find_image": self._desk.dock.images.focus_search,
            "mark_labelled": partial(self._mark, ImageStatus.LABELLED),
            "mark_blank": partial(self._mark, ImageStatus.BLANK),
        }

    def close(self) -> None:
        """Stops listening."""
        self._settings.changed.disconnect(self._on_settings_changed)
        self._desk.dock.images.jump_asked.disconnect(self._on_list_jump_asked)

    def _toggle_go_on(self) -> None:
        is_on = not self._settings.value.go_on_after_marking
        self._settings.set(go_on_after_marking=is_on)
        text = (
            "D and B go on to the next image that is to do."
            if is_on
            else "D and B stay at the image."
        )
        self._desk.loop.say(Hint(text))

    def _on_settings_changed(self, settings: Settings) -> None:
        self._go_on.setChecked(settings.go_on_after_marking)

    def _step_to_do(self, step: int) -> None:
        found = self._desk.images.step_to_do(step)
        if found is None:
            self._desk.loop.say(ALL_DONE)
        elif found[1]:
            where, which = ("end", "first") if step > 0 else ("beginning", "last")
            # the hint below the candidate is soon that of the new image
            show_info(f"Past the {where} of the list: this is the {which} image that is to do.")

    def _go_to_end(self, step: int) -> None:
        if not self._desk.images.go_to_end(step):
            self._desk.loop.say(Hint("The list is empty: choose another filter above it."))

    def _on_list_jump_asked(self, text: str) -> None:
        if not text.strip() or self._desk.session.project is None:
            return
        if self._desk.images.jump(text) is None:
            what = f"is called “{text.strip()}”, and no note has it"
            self._desk.loop.say(Hint(f"No image {what}. Esc in the field shows all.", "warning"))

    def _mark(self, status: ImageStatus) -> None:
        """Marks the image shown, and goes on if the user likes that."""
        desk = self._desk
        project, image_id = desk.session.project, desk.session.current_image_id
        if project is None or image_id is None:
            desk.loop.say(hints.NO_IMAGE)
            return
        project.set_status(image_id, status)
        desk.loop.clear()
        word = "done" if status is ImageStatus.LABELLED else "blank"
        if not self._settings.value.go_on_after_marking:
            desk.loop.say(hints.status_set(word))
        elif desk.images.wanted_id == image_id and desk.images.step_to_do(+1) is None:
            desk.loop.say(Hint(f"Marked as {word}. {ALL_DONE.text}", "done"))
