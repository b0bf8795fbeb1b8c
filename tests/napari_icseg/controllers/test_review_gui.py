"""The Review dock in the real window, operated by keys: nothing is trained."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_icseg.controllers.prefill_layer import LAYER
from napari_icseg.controllers.review_layers import DOUBT, PREVIOUS
from napari_icseg.controllers.review_queue import Order
from napari_icseg.controllers.review_way import Phase
from napari_icseg.project.project import Project
from napari_icseg.project.records import ImageStatus, ReviewState
from tests.napari_icseg.conftest import CTRL, NUM_TILES, SHIFT, SIDE_PX
from tests.napari_icseg.review_rounds import add_round

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.gui
KEY = Qt.Key
WAITING, ACCEPTED, EDITED = ReviewState.WAITING, ReviewState.ACCEPTED, ReviewState.EDITED
REJECTED, BLANK = ReviewState.REJECTED, ReviewState.BLANK


def bars(number: int, *, shift: int = 0) -> np.ndarray:
    """The true class ids of `draw_tile(number)`, moved down by some pixels."""
    mask = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
    for top in (8, 40, 72):
        mask[top + number + shift : top + number + 12 + shift, 10:86] = 1
    return mask


@pytest.fixture
def reviewed(tiles: Path) -> Path:
    """A project with two rounds; of the second all four tiles wait, tile_3 least certain."""
    file = tiles / "chip.icseg"
    with Project.create(file) as project:
        images = project.add_images(sorted(tiles.glob("*.png"))).images
        former = {image.id: bars(n, shift=4) for n, image in enumerate(images)}
        add_round(project, 1, former, dict.fromkeys(former, 0.5))
        for image in images:
            project.reject_review(image.id)
        now = {image.id: bars(n) for n, image in enumerate(images)}
        add_round(project, 2, now, {image.id: 0.9 - n / 10 for n, image in enumerate(images)})
    return file


class Review:
    """The review of a `Gui`; images are told by the number in their name."""

    def __init__(self, gui) -> None:
        self.gui = gui
        dock, widget = gui.viewer.window.add_plugin_dock_widget(
            "napari-icseg", "Review", tabify=True
        )
        dock.raise_()
        self.widget = widget.dock
        self.controller = widget.dock.controller
        self.walk = self.controller.walk

    @property
    def is_front(self) -> bool:
        return not self.widget.around.visibleRegion().isEmpty()

    @property
    def text(self) -> str:
        current = self.widget.current
        return f"{current.hint.text()} {self.widget.progress.counts.text()}"

    def id_of(self, number: int) -> int:
        return self.gui.project.images()[number].id

    def wait_for(self, number: int) -> None:
        image_id = self.id_of(number)
        self.gui.wait(
            lambda: (
                self.walk.phase is Phase.REVIEWING
                and self.walk.current_id == self.gui.session.current_image_id == image_id
                and self.gui.viewer.layers[LAYER].visible
            )
        )

    def key(self, key, modifier=Qt.KeyboardModifier.NoModifier) -> None:
        self.gui.key(key, modifier)

    def wait_states(self, **expected: ReviewState) -> None:
        """`tile_0=ACCEPTED`, …; the others wait."""
        wanted = {n: expected.get(f"tile_{n}", WAITING) for n in range(NUM_TILES)}
        project = self.gui.project
        self.gui.wait(
            lambda: {n: project.review(self.id_of(n)).state for n in range(NUM_TILES)} == wanted
        )


@pytest.fixture
def review(make_gui, reviewed):
    gui = make_gui()
    gui.open(reviewed)
    made = Review(gui)
    made.wait_for(3)
    yield made
    made.controller.close()
    vars(made).clear()


def test_each_key_decides_and_goes_on_and_undo_comes_back(review):
    gui, project = review.gui, review.gui.project
    gui.wait(lambda: DOUBT in gui.viewer.layers and gui.viewer.layers[DOUBT].visible)
    assert (gui.viewer.layers[DOUBT].data > 50).any()
    review.key(KEY.Key_A)
    review.wait_for(2)
    review.key(KEY.Key_R)
    review.wait_for(1)
    review.key(KEY.Key_B)
    review.wait_for(0)
    review.wait_states(tile_3=ACCEPTED, tile_2=REJECTED, tile_1=BLANK)
    assert [len(project.objects(review.id_of(n))) for n in range(NUM_TILES)] == [0, 0, 0, 3]
    assert project.image(review.id_of(3)).status is ImageStatus.LABELLED
    assert project.image(review.id_of(2)).status is ImageStatus.UNLABELLED
    gui.wait(lambda: "1 waiting · 1 accepted · 1 rejected · 1 blank" in review.text)

    review.key(KEY.Key_U)
    review.wait_for(1)
    review.wait_states(tile_3=ACCEPTED, tile_2=REJECTED)
    gui.wait(lambda: "Undone: mark tile_1.png as blank" in review.text)
    review.key(KEY.Key_S)  # later
    review.wait_for(0)
    review.key(KEY.Key_S, SHIFT)
    review.wait_for(1)
    review.key(KEY.Key_A)
    review.wait_for(0)
    review.key(KEY.Key_A)
    gui.wait(lambda: review.walk.phase is Phase.OVER)
    gui.wait(lambda: "All 4 proposals of round 2 are reviewed" in review.text)
    assert review.widget.current.next_round.isVisible()
    # whoever goes on pressing does not mean the keys of labelling: undo takes back the last A
    review.key(KEY.Key_B)
    review.key(KEY.Key_U)
    review.wait_for(0)


def test_edit_opens_the_click_tools_and_marking_goes_on_with_the_review(review):
    gui, project = review.gui, review.gui.project
    review.key(KEY.Key_E)
    gui.wait(lambda: review.walk.phase is Phase.EDITING and not review.is_front)
    image_id = review.id_of(3)
    assert project.image(image_id).status is ImageStatus.IN_PROGRESS
    gui.wait(lambda: gui.is_ready and len(gui.objects()) == 3)
    gui.click(16, 40, modifier=CTRL)
    gui.wait(lambda: gui.controller.editor.selected_id is not None)
    gui.key(KEY.Key_Delete)
    gui.wait(lambda: len(gui.objects()) == 2)
    gui.label(17, 40)  # by a click of the user
    gui.key(KEY.Key_D)
    review.wait_for(2)
    gui.wait(lambda: review.is_front)
    review.wait_states(tile_3=EDITED)
    assert project.image(image_id).status is ImageStatus.LABELLED
    # its keys are again those of the review: R is not "refine"
    review.key(KEY.Key_R)
    review.wait_for(1)
    review.wait_states(tile_3=EDITED, tile_2=REJECTED)


def test_what_was_labelled_meanwhile_is_refused_and_skipped(review, capsys):
    gui, project = review.gui, review.gui.project
    image_id, class_id = review.id_of(3), project.classes()[0].id
    # before the window hears of it
    by_hand = threading.Thread(target=project.set_status, args=(image_id, ImageStatus.BLANK))
    by_hand.start()
    by_hand.join()
    review.key(KEY.Key_A)
    review.wait_for(2)
    gui.wait(lambda: "was labelled meanwhile" in review.text)
    assert project.objects(image_id) == ()
    assert project.image(image_id).status is ImageStatus.BLANK
    assert "3 waiting" in review.text
    # a locked class is no reason to skip: it still waits
    project.lock_class(class_id, locked=True)
    review.key(KEY.Key_A)
    gui.wait(lambda: "locked" in review.text)
    review.wait_for(2)
    project.lock_class(class_id, locked=False)


def test_the_surest_are_accepted_after_a_sample_in_one_step(review):
    gui, batch = review.gui, review.controller.desk.batch
    review.widget.current.batch.click()
    window = batch.window
    window.slider.setValue(80)
    assert not window.accept_button.isEnabled()  # the sample is another one
    gui.wait(lambda: window.accept_button.isEnabled())
    assert window.count.text().startswith("2 of 4 waiting proposals have a predicted IoU")
    assert "15.0 %" in window.error.text()
    shown = [each for each in window.pictures if not each.picture.pixmap().isNull()]
    assert [each.caption.text() for each in shown] == [".80  tile_1.png", ".90  tile_0.png"]
    window.accept_button.click()
    review.wait_states(tile_0=ACCEPTED, tile_1=ACCEPTED)
    gui.wait(lambda: "Accepted 2 proposals" in review.text)
    assert not window.isVisible()
    review.wait_for(3)  # it goes on where it was
    gui.canvas.setFocus()
    review.key(KEY.Key_U)
    review.wait_states()


def test_a_review_closed_half_done_goes_on_where_it_was(review, reviewed, make_gui):
    gui = review.gui
    orders = review.widget.progress.orders
    orders.choose(Order.NAME)
    orders.activated.emit(orders.currentIndex())
    gui.wait(lambda: review.walk.queue.waiting[0].image_id == review.id_of(0))
    review.key(KEY.Key_S)
    review.wait_for(0)
    review.key(KEY.Key_A)
    review.wait_for(1)
    review.key(KEY.Key_P)
    review.key(KEY.Key_D)
    gui.wait(lambda: PREVIOUS in gui.viewer.layers and gui.viewer.layers[PREVIOUS].visible)
    assert not gui.viewer.layers[DOUBT].visible
    gui.wait(lambda: review.widget.overlays.note.text() == "agrees .50")
    review.key(KEY.Key_A)
    gui.session.close_project()  # before the next image is there
    gui.wait(lambda: "Open a project" in review.text)
    gui.open(reviewed)
    review.wait_for(2)
    assert review.widget.progress.orders.key() is Order.NAME
    gui.wait(lambda: "2 waiting · 2 accepted" in review.text)
    gui.wait(lambda: PREVIOUS in gui.viewer.layers and gui.viewer.layers[PREVIOUS].visible)


def test_labelling_keeps_its_keys_while_its_dock_is_in_front(review, tiles):
    gui, project = review.gui, review.gui.project
    gui.viewer.window.add_plugin_dock_widget("napari-icseg", "Labelling")[0].raise_()
    gui.wait(lambda: not review.is_front)
    gui.key(KEY.Key_BracketLeft)
    gui.wait(lambda: gui.session.current_image_id == review.id_of(2))
    gui.key(KEY.Key_B)  # "mark as blank": labelled by hand
    gui.wait(lambda: project.image(review.id_of(2)).status is ImageStatus.BLANK)
    assert project.review(review.id_of(2)).state is WAITING
    gui.wait(lambda: "3 waiting" in review.widget.progress.counts.text())
    assert gui.session.current_image_id == review.id_of(2)  # nobody is taken away from there
    review.widget.bring_to_front()
    review.wait_for(3)
