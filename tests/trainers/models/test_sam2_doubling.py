"""The quick way to maps of twice the size is the one that the weights were trained with."""

import pytest
import torch
from torch.nn import functional

from trainers.models.sam2.doubling import doubled


@pytest.mark.parametrize("shape", [(1, 3, 8, 8), (2, 3, 5, 7), (4, 1, 1, 2)])
def test_it_interpolates_as_torch_does_with_gradients_and_without(shape):
    maps = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    expected = functional.interpolate(maps, scale_factor=2, mode="bilinear")
    torch.testing.assert_close(doubled(maps), expected)
    with torch.inference_mode():
        torch.testing.assert_close(doubled(maps), expected)
        torch.testing.assert_close(doubled(maps.half()), expected.half(), atol=2e-3, rtol=0)
        turned = maps.transpose(-1, -2)
        torch.testing.assert_close(doubled(turned), expected.transpose(-1, -2))


def test_gradients_flow_through_it():
    maps = torch.ones(1, 2, 3, 3, requires_grad=True)
    doubled(maps).sum().backward()
    torch.testing.assert_close(maps.grad, torch.full_like(maps, 4.0))
