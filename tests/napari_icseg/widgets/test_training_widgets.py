"""The widgets of the Training dock on their own: what they show and what they emit."""

from __future__ import annotations

from dataclasses import replace

import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QColor, QImage, QWheelEvent
from qtpy.QtWidgets import (
    QAbstractButton,
    QApplication,
    QComboBox,
    QLineEdit,
    QScrollBar,
    QSpinBox,
    QTableView,
    QWidget,
)

from napari_icseg.widgets import tones
from napari_icseg.widgets.model_list import ModelList
from napari_icseg.widgets.model_table import COLUMNS
from napari_icseg.widgets.training_dock import TrainingDock
from napari_icseg.widgets.training_view import (
    CurveView,
    Entry,
    ModelOption,
    ModelRow,
    PrefillView,
    PreviewView,
    RunView,
    SetupView,
    TrainingChoice,
)

pytestmark = pytest.mark.gui

RUNNING = RunView(
    name="a",
    title="U-Net, started 01 Jan 10:00",
    sentence="Training…",
    tone="active",
    detail="Epoch 2 of 4 · step 3 of 8",
    fraction=0.375,
    has_progress=True,
    can_cancel=True,
    curves=CurveView((0.5, 1.0), (2.0, 1.5), (1.0,), (1.7,), (1.8,), (0.4,)),
)


def row(name: str, started: float, iou: float | None, **changes: object) -> ModelRow:
    base = ModelRow(
        name=name,
        label="U-Net",
        created_unix_s=started,
        state="finished",
        tone="good",
        epochs="9/20",
        pixel_accuracy=iou,
        iou=iou,
        dice=iou,
        can_prefill=True,
        is_chosen=False,
    )
    return replace(base, **changes)


@pytest.fixture
def dock(qtbot) -> TrainingDock:
    dock = TrainingDock()
    qtbot.addWidget(dock)
    dock.setup.set_models([ModelOption("unet", "U-Net", "", ("best", "paper"))])
    dock.show()
    return dock


def test_one_click_trains_with_the_defaults_and_no_other_choice(dock, qtbot) -> None:
    dock.setup.set_view(SetupView("3 labelled", can_train=True))

    with qtbot.waitSignal(dock.setup.train_clicked) as clicked:
        qtbot.mouseClick(dock.setup.train, Qt.MouseButton.LeftButton)

    assert clicked.args == [TrainingChoice("unet", "best", None)]


def test_settings_are_folded_and_say_what_is_chosen(dock) -> None:
    settings = dock.setup.settings
    assert not settings.content.isVisible()
    settings.header.click()
    assert settings.content.isVisible()

    dock.setup.preset.setCurrentIndex(1)
    dock.setup.epochs.setValue(7)

    assert settings.header.text() == "Settings: preset paper, 7 epochs"
    assert dock.setup.choice() == TrainingChoice("unet", "paper", 7)


def test_a_class_or_a_split_is_chosen_where_there_are_several(dock, qtbot) -> None:
    dock.setup.settings.header.click()
    assert not dock.setup.classes.isVisible(), "a single class leaves nothing to choose"
    classes = (Entry(None, "all (metal, via)"), Entry(4, "metal only"), Entry(5, "via only"))
    splits = (Entry(None, "all labelled"), Entry("train", "split train (9)"))
    dock.setup.set_view(SetupView("3 labelled", can_train=True, classes=classes, splits=splits))

    with qtbot.waitSignal(dock.setup.data_changed):
        press(qtbot, dock.setup.classes, Qt.Key.Key_Down, times=2)
    press(qtbot, dock.setup.images, Qt.Key.Key_Down)

    assert (dock.setup.choice().class_id, dock.setup.choice().split) == (5, "train")
    assert "split train (9), via only" in dock.setup.settings.header.text()
    # the class is deleted meanwhile: all are learned again
    with qtbot.waitSignal(dock.setup.data_changed):
        dock.setup.set_view(SetupView("3 labelled", can_train=True, splits=splits))
        dock.setup.set_view(SetupView("3 labelled", classes=classes[:2], splits=splits))
    assert dock.setup.choice().class_id is None


def press(qtbot, widget, key, times: int = 1) -> None:
    for _ in range(times):
        qtbot.keyClick(widget, key)


def test_advanced_numbers_are_the_presets_until_they_are_typed(dock, qtbot) -> None:
    dock.setup.settings.header.click()
    dock.setup.advanced.header.click()
    assert (dock.setup.choice().lr, dock.setup.choice().batch_size) == (None, None)

    qtbot.keyClicks(dock.setup.lr, "3e-4x")
    press(qtbot, dock.setup.batch_size, Qt.Key.Key_Up, times=3)

    assert (dock.setup.choice().lr, dock.setup.choice().batch_size) == (3e-4, 3)
    dock.setup.lr.clear()
    qtbot.keyClicks(dock.setup.lr, "1e-")
    assert dock.setup.choice().lr is None, "half a number is none"


def test_another_model_starts_from_its_own_learning_rate(dock, qtbot) -> None:
    models = [ModelOption(n, n, f"About {n}", ("best",)) for n in ("unet", "sam_seg")]
    dock.setup.set_models(models)
    qtbot.keyClicks(dock.setup.lr, "1e-3")

    press(qtbot, dock.setup.model, Qt.Key.Key_Down)

    assert dock.setup.choice() == TrainingChoice("sam_seg", "best", None)
    assert dock.setup.explanation.text() == "About sam_seg"


def test_the_sam2_inside_is_chosen_where_the_model_has_one(dock, qtbot) -> None:
    dock.setup.set_models(
        [ModelOption("unet", "U-Net", "", ("best",)),
         ModelOption("sam_seg", "SAM-SEG", "", ("best",), has_sam=True)]
    )  # fmt: skip
    dock.setup.set_sams([Entry(None, "preset"), Entry("sam2.1-tiny", "SAM 2.1 tiny")])
    dock.setup.settings.header.click()
    dock.setup.advanced.header.click()
    assert not dock.setup.sam.isVisible()

    dock.setup.model.choose("sam_seg")
    assert dock.setup.sam.isVisible()
    press(qtbot, dock.setup.sam, Qt.Key.Key_Down)
    assert dock.setup.choice().sam == "sam2.1-tiny"
    assert dock.setup.settings.header.text().endswith("sam2.1-tiny")
    dock.setup.model.choose("unet")
    assert dock.setup.choice().sam is None


def test_scrolling_over_the_dock_changes_no_setting(dock) -> None:
    dock.setup.settings.header.click()
    before = dock.setup.choice()
    for box in (dock.setup.model, dock.setup.preset, dock.setup.epochs):
        point = QPointF(box.rect().center())
        wheel = QWheelEvent(
            point, box.mapToGlobal(point), QPoint(), QPoint(0, -120), Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(box, wheel)

    assert dock.setup.choice() == before


@pytest.mark.parametrize(
    ("names", "enabled"), [(("auto",), False), (("auto", "cpu", "cuda"), True)]
)
def test_a_device_is_chosen_where_there_are_several(dock, names, enabled) -> None:
    dock.setup.set_devices([Entry(name, name) for name in names])

    dock.setup.device.choose("cuda")

    assert dock.setup.device.isEnabled() == enabled
    assert dock.setup.choice().device == ("cuda" if enabled else "auto")


def test_a_problem_disables_the_button_and_is_its_tooltip(dock) -> None:
    dock.setup.set_view(SetupView("1 labelled", problem="1 more is needed."))

    assert not dock.setup.train.isEnabled()
    assert dock.setup.problem.isVisible()
    assert dock.setup.train.toolTip() == "1 more is needed."


def test_a_running_training_shows_bar_and_curves_and_can_be_cancelled(dock, qtbot) -> None:
    dock.set_run(RUNNING)

    assert dock.run.bar.isVisible()
    assert dock.run.bar.value() / dock.run.bar.maximum() == pytest.approx(0.375)
    assert dock.run.cancel.isEnabled()
    assert not dock.run.resume.isEnabled()
    x, y = dock.curves.loss_plot.listDataItems()[0].getData()
    assert (list(x), list(y)) == ([0.5, 1.0], [2.0, 1.5])
    with qtbot.waitSignal(dock.run.cancel_clicked) as clicked:
        dock.run.cancel.click()
    assert clicked.args == ["a"]


def test_the_bar_moves_to_and_fro_while_nothing_is_known(dock) -> None:
    dock.set_run(replace(RUNNING, fraction=None))
    assert (dock.run.bar.minimum(), dock.run.bar.maximum()) == (0, 0)

    dock.set_run(RUNNING)
    assert dock.run.bar.maximum() > 0


def test_an_interrupted_training_can_be_resumed(dock, qtbot) -> None:
    dock.set_run(replace(RUNNING, has_progress=False, can_cancel=False, can_resume=True))

    assert not dock.run.bar.isVisible()
    with qtbot.waitSignal(dock.run.resume_clicked) as clicked:
        dock.run.resume.click()
    assert clicked.args == ["a"]


def test_curves_have_axes_and_a_legend(dock) -> None:
    loss, iou = dock.curves.loss_plot, dock.curves.iou_plot

    assert loss.getAxis("left").labelText == "loss"
    assert iou.getAxis("left").labelText == "IoU"
    assert iou.getAxis("bottom").labelText == "epoch"
    named = [label.text for plot in (loss, iou) for _, label in plot.legend.items]
    assert named == ["training loss", "validation loss", "validation IoU"]


@pytest.mark.parametrize("background", ["#262930", "#efebe9"])
def test_toned_texts_are_readable_on_every_theme(background: str) -> None:
    for tone, color in tones.palette_for(background).items():
        assert contrast(QColor(color), QColor(background)) >= 4.5, tone


def contrast(a: QColor, b: QColor) -> float:
    """WCAG 2.1, relative luminance and contrast ratio."""

    def luminance(color: QColor) -> float:
        channels = (color.redF(), color.greenF(), color.blueF())
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(a), luminance(b)))
    return (high + 0.05) / (low + 0.05)


def test_reasons_are_shown_as_plain_text(dock) -> None:
    dock.set_run(replace(RUNNING, sentence="Training failed: <b>/tmp/a&b</b>"))

    assert dock.run.sentence.textFormat() == Qt.TextFormat.PlainText


def shown_names(models: ModelList) -> list[str]:
    names = (models.sorted.index(i, 0) for i in range(models.sorted.rowCount()))
    return [models.table.row_at(models.sorted.mapToSource(index)).name for index in names]


@pytest.mark.parametrize("column", [1, 2, 3])
def test_models_sort_by_each_score_and_unmeasured_ones_come_last(qtbot, column: int) -> None:
    models = ModelList()
    qtbot.addWidget(models)
    models.set_rows([row("low", 1.0, 0.2), row("none", 2.0, None), row("high", 3.0, 0.9)])

    models.view.sortByColumn(column, Qt.SortOrder.DescendingOrder)

    assert shown_names(models) == ["high", "low", "none"]


def test_the_newest_model_is_on_top_at_first(qtbot) -> None:
    models = ModelList()
    qtbot.addWidget(models)
    models.set_rows([row("old", 1.0, 0.2), row("new", 2.0, 0.1)])

    assert shown_names(models) == ["new", "old"]


def test_new_values_keep_the_selection_and_emit_nothing(qtbot) -> None:
    models = ModelList()
    qtbot.addWidget(models)
    models.set_rows([row("a", 1.0, 0.2), row("b", 2.0, 0.1)])
    models.select("a")
    emitted: list[str] = []
    models.selected.connect(emitted.append)

    models.set_rows([row("a", 1.0, 0.3), row("b", 2.0, 0.1)])
    assert models.selected_name() == "a"
    models.set_rows([row("a", 1.0, 0.3), row("b", 2.0, 0.1), row("c", 3.0, None)])

    assert models.selected_name() == "a"
    assert emitted == []


def test_every_column_says_what_it_means(qtbot) -> None:
    models = ModelList()
    qtbot.addWidget(models)
    tips = [
        models.table.headerData(i, Qt.Orientation.Horizontal, Qt.ItemDataRole.ToolTipRole)
        for i in range(len(COLUMNS))
    ]
    assert all(tips)


def test_a_model_is_chosen_to_prefill_and_dropped_again(dock, qtbot) -> None:
    dock.set_models([row("a", 1.0, 0.5)])
    assert not dock.use.isEnabled()
    dock.models.view.selectRow(0)
    with qtbot.waitSignal(dock.use_clicked) as clicked:
        dock.use.click()
    assert clicked.args == ["a"]

    dock.set_models([row("a", 1.0, 0.5, is_chosen=True)])
    with qtbot.waitSignal(dock.use_clicked) as clicked:
        dock.use.click()
    assert clicked.args == [""]


def test_a_model_without_a_checkpoint_cannot_be_chosen(dock) -> None:
    dock.set_models([row("a", 1.0, None, can_prefill=False)])
    dock.models.view.selectRow(0)

    assert not dock.use.isEnabled()


def test_proposals_can_be_accepted_only_where_there_are_some(dock, qtbot) -> None:
    assert not dock.prefill.accept.isEnabled()

    dock.prefill.set_view(PrefillView("U-Net", num_proposals=12, can_prefill=True))

    assert dock.prefill.accept.text() == "Accept all 12 proposals"
    with qtbot.waitSignal(dock.prefill.accept_clicked):
        dock.prefill.accept.click()


def test_the_log_follows_its_end_unless_the_user_reads_further_up(dock, qtbot) -> None:
    dock.set_run(RUNNING)
    dock.log.header.click()
    dock.log.set_text("\n".join(f"line {n}" for n in range(200)))
    scroll = dock.log.text.verticalScrollBar()
    assert scroll.value() == scroll.maximum() > 0

    scroll.setValue(3)
    dock.log.set_text("\n".join(f"line {n}" for n in range(250)))
    assert scroll.value() == 3


def test_nothing_is_cut_off_at_the_width_of_the_dock(dock) -> None:
    dock.set_run(RUNNING)
    dock.prefill.set_view(PrefillView("U-Net of 01 Jan 10:00 (validation IoU 0.905)"))
    dock.set_models([row("a", 1.0, 0.9, label="RSPrompter, split train, a class of a long name")])
    classes = (Entry(None, "all"), Entry(1, "a class with a name that goes on and on only"))
    dock.setup.set_view(SetupView("3 labelled", classes=classes))
    dock.setup.classes.choose(1)
    dock.setup.epochs.setValue(7)
    dock.setup.settings.header.click()
    dock.resize(dock.minimumWidth(), 700)

    body = dock.setup.parentWidget()
    assert body.minimumSizeHint().width() <= body.width()


def test_a_running_training_is_paused_and_a_paused_one_goes_on(dock, qtbot) -> None:
    dock.set_run(replace(RUNNING, can_pause=True))
    assert not dock.run.resume.isVisible(), "what is not possible is not offered"
    with qtbot.waitSignal(dock.run.pause_clicked) as clicked:
        qtbot.mouseClick(dock.run.pause, Qt.MouseButton.LeftButton)
    assert clicked.args == ["a"]

    dock.set_run(replace(RUNNING, can_continue=True))
    assert dock.run.pause.text() == "Continue"
    with qtbot.waitSignal(dock.run.continue_clicked) as clicked:
        qtbot.mouseClick(dock.run.pause, Qt.MouseButton.LeftButton)
    assert clicked.args == ["a"]


def test_a_waiting_training_is_removed_from_the_queue(dock) -> None:
    waiting = replace(
        RUNNING, is_waiting=True, has_progress=False, queue="1 training waits: U-Net."
    )
    dock.set_run(waiting)

    assert dock.run.cancel.text() == "Remove from queue"
    assert dock.run.queue.text() == "1 training waits: U-Net."


def test_warnings_are_seen_without_opening_the_log(dock) -> None:
    dock.set_run(replace(RUNNING, warnings=("The model predicts background everywhere.",)))

    assert dock.run.warnings.isVisible()
    assert dock.run.warnings.text() == "⚠ The model predicts background everywhere."
    dock.set_run(RUNNING)
    assert not dock.run.warnings.isVisible()


def test_curves_of_a_model_without_iou_draw_what_there_is(dock) -> None:
    nan = float("nan")
    curves = CurveView((0.5, 1.0), (2.0, nan), (1.0, 2.0), (1.7, 1.2), (nan, nan), (nan, nan))

    dock.set_run(replace(RUNNING, curves=curves))
    dock.curves.grab()

    _, loss = dock.curves.loss_plot.listDataItems()[1].getData()
    assert list(loss) == [1.7, 1.2]
    assert len(dock.curves.iou_plot.listDataItems()[0].getData()[0] or ()) == 0


@pytest.fixture
def picture() -> QImage:
    image = QImage(300, 100, QImage.Format.Format_RGB888)
    image.fill(QColor("#204060"))
    return image


def test_a_preview_is_as_wide_as_the_dock_and_says_what_its_colours_mean(dock, picture) -> None:
    assert not dock.preview.isVisible()
    dock.set_run(RUNNING)
    legend = (("#e69f00", "metal"), ("#56b4e9", "<via>"))
    dock.preview.set_view(PreviewView(picture, "After epoch 3.", legend))
    dock.resize(440, 900)
    QApplication.processEvents()

    shown = dock.preview.picture
    assert shown.width() > 400
    assert shown.height() == pytest.approx(shown.width() / 3, abs=1)
    caption = dock.preview.caption.text()
    assert "#e69f00" in caption
    assert "&lt;via&gt;" in caption


def test_a_single_validation_tile_leaves_room_for_the_rest_of_the_dock(dock) -> None:
    tile = QImage(256, 256, QImage.Format.Format_RGB888)
    tile.fill(QColor("#204060"))
    dock.preview.set_view(PreviewView(tile, "After epoch 3."))
    dock.resize(440, 900)
    QApplication.processEvents()

    shown = dock.preview.picture.grab().toImage()
    assert shown.height() <= 170
    middle = shown.height() // 2
    drawn = [x for x in range(shown.width()) if shown.pixelColor(x, middle).name() == "#204060"]
    assert len(drawn) == pytest.approx(shown.height(), abs=2), "a square stays a square"


def test_a_click_on_the_preview_enlarges_it_and_work_goes_on(dock, qtbot, picture) -> None:
    dock.preview.set_view(PreviewView(picture, "After epoch 3."))
    qtbot.mouseClick(dock.preview.picture, Qt.MouseButton.LeftButton)
    large = dock.preview.enlarged
    assert large.isVisible()
    assert not large.isModal()
    assert large.picture.width() > picture.width()

    dock.preview.set_view(PreviewView(picture, "After epoch 4."))
    assert "epoch 4" in large.caption.text(), "it follows the training"
    qtbot.keyClick(large, Qt.Key.Key_Escape)
    assert not large.isVisible()
    dock.preview.picture.setFocus()
    qtbot.keyClick(dock.preview.picture, Qt.Key.Key_Return)
    assert large.isVisible()
    dock.preview.set_view(PreviewView())
    assert not large.isVisible()


def click_row(qtbot, models: ModelList, position: int, modifier=Qt.KeyboardModifier.NoModifier):
    rect = models.view.visualRect(models.sorted.index(position, 1))
    qtbot.mouseClick(models.view.viewport(), Qt.MouseButton.LeftButton, modifier, rect.center())


def test_several_models_are_selected_to_be_compared(dock, qtbot) -> None:
    dock.set_models([row("a", 1.0, 0.2), row("b", 2.0, 0.4), row("c", 3.0, 0.3)])
    assert dock.compare.text() == "Compare all finished…"
    click_row(qtbot, dock.models, 0)
    click_row(qtbot, dock.models, 2, Qt.KeyboardModifier.ControlModifier)
    assert dock.models.selected_names() == ("c", "a")
    assert dock.compare.text() == "Compare 2 models…"

    # a run appears meanwhile: what is selected stays so
    dock.set_models([*(row(n, float(i), 0.2) for i, n in enumerate("abc")), row("d", 9.0, None)])
    with qtbot.waitSignal(dock.compare_clicked) as clicked:
        qtbot.mouseClick(dock.compare, Qt.MouseButton.LeftButton)
    assert clicked.args == [("c", "a")]


def test_the_run_shown_is_the_one_selected_last(dock, qtbot) -> None:
    dock.set_models([row("a", 1.0, 0.2), row("b", 2.0, 0.4)])
    shown: list[str] = []
    dock.models.selected.connect(shown.append)

    click_row(qtbot, dock.models, 0)
    click_row(qtbot, dock.models, 1, Qt.KeyboardModifier.ControlModifier)
    click_row(qtbot, dock.models, 1, Qt.KeyboardModifier.ControlModifier)

    assert shown == ["b", "a", "b"]


def test_only_a_model_that_can_answer_clicks_is_offered_for_it(dock, qtbot) -> None:
    dock.set_models([row("unet", 1.0, 0.2), row("sam", 2.0, 0.4, can_click=True)])
    click_row(qtbot, dock.models, 1)
    assert not dock.use_click.isEnabled()
    assert "Only a SAM-SEG model" in dock.use_click.toolTip()

    click_row(qtbot, dock.models, 0)
    with qtbot.waitSignal(dock.use_click_clicked) as clicked:
        qtbot.mouseClick(dock.use_click, Qt.MouseButton.LeftButton)
    assert clicked.args == ["sam"]
    dock.set_models([row("sam", 2.0, 0.4, can_click=True, is_clicked_with=True)])
    assert dock.use_click.text() == "Stop using it for clicks"
    with qtbot.waitSignal(dock.use_click_clicked) as clicked:
        qtbot.mouseClick(dock.use_click, Qt.MouseButton.LeftButton)
    assert clicked.args == [""]


def test_the_run_that_is_shown_can_be_used_without_selecting_it_first(dock) -> None:
    dock.set_models([row("sam", 2.0, 0.4, can_click=True)])
    assert not dock.use.isEnabled()

    dock.select_model("sam")

    assert dock.use.isEnabled()
    assert dock.use_click.isEnabled()


def test_every_control_says_what_it_is_for(dock) -> None:
    dock.set_run(replace(RUNNING, can_pause=True, can_resume=True))
    dock.set_models([row("a", 1.0, 0.2)])
    kinds = (QAbstractButton, QComboBox, QSpinBox, QLineEdit)
    controls = [w for kind in kinds for w in dock.findChildren(kind) if is_ours(w)]

    assert len(controls) >= 18
    silent = [f"{type(w).__name__} {w.property('text')}" for w in controls if not w.toolTip()]
    assert silent == []


def is_ours(widget: QWidget) -> bool:
    """Qt builds arrows and editors into its own widgets."""
    parents = (QScrollBar, QSpinBox, QTableView, QComboBox)
    return not isinstance(widget.parent(), parents) and not widget.objectName().startswith("qt_")
