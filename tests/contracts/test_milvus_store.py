"""What publishing in Milvus adds to the contract of a store: faults, and what is left behind."""

import logging
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from clipseek.config.index_url import MilvusAddress
from clipseek.errors import ServiceUnavailable
from clipseek.library.view import View
from clipseek.milvus import Milvus
from clipseek.milvus.importing import imported
from clipseek.publishing import MilvusStore, build
from clipseek.publishing.milvus import KEPT_S, UNFINISHED_S
from clipseek.table import SegmentTable
from tests.contracts.catalogs import DIM, a_video
from tests.contracts.milvus import Server, patient, server
from tests.contracts.test_index_store import NAME, block_of, filled

ROOT = Path(__file__).parents[2]


@pytest.fixture
def milvus(tmp_path: Path) -> Milvus:
    """Return an empty database of Milvus Lite."""
    return patient(server().of(tmp_path))


@pytest.fixture
def store(milvus: Milvus, tmp_path: Path) -> MilvusStore:
    """Return a store in it."""
    return MilvusStore(milvus, tmp_path / "locks")


def test_a_server_that_is_killed_answers_again(tmp_path: Path) -> None:
    """While it is gone, a search is an error and the view stays; then all is as it was."""
    own = Server(tmp_path / "data.db")
    try:
        catalog = filled()
        store = MilvusStore(Milvus(own.address(), ask_s=0.5), tmp_path / "locks")
        manifest = build(catalog, store, NAME)
        view, queries = View.open(catalog, store, NAME), block_of(catalog).vectors
        before = view.search(queries, 6)
        own.kill()
        gone = view.refresh(catalog, store)
        assert (gone.version, gone.snapshot_version) == (2, 2)
        assert "does not answer" in gone.note
        with pytest.raises(ServiceUnavailable, match="does not answer; check that it runs"):
            gone.search(queries, 6)
        with pytest.raises(ServiceUnavailable, match="does not answer"):
            build(catalog, store, NAME)
        a_video("c").put_into(catalog)
        own.start()
        later = MilvusStore(patient(own.address()), tmp_path / "locks")
        back = gone.refresh(catalog, later)
        assert (back.version, back.snapshot_version, back.note) == (3, 2, "")
        assert later.manifest(NAME) == manifest
        assert later.damage(NAME) == []
        found = view.search(queries, 6)
        assert found.ids.tolist() == before.ids.tolist()
        assert found.scores.tolist() == before.scores.tolist()
    finally:
        own.kill()


def test_a_catalog_is_read_in_full_without_milvus(tmp_path: Path) -> None:
    """What is opened while Milvus is gone answers from the catalog, and says why."""
    catalog = filled()
    nowhere = Milvus(MilvusAddress("127.0.0.1", 1), ask_s=0.2)
    view = View.open(catalog, MilvusStore(nowhere, tmp_path), NAME)
    assert (len(view), view.snapshot_version) == (10, None)
    assert "Milvus at 127.0.0.1:1 does not answer" in view.note


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        pytest.param(
            lambda client, name: client.delete(name, ids=[1]), "9 rows, not 10", id="segment"
        ),
        pytest.param(
            lambda client, name: client.delete(f"{name}_rows", ids=[0]), "is damaged", id="manifest"
        ),
        pytest.param(
            lambda client, name: client.delete(f"{name}_rows", ids=[1]), "checksum", id="table"
        ),
        pytest.param(
            lambda client, name: client.drop_collection(f"{name}_rows"), "error", id="no table"
        ),
    ],
)
def test_damage_is_told_and_healed(
    store: MilvusStore, milvus: Milvus, spoil: Callable[[object, str], object], said: str
) -> None:
    """What lacks something is not opened, and the next build replaces it."""
    catalog = filled()
    build(catalog, store, NAME)
    name = store.pointer(NAME)
    assert name is not None
    spoil(milvus._open(), name)
    with pytest.raises(ServiceUnavailable, match=said):
        store.open(NAME)
    assert len(store.damage(NAME)) == 1
    build(catalog, store, NAME)
    assert store.damage(NAME) == []
    assert store.pointer(NAME) != name


def test_a_vector_that_was_changed_is_found(store: MilvusStore, milvus: Milvus) -> None:
    """Only reading all vectors shows it, which is what `indexer verify` does."""
    build(filled(), store, NAME)
    row = {"id": 1, "video": 0, "vector": np.eye(1, DIM, dtype=np.float32)[0]}
    milvus._open().upsert(store.pointer(NAME), [row])
    assert store.open(NAME) is not None
    (told,) = store.damage(NAME)
    assert "its vectors are not those that were written; run `indexer build`" in told


def test_what_was_replaced_stays_while_readers_may_search_it(
    milvus: Milvus, tmp_path: Path
) -> None:
    """After ten minutes the next builder, of any key, removes it; others' collections stay."""
    now = [1e9]
    store = MilvusStore(milvus, tmp_path / "locks", clock=lambda: now[0])
    milvus.make_texts("not_ours")
    catalog = filled(videos="a")
    build(catalog, store, NAME)
    now[0] += 10 * KEPT_S
    first, opened = store.pointer(NAME), store.open(NAME)
    a_video("b").put_into(catalog)
    build(catalog, store, NAME)
    second = store.pointer(NAME)
    now[0] += KEPT_S - 1
    with store.building("other"):
        assert {first, second} <= set(milvus.collections())
    assert opened is not None
    assert len(opened.index.search(block_of(catalog).vectors[:1], 9).ids[0]) == 5
    now[0] += 2
    with store.building("other"):
        pass
    assert set(milvus.collections()) == {"not_ours", second, f"{second}_rows"}
    store.remove(NAME)
    now[0] += KEPT_S + 1
    with store.building("other"):
        pass
    assert milvus.collections() == ["not_ours"]


def test_a_killed_builder_leaves_the_old_one(
    store: MilvusStore, milvus: Milvus, tmp_path: Path
) -> None:
    """What it has not published is removed after a day, because another may still be at work."""
    before = build(filled(videos="a"), store, NAME)
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from clipseek.config.index_url import MilvusAddress\n"
        "from clipseek.milvus import Milvus\n"
        "from clipseek.publishing import MilvusStore, build\n"
        "from tests.contracts.test_index_store import NAME, filled\n"
        "Milvus.finish_texts = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        "address = MilvusAddress('127.0.0.1', int(sys.argv[1]), database=sys.argv[2])\n"
        "build(filled(), MilvusStore(Milvus(address, ask_s=60.0), Path(sys.argv[3])), NAME)\n"
    )
    at = milvus.address
    died = subprocess.run(
        [sys.executable, "-c", program, str(at.port), at.database, str(tmp_path / "locks")],
        check=False,
        cwd=ROOT,
    )
    assert died.returncode == -signal.SIGKILL
    assert len(milvus.collections()) == 4
    assert store.manifest(NAME) == before
    assert store.damage(NAME) == []
    for passed_s, left in ((0.0, 4), (UNFINISHED_S + 1, 2)):
        now = time.time() + passed_s
        later = MilvusStore(milvus, tmp_path / "locks", clock=partial(float, now))
        with later.building("other"):
            pass
        assert len(milvus.collections()) == left


def test_a_builder_that_fails_leaves_nothing(
    store: MilvusStore, milvus: Milvus, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its collections are removed at once, and what was published still is."""
    before = build(filled(videos="a"), store, NAME)

    def broken(*_: object) -> int:
        raise ServiceUnavailable("full")

    with monkeypatch.context() as patched:
        patched.setattr(milvus, "count", broken)
        with pytest.raises(ServiceUnavailable, match="full"):
            build(filled(), store, NAME)
    assert len(milvus.collections()) == 2
    assert store.manifest(NAME) == before


def test_who_comes_second_is_refused(
    milvus: Milvus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two machines have no lock in common; the one whose index would replace a newer one stops."""
    one, other = (MilvusStore(milvus, tmp_path / name) for name in ("one", "other"))
    real = milvus.finish_texts

    def meanwhile(name: str) -> None:
        real(name)
        monkeypatch.undo()
        build(filled(videos="abc"), other, NAME)

    monkeypatch.setattr(milvus, "finish_texts", meanwhile)
    with pytest.raises(ServiceUnavailable, match="another builder has published 'default'"):
        build(filled(videos="a"), one, NAME)
    manifest = one.manifest(NAME)
    assert manifest is not None
    assert manifest.version == 3


def test_keys_have_aliases_of_their_own(store: MilvusStore) -> None:
    """Names that differ in what Milvus does not allow are apart."""
    catalog = filled()
    build(catalog, store, NAME)
    with store.building("a-b"), store.building("a_b"):
        pass
    seen = set()
    for key in ("a-b", "a_b", "a_2db", "ä"):
        with store.building(key):
            rows, vectors = SegmentTable.of(catalog.blocks(NAME), DIM)
            store.publish(key, catalog.collection(NAME), rows, vectors, history="")
        seen.add(store.pointer(key))
    assert len(seen) == 4


def test_a_file_that_another_process_has_open_is_named(tmp_path: Path) -> None:
    """Milvus Lite serves one process; the sentence says what to do."""
    url = f"milvus://{server().folder}"
    store = MilvusStore(Milvus.at(url), tmp_path)
    with pytest.raises(ServiceUnavailable, match=r"one process at a time can.*milvus-lite server"):
        store.pointer(NAME)


def test_a_file_is_made_by_the_first_builder(tmp_path: Path) -> None:
    """Reading makes nothing; what was published is searched in the process itself."""
    file = tmp_path / "index.db"
    store = MilvusStore(Milvus.at(f"milvus://{file}"), tmp_path / "locks")
    assert store.pointer(NAME) is None
    assert store.open(NAME) is None
    store.remove(NAME)
    assert not file.exists()
    catalog = filled()
    build(catalog, store, NAME)
    found = store.open(NAME)
    assert found is not None
    assert found.index.search(block_of(catalog).vectors[:1], 3).ids[0, 0] == 1


class Heard:
    """What a fake server has heard of credentials."""

    def __init__(self) -> None:
        self.seen: set[str] = set()


@contextmanager
def faked(version: str = "v2.2.9", *, refuses: bool = False) -> Iterator[tuple[Heard, Milvus]]:
    """Run a server that says a version, or refuses everybody, and a Milvus that asks it."""
    imported()  # before anything else imports pymilvus, which would read a file `.env`
    import grpc
    from pymilvus.grpc_gen import common_pb2, milvus_pb2, milvus_pb2_grpc

    heard, right = Heard(), common_pb2.Status()

    class Fake(milvus_pb2_grpc.MilvusServiceServicer):  # type: ignore[misc]  # generated code
        def _hear(self, context: grpc.ServicerContext) -> None:
            metadata = context.invocation_metadata()
            heard.seen |= {str(value) for key, value in metadata if key == "authorization"}
            if refuses:
                context.abort(grpc.StatusCode.UNAUTHENTICATED, "auth check failure: root:hush")

        def Connect(self, request: object, context: grpc.ServicerContext) -> object:  # noqa: N802
            """Answer as a server does to a new client."""
            self._hear(context)
            return milvus_pb2.ConnectResponse(status=right)

        def GetVersion(self, request: object, context: grpc.ServicerContext) -> object:  # noqa: N802
            """Say the version."""
            self._hear(context)
            return milvus_pb2.GetVersionResponse(status=right, version=version)

    running = grpc.server(futures.ThreadPoolExecutor(2))
    milvus_pb2_grpc.add_MilvusServiceServicer_to_server(Fake(), running)
    port = running.add_insecure_port("127.0.0.1:0")
    running.start()
    try:
        yield heard, Milvus(MilvusAddress("127.0.0.1", port), token="root:hush")
    finally:
        running.stop(0).wait()


@pytest.mark.parametrize("version", ["v2.2.9", "milvus_lite-2.4.12", "unknown"])
def test_an_old_milvus_is_refused(tmp_path: Path, version: str) -> None:
    """The sentence names its version and the one that is needed, and the token was sent."""
    with faked(version) as (heard, milvus):
        with pytest.raises(ServiceUnavailable, match=f"'{version}', and clipseek needs") as told:
            MilvusStore(milvus, tmp_path).pointer(NAME)
        assert heard.seen == {"cm9vdDpodXNo"}  # base64 of the token
    assert "hush" not in str(told.value)


def test_credentials_are_in_no_error_and_no_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """A server that repeats them is not repeated, and pymilvus logs nothing."""
    caplog.set_level(logging.DEBUG)
    told = pytest.raises(ServiceUnavailable, match="CLIPSEEK_INDEX_TOKEN")
    with faked(refuses=True) as (_, milvus), told as raised:
        MilvusStore(milvus, tmp_path).pointer(NAME)
    said = str(raised.value) + caplog.text + "".join(capfd.readouterr())
    assert "hush" not in said
    assert "cm9vdDpodXNo" not in said


def test_importing_pymilvus_reads_no_settings() -> None:
    """It would read a file `.env` into the environment, which is that of the command."""
    program = (
        "import dotenv\n"
        "def read(*_, **__): raise SystemExit('.env was read')\n"
        "dotenv.load_dotenv = read\n"
        "from clipseek.milvus.importing import imported\n"
        "imported()\n"
        "assert dotenv.load_dotenv is read\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, cwd=ROOT)


def test_a_server_is_asked_without_what_the_images_leave_out() -> None:
    """They have pymilvus alone: vectors are stored and found without Milvus Lite and pyarrow."""
    program = (
        "import sys\n"
        "sys.modules.update({'milvus_lite': None, 'pyarrow': None})\n"
        "import numpy as np\n"
        "from clipseek.milvus import Milvus\n"
        "from tests.contracts.milvus import stored\n"
        "vectors = np.eye(3, 8, dtype=np.float32)\n"
        "asked = Milvus.at(sys.argv[1])\n"
        "index = stored(np.arange(3, dtype=np.int64), vectors, milvus=asked)\n"
        "print(index.search(vectors[1:2], 1).ids.tolist())\n"
    )
    url = f"milvus://127.0.0.1:{server().port}"
    command = [sys.executable, "-c", program, url]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "[[1]]\n"), done.stderr
