"""The text tower as it is exported: one that takes sentences without their padding.

open_clip pads every sentence to the context length (77 tokens for CLIP) and computes all of it. In
a causal tower no token sees the tokens after it. So if the vector is read at the end token, the
tokens after it cannot change the vector and need not be computed.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clipseek.embedding.embedder import BundleEmbedder
from clipseek.embedding.export.attention import attend, is_plain
from clipseek.embedding.openclip.load import load_open_clip

# How far a number of a unit vector may be from the same of the whole tower.
AGREEMENT = 1e-5

# From one token to the context length, so that each kind of length is compared.
_SENTENCES = (
    "",
    "night",
    "a dog runs",
    "a red car at night",
    "a person rides a bicycle along a beach",
    "two dogs, three cats and one very small horse stand in the rain behind a red fence",
    "word " * 30,
    "many words " * 200,
)


class WholeText(nn.Module):
    """The tower as open_clip runs it: tokens int64 (N, context_length) to vectors (N, dim)."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the vectors, not normalised."""
        return self.model.encode_text(tokens)  # type: ignore[operator,no-any-return]


class CutText(nn.Module):
    """The same tower over its parts: tokens int64 (N, L), L up to the context length, to vectors.

    It shares the weights of the model. The last block computes the end token alone: nothing else
    of it is read. To be exported with attention `written_out`.
    """

    def __init__(self, tower: Any, *, end_id: int | None) -> None:
        """Keep a tower that can be cut; `end_id` None means the highest id of a sentence."""
        super().__init__()
        self.tower = tower
        self.end_id = end_id

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the vectors, not normalised."""
        tower, length = self.tower, tokens.shape[1]
        rows = tower.token_embedding(tokens) + tower.positional_embedding[:length]
        mask = tower.attn_mask[:length, :length]
        *blocks, last = tower.transformer.resblocks
        for block in blocks:
            rows = block(rows, attn_mask=mask)
        found = tokens if self.end_id is None else (tokens == self.end_id).int()
        pooled = tower.ln_final(_at_end(last, rows, mask, found.argmax(dim=-1)))
        return _projected(pooled, tower.text_projection)


def _at_end(block: Any, rows: Tensor, mask: Tensor, end: Tensor) -> Tensor:
    """Return what the last block makes of one row of each sentence, (N, width).

    It is computed together with the first row: for a single row, runtimes use other kernels that
    sum in another order, so a sentence alone would get another vector.
    """
    every = torch.arange(rows.shape[0])[:, None]
    two = torch.stack([torch.zeros_like(end), end], dim=1)
    inner, own = block.ln_1(rows), rows[every, two]
    own = own + block.ls_1(attend(block.attn, inner[every, two], inner, mask[two][:, None]))
    own = own + block.ls_2(block.mlp(block.ln_2(own)))
    pooled: Tensor = own[:, 1]
    return pooled


def cut(model: nn.Module) -> CutText | None:
    """Return the model's text tower cut at the end token, or None if it has to stay whole."""
    tower: Any = getattr(model, "text", model)
    pool = getattr(tower, "text_pool_type", getattr(tower, "pool_type", None))
    if pool not in ("argmax", "eos") or not _is_causal(tower) or not _has_plain_blocks(tower):
        return None
    if pool == "argmax":
        return CutText(tower, end_id=None)
    return CutText(tower, end_id=int(getattr(tower, "text_eos_id", getattr(tower, "eos_id", -1))))


def differs(model: nn.Module, embedder: BundleEmbedder) -> float:
    """Return how far any number of a unit vector is from the model's own, over some sentences."""
    tokens = torch.from_numpy(embedder.tokens(_SENTENCES))
    with torch.inference_mode():
        wanted = nn.functional.normalize(model.encode_text(tokens), dim=-1).numpy()  # type: ignore[operator]
    return float(np.abs(_alone(embedder, _SENTENCES) - wanted).max())


def _alone(embedder: BundleEmbedder, sentences: Sequence[str]) -> NDArray[np.float32]:
    """Embed each sentence in a separate call, so that each is cut at its own end."""
    return np.concatenate([embedder.embed_texts([sentence]) for sentence in sentences])


def _projected(pooled: Tensor, projection: Any) -> Tensor:
    if projection is None:
        return pooled
    vectors: Tensor = projection(pooled) if callable(projection) else pooled @ projection
    return vectors


def _is_causal(tower: Any) -> bool:
    """Say whether each token sees those before it and itself, and nothing else is mixed in."""
    mask = getattr(tower, "attn_mask", None)
    if mask is None or getattr(tower, "cls_emb", None) is not None:
        return False
    if getattr(tower, "use_pad_mask", False) or getattr(tower, "output_tokens", False):
        return False
    return bool(torch.equal(mask, torch.full_like(mask, float("-inf")).triu(1)))


def _has_plain_blocks(tower: Any) -> bool:
    """Say whether every block is open_clip's default one, which takes rows of any length."""
    plain = load_open_clip().transformer.ResidualAttentionBlock
    return all(
        type(block) is plain and is_plain(block.attn) for block in tower.transformer.resblocks
    )
