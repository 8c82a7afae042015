"""Attention written out as ordinary operators while a tower is exported.

`nn.MultiheadAttention`, exported by tracing, reshapes to the length it was traced with, and in an
order of axes that OpenVINO does not recognise. Written out as heads of (N, heads, L, width), any
length is accepted, and OpenVINO runs each attention as one kernel if it computes in bf16 or fp32.

Parts have constant sizes, and each shape is taken from what is reshaped: onnxruntime then computes
no shapes in a run (the text tower of PE-Core-B-16 in int8: 576 operators instead of 964).
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
    """Attend as `nn.MultiheadAttention` does, which still computes all but self-attention."""
    if need_weights or others or query is not key or key is not value:
        return nn.MultiheadAttention.forward(
            attention, query, key, value, need_weights=need_weights, attn_mask=attn_mask, **others
        )
    mixed = attend(attention, query, query, attn_mask)
    return mixed, None


def attend(
    attention: nn.MultiheadAttention, asking: Tensor, rows: Tensor, mask: Tensor | None
) -> Tensor:
    """Let (N, A, width) attend to `rows` (N, L, width), which they are themselves or some of.

    Args:
        attention: A plain one (see `is_plain`).
        asking: The rows whose result is wanted.
        rows: All rows.
        mask: What is added to the scores (N, heads, A, L), in a shape that fits; None for nothing.
    """
    width = attention.embed_dim
    weights, biases = attention.in_proj_weight, attention.in_proj_bias
    if asking is rows:
        every = nn.functional.linear(rows, weights, biases)
        query, key, value = every.split_with_sizes([width] * 3, dim=-1)
    else:
        query = nn.functional.linear(asking, weights[:width], _part(biases, slice(width)))
        both = nn.functional.linear(rows, weights[width:], _part(biases, slice(width, None)))
        key, value = both.split_with_sizes([width] * 2, dim=-1)
    scores = (_heads(attention, query) * attention.head_dim**-0.5) @ _heads(
        attention, key
    ).transpose(2, 3)
    if mask is not None:
        scores = scores + mask
    seen = (scores.softmax(dim=-1) @ _heads(attention, value)).transpose(1, 2)
    count, length = seen.shape[:2]
    mixed: Tensor = attention.out_proj(seen.reshape(count, length, width))
    return mixed


def _heads(attention: nn.MultiheadAttention, rows: Tensor) -> Tensor:
    """Return (N, L, width) as (N, heads, L, width of a head)."""
    count, length, _ = rows.shape  # traced, not constants
    return rows.reshape(count, length, attention.num_heads, attention.head_dim).transpose(1, 2)


def _part(biases: Tensor | None, part: slice) -> Tensor | None:
    return None if biases is None else biases[part]
