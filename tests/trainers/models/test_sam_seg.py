"""SAM-SEG: its prompts, its two ways of being asked, and what learns."""

import weakref

import numpy as np
import pytest
import torch

from trainers.config import TrainConfig
from trainers.data.labels import IGNORE
from trainers.errors import TrainingError
from trainers.models.sam_seg_prompts import (
    NEGATIVE,
    PADDING,
    POSITIVE,
    draw_points,
    with_corrections,
)
from trainers.models.sam_seg_task import SamSegTask
from trainers.predict import LoadedModel
from trainers.predicted_iou import head_iou
from trainers.registry import make_config

UNTRAINED = {"sam_weights": "untrained", "cache_gib": 0.0, "min_tiles": 0}


def target_with_bar() -> torch.Tensor:
    ids = torch.zeros(2, 64, 64, dtype=torch.uint8)
    ids[0, 20:30, 5:60] = 1
    ids[0, 40:50, 10:20] = 2
    ids[:, :4] = IGNORE
    return ids


def build(tmp_path, class_names=("metal",), **options):
    config = TrainConfig(
        model="sam_seg",
        out=tmp_path,
        class_names=class_names,
        image_size=64,
        model_options={**UNTRAINED, **options},
    )
    task = SamSegTask()
    return task, task.build_model(config)


def test_prompts_are_positive_but_for_one_as_the_paper_has_them():
    ids = target_with_bar()
    points, labels = draw_points(ids[:1], torch.tensor([1]), 100)
    assert points.shape == (1, 100, 2)
    assert (labels == POSITIVE).sum() == 99
    assert labels[0, -1] == NEGATIVE
    x, y = points[0].long().unbind(-1)
    inside = ids[0, y, x]
    assert (inside[:-1] == 1).all()
    assert inside[-1] not in (1, IGNORE)


def test_a_blank_tile_has_negative_points_alone_and_no_prompt_is_padded_for_another():
    ids = target_with_bar()
    points, labels = draw_points(ids, torch.tensor([1, 1]), 5)
    assert labels.tolist() == [[POSITIVE] * 4 + [NEGATIVE], [NEGATIVE] * 5]
    x, y = points[1].long().unbind(-1)
    assert (ids[1, y, x] == 0).all()


def test_a_lone_point_is_positive_and_a_full_mask_has_no_negative_one():
    _, labels = draw_points(target_with_bar()[:1], torch.tensor([2]), 1)
    assert labels.tolist() == [[POSITIVE]]
    full = torch.ones(1, 8, 8, dtype=torch.uint8)
    assert draw_points(full, torch.tensor([1]), 3)[1].tolist() == [[POSITIVE] * 3]


def test_where_nothing_counts_there_is_no_point():
    ignored = torch.full((1, 8, 8), IGNORE, dtype=torch.uint8)
    assert draw_points(ignored, torch.tensor([1]), 2)[1].tolist() == [[PADDING] * 2]


def test_points_repeat_with_their_generator():
    ids = target_with_bar()
    first, second = (
        draw_points(
            ids,
            torch.tensor([1, 1]),
            9,
            generator=torch.Generator().manual_seed(3),
        )
        for _ in range(2)
    )
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_a_correction_falls_on_what_is_wrong_and_nothing_on_what_is_right():
    wanted = target_with_bar() == 1
    preds = wanted.clone()
    preds[0, 20:30, 40:] = False
    points, labels = draw_points(target_with_bar(), torch.tensor([1, 1]), 1)
    more, kinds = with_corrections(points, labels, preds, wanted)
    assert kinds[:, -1].tolist() == [POSITIVE, PADDING]
    x, y = more[0, -1].long().tolist()
    assert bool(wanted[0, y, x])
    assert not bool(preds[0, y, x])


def test_the_loss_reaches_decoder_and_class_tokens_and_nothing_else(tmp_path):
    task, model = build(tmp_path)
    model.train()
    torch.manual_seed(0)
    batch = {"image": torch.rand(6, 1, 64, 64), "target": target_with_bar()[[0, 1, 0, 0, 1, 0]]}
    task.training_loss(model, batch)["loss"].backward()
    learned = {name for name, p in model.named_parameters() if p.grad is not None}
    assert "class_tokens" in learned
    assert all(name == "class_tokens" or "mask_decoder" in name for name in learned)
    assert any("conv_s0" in name for name in learned)


def test_without_dropout_every_prompt_has_points_alone_as_published(tmp_path, monkeypatch):
    task, model = build(tmp_path, prompt_dropout=0.0, few_points_rate=0.0, correction_rate=0.0)
    asked = []
    decode = model.decode

    def watched(*args, **kwargs):
        asked.append(kwargs)
        return decode(*args, **kwargs)

    monkeypatch.setattr(model, "decode", watched)
    task.training_loss(model, {"image": torch.rand(2, 1, 64, 64), "target": target_with_bar()})
    assert [each["class_ids"] for each in asked] == [None]
    points, labels = asked[0]["points"]
    assert points.shape == (2, 100, 2)
    assert (labels[0] == POSITIVE).sum() == 99


@pytest.mark.parametrize("size_hw", [(64, 64), (50, 90)])
def test_both_ways_of_asking_give_probabilities_of_every_class(tmp_path, size_hw):
    task, model = build(tmp_path, class_names=("metal", "via"))
    model.eval()
    image = torch.rand(2, 1, *size_hw)
    target = torch.zeros(2, *size_hw, dtype=torch.uint8)
    target[:, 10:20] = 2
    automatic, oracle = (
        task.predict_probs(model, image),
        task.predict_probs_prompted(model, image, target),
    )
    for probs in (automatic, oracle):
        assert probs.shape == (2, 2, *size_hw)
        assert probs.min() >= 0
        assert probs.sum(dim=1).max() <= 1 + 1e-5
    assert not torch.allclose(automatic, oracle)
    again = task.predict_probs_prompted(model, image, target)
    assert torch.equal(oracle, again)


def test_validation_tells_both_protocols(tmp_path):
    task, model = build(tmp_path)
    model.eval()
    batch = {
        "image": torch.rand(2, 1, 64, 64),
        "target": target_with_bar().clamp(max=1),
        "tile": torch.arange(2),
    }
    metrics = task.validate(model, [batch])
    assert {"iou", "pixel_accuracy", "iou_oracle", "pixel_accuracy_oracle", "loss"} <= set(metrics)
    assert all(np.isfinite(value) for value in metrics.values())


def test_validation_keeps_no_batch_once_it_is_scored(tmp_path):
    task, model = build(tmp_path)
    model.eval()
    alive = []

    def batches():
        for _ in range(3):
            image = torch.rand(1, 1, 64, 64)
            alive.append(weakref.ref(image))
            assert sum(ref() is not None for ref in alive[:-2]) == 0
            yield {
                "image": image,
                "target": target_with_bar()[:1].clamp(max=1),
                "tile": torch.arange(1),
            }

    task.validate(model, batches())


def test_the_papers_preset_is_its_recipe(tmp_path):
    config = make_config("sam_seg", out=tmp_path, data=tmp_path, preset="paper")
    assert (config.epochs, config.batch_size, config.lr, config.optimizer) == (5, 10, 1e-4, "adam")
    assert config.weight_decay == pytest.approx(config.lr / 1e4)
    assert config.schedule == "divide10"
    assert config.model_options["sam"] == "sam2.1-large"


def test_a_wrong_option_is_named(tmp_path):
    with pytest.raises(TrainingError, match="prompt_dropout"):
        build(tmp_path, prompt_dropout=2.0)


def test_augmentation_that_kept_features_cannot_show_is_refused(tmp_path):
    config = make_config("sam_seg", out=tmp_path, data=tmp_path, augment="full")
    with pytest.raises(TrainingError, match="augment to orientation"):
        SamSegTask().build_data(config, tmp_path)


def test_what_the_iou_head_says_of_an_image_is_the_mean_over_its_classes(tmp_path):
    task, model = build(tmp_path, class_names=("metal", "via"))
    config = TrainConfig(
        model="sam_seg",
        out=tmp_path,
        class_names=("metal", "via"),
        image_size=64,
        model_options=UNTRAINED,
    )
    image = np.random.default_rng(0).integers(0, 255, (64, 64)).astype(np.uint8)
    loaded = LoadedModel(task, model.eval(), config, {}, torch.device("cpu"))
    said = head_iou(loaded, image)
    tile = torch.from_numpy(image / np.float32(255))[None, None]
    tiles, class_ids = torch.tensor([0, 0]), torch.tensor([1, 2])
    with torch.no_grad():
        decoded = model.decode(model.tile_sam.pyramid(tile), tiles, (64, 64), class_ids=class_ids)
    assert said == pytest.approx(float(decoded.iou.mean().clamp(0, 1)), abs=1e-5)
