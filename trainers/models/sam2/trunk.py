"""A small residual convolution trunk in the place of SAM-2's Hiera."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

Widths = tuple[int, int, int, int]
DEFAULT_WIDTHS: Widths = (48, 96, 192, 256)


def conv_bn(num_in: int, num_out: int, *, stride: int = 1) -> nn.Sequential:
    """Return a 3x3 convolution with batch normalisation and no activation."""
    return nn.Sequential(
        nn.Conv2d(num_in, num_out, 3, stride=stride, padding=1, bias=False),
        nn.BatchNorm2d(num_out),
    )


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions and an identity (He et al. 2016, section 3.2)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = conv_bn(width, width)
        self.conv2 = conv_bn(width, width)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        residual = self.conv2(functional.relu(self.conv1(features), inplace=True))
        return functional.relu(features + residual, inplace=True)


class ConvTrunk(nn.Module):
    """Feature maps at strides 2, 4, 8, 16 and 32, finest first; SAM-2's neck takes the last four.

    Args:
        widths: channels of the four stages.
        num_blocks: residual blocks of each stage.
    """

    def __init__(self, widths: Widths = DEFAULT_WIDTHS, num_blocks: int = 2) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            conv_bn(1, widths[0] // 2, stride=2),
            nn.ReLU(inplace=True),
            conv_bn(widths[0] // 2, widths[0], stride=2),
            nn.ReLU(inplace=True),
        )
        self.stages = nn.ModuleList()
        num_in = widths[0]
        for width in widths:
            blocks: list[nn.Module] = [ResidualBlock(width) for _ in range(num_blocks)]
            if width != num_in:
                blocks = [conv_bn(num_in, width, stride=2), nn.ReLU(inplace=True), *blocks]
            self.stages.append(nn.Sequential(*blocks))
            num_in = width
        self.channel_list = list(reversed(widths))
        """Channels from coarse to fine: the order in which SAM-2's neck builds its convs."""
        self.finest_channels = widths[0] // 2
        """Channels of the map at stride 2."""

    def forward(self, images: Tensor) -> list[Tensor]:
        """Map images (B, 1, H, W), sides multiples of 32, to five maps, finest first."""
        maps = [self.stem[:2](images)]
        features = self.stem[2:](maps[0])
        for stage in self.stages:
            features = stage(features)
            maps.append(features)
        return maps
