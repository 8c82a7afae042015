"""The graph that says what each part of a picture shows, beside the one of the whole picture.

"patches" is float32 (N, R, C, dim): rows from the top, columns from the left, together the square
that the tower sees. The product of a patch vector and the unit vector of a sentence says how well
the part fits the sentence.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional

from clipseek.embedding.bundle import PATCHES, VISUAL
from clipseek.embedding.export.cells import stitched
from clipseek.embedding.export.sharing import share
from clipseek.embedding.export.tracing import save, traced
from clipseek.embedding.towers.onnxruntime import OnnxPatches
from clipseek.errors import ConfigError

_WINDOW = 4
"""Patches that a window has across and down."""
_STEP = 2
"""Patches between one window and the next one."""
# Largest difference of a number of a unit patch vector; rounding costs some 1e-6.
_AGREEMENT = 1e-4


def export_patches(
    model: nn.Module, pixels: Tensor, folder: Path, report: Callable[[str], None]
) -> None:
    """Write patches.onnx beside visual.onnx, whose weights it takes, if the model can have it.

    Raises:
        ConfigError: the file does not give what open_clip gives.
    """
    seen = _module(model)
    if seen is None:
        graph = stitched(onnx.load(folder / VISUAL))
    else:
        graph = traced(seen, pixels, {"pixels": {0: "N"}}, "patches", folder)
    if graph is None:
        return report("this model cannot say where in a picture something is")
    share(graph, folder / VISUAL)
    save(graph, folder / PATCHES)
    if seen is not None and (worst := _differs(seen, pixels, folder)) > _AGREEMENT:
        raise ConfigError(
            f"the exported patch vectors are {worst:.1e} off those of open_clip, and at most "
            f"{_AGREEMENT:g} is allowed; nothing was written. Please report the model's name "
            "and the versions of torch and open_clip"
        )
    return None


def _differs(seen: nn.Module, pixels: Tensor, folder: Path) -> float:
    """Return the largest difference between the file and what it was made from, for noise."""
    noise = torch.randn(pixels.shape, generator=torch.Generator().manual_seed(0))
    tower = OnnxPatches(lambda: folder / PATCHES, pixels.shape[2], dim=seen(pixels).shape[3])
    return float((torch.from_numpy(tower.run(noise.numpy())) - seen(noise)).abs().max())


def _module(model: nn.Module) -> nn.Module | None:
    """Return the module from pixels to patches, or None if the tower is of another kind."""
    visual = model.visual
    if _has_class_token(visual):
        return _Values(visual)
    if _has_attention_pool(visual):
        return _Windows(visual)
    return None


def _has_class_token(visual: Any) -> bool:
    """Whether it is open_clip's `VisionTransformer` that pools the class token."""
    return (
        hasattr(visual, "transformer")
        and hasattr(visual, "_embeds")
        and getattr(visual, "pool_type", None) == "tok"
        and getattr(visual, "attn_pool", None) is None
        and type(visual.transformer.resblocks[-1].attn) is nn.MultiheadAttention
        and visual.transformer.resblocks[-1].attn.in_proj_weight is not None
        and visual.grid_size[0] == visual.grid_size[1]
    )


class _Values(nn.Module):
    """The value path of the last block, in the space of sentences, as unit vectors.

    Zhou, Loy and Dai, "Extract Free Dense Labels from CLIP" (MaskCLIP), ECCV 2022, section 3.2:
    the last attention mixes patches into the class token, so without its weights, what is mixed is
    left. Neither the residual path nor the feed-forward part of that block counts.
    """

    def __init__(self, visual: Any) -> None:
        super().__init__()
        self.visual = visual

    def forward(self, pixels: Tensor) -> Tensor:
        visual = self.visual
        rows = visual._embeds(pixels)
        for block in visual.transformer.resblocks[:-1]:
            rows = block(rows)
        last = visual.transformer.resblocks[-1]
        attention, width = last.attn, rows.shape[2]
        bias = attention.in_proj_bias
        values = functional.linear(
            last.ln_1(rows),
            attention.in_proj_weight[2 * width :],
            None if bias is None else bias[2 * width :],
        )
        seen = visual.ln_post(last.ls_1(attention.out_proj(values)))[:, 1:]
        if visual.proj is not None:
            seen = seen @ visual.proj
        across = visual.grid_size[0]
        return functional.normalize(seen, dim=-1).reshape(-1, across, across, int(seen.shape[-1]))


def _has_attention_pool(visual: Any) -> bool:
    """Whether it is a tower of timm whose pool attends to patches without places of its own."""
    trunk: Any = getattr(visual, "trunk", None)
    pool = getattr(trunk, "attn_pool", None)
    if pool is None or not hasattr(visual, "head") or not hasattr(trunk, "fc_norm"):
        return False
    across, down = trunk.patch_embed.grid_size
    return across == down >= _WINDOW and getattr(pool, "pos_embed", None) is None


class _Windows(nn.Module):
    """The tower's own pool over overlapping windows of patches, as unit vectors.

    The pool is a query that attends to patches (Zhai et al., "Scaling Vision Transformers", CVPR
    2022), so it can attend to some of them alone, as the crops of Zhong et al., "RegionCLIP"
    (CVPR 2022), but after the tower instead of before it.
    """

    def __init__(self, visual: Any) -> None:
        super().__init__()
        self.visual = visual
        across = visual.trunk.patch_embed.grid_size[0]
        self.across = max(1, across // _STEP)
        starts = [_start(place, self.across, across) for place in range(self.across)]
        windows = [
            [(top + y) * across + left + x for y in range(_WINDOW) for x in range(_WINDOW)]
            for top in starts
            for left in starts
        ]
        self.register_buffer("windows", torch.tensor(windows), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        trunk, windows = self.visual.trunk, self.get_buffer("windows")
        rows = trunk.forward_features(pixels)[:, trunk.num_prefix_tokens :]
        width = rows.shape[2]
        pooled = trunk.attn_pool(rows[:, windows.flatten()].reshape(-1, windows.shape[1], width))
        found = self.visual.head(trunk.head(trunk.fc_norm(pooled)))
        unit = functional.normalize(found, dim=-1)
        return unit.reshape(-1, self.across, self.across, int(unit.shape[-1]))


def _start(place: int, places: int, patches: int) -> int:
    """Return the first patch of a window around the middle of one of equal parts of a side."""
    middle = (place + 0.5) * patches / places
    return min(max(0, round(middle - _WINDOW / 2)), patches - _WINDOW)
