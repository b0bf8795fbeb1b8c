"""The curves of a run, as they are drawn; a pure function of its status."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_icseg.widgets.training_view import CurveView

if TYPE_CHECKING:
    from trainers.progress import RunStatus

MAX_DRAWN_STEPS = 1000


def curve_view(status: RunStatus) -> CurveView:
    """Return the curves, single steps as fractions of epochs.

    Of a long run only every n-th step is drawn: the plot is not wider.
    """
    steps, epochs = status.curves.steps, status.curves.epochs
    steps = steps[:: 1 + len(steps) // MAX_DRAWN_STEPS]
    per_epoch = status.num_steps / status.num_epochs if status.num_epochs else 1.0
    return CurveView(
        steps_epoch=tuple(point.step / max(per_epoch, 1e-9) for point in steps),
        steps_loss=tuple(point.loss for point in steps),
        epochs=tuple(float(point.epoch) for point in epochs),
        train_loss=tuple(point.train_loss for point in epochs),
        val_loss=tuple(point.val_loss for point in epochs),
        val_iou=tuple(point.val.get("iou", float("nan")) for point in epochs),
    )
