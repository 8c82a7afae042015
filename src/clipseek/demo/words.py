"""The demo model's tokenizer: one token a word of the world's language, [UNK] for all others."""

from random import Random

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, processors

from clipseek.demo.captions import full_caption, partial_caption
from clipseek.demo.world import sample_scene

CONTEXT_LENGTH = 32
PAD, UNKNOWN, START, END = "[PAD]", "[UNK]", "[START]", "[END]"
# Words that no caption has but that change nothing: a query may bring them along.
_SMALL = (
    "is",
    "are",
    "be",
    "with",
    "and",
    "or",
    "near",
    "inside",
    "outside",
    "seen",
    "some",
    "one",
)


def vocabulary() -> list[str]:
    """Return every word that captions are made of, sorted."""
    rng = Random(0)
    words: set[str] = set(_SMALL)
    for _ in range(20_000):
        scene = sample_scene(rng)
        for made in (full_caption(scene, rng), partial_caption(scene, rng)):
            words.update(made.text.replace(",", " ").split())
    return sorted(words)


def make_tokenizer() -> Tokenizer:
    """Build the tokenizer: lower case, letters and digits only, padded to CONTEXT_LENGTH.

    [END] has the highest id: open_clip's text tower pools at the highest id of a row ("argmax").
    """
    words = [PAD, UNKNOWN, START, *vocabulary(), END]
    ids = {word: number for number, word in enumerate(words)}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token=UNKNOWN))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.NFKC(),
            normalizers.Lowercase(),
            normalizers.Replace(Regex(r"[^\p{L}\p{N}]+"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A {END}", special_tokens=[(START, ids[START]), (END, ids[END])]
    )
    tokenizer.enable_truncation(CONTEXT_LENGTH)
    tokenizer.enable_padding(length=CONTEXT_LENGTH, pad_id=ids[PAD], pad_token=PAD)
    return tokenizer
