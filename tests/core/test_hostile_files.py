"""Files of strangers: bundles and captions that reach for what is not theirs, or for all memory."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper

from clipseek.embedding import bundle as bundles
from clipseek.embedding.bundle import BANK, MANIFEST, TOKENIZER, VISUAL
from clipseek.embedding.towers import on_cpu
from clipseek.embedding.towers.onnxruntime import OnnxTower
from clipseek.errors import ConfigError
from indexer.captions import read_captions
from tests.core.test_bundle import MADE, fill

OUTSIDE = "secret.bin"


class Loud:
    """Fails the test when it is unpickled, which runs code of the writer of the file."""

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        """Name what unpickling calls."""
        return (pytest.fail, ("an object of a file was made",))


def graph(folder: Path, location: str) -> Path:
    """Write a tower whose weights are in another file."""
    weights = onnx.TensorProto(name="w", data_type=onnx.TensorProto.FLOAT, dims=[4])
    weights.data_location = onnx.TensorProto.EXTERNAL
    for key, value in (("location", location), ("offset", "0"), ("length", "16")):
        weights.external_data.add(key=key, value=value)
    ends = [
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["N", 4])
        for name in ("pixels", "vectors")
    ]
    add = helper.make_node("Add", ["pixels", "w"], ["vectors"])
    made = helper.make_graph([add], "g", ends[:1], ends[1:], initializer=[weights])
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path = folder / VISUAL
    path.write_bytes(model.SerializeToString())
    return path


def run(file: Path) -> list[float]:
    """Load a tower and run it on zeros."""
    tower = OnnxTower(lambda: file, "pixels", [4], 4)
    return [float(value) for value in tower.run(np.zeros((1, 4), np.float32))[0]]


@pytest.mark.parametrize(
    "location",
    [
        pytest.param(f"../{OUTSIDE}", id="up"),
        pytest.param(f"{{outside}}/{OUTSIDE}", id="absolute"),
        pytest.param(f"x/../../{OUTSIDE}", id="up from below"),
        pytest.param("link.bin", id="link"),
        pytest.param(f"linked/{OUTSIDE}", id="linked folder"),
    ],
)
def test_weights_outside_the_bundle_are_not_read(tmp_path: Path, location: str) -> None:
    """A graph may name a file beside it, and no other."""
    np.arange(4, dtype=np.float32).tofile(tmp_path / OUTSIDE)
    folder = tmp_path / "bundle"
    folder.mkdir()
    (folder / "link.bin").symlink_to(tmp_path / OUTSIDE)
    (folder / "linked").symlink_to(tmp_path)
    file = graph(folder, location.format(outside=tmp_path))
    with pytest.raises(ConfigError, match="cannot load"):
        run(file)


def test_weights_beside_the_graph_are_read(tmp_path: Path) -> None:
    """As those of large towers are."""
    np.arange(4, dtype=np.float32).tofile(tmp_path / "weights.data")
    assert run(graph(tmp_path, "weights.data")) == [0.0, 1.0, 2.0, 3.0]


def resealed(folder: Path, name: str, content: bytes) -> None:
    """Put a file into a bundle, under the hash that its manifest then names."""
    (folder / name).write_bytes(content)
    said = json.loads((folder / MANIFEST).read_text())
    said["files"][name] = hashlib.sha256(content).hexdigest()
    (folder / MANIFEST).write_text(json.dumps(said))


def test_objects_in_a_bank_are_not_made(tmp_path: Path) -> None:
    """NumPy would unpickle them."""
    folder = bundles.write(tmp_path / "model", MADE, fill).path
    np.save(tmp_path / "objects.npy", np.array([Loud()], object), allow_pickle=True)
    resealed(folder, BANK, (tmp_path / "objects.npy").read_bytes())
    with pytest.raises(ConfigError, match=f"{BANK} is not a NumPy array"):
        bundles.load(folder)


@pytest.mark.parametrize("name", ["../secret", "/etc/hostname", "sub/file", "..", ""])
def test_a_manifest_names_only_files_beside_it(tmp_path: Path, name: str) -> None:
    """A path would have files read that are none of the bundle's."""
    folder = bundles.write(tmp_path / "model", MADE, fill).path
    (tmp_path / "secret").write_bytes(b"x")
    said = json.loads((folder / MANIFEST).read_text())
    said["files"][name] = hashlib.sha256(b"x").hexdigest()
    (folder / MANIFEST).write_text(json.dumps(said))
    with pytest.raises(ConfigError, match="cannot be used"):
        bundles.load(folder)


def test_a_link_to_a_device_is_no_file_of_a_bundle(tmp_path: Path) -> None:
    """It has no end."""
    folder = bundles.write(tmp_path / "model", MADE, fill).path
    (folder / VISUAL).unlink()
    (folder / VISUAL).symlink_to("/dev/zero")
    with pytest.raises(ConfigError, match=f"{VISUAL} is missing"):
        bundles.load(folder)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        pytest.param(b"[" * 200_000, "is not JSON", id="nested"),
        pytest.param(b"\xff", "is not JSON", id="no text"),
        pytest.param(b'{"x": "' + b"a" * (1 << 20) + b'"}', "has more than", id="large"),
    ],
)
def test_a_manifest_that_would_take_much_is_refused(
    tmp_path: Path, content: bytes, said: str
) -> None:
    """In one sentence."""
    (tmp_path / MANIFEST).write_bytes(content)
    with pytest.raises(ConfigError, match=said):
        bundles.peek(tmp_path)


def test_a_manifest_that_is_a_link_to_a_device_is_refused(tmp_path: Path) -> None:
    """It is not waited for."""
    (tmp_path / MANIFEST).symlink_to("/dev/zero")
    with pytest.raises(ConfigError, match="no readable"):
        bundles.peek(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"{}", id="empty"),
        pytest.param(b"[" * 200_000, id="nested"),
        pytest.param(b"\x00" * 100, id="zeros"),
    ],
)
def test_a_tokenizer_that_is_none_is_refused(tmp_path: Path, content: bytes) -> None:
    """In one sentence, and not as a fault of the library."""
    made = bundles.write(tmp_path / "model", MADE, fill)
    (made.path / TOKENIZER).write_bytes(content)
    with pytest.raises(ConfigError, match=f"{TOKENIZER} is not a tokenizer"):
        on_cpu(made, threads=1).embed_texts(["red"])


def test_a_tokenizer_without_an_end_is_refused(tmp_path: Path) -> None:
    """By its size, before it is read."""
    made = bundles.write(tmp_path / "model", MADE, fill)
    with (made.path / TOKENIZER).open("wb") as file:
        file.truncate(200 << 20)
    with pytest.raises(ConfigError, match="has more than"):
        on_cpu(made, threads=1).embed_texts(["red"])


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("[" * 200_000, id="nested"),
        pytest.param('{"query": "a", "file": ["x"], "start": 0, "end": 1}', id="no name"),
        pytest.param('{"query": "a", "file": "x", "start": "0", "end": NaN}', id="no number"),
        pytest.param(
            '{"query": "a", "file": "x", "start": 0, "end": ' + "9" * 5000 + "}", id="huge"
        ),
    ],
)
def test_captions_that_are_none_are_refused(tmp_path: Path, line: str) -> None:
    """By the number of the line."""
    (tmp_path / "captions.jsonl").write_text(line)
    with pytest.raises(ConfigError, match="line 1"):
        read_captions(tmp_path / "captions.jsonl")
