"""Simulated annotators: what they show the model is what they mean."""

import numpy as np
import pytest
import torch
from torch.utils.data import default_collate

from trainers.data.prompted import SyntheticPromptDataset
from trainers.metrics.interactive import mask_iou
from trainers.models.sam2 import task
from trainers.models.sam2.nano import build_sam2_nano
from trainers.models.sam2.simulate import (
    mask_prompts,
    prompt_tensors,
    spoil,
    start_sessions,
)
from trainers.models.sam2.task import Sam2NanoTask

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def batch():
    tiles = SyntheticPromptDataset(preset="metal_vias", seed=5, num_tiles=6, size_px=128)
    return default_collate([tiles[i] for i in range(6)])


@pytest.fixture(scope="module")
def sessions(batch):
    return start_sessions(batch, prompts_per_tile=40)[0]


def test_annotators_begin_with_clicks_boxes_and_masks(sessions):
    clicked = [s for s in sessions if s.clicks]
    boxed = [s for s in sessions if s.box_xyxy is not None]
    masked = [s for s in sessions if s.mask is not None]
    assert len(clicked) > 0.8 * len(sessions)
    assert len(boxed) > len(masked) > 0
    assert any(not s.clicks for s in boxed)
    assert any(not s.clicks for s in masked)


def test_every_annotator_shows_something_and_means_something(sessions):
    for session in sessions:
        assert session.clicks or session.box_xyxy is not None or session.mask is not None
        assert session.targets().any(axis=(1, 2)).all()


def test_a_click_lies_on_the_object_and_a_box_around_it(sessions):
    for session in sessions:
        net = session.targets()[0]
        assert net[session.anchor.y, session.anchor.x]
        if session.box_xyxy is not None:
            rows, cols = np.nonzero(net)
            drawn = np.array(session.box_xyxy)
            exact = np.array([cols.min(), rows.min(), cols.max(), rows.max()])
            assert np.abs(drawn - exact).max() <= 3


def test_a_part_is_meant_only_where_something_was_clicked(sessions):
    assert all(session.has_part == bool(session.clicks) for session in sessions)


def test_a_spoilt_mask_is_wrong_but_still_about_the_object():
    rng = np.random.default_rng(0)
    mask = np.zeros((64, 64), bool)
    mask[20:40, 10:50] = True
    spoilt = [spoil(mask, rng) for _ in range(50)]
    assert all((found & mask).any() for found in spoilt)
    assert sum(mask_iou(found, mask) < 0.95 for found in spoilt) > 40


def test_prompts_without_a_point_are_padding(sessions):
    points, labels = prompt_tensors(sessions, CPU)
    assert points.shape == (len(sessions), labels.shape[1], 2)
    for session, row in zip(sessions, labels.tolist(), strict=True):
        num_corners = 0 if session.box_xyxy is None else 2
        assert sum(label != -1 for label in row) == len(session.clicks) + num_corners


def test_masks_to_correct_become_logits_at_stride_four(sessions):
    logits = mask_prompts(sessions, CPU)
    assert logits.shape == (len(sessions), 1, 32, 32)
    for session, row in zip(sessions, logits, strict=True):
        if session.mask is None:
            assert (row == 0).all()
        else:
            covered = session.mask.reshape(32, 4, 32, 4).mean(axis=(1, 3))
            np.testing.assert_allclose(row[0].numpy(), 20 * covered - 10, atol=1e-4)


def test_no_mask_no_mask_prompt(sessions):
    assert mask_prompts([s for s in sessions if s.mask is None], CPU) is None


def test_the_loss_of_a_corrected_batch_reaches_every_weight_that_is_used(batch, monkeypatch):
    monkeypatch.setattr(task, "CORRECTION_ROUNDS", (1,))
    model = build_sam2_nano(seed=0)
    losses = Sam2NanoTask().training_loss(model, batch)
    losses["loss"].backward()
    without = {name for name, p in model.named_parameters() if p.grad is None}
    # SAM-2's single-mask token and its parts for no prompt at all
    unused = ("hypernetworks_mlps.0.", "detail_mlps.0.", "edge_mlps.0.", "no_mask_embed")
    assert all(any(part in name for part in unused) for name in without), without
