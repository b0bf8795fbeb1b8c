"""The Labelling dock's controller: it joins the parts and sends every action to one of them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from qtpy.compat import isalive
from qtpy.QtCore import QTimer

from napari_icseg.controllers import hints
from napari_icseg.controllers.asked_images import AskedImages
from napari_icseg.controllers.batch_part import BatchPart
from napari_icseg.controllers.canvas import CanvasClick, CanvasClicks
from napari_icseg.controllers.class_chooser import ClassChooser
from napari_icseg.controllers.class_part import ClassPart
from napari_icseg.controllers.click_loop import ClickLoop
from napari_icseg.controllers.clicks import Click
from napari_icseg.controllers.copy_part import CopyPart
from napari_icseg.controllers.desk import Desk, Part
from napari_icseg.controllers.edit_part import EditPart
from napari_icseg.controllers.help import HelpPart
from napari_icseg.controllers.history_panel import HistoryPanel
from napari_icseg.controllers.hover import HoverPart
from napari_icseg.controllers.image_notes import NotesPart
from napari_icseg.controllers.image_steps import ImageSteps
from napari_icseg.controllers.image_switcher import ImageSwitcher
from napari_icseg.controllers.image_tools import ImageTools
from napari_icseg.controllers.lasting_objects import LastingObjects
from napari_icseg.controllers.layers import OBJECTS, ViewerLayers
from napari_icseg.controllers.locate_part import LocatePart
from napari_icseg.controllers.model_chooser import DEFAULT_MODEL, ModelChooser, load_predictor
from napari_icseg.controllers.napari_window import canvas_of, main_window_of
from napari_icseg.controllers.notify import errors_shown
from napari_icseg.controllers.object_editor import ObjectEditor
from napari_icseg.controllers.object_view import ObjectView
from napari_icseg.controllers.prefill_layer import draw_proposals
from napari_icseg.controllers.progress_view import ProgressView
from napari_icseg.controllers.project_actions import ProjectActions
from napari_icseg.controllers.prompt_tools import PromptTools
from napari_icseg.controllers.proposal_part import ProposalPart
from napari_icseg.controllers.settings_part import SettingsPart
from napari_icseg.controllers.sketch import CanvasSketch
from napari_icseg.controllers.suggest_part import SuggestPart
from napari_icseg.controllers.theme import LookPart
from napari_icseg.controllers.thumbnails import Thumbnails
from napari_icseg.controllers.tools import Tools
from napari_icseg.controllers.view_adjust import ViewAdjust
from napari_icseg.controllers.worker_activity import WorkerActivity
from napari_icseg.prompting.cache import EmbeddingCache
from napari_icseg.prompting.disk_cache import DiskCache
from napari_icseg.prompting.worker import PromptWorker
from napari_icseg.widgets import dialogs
from napari_icseg.widgets.keymap import ACTIVE_KEYS
from napari_icseg.widgets.shortcuts import KeyFilter

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_icseg.controllers.image_loader import LoadedImage
    from napari_icseg.controllers.session import ProjectSession
    from napari_icseg.widgets.labelling_dock import LabellingDock

POLYGON = "polygon"
ANYTIME = ("help",)
"""Actions whose keys are ours even without a project; the others are then napari's."""
PARTS: tuple[Callable[[Desk], Part], ...] = (
    PromptTools,
    HoverPart,
    ProposalPart,
    ImageSteps,
    ImageTools,
    AskedImages,
    SuggestPart,
    Thumbnails,
    NotesPart,
    ViewAdjust,
    SettingsPart,
    HelpPart,
    LookPart,
    WorkerActivity,
    LocatePart,
    ClassPart,
    EditPart,
    CopyPart,
    BatchPart,
    HistoryPanel,
    ObjectView,
    LastingObjects,
)
"""The features of the desk, each built once for a dock."""


class LabellingController:
    """One for each viewer with a Labelling dock. `close` gives the viewer back as it was."""

    def __init__(self, viewer: Any, session: ProjectSession, dock: LabellingDock) -> None:
        self._viewer = viewer
        self._session = session
        self._dock = dock
        embeddings = EmbeddingCache(disk=DiskCache())
        self.worker = PromptWorker(partial(load_predictor, DEFAULT_MODEL), cache=embeddings)
        self.layers = ViewerLayers(viewer)
        self.classes = ClassChooser(session, dock.classes)
        self.loop = ClickLoop(session, self.worker, self.layers, dock.status, self.classes)
        self.editor = ObjectEditor(session, self.layers, self.classes, self.loop.say)
        self.images = ImageSwitcher(session, dock.images)
        self.models = ModelChooser(
            session, self.worker, dock.models, partial(dialogs.ask_checkpoint, dock)
        )
        self.progress = ProgressView(session, dock)
        self.projects = ProjectActions(session, dock)
        self.tools = Tools(CanvasSketch(viewer))
        self.desk = self._build_desk()
        self.parts = tuple(build(self.desk) for build in PARTS)
        draw_proposals(viewer, session)
        self._clicks = CanvasClicks(
            viewer, self._on_canvas_click, tools=self.tools, to_rc=self.layers.to_rc
        )
        self._keys = KeyFilter(ACTIVE_KEYS.keymap.shortcuts(), is_wanted=self._wants_key)
        self._actions = self._build_actions()
        dock.images.offer(self._actions)
        self._is_closed = False
        self._drawn: LoadedImage | None = None
        self._after_drawing = QTimer(singleShot=True)
        self._after_drawing.timeout.connect(self._on_after_drawing_timeout)
        self._connect()
        if session.project is not None:
            self._on_session_opened(session.project)

    def do(self, action: str, key: str = "") -> None:
        """Does what a key, a button or a menu entry asks for, see `widgets.shortcuts`."""
        with errors_shown():
            self._actions[action](key)

    def close(self) -> None:
        """Stops the worker and gives keys, mouse and layers back; safe to call twice."""
        if self._is_closed:
            return
        self._is_closed = True
        self._after_drawing.stop()
        for watched in self._watched:
            if isalive(watched) and isalive(self._keys):
                watched.removeEventFilter(self._keys)
        for signal, handler in self._session_signals():
            signal.disconnect(handler)
        ACTIVE_KEYS.changed.disconnect(self._on_active_keys_changed, missing_ok=True)
        self._clicks.disconnect()
        self.editor.close()
        self.layers.close()
        for part in self.parts:
            part.close()
        self.tools.close()
        self.progress.close()
        self.loop.close()
        self.images.close()
        self.models.close()
        self.projects.close()
        self.worker.close()

    # wiring -------------------------------------------------------------------------------

    def _build_desk(self) -> Desk:
        return Desk(
            self._viewer,
            self._session,
            self._dock,
            self.worker,
            self.layers,
            self.classes,
            self.loop,
            self.editor,
            self.images,
            self.tools,
        )

    def _build_actions(self) -> dict[str, Callable[[str], None]]:
        loop = self.loop
        plain: dict[str, Callable[[], object]] = {
            "cycle": partial(loop.cycle, +1),
            "cycle_back": partial(loop.cycle, -1),
            "accept": loop.accept,
            "remove_click": loop.remove_click,
            "previous_image": partial(self._step, -1),
            "next_image": partial(self._step, +1),
            "add_class": self._add_class,
            "cancel_download": self.models.cancel,
            **self.projects.actions(),
        }
        for part in self.parts:
            plain.update(part.actions())
        actions = {name: partial(_ignoring_key, function) for name, function in plain.items()}
        return {**actions, "class": lambda key: self.classes.choose_digit(int(key))}

    def _connect(self) -> None:
        self._watched = (canvas_of(self._viewer), main_window_of(self._viewer))
        for watched in self._watched:
            watched.installEventFilter(self._keys)
        for signal, handler in self._session_signals():
            signal.connect(handler)
        self._keys.triggered.connect(self.do)
        ACTIVE_KEYS.changed.connect(self._on_active_keys_changed)
        self._dock.action.connect(self._on_dock_action)
        self.images.leaving.connect(self._on_images_leaving)
        self.images.loaded.connect(self._on_images_loaded)

    def _session_signals(self) -> tuple[tuple[Any, Callable[..., None]], ...]:
        session = self._session
        return (
            (session.opened, self._on_session_opened),
            (session.closing, self._on_session_closing),
            (session.labels_changed, self.editor.read),
            (session.images_changed, self.editor.read_shown),
            (session.classes_changed, self._on_session_classes_changed),
        )

    # what the user does ---------------------------------------------------------------------

    def _on_dock_action(self, action: str) -> None:
        self.do(action)
        canvas_of(self._viewer).setFocus()

    def _on_canvas_click(self, click: CanvasClick) -> None:
        if self._session.project is None:
            return
        pixel = self.layers.to_pixel(click.position)
        if pixel is None:
            self.loop.say(hints.OUTSIDE)
        elif click.selects and not click.adds and self._accept_proposal_at(*pixel):
            pass
        elif click.selects:
            self.loop.clear()
            self.editor.select_at(*pixel, adds=click.adds)
        else:
            if self.editor.selected_id is not None:
                self.editor.unselect()
            with errors_shown():
                self.loop.click(Click(*pixel, click.is_positive))

    def _accept_proposal_at(self, row: int, col: int) -> bool:
        return any(p.accept_at(row, col) for p in self.parts if isinstance(p, ProposalPart))

    def _wants_key(self, action: str) -> bool:
        """Whether a key is ours now: only with a project, and the polygon tool needs two."""
        if action in ANYTIME:
            return True
        if self._session.project is None:
            return False
        layer = self.layers.get(OBJECTS)
        is_drawing = layer is not None and str(layer.mode) == POLYGON
        return not (is_drawing and action in ("accept", "clear"))

    def _on_active_keys_changed(self) -> None:
        self._keys.use(ACTIVE_KEYS.keymap.shortcuts())

    def _step(self, step: int) -> None:
        if not self.images.step(step):
            self.loop.say(hints.last_image(step))

    def _add_class(self) -> None:
        name = dialogs.ask_class_name(self._dock)
        if name is not None:
            self.classes.add(name)

    # what the project and the images do -------------------------------------------------------

    def _on_session_opened(self, _project: object) -> None:
        self.classes.read()
        self._dock.show_work()
        self.progress.read_all()
        first = self.progress.first_to_do
        if first is not None:
            self.images.go(first)

    def _on_session_closing(self) -> None:
        self.loop.leave()
        self.editor.leave()
        self.images.forget()
        self.layers.remove()
        self._dock.show_start()

    def _on_session_classes_changed(self) -> None:
        self.classes.read()
        self.editor.read_classes()

    def _on_images_leaving(self) -> None:
        self.tools.cancel()
        self.loop.leave()
        self.editor.leave()

    def _on_images_loaded(self, loaded: LoadedImage) -> None:
        project = self._session.project
        if project is None:
            return
        record = project.image(loaded.image_id)
        self._session.set_current_image(record.id)
        self.layers.set_visible(visible=loaded.pixels is not None)
        if loaded.pixels is None:
            self.loop.say(hints.unreadable(record.name, loaded.error))
            return
        self.layers.show_image(loaded.pixels, loaded.limits, record.path)
        shape_hw = (loaded.pixels.shape[0], loaded.pixels.shape[1])
        self.editor.show(record.id, shape_hw, loaded.objects)
        # the image is drawn first: without a graphics card that needs the model's cores
        self._drawn = loaded
        self._after_drawing.start(0)

    def _on_after_drawing_timeout(self) -> None:
        """Lets the model work on the image, unless another was asked for meanwhile."""
        loaded, self._drawn = self._drawn, None
        if loaded is None or loaded.pixels is None or self.images.wanted_id != loaded.image_id:
            return
        self.loop.show(loaded.image_id, loaded.pixels)
        self.worker.embed_ahead(self.images.ahead())


def _ignoring_key(function: Callable[[], object], _key: str) -> None:
    function()
