"""SAM-DET: boxes from a detector, masks from a frozen SAM-2 that they prompt."""

import numpy as np
import pytest
import torch

from trainers.data.labels import IGNORE, labels_from_probs
from trainers.errors import CheckpointError, TrainingError
from trainers.io.tensor_cache import TensorCache
from trainers.models.base import ScoredTask
from trainers.models.detector_anchors import STRIDES_PX, FixedAnchors, line_anchors, square_anchors
from trainers.models.found_objects import class_probs, instances, target_boxes
from trainers.models.sam_det import FoundObjects
from trainers.registry import build_task, make_config

SMALL = {"channels": 16, "hidden": 32, "num_proposals": 60, "num_samples": 32, "cache_gib": 0.0}
SIDE = 64


def sam_det(tmp_path, *, class_names=("metal",), **options):
    """Return task and model, with the weights of the built-in SAM-2 unless options say else."""
    config = make_config(
        "sam_det",
        out=tmp_path / "run",
        data=tmp_path,
        class_names=class_names,
        image_size=SIDE,
        model_options={**SMALL, **options},
    )
    task = build_task("sam_det")
    model = task.build_model(config)
    task.prepare(model, config, is_new=True)
    return task, model


def tiles_of(*ids):
    """Return a batch of tiles that show masks of class ids: metal bright, vias brighter."""
    target = np.stack([np.asarray(each, np.uint8) for each in ids])
    noise = np.random.default_rng(0).normal(0, 0.02, target.shape)
    level = np.choose(np.where(target == IGNORE, 0, target), [0.2, 0.5, 0.8])
    image = np.clip(level + noise, 0, 1).astype(np.float32)
    return {"image": torch.from_numpy(image)[:, None], "target": torch.from_numpy(target)}


def lines(*boxes, ids=1):
    mask = np.zeros((SIDE, SIDE), np.uint8)
    for x0, y0, x1, y1 in boxes:
        mask[y0:y1, x0:x1] = ids
    return mask


FOUR = tiles_of(
    lines((4, 10, 60, 18), (10, 40, 40, 50)),
    lines((20, 0, 30, 64)),
    lines((8, 8, 20, 40), (36, 30, 62, 42)),
    np.zeros((SIDE, SIDE)),
)


def train(task, model, batch, *, steps, lr=3e-3):
    learning = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learning, lr=lr)
    losses = []
    model.train()
    for step in range(steps):
        torch.manual_seed(step)
        loss = task.training_loss(model, batch)["loss"]
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(learning, 5.0)
        optimizer.step()
        losses.append(float(loss.detach()))
    model.eval()
    return losses


def foreground_iou(task, model, batch):
    preds = np.stack(
        [labels_from_probs(p.numpy()) for p in task.predict_probs(model, batch["image"])]
    )
    target = batch["target"].numpy()
    return ((preds == target) & (target > 0)).sum() / ((preds > 0) | (target > 0)).sum()


@pytest.fixture(scope="module")
def overfitted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sam_det")
    task, model = sam_det(folder)
    model.tile_sam.cache = TensorCache(folder / "features", max_bytes=10**9)
    losses = train(task, model, FOUR, steps=90)
    return task, model, losses


def test_the_loss_falls_and_four_tiles_are_learned_by_heart(overfitted):
    task, model, losses = overfitted
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])
    assert foreground_iou(task, model, FOUR) > 0.9
    assert task.predict_probs(model, FOUR["image"])[3].max() < 0.5


def test_the_objects_found_are_those_of_the_tile(overfitted):
    task, model, _ = overfitted
    found = [i for i in task.predict_instances(model, FOUR["image"][:1]) if i.score > 0.5]
    assert len(found) == 2
    assert all(i.class_id == 1 and 0 < i.score <= 1 for i in found)
    truth = FOUR["target"][0].numpy() > 0
    union = np.any([i.mask.to_mask((SIDE, SIDE)) for i in found], axis=0)
    assert (union & truth).sum() / (union | truth).sum() > 0.85


@pytest.mark.parametrize("size_hw", [(64, 64), (50, 77), (33, 129)])
def test_a_tile_of_any_size_is_predicted_and_objects_stay_inside_it(overfitted, size_hw):
    task, model, _ = overfitted
    image = torch.zeros(1, 1, *size_hw)
    image[:, :, 20:30, 10:28] = 0.6
    probs = task.predict_probs(model, image)
    assert probs.shape == (1, 1, *size_hw)
    assert probs.dtype == torch.float32
    assert probs.min() >= 0
    assert probs.max() <= 1
    for instance in task.predict_instances(model, image):
        left, top, width, height = instance.mask.box_xywh
        assert min(left, top) >= 0
        assert left + width <= size_hw[1]
        assert top + height <= size_hw[0]


def test_a_batch_is_predicted_as_its_tiles_are(overfitted):
    task, model, _ = overfitted
    together = task.predict_probs(model, FOUR["image"])
    alone = torch.cat([task.predict_probs(model, image[None]) for image in FOUR["image"]])
    assert torch.allclose(together, alone, atol=1e-4)


def test_only_the_detector_learns(tmp_path):
    task, model = sam_det(tmp_path, sam_weights="untrained")
    task.training_loss(model.train(), FOUR)["loss"].backward()
    touched = {n.partition(".")[0] for n, p in model.named_parameters() if p.grad is not None}
    assert touched == {"features", "detector"}
    learning = [p for p in model.parameters() if p.requires_grad]
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in learning)


def test_blank_tiles_alone_give_a_finite_loss_and_gradient(tmp_path):
    task, model = sam_det(tmp_path, sam_weights="untrained")
    blank = tiles_of(np.zeros((SIDE, SIDE)), np.full((SIDE, SIDE), IGNORE))
    losses = task.training_loss(model.train(), blank)
    losses["loss"].backward()
    assert set(losses) == {"loss", "rpn_objectness", "rpn_box", "classifier", "box"}
    assert float(losses["rpn_box"]) == float(losses["box"]) == 0
    parts = [float(value) for name, value in losses.items() if name != "loss"]
    assert float(losses["loss"].detach()) == pytest.approx(sum(parts))
    assert all(torch.isfinite(p.grad).all() for p in model.parameters() if p.grad is not None)


def test_the_loss_is_the_same_in_either_mode_and_repeats_with_the_seed(tmp_path):
    task, model = sam_det(tmp_path, sam_weights="untrained", num_proposals=10_000)
    values = []
    for mode in (True, True, False):
        model.train(mode)
        torch.manual_seed(3)
        values.append(float(task.training_loss(model, FOUR)["loss"].detach()))
    assert values[0] == values[1] == pytest.approx(values[2])
    assert not model.detector.proposals.training


def test_two_classes_are_told_apart(tmp_path):
    both = lines((4, 10, 60, 22), (10, 40, 40, 52))
    both[12:20, 20:28] = 2
    vias = lines((40, 40, 48, 48), (12, 12, 20, 20), ids=2)
    batch = tiles_of(both, vias)
    task, model = sam_det(tmp_path, class_names=("metal", "via"))
    model.tile_sam.cache = TensorCache(tmp_path / "features", max_bytes=10**9)
    train(task, model, batch, steps=60)
    assert task.predict_probs(model, batch["image"]).shape == (2, 2, SIDE, SIDE)
    assert foreground_iou(task, model, batch) > 0.8
    found = task.predict_instances(model, batch["image"][1:])
    assert {i.class_id for i in found if i.score > 0.5} == {2}


@pytest.mark.parametrize(
    "options",
    [
        {"sam": "sam2.1-tiny", "input_size_px": 128},
        {"sam": "sam2.1-tiny", "input_size_px": 128, "anchors": "squares", "smooth_l1_beta": 1.0},
        {"backbone": "resnet50"},
    ],
)
def test_each_backbone_trains_and_predicts(tmp_path, options):
    task, model = sam_det(tmp_path, sam_weights="untrained", **options)
    task.training_loss(model.train(), FOUR)["loss"].backward()
    grads = [p.grad for p in model.features.parameters() if p.requires_grad]
    assert all(g is not None for g in grads)
    assert any(g.abs().sum() > 0 for g in grads)
    assert task.predict_probs(model.eval(), FOUR["image"][:1, :, :50]).shape == (1, 1, 50, SIDE)


def test_weights_of_imagenet_are_loaded_and_other_files_refused(tmp_path):
    from torchvision.models import resnet50

    torch.manual_seed(1)
    weights = resnet50().state_dict()
    torch.save(weights, tmp_path / "resnet50.pth")
    options = {"backbone": "resnet50", "sam_weights": "untrained"}
    _, model = sam_det(tmp_path, backbone_weights=str(tmp_path / "resnet50.pth"), **options)
    assert torch.equal(model.features.net.body.conv1.weight, weights["conv1.weight"])
    assert not model.features.net.body.conv1.weight.requires_grad
    assert model.features.net.body.layer4[0].conv1.weight.requires_grad
    torch.save({"conv1.weight": weights["conv1.weight"]}, tmp_path / "part.pth")
    with pytest.raises(CheckpointError, match="no resnet50"):
        sam_det(tmp_path, backbone_weights=str(tmp_path / "part.pth"), **options)


def test_a_wrong_option_is_named(tmp_path):
    with pytest.raises(TrainingError, match="channels"):
        sam_det(tmp_path, channels=12)


@pytest.mark.parametrize("preset", ["best", "paper"])
def test_the_presets_are_valid(tmp_path, preset):
    config = make_config("sam_det", out=tmp_path, data=tmp_path, preset=preset)
    options = build_task("sam_det").options(config)
    assert options.sam == ("sam2.1-small" if preset == "paper" else "sam2-nano")


@pytest.mark.parametrize(("options", "score"), [({}, 0.2), ({"score_threshold": 0.35}, 0.35)])
def test_objects_are_proposed_from_the_score_that_its_mask_uses(tmp_path, options, score):
    config = make_config("sam_det", out=tmp_path, data=tmp_path, model_options=options)
    task = build_task("sam_det")
    assert isinstance(task, ScoredTask)
    assert task.proposal_score(config) == score


def test_boxes_of_the_truth_enclose_each_object_and_leave_out_what_is_ignored():
    mask = lines((4, 10, 60, 18), (0, 0, 1, 1))
    mask[30:40, 30:40] = 2
    mask[50:, :] = IGNORE
    found = target_boxes(torch.from_numpy(mask)[None], min_area_px=2)[0]
    assert found["boxes"].tolist() == [[4, 10, 60, 18], [30, 30, 40, 40]]
    assert found["labels"].tolist() == [1, 2]
    blank = target_boxes(torch.zeros(1, 8, 8, dtype=torch.uint8), min_area_px=1)[0]
    assert blank["boxes"].shape == (0, 4)
    assert blank["labels"].shape == (0,)


def best_iou(box, anchors):
    low, high = torch.maximum(box[:2], anchors[:, :2]), torch.minimum(box[2:], anchors[:, 2:])
    shared = (high - low).clamp(min=0).prod(1)
    area = (anchors[:, 2:] - anchors[:, :2]).prod(1) + (box[2:] - box[:2]).prod()
    return float((shared / (area - shared)).max())


def laid_out(levels, side=256):
    """Return the anchors of a whole tile, by plain loops."""
    found = []
    for stride, level in zip(STRIDES_PX, levels, strict=True):
        for y in range(0, side, stride):
            for x in range(0, side, stride):
                found += [[x - w / 2, y - h / 2, x + w / 2, y + h / 2] for w, h in level]
    return torch.tensor(found)


@pytest.mark.parametrize(
    "box",
    [(3, 100, 251, 112), (70, 1, 80, 256), (50, 50, 60, 60), (101, 33, 118, 140), (5, 5, 200, 190)],
)
def test_a_line_a_via_and_a_plate_each_meet_an_anchor(box):
    wanted = torch.tensor(box, dtype=torch.float32)
    assert best_iou(wanted, laid_out(line_anchors())) > 0.5
    if box[2] - box[0] > 240:
        assert best_iou(wanted, laid_out(square_anchors())) < 0.3


def test_anchors_are_laid_out_at_each_cell():
    from torchvision.models.detection.image_list import ImageList

    levels = line_anchors()
    maps = [torch.zeros(1, 1, 128 // stride, 128 // stride) for stride in STRIDES_PX]
    images = ImageList(torch.zeros(1, 1, 128, 128), [(128, 128)])
    (found,) = FixedAnchors(levels)(images, maps)
    assert torch.equal(found, laid_out(levels, side=128))


def test_anchors_grow_with_the_detectors_input():
    areas = [{w * h for level in line_anchors(scale=s) for w, h in level} for s in (1, 4)]
    assert {16 * area for area in areas[0]} == areas[1]


def objects(*described, side=20):
    """Return objects given as (box, score, label), each of which fills its box."""
    logits = torch.full((len(described), side, side), -8.0)
    for row, ((x0, y0, x1, y1), _, _) in zip(logits, described, strict=True):
        row[y0:y1, x0:x1] = 8.0
    boxes, scores, labels = zip(*described, strict=True)
    return FoundObjects(
        torch.tensor(boxes, dtype=torch.float32),
        torch.tensor(scores),
        torch.tensor(labels),
        logits,
    )


def test_only_objects_above_the_threshold_show_in_the_mask():
    found = objects(((0, 0, 5, 5), 0.9, 1), ((8, 8, 12, 12), 0.3, 1), ((14, 0, 18, 4), 0.31, 1))
    for threshold, shown in ((0.5, [True, False, False]), (0.305, [True, False, True])):
        probs = class_probs(found, 1, threshold=threshold)[0]
        assert [bool(probs[p] > 0.5) for p in ((2, 2), (9, 9), (2, 15))] == shown
    assert class_probs(found, 1, threshold=0.5)[0, 2, 2] == pytest.approx(0.9, abs=1e-3)


def test_a_via_lies_over_its_metal():
    found = objects(((2, 2, 18, 12), 0.9, 1), ((5, 5, 9, 9), 0.8, 2))
    probs = class_probs(found, 2, threshold=0.5)
    assert (probs.sum(0) <= 1 + 1e-6).all()
    ids = labels_from_probs(probs.numpy())
    assert set(ids[5:9, 5:9].ravel()) == {2}
    assert (ids == 1).sum() == 16 * 10 - 16
    metal, via = instances(found, threshold=0.5)
    assert (metal.class_id, metal.mask.area) == (1, 16 * 10 - 16)
    assert (via.class_id, via.mask.area) == (2, 16)


def test_of_two_masks_of_one_object_the_better_stays():
    found = objects(((2, 2, 18, 6), 0.9, 1), ((3, 2, 10, 6), 0.7, 1), ((2, 10, 18, 14), 0.6, 1))
    assert [round(i.score, 1) for i in instances(found, threshold=0.5)] == [0.9, 0.6]


def test_a_tile_without_boxes_is_answered_without_asking_sam(tmp_path, monkeypatch):
    _, model = sam_det(tmp_path)

    def decode_one(*_, **__):
        raise AssertionError("on a CUDA device attention over no prompts gives None")

    monkeypatch.setattr(model.tile_sam, "decode_one", decode_one)
    for found in model.eval().find(FOUR["image"], min_score=1.1):
        assert found.logits.shape == (0, SIDE, SIDE)


def test_nothing_found_is_background():
    nothing = FoundObjects(
        torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, dtype=torch.int64), torch.zeros(0, 9, 9)
    )
    assert class_probs(nothing, 2, threshold=0.5).sum() == 0
    assert instances(nothing, threshold=0.5) == []
