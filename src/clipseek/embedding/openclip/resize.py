"""The steps of `clipseek.embedding.pixels` on tensors, wherever these lie.

torch's antialiased filters are Pillow's (a = -0.5 for bicubic), computed in float32 instead of
fixed point: values differ by two levels of 255 at most.
"""

import torch
from torch import Tensor

from clipseek.embedding.pixels import Recipe, scaled_size


def fit(pixels: Tensor, recipe: Recipe) -> Tensor:
    """Scale and cut uint8 (N, H, W, 3) RGB to (N, S, S, 3); what has that size stays as it is."""
    height, width = pixels.shape[1:3]
    side = recipe.image_size
    if (height, width) == (side, side) or not len(pixels):
        return pixels.reshape(len(pixels), side, side, 3)
    across, down = scaled_size(width, height, recipe)
    rows = pixels.permute(0, 3, 1, 2).float()
    for size in ((height, across), (down, across)):  # Pillow rounds between its two passes
        if size != rows.shape[2:]:
            rows = torch.nn.functional.interpolate(
                rows, size=size, mode=recipe.interpolation, antialias=True
            )
            rows = rows.round().clamp(0, 255)
    return _square(rows.to(torch.uint8), recipe).permute(0, 2, 3, 1)


def normalise(square: Tensor, recipe: Recipe) -> Tensor:
    """Turn fitted uint8 (N, S, S, 3) into what the tower takes, float32 (N, 3, S, S)."""
    mean, std = (
        torch.tensor(values, device=square.device).view(3, 1, 1)
        for values in (recipe.mean, recipe.std)
    )
    return (square.permute(0, 3, 1, 2).float() / 255 - mean) / std


def _square(rows: Tensor, recipe: Recipe) -> Tensor:
    """Cut the centre out of (N, 3, H, W), or pad it, where that is the recipe's way."""
    side, (height, width) = recipe.image_size, rows.shape[2:]
    if recipe.resize == "longest":
        left, top = (side - width) // 2, (side - height) // 2
        edges = (left, side - width - left, top, side - height - top)
        return torch.nn.functional.pad(rows, edges, value=recipe.fill)
    left, top = round((width - side) / 2), round((height - side) / 2)
    return rows[:, :, top : top + side, left : left + side]
