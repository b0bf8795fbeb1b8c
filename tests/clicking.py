"""Scores of a click model on a COCO data set: what the model card and a test quote."""

from collections import defaultdict
from pathlib import Path

import numpy as np

from napari_icseg.prompting.predictor import Sam2PromptPredictor
from napari_icseg.prompting.protocol import Prompts
from trainers.io.coco import read_coco
from trainers.io.images import read_image
from trainers.metrics.clicks import next_click
from trainers.metrics.interactive import iou_by_clicks

MIN_AREA_PX = 40
"""Slivers of nets at the edge of a tile are not clicked."""
NUM_CLICKS = 3


class ClickedImage:
    """One embedded image that answers clicks."""

    def __init__(self, predictor: Sam2PromptPredictor, image: np.ndarray) -> None:
        self._predictor = predictor
        self._embedding = predictor.embed(image)
        self._shape_hw = image.shape

    def segment(self, kind: str, clicks) -> np.ndarray:
        """The candidate of a kind for these clicks, bool (H, W); empty if there is none."""
        points_xy = np.array([(c.x, c.y) for c in clicks], np.float32)
        labels = np.array([c.positive for c in clicks], np.int8)
        found = self._predictor.predict(self._embedding, Prompts(points_xy, labels, kind=kind))
        masks = [c.mask.to_mask(self._shape_hw) for c in found if c.kind == kind]
        return masks[0] if masks else self._same(found)

    def _same(self, found) -> np.ndarray:
        # a kind that equals a better one is not offered twice
        return found[0].mask.to_mask(self._shape_hw) if found else np.zeros(self._shape_hw, bool)


def targets_of(annotations, shape_hw) -> list[tuple[str, np.ndarray, np.ndarray]]:
    """(name, mask, its pixels in sight) of each layer and each net or via of one image."""
    by_class = defaultdict(list)
    for annotation in annotations:
        if annotation.mask.area >= MIN_AREA_PX:
            by_class[annotation.category_id].append(annotation.mask.to_mask(shape_hw))
    vias = np.any(by_class[2], axis=0) if by_class[2] else np.zeros(shape_hw, bool)
    targets = []
    for class_id, name in ((1, "metal"), (2, "via")):
        covers = vias if class_id == 1 else np.zeros_like(vias)
        masks = [mask for mask in by_class[class_id] if (mask & ~covers).any()]
        if masks:
            masks_and_names = [(np.any(masks, axis=0), "layer"), *((mask, "net") for mask in masks)]
            targets += [(f"{name} {kind}", mask, mask & ~covers) for mask, kind in masks_and_names]
    return targets


def score_coco(predictor: Sam2PromptPredictor, coco_path: Path, images_dir: Path, *, seed: int = 0):
    """Mean IoU after 1 and 3 jittered clicks, by target: {"metal layer": {"iou_1": …}, …}."""
    dataset = read_coco(coco_path)
    rng = np.random.default_rng(seed)
    ious = defaultdict(list)
    for record in dataset.images:
        image = read_image(images_dir / record.file_name)
        annotations = [a for a in dataset.annotations if a.image_id == record.id]
        clicked = ClickedImage(predictor, image)
        for name, mask, visible in targets_of(annotations, image.shape):
            kind = "layer" if name.endswith("layer") else "net"
            ious[name].append(
                iou_by_clicks(
                    lambda clicks, kind=kind, clicked=clicked: clicked.segment(kind, clicks),
                    mask,
                    num_clicks=NUM_CLICKS,
                    first=next_click(np.zeros_like(visible), visible, rng, jitter=0.6),
                    rng=rng,
                    jitter=0.6,
                )
            )
    return {
        name: {
            "num": len(rows),
            "iou_1": round(float(np.mean([row[0] for row in rows])), 4),
            "iou_3": round(float(np.mean([row[-1] for row in rows])), 4),
        }
        for name, rows in ious.items()
    }
