"""Attention written out as ordinary operators while a tower is exported.

`nn.MultiheadAttention`, exported by tracing, reshapes to the length it was traced with, and in an
order of axes that OpenVINO does not recognise. Written out as heads of (N, heads, L, width), any
length goes through, and OpenVINO runs each attention as one kernel where it computes in bf16 or
fp32.
"""

import contextlib
from collections.abc import Iterator
from functools import partial
from typing import Any, TypeGuard

from torch import Tensor, nn


@contextlib.contextmanager
def written_out(model: nn.Module) -> Iterator[None]:
    """Let each self-attention of the model run as written out here; vectors stay the same."""
    found = [each for each in model.modules() if is_plain(each)]
    for attention in found:
        attention.__dict__["forward"] = partial(_forward, attention)
    try:
        yield
    finally:
        for attention in found:
            del attention.__dict__["forward"]


def is_plain(module: nn.Module) -> TypeGuard[nn.MultiheadAttention]:
    """Say whether a module is attention over rows (N, L, width) without any addition."""
    return (
        type(module) is nn.MultiheadAttention
        and module.batch_first
        and module.in_proj_weight is not None
        and module.bias_k is None
        and not module.add_zero_attn
    )


def _forward(
    attention: nn.MultiheadAttention,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    **others: Any,
) -> tuple[Tensor, Tensor | None]:
    """Attend as `nn.MultiheadAttention` does; whatever is no self-attention is left to it."""
    if need_weights or others or query is not key or key is not value:
        return nn.MultiheadAttention.forward(
            attention, query, key, value, need_weights=need_weights, attn_mask=attn_mask, **others
        )
    count, length, _ = query.shape  # traced, not constants
    heads, width = attention.num_heads, attention.head_dim
    projected = nn.functional.linear(query, attention.in_proj_weight, attention.in_proj_bias)
    asked, held, given = (
        part.reshape(count, length, heads, width).transpose(1, 2)
        for part in projected.chunk(3, dim=-1)
    )
    scores = (asked * width**-0.5) @ held.transpose(2, 3)
    if attn_mask is not None:
        scores = scores + attn_mask
    seen = (scores.softmax(dim=-1) @ given).transpose(1, 2)
    mixed: Tensor = attention.out_proj(seen.reshape(count, length, heads * width))
    return mixed, None
