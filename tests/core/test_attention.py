"""Attention written out for export: the same vectors, and nothing left behind."""

from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import pytest

torch = pytest.importorskip("torch", reason="the extra `models` is not installed")

from clipseek.embedding.export.attention import is_plain, written_out  # noqa: E402
from clipseek.embedding.export.tracing import plain_tracing, save, traced  # noqa: E402


def attended(attention: Any, rows: Any, **options: Any) -> Any:
    """Let rows attend to themselves."""
    with torch.no_grad():
        return attention(rows, rows, rows, need_weights=False, **options)[0]


@pytest.fixture
def attention() -> Any:
    """Return attention of four heads over rows of 32 numbers."""
    torch.manual_seed(0)
    return torch.nn.MultiheadAttention(32, 4, batch_first=True).eval()


@pytest.mark.parametrize("is_causal", [False, True])
def test_it_attends_as_the_module_does(attention: Any, *, is_causal: bool) -> None:
    """With and without a mask, to the last digits."""
    rows = torch.randn(3, 7, 32)
    mask = torch.full((7, 7), float("-inf")).triu(1) if is_causal else None
    wanted = attended(attention, rows, attn_mask=mask)

    with written_out(attention):
        found = attended(attention, rows, attn_mask=mask)

    assert torch.allclose(found, wanted, atol=1e-6)
    assert not torch.equal(found, torch.zeros_like(found))
    assert "forward" not in vars(attention)


def test_other_uses_are_left_to_the_module(attention: Any) -> None:
    """Attention to other rows, and weights that are asked for."""
    rows, others = torch.randn(2, 3, 32), torch.randn(2, 5, 32)
    wanted = attention(rows, others, others)

    with written_out(attention):
        found = attention(rows, others, others)

    for one, other in zip(found, wanted, strict=True):
        assert torch.equal(one, other)


def test_attention_of_another_kind_is_not_touched() -> None:
    """What adds keys, or keeps its projections apart, is not written out."""
    kinds = ({"add_zero_attn": True}, {"add_bias_kv": True}, {"kdim": 16}, {"batch_first": False})
    for kind in kinds:
        module = torch.nn.MultiheadAttention(32, 4, **{"batch_first": True, **kind})
        assert not is_plain(module)


class Attentions(torch.nn.Module):  # type: ignore[name-defined,misc]  # torch is of any type
    """Several attentions, one after the other."""

    def __init__(self, count: int) -> None:
        super().__init__()
        own = (torch.nn.MultiheadAttention(32, 4, batch_first=True) for _ in range(count))
        self.own = torch.nn.ModuleList(own)

    def forward(self, rows: Any) -> Any:
        """Let rows attend to themselves, again and again."""
        for each in self.own:
            rows = attended(each, rows)
        return rows


def operators(count: int, folder: Path) -> list[str]:
    """Return the operators that onnxruntime runs for so many attentions."""
    module = Attentions(count).eval()
    with plain_tracing(), written_out(module):
        rows, axes = torch.zeros(2, 7, 32), {"rows": {0: "N", 1: "L"}}
        save(traced(module, rows, axes, "mixed", folder), folder / "attentions.onnx")
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(folder / "optimised.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(str(folder / "attentions.onnx"), options)
    return [node.op_type for node in onnx.load(folder / "optimised.onnx").graph.node]


def test_no_attention_computes_shapes(tmp_path: Path) -> None:
    """A sentence is so short that each operator more costs time that can be seen."""
    one, three = operators(1, tmp_path), operators(3, tmp_path)
    assert {"Shape", "Slice", "Concat", "Gather"}.isdisjoint(three)
    assert len(three) == 3 * len(one)
    assert len(one) <= 16
