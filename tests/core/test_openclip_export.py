"""An exported bundle gives what open_clip gives: pixels, tokens and vectors."""

import copy
import functools
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from clipseek.embedding import bundle as bundles
from clipseek.embedding import models, pixels
from clipseek.embedding.towers import on_cpu
from clipseek.embedding.words import CLEANS, clean
from clipseek.errors import ConfigError
from tests.tiny_models import CAPTIONS, CONFIGS, make_checkpoint

torch = pytest.importorskip("torch", reason="the extra `models` is not installed")
hub = pytest.importorskip("huggingface_hub.constants", reason="comes with open_clip")

from clipseek.embedding.export import export_bundle, export_model  # noqa: E402
from clipseek.embedding.export.tokenizer import (  # noqa: E402
    ODD_SENTENCES,
    convert_tokenizer,
)
from clipseek.embedding.openclip import load_open_clip, load_weights  # noqa: E402
from clipseek.embedding.towers import torch as torch_tower  # noqa: E402
from clipseek.embedding.towers.torch import on_torch  # noqa: E402

AGREEMENT = 1e-3


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the weights of the small CLIP architecture."""
    return make_checkpoint("tiny-clip", tmp_path_factory.mktemp("weights"))


@pytest.fixture(scope="module")
def bundle(checkpoint: Path) -> bundles.Bundle:
    """Return the small CLIP's bundle."""
    return export_bundle(
        "tiny-clip", checkpoint.parent / "bundle", checkpoint=checkpoint, bank_captions=CAPTIONS
    )


def picture(height: int, width: int, seed: int = 0) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return noise over a gradient."""
    random = np.random.default_rng(seed)
    gradient = np.linspace(0, 155, width)[None, :, None]
    noise = random.integers(0, 100, (height, width, 3))
    return (gradient + noise).astype(np.uint8)


@pytest.mark.parametrize("name", list(CONFIGS))
def test_every_kind_of_tower_can_be_exported(name: str, tmp_path: Path) -> None:
    """Vectors of pictures and sentences are open_clip's own, by its own steps."""
    open_clip = load_open_clip()
    weights = make_checkpoint(name, tmp_path)
    exported = export_bundle(name, tmp_path / "bundle", checkpoint=weights, bank_captions=CAPTIONS)
    embedder = on_cpu(exported, threads=2)
    model, _, transform = open_clip.create_model_and_transforms(name, str(weights))
    model.eval()
    shown = picture(90, 120)

    with torch.inference_mode():
        image = model.encode_image(transform(Image.fromarray(shown))[None], normalize=True)
        tokens = open_clip.get_tokenizer(name)(list(CAPTIONS))
        texts = model.encode_text(tokens, normalize=True)

    assert exported.logit_bias == CONFIGS[name].get("init_logit_bias")
    assert np.sum(embedder.embed_images(shown[None]) * image.numpy()) > 1 - AGREEMENT
    cosines = np.sum(embedder.embed_texts(CAPTIONS) * texts.numpy(), axis=1)
    assert cosines.min() > 1 - AGREEMENT


def test_torch_agrees_with_the_bundle(checkpoint: Path, bundle: bundles.Bundle) -> None:
    """The same weights give the same vectors through torch and through onnxruntime."""
    left = on_torch(bundle, device="cpu", checkpoint=checkpoint)
    right = on_cpu(bundle, threads=2)
    shown = picture(50, 70)[None]

    assert np.allclose(left.embed_images(shown), right.embed_images(shown), atol=1e-4)
    assert np.allclose(left.embed_texts(CAPTIONS), right.embed_texts(CAPTIONS), atol=1e-4)


def test_torch_keeps_its_name_and_fingerprint(checkpoint: Path, bundle: bundles.Bundle) -> None:
    """What is embedded with torch belongs in the bundle's collections."""
    embedder = on_torch(bundle, device="cpu", checkpoint=checkpoint)

    assert (embedder.model, embedder.fingerprint) == (bundle.name, bundle.fingerprint)


def test_the_bank_is_the_captions_vectors(bundle: bundles.Bundle) -> None:
    """Row by row, to the precision of float16."""
    wanted = on_cpu(bundle, threads=2).embed_texts(CAPTIONS)

    assert np.allclose(bundle.bank(), wanted, atol=1e-3)


def test_the_bundle_says_what_it_is(bundle: bundles.Bundle) -> None:
    """Sizes, logit scale and name are the model's."""
    assert (bundle.name, bundle.dim, bundle.image_size) == ("tiny-clip/tiny-clip", 24, 32)
    assert bundle.logit_scale == pytest.approx(1 / 0.07, rel=1e-3)
    assert bundle.relevance.offset == pytest.approx(-np.log(len(CAPTIONS)))


def test_an_export_can_be_repeated(checkpoint: Path, bundle: bundles.Bundle) -> None:
    """The same weights exported again have the same fingerprint."""
    again = export_bundle(
        "tiny-clip", checkpoint.parent / "again", checkpoint=checkpoint, bank_captions=CAPTIONS
    )

    assert again.fingerprint == bundle.fingerprint


def test_an_exported_file_names_no_path_of_this_machine(bundle: bundles.Bundle) -> None:
    """Nothing of where the export ran is in what is given to others."""
    home = str(Path(torch.__file__).parents[1]).encode()

    for file in bundle.path.iterdir():
        content = file.read_bytes()
        assert home not in content
        assert str(bundle.path).encode() not in content


def test_large_towers_keep_their_weights_apart(
    checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Large weights are in a separate file, and the bundle still runs."""
    monkeypatch.setattr("clipseek.embedding.export.tracing._APART_BYTES", 100_000)

    made = export_bundle("tiny-clip", tmp_path / "b", checkpoint=checkpoint, bank_captions=CAPTIONS)

    assert (made.path / "text.onnx.data").stat().st_size > (made.path / "text.onnx").stat().st_size
    assert on_cpu(made).embed_texts(["a dog"]).shape == (1, 24)


def test_a_checkpoint_is_exported_once(checkpoint: Path, tmp_path: Path) -> None:
    """A model named by architecture and checkpoint is kept under the file's name."""
    first = models.resolve("tiny-clip", tmp_path, checkpoint=checkpoint)
    steps: list[str] = []

    second = models.resolve("tiny-clip", tmp_path, checkpoint=checkpoint, report=steps.append)

    assert second == first
    assert first.path == tmp_path / "models" / "tiny-clip--tiny-clip"
    assert steps == []


def test_an_export_that_disagrees_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    """A bundle that does not give the model's vectors is not written."""
    loaded = load_weights("tiny-clip", checkpoint=checkpoint)
    model: Any = loaded.model
    encode = model.encode_image

    def unlike_its_trace(rows: Any, **options: Any) -> Any:
        vectors = encode(rows, **options)
        return vectors if torch.jit.is_tracing() else vectors.roll(1, dims=-1)

    object.__setattr__(model, "encode_image", unlike_its_trace)
    tokenizer, mode = convert_tokenizer(loaded.tokenizer, 77, CAPTIONS)

    with pytest.raises(ConfigError, match="does not agree with open_clip"):
        export_model(
            model,
            model.visual.preprocess_cfg,
            tokenizer,
            tmp_path / "bundle",
            name="x/y",
            bank_captions=CAPTIONS,
            licence="",
            source="",
            clean=mode,
        )
    assert list(tmp_path.iterdir()) == []


RECIPES = list(
    itertools.product(["shortest", "longest", "squash"], ["bicubic", "bilinear"], [0, 200])
)


@pytest.mark.parametrize(
    ("resize", "interpolation", "padding"), RECIPES, ids=["-".join(map(str, r)) for r in RECIPES]
)
@settings(max_examples=25, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(3, 40))
def test_pictures_are_prepared_as_open_clip_prepares_them(
    resize: Any, interpolation: Any, padding: int, height: int, width: int, side: int
) -> None:
    """Every pixel is the same at any size, but for two levels of wide ones, whose sides are cut."""
    transform = load_open_clip().transform
    recipe = pixels.Recipe(
        side, (0.48, 0.45, 0.4), (0.26, 0.27, 0.28), interpolation, resize, padding
    )
    config = transform.PreprocessCfg(
        side, "RGB", recipe.mean, recipe.std, interpolation, resize, padding
    )
    if resize == "longest" and min(height, width) * side < max(height, width):
        return  # open_clip cannot scale a side to less than a pixel, and fails
    shown = picture(height, width)

    wanted = transform.image_transform_v2(config, False)(Image.fromarray(shown)).numpy()

    found = pixels.normalise(pixels.prepare(shown[None], recipe), recipe)[0]
    levels = 2 if resize == "shortest" and width > height else 0
    assert np.allclose(found, wanted, atol=levels / 255 / 0.26 + 1e-6)


@pytest.mark.parametrize("shape", [(90, 160), (56, 99), (90, 97)], ids=["wide", "scaled", "near"])
def test_hardly_a_value_differs_where_sides_are_cut_before_scaling(shape: tuple[int, int]) -> None:
    """Scaling the columns that are kept gives what scaling the whole and cutting it gives."""
    recipe = pixels.Recipe(56, (0, 0, 0), (1, 1, 1))
    shown = picture(*shape)
    size = pixels.scaled_size(shape[1], shape[0], recipe)
    whole = Image.fromarray(shown).resize(size, Image.Resampling.BICUBIC)
    left = round((size[0] - 56) / 2)
    wanted = np.asarray(whole.crop((left, 0, left + 56, 56))).astype(int)
    difference = np.abs(pixels.prepare(shown[None], recipe)[0] - wanted)
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.002


def test_pictures_are_normalised_on_a_device_as_on_the_host() -> None:
    """Only the order of roundings may differ."""
    recipe = pixels.Recipe(32, (0.48, 0.45, 0.4), (0.26, 0.27, 0.28))
    shown = np.stack([picture(32, 32, seed) for seed in range(3)])

    found = torch_tower._normalised(torch.from_numpy(shown), recipe).numpy()

    assert np.allclose(found, pixels.normalise(shown, recipe), atol=1e-6)


@pytest.mark.parametrize("mode", [mode for mode in CLEANS if mode != "none"])
@pytest.mark.parametrize("text", ODD_SENTENCES, ids=lambda text: ascii(text[:20]))
def test_sentences_are_cleaned_as_open_clip_cleans_them(text: str, mode: Any) -> None:
    """Quotes, entities, ligatures, blanks and case come out the same."""
    assert clean(text, mode) == load_open_clip().tokenizer.get_clean_fn(mode)(text)


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=60))
def test_tokens_of_typed_text_are_open_clips(text: str) -> None:
    """Any printable ASCII gets the ids that open_clip gives it."""
    tokenizer, mode, own = _clip_tokenizers()

    assert tokenizer.encode(clean(text, mode)).ids == own([text]).tolist()[0]


@functools.cache  # it takes a second
def _clip_tokenizers() -> tuple[Any, Any, Any]:
    own = load_open_clip().tokenizer.SimpleTokenizer(context_length=77)
    return *convert_tokenizer(own, 77, CAPTIONS), own


@pytest.mark.parametrize("length", [5, 77], ids=["5", "77"])
@pytest.mark.parametrize("text", ODD_SENTENCES, ids=lambda text: ascii(text[:20]))
def test_tokens_of_odd_sentences_are_open_clips(text: str, length: int) -> None:
    """Cut and padded to any length, the end token kept."""
    tokenizer, mode, own = _clip_tokenizers()
    cut = copy.deepcopy(tokenizer)
    cut.enable_truncation(length)
    cut.enable_padding(length=length, pad_id=0, pad_token="!")

    assert cut.encode(clean(text, mode)).ids == own([text], context_length=length).tolist()[0]


def test_an_unknown_architecture_gets_near_names() -> None:
    """A slip of the pen is answered with what is near."""
    with pytest.raises(ConfigError, match=r"no architecture 'VIT-B32' \(near: ViT-B-32"):
        export_bundle("VIT-B32", Path("never"), pretrained="openai", bank_captions=CAPTIONS)


def test_an_unknown_tag_gets_near_names() -> None:
    """So is a tag."""
    with pytest.raises(ConfigError, match=r"no weights 'laion2b' .*near: laion2b_e16"):
        export_bundle("ViT-B-32", Path("never"), pretrained="laion2b", bank_captions=CAPTIONS)


def test_an_architecture_alone_names_no_weights() -> None:
    """Without tag and checkpoint there is nothing to load."""
    with pytest.raises(ConfigError, match="ViT-B-32 does not name weights"):
        export_bundle("ViT-B-32", Path("never"), bank_captions=CAPTIONS)


@pytest.mark.parametrize("model", ["ViT-B-32/laion2b_s34b_b79k", models.DEFAULT_MODEL])
def test_a_hub_out_of_reach_is_one_sentence_with_three_ways_out(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing listens at the hub's address: the message says what to do, nothing is written."""
    monkeypatch.setattr(hub, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(hub, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    with pytest.raises(ConfigError) as caught:
        models.resolve(model, tmp_path / "data")

    message = str(caught.value)
    assert "connect to the internet once" in message
    assert f"--model {model} --checkpoint FILE" in message
    assert "--model demo" in message
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_something_else_is_no_checkpoint(tmp_path: Path) -> None:
    """A file that torch cannot read is named."""
    odd = tmp_path / "weights.pt"
    odd.write_text("dear diary")

    with pytest.raises(ConfigError, match=r"weights\.pt cannot be loaded as weights of RN50"):
        export_bundle("RN50", tmp_path / "out", checkpoint=odd, bank_captions=CAPTIONS)


def test_weights_of_another_architecture_are_refused(
    checkpoint: Path, bundle: bundles.Bundle, tmp_path: Path
) -> None:
    """Weights that do not fit are an error, never half a model."""
    make_checkpoint("tiny-resnet", tmp_path)

    with pytest.raises(ConfigError, match="cannot be loaded as weights of tiny-resnet"):
        export_bundle(
            "tiny-resnet", tmp_path / "out", checkpoint=checkpoint, bank_captions=CAPTIONS
        )


def test_a_checkpoint_of_many_recipes_needs_a_tag(checkpoint: Path) -> None:
    """Where published weights differ in their pictures, the user has to say."""
    with pytest.raises(ConfigError, match="prepared in different ways"):
        export_bundle("ViT-L-14", Path("never"), checkpoint=checkpoint, bank_captions=CAPTIONS)


def test_a_tokenizer_from_transformers_names_the_package(checkpoint: Path) -> None:
    """Where transformers is missing, the message says what to install."""
    try:
        import transformers  # type: ignore[import-not-found]  # noqa: F401
    except ImportError:
        with pytest.raises(ConfigError, match="pip install transformers"):
            export_bundle(
                "ViT-B-16-SigLIP2", Path("never"), pretrained="webli", bank_captions=CAPTIONS
            )
    else:
        pytest.skip("transformers is installed")


@pytest.mark.parametrize("known", models.KNOWN, ids=lambda known: known.name)
def test_known_models_are_open_clips(known: models.KnownModel) -> None:
    """Names, vector lengths and picture sizes are those of open_clip's list."""
    open_clip = load_open_clip()
    architecture, tag = known.name.split("/")
    config = open_clip.get_model_config(architecture)

    assert tag in open_clip.list_pretrained_tags_by_model(architecture)
    assert (known.dim, known.image_size) == (
        config["embed_dim"],
        config["vision_cfg"]["image_size"],
    )


def test_the_manifest_is_plain_json(bundle: bundles.Bundle) -> None:
    """Other programs can read it."""
    manifest = json.loads((bundle.path / bundles.MANIFEST).read_text())

    assert manifest["format"] == 1
    towers = {"visual.onnx", "patches.onnx", "text.onnx"}
    assert set(manifest["files"]) == {*towers, "tokenizer.json", "bank.npy"}
