"""Every Tower keeps the same promises, in this process or beside it."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from clipseek import assembly
from clipseek.config import Settings
from clipseek.embedding import bundle as bundles
from clipseek.embedding import models
from clipseek.embedding.bundle import TEXT, VISUAL, Bundle
from clipseek.embedding.embedder import BundleEmbedder
from clipseek.embedding.pixels import normalise
from clipseek.embedding.tokens import Tokens
from clipseek.embedding.towers import openvino, text_on_cpu, visual_on_cpu
from clipseek.embedding.towers.remote import Address, on_server
from clipseek.embedding.verified import Verified
from clipseek.errors import ConfigError, ServiceUnavailable
from clipseek.protocols import Tower
from clipseek.testing import ToyTower
from tests.examples import process_tower
from tests.examples.process_tower import ProcessTower
from tests.inference.server import Running

Half = Literal["visual", "text"]
Maker = Callable[[Bundle], Tower]
SENTENCES = [
    "a red car",
    "",
    "a blue ball rolls over a field",
    "two dogs",
    "many words " * 80,
]


def toy(bundle: Bundle) -> Tower:
    """Return the fake."""
    return ToyTower(bundle.dim)


def on_openvino(bundle: Bundle) -> Tower:
    """Return the visual tower on OpenVINO."""
    if not openvino.is_installed():
        pytest.skip("the extra `openvino` is not installed")
    return visual_on_cpu(replace(bundle, runtime="openvino"), 2)


def beside(half: Half, bundle: Bundle) -> Tower:
    """Return a tower in a process beside."""
    return ProcessTower(bundle.path, half)


@dataclass(frozen=True)
class OnServer:
    """Makes a tower on an inference server; on none, it cannot be reached."""

    half: Half
    scheme: str
    running: Running | None = None

    def __call__(self, bundle: Bundle) -> Tower:
        """Return the tower."""
        url = self.running.url(self.scheme) if self.running else f"{self.scheme}://127.0.0.1:1"
        embedder = on_server(bundle, Address(url=url, deadline_s=30.0))
        return embedder._visual if self.half == "visual" else embedder._text


MAKERS: dict[str, tuple[Half, Maker]] = {
    "toy-visual": ("visual", toy),
    "toy-text": ("text", toy),
    "onnxruntime-visual": ("visual", lambda bundle: visual_on_cpu(bundle, 2)),
    "onnxruntime-text": ("text", lambda bundle: text_on_cpu(bundle, 2)),
    "openvino-visual": ("visual", on_openvino),
    "process-visual": ("visual", partial(beside, "visual")),
    "process-text": ("text", partial(beside, "text")),
    "grpc-visual": ("visual", OnServer("visual", "grpc")),
    "grpc-text": ("text", OnServer("text", "grpc")),
    "http-text": ("text", OnServer("text", "http")),
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Return the demo's bundle."""
    return models.resolve("demo", tmp_path_factory.mktemp("data"))


def listed(makers: dict[str, tuple[Half, Maker]]) -> list[Any]:
    """Return cases; MLServer takes seconds to start, and `make test` starts it elsewhere."""
    return [
        pytest.param(
            maker,
            id=name,
            marks=[pytest.mark.long] if isinstance(maker[1], OnServer) else [],
        )
        for name, maker in makers.items()
    ]


@pytest.fixture(scope="module", params=listed(MAKERS))
def made(request: pytest.FixtureRequest, demo: Bundle) -> Iterator[tuple[Half, Tower]]:
    """Return each tower in turn, made once, and which half it is."""
    half, make = request.param
    if isinstance(make, OnServer):
        make = replace(make, running=request.getfixturevalue("inference_server"))
    tower = make(demo)
    yield half, tower
    if isinstance(tower, ProcessTower):
        tower.close()


@pytest.fixture
def tower(made: tuple[Half, Tower]) -> Tower:
    """Return the tower alone."""
    return made[1]


@pytest.fixture
def rows(made: tuple[Half, Tower], demo: Bundle) -> NDArray[Any]:
    """Return five rows as the tower wants them."""
    half, tower = made
    if half == "text":
        return Tokens(demo).encode(SENTENCES).ids
    side = demo.image_size
    square = np.random.default_rng(5).integers(0, 256, (5, side, side, 3), np.uint8)
    return normalise(square, demo.recipe) if tower.intake.normalised else square


def test_each_row_gives_a_vector(tower: Tower, rows: NDArray[Any], demo: Bundle) -> None:
    """In their order, and rows are not written to."""
    before = rows.copy()

    vectors = tower.run(rows)

    assert vectors.shape == (5, demo.dim)
    assert vectors.dtype == np.float32
    assert np.isfinite(vectors).all()
    assert np.abs(tower.run(rows[::-1])[::-1] - vectors).max() <= 1e-4 * np.abs(vectors).max()
    assert np.array_equal(rows, before)


def test_neighbours_change_no_vector(tower: Tower, rows: NDArray[Any]) -> None:
    """A row alone has the vector that it has among others."""
    together = tower.run(rows)

    for row, vector in zip(rows, together, strict=True):
        assert np.abs(tower.run(row[None])[0] - vector).max() <= 1e-4 * np.abs(together).max()


def test_different_rows_have_different_vectors(tower: Tower, rows: NDArray[Any]) -> None:
    """The vectors say something about the rows."""
    vectors = tower.run(rows)

    assert len({vector.tobytes() for vector in vectors}) == len(rows)


def test_as_many_rows_run_at_once_as_it_says(tower: Tower, rows: NDArray[Any]) -> None:
    """`most` is a promise: the embedder sends that many."""
    most = tower.intake.most
    assert most >= 1

    assert len(tower.run(np.resize(rows, (most, *rows.shape[1:])))) == most


def test_threads_run_rows_at_once(tower: Tower, rows: NDArray[Any]) -> None:
    """Each gets the vectors of its own rows."""
    wanted = [tower.run(rows[place : place + 1]) for place in range(5)]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda i: tower.run(rows[i % 5 : i % 5 + 1]), range(20)))

    for i, vectors in enumerate(found):
        assert np.allclose(vectors, wanted[i % 5], atol=1e-4, rtol=1e-4)


TEXTS = {name: maker for name, maker in MAKERS.items() if maker[0] == "text"}


@pytest.mark.parametrize("made", listed(TEXTS), indirect=True)
def test_padding_changes_no_vector(tower: Tower, rows: NDArray[Any], demo: Bundle) -> None:
    """A text tower that takes any length gives a cut row the vector of the padded one."""
    assert tower.intake.any_length
    length = int(Tokens(demo).encode(SENTENCES[:1]).lengths[0])

    assert length < rows.shape[1]
    cut, whole = tower.run(rows[:1, :length]), tower.run(rows[:1])
    assert np.abs(cut - whole).max() <= 1e-4 * np.abs(whole).max()


def test_a_tower_that_works_passes_its_check(tower: Tower) -> None:
    """Nothing is raised, however often it is asked."""
    tower.check()
    tower.check()


@pytest.fixture
def damaged(demo: Bundle, tmp_path: Path) -> Bundle:
    """Return the demo's bundle with towers of other bytes than its manifest says."""
    for file in demo.path.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    for name in (VISUAL, TEXT):
        (tmp_path / name).write_bytes(b"damaged")
    return replace(bundles.peek(tmp_path), verified=Verified(tmp_path))


def gone(bundle: Bundle) -> Tower:
    """Return a fake that cannot be reached."""
    tower = ToyTower(bundle.dim)
    tower.is_there = False
    return tower


BROKEN = {**MAKERS, "toy-visual": ("visual", gone), "toy-text": ("text", gone)}


@pytest.mark.parametrize(("half", "make"), BROKEN.values(), ids=list(BROKEN))
def test_a_tower_that_cannot_run_says_so(half: Half, make: Maker, damaged: Bundle) -> None:
    """Both its check and its run raise one of the two errors that are promised."""
    tower = make(damaged)
    side = damaged.image_size
    rows: NDArray[Any] = np.zeros((1, damaged.context_length), np.int64)
    if half == "visual":
        rows = np.zeros((1, side, side, 3), np.uint8)

    with pytest.raises((ConfigError, ServiceUnavailable)):
        tower.check()
    with pytest.raises((ConfigError, ServiceUnavailable)):
        tower.run(rows)


def test_a_process_that_was_killed_is_started_again(demo: Bundle) -> None:
    """The rows that it had are an error that says so, the next ones are answered."""
    tower = ProcessTower(demo.path, "text")
    rows = Tokens(demo).encode(SENTENCES).ids
    wanted = tower.run(rows)
    assert tower._process is not None
    tower._process.kill()
    tower._process.wait()

    with pytest.raises(ServiceUnavailable, match="has ended with code -9"):
        tower.run(rows)

    assert np.array_equal(tower.run(rows), wanted)
    tower.close()


def test_a_tower_elsewhere_needs_one_line(
    demo: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the one name of `assembly._embedder` changed, models run beside, bit for bit equal."""
    settings = Settings(data_dir=tmp_path, threads=2)
    pixels = np.random.default_rng(1).integers(0, 256, (40, 90, 120, 3), np.uint8)
    here = assembly.load_model(settings, "demo", report=lambda _: None).embedder
    monkeypatch.setattr(assembly, "on_cpu", process_tower.beside)

    model = assembly.load_model(settings, "demo", report=lambda _: None)

    embedder = model.embedder
    assert isinstance(embedder, BundleEmbedder)
    assert isinstance(embedder._visual, ProcessTower)
    assert isinstance(embedder._text, ProcessTower)
    assert np.array_equal(embedder.embed_images(pixels), here.embed_images(pixels))
    assert np.array_equal(embedder.embed_texts(SENTENCES), here.embed_texts(SENTENCES))
    embedder._visual.close()
    embedder._text.close()
