"""What the parts of the labelling desk share, and what each of them must offer.

A part is one feature: its keys and buttons (`actions`), its widgets (put into a slot of the
dock), and its ending (`close`). The controller builds all parts of `labelling.PARTS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from napari_icseg.controllers.class_chooser import ClassChooser
    from napari_icseg.controllers.click_loop import ClickLoop
    from napari_icseg.controllers.image_switcher import ImageSwitcher
    from napari_icseg.controllers.layers import ViewerLayers
    from napari_icseg.controllers.object_editor import ObjectEditor
    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.controllers.tools import Tools
    from napari_icseg.prompting.worker import PromptWorker
    from napari_icseg.widgets.labelling_dock import LabellingDock


@dataclass(frozen=True, eq=False)
class Desk:
    """Everything that a part may work with; it lives as long as the dock."""

    viewer: Any
    session: ProjectSession
    dock: LabellingDock
    worker: PromptWorker
    layers: ViewerLayers
    classes: ClassChooser
    loop: ClickLoop
    editor: ObjectEditor
    images: ImageSwitcher
    tools: Tools


class Part(Protocol):
    """One feature of the labelling desk."""

    def actions(self) -> Mapping[str, Callable[[], object]]:
        """What its keys and buttons do, by the names of `widgets.shortcuts.SHORTCUTS`."""

    def close(self) -> None:
        """Stops listening and gives everything back; called once."""


class KeylessPart:
    """The base of parts without keys and buttons; see `Part`."""

    def actions(self) -> Mapping[str, Callable[[], object]]:
        """It has none."""
        return {}
