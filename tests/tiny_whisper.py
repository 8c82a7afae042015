"""A model of Whisper that says the same whatever it hears: its folder is that of a real one.

All layers are zero, so the output at a position depends on its encoding alone, which is the unit
vector of the position; the projection turns each into one token.
"""

from pathlib import Path

import numpy as np
from ctranslate2.specs import WhisperSpec
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

_SIZE = 64
_MELS, _FRAMES, _POSITIONS = 80, 1500, 448
_SPECIAL = (
    *("<|endoftext|>", "<|startoftranscript|>", "<|translate|>", "<|transcribe|>"),
    *("<|startoflm|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"),
)
_TIMES = tuple(f"<|{number * 0.02:.2f}|>" for number in range(1501))


def make(folder: Path, *said: str) -> str:
    """Write a model that says these tokens, such as `<|0.00|>` and single letters."""
    folder.mkdir()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = [*alphabet, *_SPECIAL, *_TIMES]
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(token, special=True) for token in tokens[256:]])
    tokenizer.save(str(folder / "tokenizer.json"))
    spec = WhisperSpec(1, 1, 1, 1)
    _zero(spec.encoder.conv1, (_SIZE, _MELS, 3))
    _zero(spec.encoder.conv2, (_SIZE, _SIZE, 3))
    spec.encoder.position_encodings.encodings = np.zeros((_FRAMES, _SIZE), np.float32)
    spec.decoder.position_encodings.encodings = np.eye(_POSITIONS, _SIZE, dtype=np.float32)
    for half in (spec.encoder, spec.decoder):
        _norm(half.layer_norm)
        for layer in half.layer:
            _attention(layer.self_attention, (3 * _SIZE, _SIZE), (_SIZE, _SIZE))
            _norm(layer.ffn.layer_norm)
            _zero(layer.ffn.linear_0, (4 * _SIZE, _SIZE))
            _zero(layer.ffn.linear_1, (_SIZE, 4 * _SIZE))
    for layer in spec.decoder.layer:
        square = (_SIZE, _SIZE)
        _attention(layer.attention, square, (2 * _SIZE, _SIZE), square)
    spec.decoder.embeddings.weight = np.zeros((len(tokens), _SIZE), np.float32)
    projection = np.zeros((len(tokens), _SIZE), np.float32)
    for position, token in enumerate((*said, "<|endoftext|>")):
        projection[tokens.index(token), position] = 10.0
    spec.decoder.projection.weight = projection
    spec.register_vocabulary(tokens)
    spec.config.alignment_heads = [(0, 0)]
    spec.config.suppress_ids = spec.config.suppress_ids_begin = spec.config.lang_ids = []
    spec.validate()
    spec.save(str(folder))
    return str(folder)


def _zero(layer: object, shape: tuple[int, ...]) -> None:
    layer.weight = np.zeros(shape, np.float32)  # type: ignore[attr-defined]  # no types there
    layer.bias = np.zeros(shape[0], np.float32)  # type: ignore[attr-defined]  # no types there


def _norm(layer: object) -> None:
    layer.gamma = np.ones(_SIZE, np.float32)  # type: ignore[attr-defined]  # no types there
    layer.beta = np.zeros(_SIZE, np.float32)  # type: ignore[attr-defined]  # no types there


def _attention(layer: object, *shapes: tuple[int, int]) -> None:
    _norm(layer.layer_norm)  # type: ignore[attr-defined]  # no types there
    for linear, shape in zip(layer.linear, shapes, strict=True):  # type: ignore[attr-defined]  # no types there
        _zero(linear, shape)
