"""The demo detector's architecture: a small convolutional network with the head of YOLOX."""

import torch
from torch import Tensor, nn

STRIDE = 8
"""Pixels a side of a cell; one box is said for each."""
WIDTH, HEIGHT = 384, 216
"""The pictures that it is trained on, as large as those of the demo videos."""


def _block(before: int, after: int, *, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    convolution = nn.Conv2d(
        before, after, 3, stride, padding=dilation, dilation=dilation, bias=False
    )
    return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU(inplace=True))


class Residual(nn.Module):
    """Two convolutions beside the identity; `dilation` widens what a cell sees."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.ways = nn.Sequential(_block(width, width, dilation=dilation), _block(width, width))

    def forward(self, cells: Tensor) -> Tensor:
        """Return cells of the same shape."""
        added: Tensor = cells + self.ways(cells)
        return added


class Spotter(nn.Module):
    """Says for each cell which kind of thing has its middle there, and where its edges are.

    The head is that of YOLOX (Ge et al. 2021): the middle in cells from the cell's corner, the
    logarithms of width and height in cells, whether there is a thing, and of which kind.
    """

    def __init__(self, kinds: int) -> None:
        super().__init__()
        self.trunk = nn.Sequential(
            _block(3, 16, stride=2),
            _block(16, 24, stride=2),
            _block(24, 64, stride=2),
            *(Residual(64, dilation) for dilation in (1, 2, 3, 1)),
        )
        self.head = nn.Conv2d(64, 5 + kinds, 1)
        # One cell of a hundred has a thing (Lin et al. 2017, section 4.1).
        nn.init.constant_(self.head.bias[4:], -4.6)  # type: ignore[index]  # it has a bias

    def forward(self, pixels: Tensor) -> Tensor:
        """Return logits (N, H / 8 * W / 8, 5 + kinds) of BGR pixels (N, 3, H, W) up to 255."""
        said: Tensor = self.head(self.trunk(pixels / 127.5 - 1))
        return said.flatten(2).transpose(1, 2)


class Exported(nn.Module):
    """The network as YOLOX exports its own: the last 1 + kinds columns are probabilities."""

    def __init__(self, spotter: Spotter) -> None:
        super().__init__()
        self.spotter = spotter

    def forward(self, images: Tensor) -> Tensor:
        """Return the raw edges, and probabilities, (N, cells, 5 + kinds)."""
        said = self.spotter(images)
        return torch.cat([said[..., :4], said[..., 4:].sigmoid()], dim=-1)
