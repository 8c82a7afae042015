"""From open_clip's tokenizers to one file in the format of Hugging Face `tokenizers`."""

from collections.abc import Callable, Sequence
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, models, pre_tokenizers, processors

from clipseek.embedding.openclip.load import load_open_clip
from clipseek.embedding.words import Clean, clean
from clipseek.errors import ConfigError

# CLIP's own split (open_clip 3.3, tokenizer.py, SimpleTokenizer.pat), special tokens left out:
# they are found before the split.
_CLIP_SPLIT = r"(?i)'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"

# What a conversion has to get right besides plain sentences.
ODD_SENTENCES = (
    "",
    "   ",
    "A Red CAR at NIGHT!",
    "it's the dog's ball, isn't it? they'll we've I'm he'd you're",
    "naïve café über Ångström Straße İstanbul",
    "cafe\u0301 with a combining accent",
    "日本の電車 가나다 привет мир שלום",
    "emoji 😀 👩‍🚀 🇩🇪 ❤️",
    "fish &amp; chips &lt;b&gt; &amp;amp; &eacute;",
    "“curly” ‘quotes’ — dash … ellipsis",
    "ﬁlm ﬂower Ｆｕｌｌ ｗｉｄｔｈ",
    "tabs\tand\nlines\r\nand  spaces\u00a0here",
    "1234567890 3.14 1/2 50% 10€ #tag @name",
    "under_score hyphen-ated slash/ed",
    "!!!??? ... ((( ))) *** $$$",
    "word " * 200,
    "supercalifragilisticexpialidocious antidisestablishmentarianism " * 20,
)


def convert_tokenizer(
    tokenizer: Callable[..., Any], length: int, captions: Sequence[str]
) -> tuple[Tokenizer, Clean]:
    """Convert an open_clip tokenizer, fixed to `length` tokens, and prove it on sentences.

    Raises:
        ConfigError: it has no counterpart, or gives other ids for one of the sentences.
    """
    module = load_open_clip().tokenizer
    mode = _clean_mode(module, tokenizer)
    if isinstance(tokenizer, module.SimpleTokenizer):
        converted, pad_id = _from_clip(tokenizer), 0
    elif isinstance(tokenizer, module.HFTokenizer):
        converted, pad_id = _from_transformers(tokenizer)
    else:
        raise ConfigError(f"a tokenizer of the kind {type(tokenizer).__name__} is not supported")
    converted.enable_truncation(length)
    converted.enable_padding(
        length=length, pad_id=pad_id, pad_token=converted.id_to_token(pad_id) or ""
    )
    _prove(converted, mode, tokenizer, length, [*captions, *ODD_SENTENCES])
    return converted, mode


def _clean_mode(module: Any, tokenizer: Any) -> Clean:
    modes: tuple[Clean, ...] = ("lower", "whitespace", "canonicalize")
    for mode in modes:
        if getattr(tokenizer, "clean_fn", None) is module.get_clean_fn(mode):
            return mode
    raise ConfigError(f"{type(tokenizer).__name__} cleans sentences in a way that is not supported")


def _from_clip(tokenizer: Any) -> Tokenizer:
    merges = sorted(tokenizer.bpe_ranks, key=tokenizer.bpe_ranks.get)
    converted = Tokenizer(
        models.BPE(vocab=tokenizer.encoder, merges=merges, end_of_word_suffix="</w>")
    )
    converted.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_CLIP_SPLIT), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    start, end = (tokenizer.decoder[token] for token in tokenizer.all_special_ids[:2])
    converted.add_special_tokens(
        [AddedToken(start, normalized=False), AddedToken(end, normalized=False)]
    )
    converted.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}",
        special_tokens=[(start, tokenizer.sot_token_id), (end, tokenizer.eot_token_id)],
    )
    return converted


def _from_transformers(tokenizer: Any) -> tuple[Tokenizer, int]:
    inner = tokenizer.tokenizer
    backend = getattr(inner, "backend_tokenizer", None)
    if not isinstance(backend, Tokenizer):
        raise ConfigError(f"{type(inner).__name__} has no fast version and cannot be exported")
    return Tokenizer.from_str(backend.to_str()), int(inner.pad_token_id)


def _prove(
    converted: Tokenizer,
    mode: Clean,
    tokenizer: Callable[..., Any],
    length: int,
    sentences: Sequence[str],
) -> None:
    found = [one.ids for one in converted.encode_batch([clean(text, mode) for text in sentences])]
    wanted = tokenizer(list(sentences), context_length=length).tolist()
    for sentence, left, right in zip(sentences, found, wanted, strict=True):
        if left != right:
            raise ConfigError(
                f"the exported tokenizer reads {sentence[:60]!r} as {left[:12]}, open_clip as "
                f"{right[:12]}; this model's tokenizer cannot be exported"
            )
