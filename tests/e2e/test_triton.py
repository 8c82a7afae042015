"""`indexer models export --triton`: a model repository that Triton's rules allow."""

import hashlib
import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnxruntime
import pytest

from clipseek.embedding import models
from clipseek.embedding.bundle import TEXT, VISUAL, Bundle
from clipseek.embedding.towers.remote.exchange import wanted
from clipseek.embedding.towers.triton import config, write_repository
from clipseek.errors import ConfigError
from indexer.cli import main
from tests.inference.server import environment

Capture = pytest.CaptureFixture[str]
PARSE = Path(__file__).parents[1] / "inference" / "parse_config.py"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Return the demo's bundle."""
    return models.resolve("demo", tmp_path_factory.mktemp("data"))


def parsed(file: Path) -> dict[str, Any]:
    """Read a config.pbtxt with the definition of Triton's client."""
    program = environment() / "bin" / "python"
    done = subprocess.run([program, PARSE, file], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_the_command_writes_both_towers(demo: Bundle, tmp_path: Path, capsys: Capture) -> None:
    """Under the names and versions that are asked for, byte for byte, and loadable there."""
    arguments = ("models", "export", "demo", "--triton", str(tmp_path / "models"), "--json")

    assert main(["--data-dir", str(tmp_path), *arguments]) == 0

    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    towers = {file: wanted(demo, file) for file in (VISUAL, TEXT)}
    assert [(row["model"], row["version"]) for row in printed] == [
        (tower.name, tower.version) for tower in towers.values()
    ]
    for (file, tower), row in zip(towers.items(), printed, strict=True):
        folder = tmp_path / "models" / tower.name
        assert row["folder"] == str(folder)
        assert sorted(path.name for path in folder.iterdir()) == sorted(
            ["config.pbtxt", tower.version]
        )
        written = folder / tower.version / file
        assert hashlib.sha256(written.read_bytes()).hexdigest() == demo.files[file]
        session = onnxruntime.InferenceSession(written, providers=["CPUExecutionProvider"])
        assert [one.name for one in session.get_inputs()] == [tower.taken.name]
    assert main(["--data-dir", str(tmp_path), *arguments]) == 2
    assert "is there already; remove it" in capsys.readouterr().err


def test_triton_reads_the_configuration(demo: Bundle, tmp_path: Path) -> None:
    """Its own definition of the file has every field, with these values."""
    towers = write_repository(demo, tmp_path, batch=16, instances=2)

    visual, text = (parsed(tmp_path / tower.name / "config.pbtxt") for tower in towers)

    side, fingerprint = demo.image_size, {"stringValue": demo.fingerprint}
    assert visual == {
        "name": towers[0].name,
        "backend": "onnxruntime",
        "maxBatchSize": 16,
        "defaultModelFilename": VISUAL,
        "versionPolicy": {"specific": {"versions": [towers[0].version]}},
        "input": [{"name": "pixels", "dataType": "TYPE_FP32", "dims": ["3", str(side), str(side)]}],
        "output": [{"name": "vectors", "dataType": "TYPE_FP32", "dims": [str(demo.dim)]}],
        "instanceGroup": [{"count": 2}],
        "dynamicBatching": {"preferredBatchSize": [16], "maxQueueDelayMicroseconds": "1000"},
        "parameters": {"clipseek_fingerprint": fingerprint},
    }
    assert text["input"] == [{"name": "tokens", "dataType": "TYPE_INT64", "dims": ["-1"]}]
    assert text["defaultModelFilename"] == TEXT


def test_sentences_in_int8_share_no_run(demo: Bundle) -> None:
    """Beside others, a sentence would get another vector."""
    tower = wanted(demo, TEXT)
    text = config(tower, TEXT, demo.fingerprint, most=1, instances=1, any_length=False)
    assert "max_batch_size: 1\n" in text
    assert "dynamic_batching" not in text
    assert f"dims: [ {demo.context_length} ]" in text


def test_the_weights_beside_a_tower_come_along(demo: Bundle, tmp_path: Path) -> None:
    """A large tower has them in files of their own, which its graph names."""
    files = {VISUAL: "", "visual.onnx.data": "", TEXT: "", "text.onnx.data": ""}
    for name in files:
        content = (demo.path / name).read_bytes() if name in demo.files else name.encode()
        (tmp_path / name).write_bytes(content)
    large = replace(demo, path=tmp_path, files=files, verified=None)

    towers = write_repository(large, tmp_path / "models")

    written = {
        tower.name: sorted(
            path.name for path in (tmp_path / "models" / tower.name / tower.version).iterdir()
        )
        for tower in towers
    }
    assert written == {
        towers[0].name: [VISUAL, "visual.onnx.data"],
        towers[1].name: [TEXT, "text.onnx.data"],
    }


def test_pictures_for_another_runtime_are_left_out(demo: Bundle, tmp_path: Path) -> None:
    """A server would give them other vectors."""
    towers = write_repository(replace(demo, runtime="openvino"), tmp_path)
    assert [tower.taken.name for tower in towers] == ["tokens"]


def test_a_damaged_bundle_leaves_nothing(demo: Bundle, tmp_path: Path) -> None:
    """Its files are checked before a server gets them."""
    for file in demo.path.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / VISUAL).write_bytes(b"damaged")
    damaged = models.resolve(str(tmp_path), tmp_path)

    with pytest.raises(ConfigError, match="is not the file that"):
        write_repository(damaged, tmp_path / "models")

    assert list((tmp_path / "models").iterdir()) == []


def test_copies_are_counted_from_one(demo: Bundle, tmp_path: Path) -> None:
    """The sentence has the name, the value and what to do."""
    with pytest.raises(ConfigError, match="--instances must be at least 1, got 0; leave it out"):
        write_repository(demo, tmp_path / "models", instances=0)
    assert not (tmp_path / "models").exists()
