"""Patch vectors are what open_clip's own layers give for parts of a picture."""

import json
import os
import shutil
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from clipseek.demo.captions import phrase
from clipseek.demo.drawing import draw
from clipseek.demo.measure import MODEL
from clipseek.demo.world import Description, Item, sample_scene
from clipseek.embedding import bundle as bundles
from clipseek.embedding.bundle import MANIFEST, PATCHES, VISUAL
from clipseek.embedding.embedder import BundleEmbedder
from clipseek.embedding.towers import on_cpu
from clipseek.embedding.towers.onnxruntime import OnnxPatches
from clipseek.errors import ConfigError
from clipseek.heat import heat_of
from tests.tiny_models import CONFIGS, make_checkpoint

torch = pytest.importorskip("torch", reason="the extra `models` is not installed")

from clipseek.embedding.export import patches  # noqa: E402
from clipseek.embedding.export.attention import written_out  # noqa: E402
from clipseek.embedding.export.cells import stitched  # noqa: E402
from clipseek.embedding.export.patches import export_patches  # noqa: E402
from clipseek.embedding.export.sharing import share  # noqa: E402
from clipseek.embedding.export.tracing import plain_tracing, save, traced  # noqa: E402
from clipseek.embedding.openclip import load_open_clip, load_weights  # noqa: E402

AGREEMENT = 1e-5
REAL = os.environ.get("CLIPSEEK_TEST_ARCHITECTURES", "").split()
"""Names of open_clip's list, tested with random weights: `make architectures`."""
POOLED = [name for name in REAL if "SigLIP" in name or "PE" in name]
ARCHITECTURES = [name for name in REAL if name not in POOLED]


@pytest.fixture(scope="module")
def demo() -> BundleEmbedder:
    """Return the demo model."""
    return on_cpu(bundles.load(MODEL), threads=1)


def _exported(model: Any, side: int, folder: Path) -> tuple[list[str], OnnxPatches]:
    """Export a visual tower; return what was reported, and the tower of patches."""
    said: list[str] = []
    pixels = torch.zeros(2, 3, side, side)
    with plain_tracing(), written_out(model):
        graph = traced(model.visual, pixels, {"pixels": {0: "N"}}, "vectors", folder)
        save(graph, folder / VISUAL)
        before = (folder / VISUAL).read_bytes()
        export_patches(model, pixels, folder, said.append)
    assert (folder / VISUAL).read_bytes() == before
    dim = graph.graph.output[0].type.tensor_type.shape.dim[1].dim_value or 24
    return said, OnnxPatches(lambda: folder / PATCHES, side, dim)


def _made(name: str, folder: Path) -> tuple[Any, int]:
    """Make an architecture with random weights; return it and the side of its picture."""
    if name in CONFIGS:
        model: Any = load_weights(name, checkpoint=make_checkpoint(name, folder)).model
    else:
        model = load_open_clip().create_model(name)
    side = model.visual.image_size
    return model.eval().float(), side if isinstance(side, int) else side[0]


def _noise(side: int) -> Any:
    return torch.randn(1, 3, side, side, generator=torch.Generator().manual_seed(3))


def _unit(rows: Any) -> NDArray[np.float32]:
    vectors: NDArray[np.float32] = torch.nn.functional.normalize(rows, dim=-1).detach().numpy()
    return vectors


@pytest.mark.parametrize("name", ["tiny-clip", *ARCHITECTURES])
def test_values_are_attention_of_each_patch_to_itself(name: str, tmp_path: Path) -> None:
    """With a mask that leaves each token itself, attention returns the projected values."""
    model, side = _made(name, tmp_path)
    _, tower = _exported(model, side, tmp_path)
    pixels, visual = _noise(side), model.visual
    found = tower.run(pixels.numpy())[0]

    rows = visual._embeds(pixels)
    for block in visual.transformer.resblocks[:-1]:
        rows = block(rows)
    last = visual.transformer.resblocks[-1]
    rows = last.ln_1(rows)
    length = rows.shape[1]
    alone = torch.full((length, length), float("-inf")).fill_diagonal_(0)
    seen, _ = last.attn(rows, rows, rows, attn_mask=alone, need_weights=False)
    wanted = _unit(visual.ln_post(seen)[0, 1:] @ visual.proj).reshape(found.shape)

    assert np.abs(found - wanted).max() <= AGREEMENT


@pytest.mark.parametrize("name", ["tiny-rope", *POOLED])
def test_windows_are_the_pool_over_their_patches(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tower that pools by attention gives a window what it would give those patches alone."""
    if name == "tiny-rope":  # it has 4 x 4 patches, so larger windows would all be the whole
        monkeypatch.setattr(patches, "_WINDOW", 2)
    window = patches._WINDOW
    model, side = _made(name, tmp_path)
    _, tower = _exported(model, side, tmp_path)
    pixels, visual = _noise(side), model.visual
    found = tower.run(pixels.numpy())[0]

    trunk = visual.trunk
    across = trunk.patch_embed.grid_size[0]
    rows = trunk.forward_features(pixels)[:, trunk.num_prefix_tokens :]
    square = rows.reshape(1, across, across, -1)
    for row, column in ((0, 0), (0, 1), (1, 0), (-1, -1), (found.shape[0] // 2, 1)):
        middles = [2 * (each % found.shape[0]) + 1 for each in (row, column)]
        top, left = (min(max(0, each - window // 2), across - window) for each in middles)
        alone = square[:, top : top + window, left : left + window].flatten(1, 2)
        wanted = _unit(visual.head(trunk.head(trunk.fc_norm(trunk.attn_pool(alone)))))[0]
        assert np.abs(found[row, column] - wanted).max() <= AGREEMENT


def test_a_tower_of_another_kind_has_no_patches(tmp_path: Path) -> None:
    """There is no file, and the export says so."""
    model, side = _made("tiny-resnet", tmp_path)
    said, _ = _exported(model, side, tmp_path)
    assert not (tmp_path / PATCHES).exists()
    assert said == ["this model cannot say where in a picture something is"]


def test_patches_of_a_shift_add_up_to_the_vector_of_the_shifted_picture(
    demo: BundleEmbedder,
) -> None:
    """The demo model's vector is a sum over cells, so its patches are what is added up."""
    picture = draw(sample_scene(Random(5)), 64, 64)
    found = demo.patches(picture)
    assert found is not None
    wide = np.pad(picture, ((6, 6), (6, 6), (0, 0)), mode="edge")
    for down, across in ((0, 0), (1, 3), (3, 2)):
        shifted = wide[4 * down : 4 * down + 64, 4 * across : 4 * across + 64]
        added = found.vectors[down::4, across::4].sum(axis=(0, 1))
        wanted = demo.embed_images(shifted[None])[0]
        assert np.abs(added / np.linalg.norm(added) - wanted).max() <= AGREEMENT


def test_the_demo_models_file_is_made_of_its_visual_tower() -> None:
    """The committed file is what the code makes, with the weights of the tower beside it."""
    graph = stitched(onnx.load(MODEL / VISUAL))
    assert graph is not None
    assert share(graph, MODEL / VISUAL) < 10_000
    assert graph.SerializeToString() == (MODEL / PATCHES).read_bytes()
    assert (MODEL / PATCHES).stat().st_size < 30_000


def test_patches_change_no_vector(tmp_path: Path) -> None:
    """A bundle without the file has the same fingerprint, so its collections stay."""
    bare = tmp_path / "bare"
    shutil.copytree(MODEL, bare)
    (bare / PATCHES).unlink()
    content = json.loads((bare / MANIFEST).read_text())
    del content["files"][PATCHES]
    (bare / MANIFEST).write_text(json.dumps(content))
    assert bundles.load(bare).fingerprint == bundles.load(MODEL).fingerprint
    assert on_cpu(bundles.load(bare)).patches(np.zeros((9, 9, 3), np.uint8)) is None


def test_a_file_of_another_model_is_refused(tmp_path: Path) -> None:
    """The sentence says what the file has and what it must have."""
    wrong = tmp_path / "wrong"
    shutil.copytree(MODEL, wrong)
    shutil.copy(MODEL / VISUAL, wrong / PATCHES)
    bundle = bundles.draft(wrong, bundles.load(MODEL))
    embedder = on_cpu(bundles.Bundle(**{**_fields(bundle), "files": {PATCHES: ""}}))
    with pytest.raises(ConfigError, match=r"patches of \(R, C, 384\)"):
        embedder.patches(np.zeros((9, 9, 3), np.uint8))


def _fields(bundle: bundles.Bundle) -> dict[str, Any]:
    return {name: getattr(bundle, name) for name in bundle.__dataclass_fields__}


def test_the_hottest_patch_is_in_the_thing(demo: BundleEmbedder) -> None:
    """The pointing game in the demo world; the whole of it is `benchmarks.where`."""
    random, right = Random(7_200_001), []
    for _ in range(40):
        scene = sample_scene(random)
        things = [thing for thing in scene.things if thing.visible]
        patches = demo.patches(draw(scene, 384, 216, oversampling=2))
        assert patches is not None
        for thing in things:
            if sum((thing.kind, thing.colour) == (one.kind, one.colour) for one in things) > 1:
                continue
            said = phrase(Description((Item(thing.kind, thing.colour),)), random)
            heat = heat_of(patches, demo.embed_texts([said])[0])
            assert heat is not None
            rows, columns = heat.grid.shape
            y, x = np.unravel_index(heat.grid.argmax(), heat.grid.shape)
            right.append(
                abs((x + 0.5) / columns - thing.x) <= thing.size * 9 / 32
                and abs((y + 0.5) / rows - thing.y) <= thing.size / 2
            )
    assert len(right) > 55
    assert np.mean(right) >= 0.9
