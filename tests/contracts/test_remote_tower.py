"""A tower on an inference server: what is sent, what is checked, and what a bad network does."""

import ssl
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest

from clipseek import assembly
from clipseek.breaker import FAILURES, Breaker
from clipseek.config import Settings
from clipseek.embedding import models
from clipseek.embedding.bundle import TEXT, Bundle
from clipseek.embedding.embedder import BundleEmbedder
from clipseek.embedding.towers.remote import Address, RemoteTower, on_server, open_server
from clipseek.embedding.towers.remote.exchange import Answer, Metadata, Tensor, Wanted, late, wanted
from clipseek.embedding.towers.remote.http import HttpServer
from clipseek.errors import ConfigError, ServiceUnavailable
from tests.contracts.certificates import Certificates, make_certificates
from tests.inference.faults import Peer, peer

SUMS = Wanted(
    "clipseek-text-sums",
    "7",
    Tensor("tokens", "INT64", (-1, 8)),
    Tensor("vectors", "FP32", (-1, 3)),
)
ROWS = np.arange(16).reshape(2, 8)
VECTORS = [[29.0, 30.0, 31.0], [93.0, 94.0, 95.0]]
SENTENCES = ["a red car", "", "a blue ball rolls over a field", "two dogs"]


@pytest.fixture
def sums() -> Iterator[Peer]:
    """Run a server of the protocol that says what a test wants."""
    with peer(SUMS.name, SUMS.version, 3) as running:
        yield running


def tower_at(url: str, tower: Wanted = SUMS, **other: Any) -> RemoteTower:
    """Return a tower at an address."""
    address = Address(**{"url": url, "deadline_s": 20.0, **other})
    return RemoteTower(open_server(address), tower, Breaker(), address)


@pytest.mark.parametrize("extensions", [[], ["binary_tensor_data"]], ids=["json", "binary"])
def test_rows_are_sent_as_the_server_takes_them(sums: Peer, extensions: list[str]) -> None:
    """In JSON, or in bytes where the server announces that; the numbers are the same."""
    sums.extensions = extensions

    assert tower_at(sums.url).run(ROWS).tolist() == VECTORS

    kind = "application/octet-stream" if extensions else "application/json"
    assert sums.headers[-1]["content-type"] == kind


def test_an_answer_in_json_is_exact(sums: Peer) -> None:
    """A number of 32 bits survives its decimal form."""
    sums.extensions = []
    odd = np.array([[0.1, 1 / 3, 1e-30], [np.pi, 16777217.0, -7e10]], np.float32)
    sums.vectors = lambda _found: odd

    assert np.array_equal(tower_at(sums.url).run(ROWS), odd)


def changed(**other: Any) -> Any:
    """Return what changes fields of a document."""
    return lambda said: {**said, **other}


@pytest.mark.parametrize(
    ("what", "value", "reason"),
    [
        pytest.param("metadata", changed(name="other"), "of other", id="another-model"),
        pytest.param("metadata", changed(versions=["8"]), "says it has version 8", id="version"),
        pytest.param("metadata", changed(outputs=[]), "gives nothing", id="no-output"),
        pytest.param("metadata", lambda _: [], "not of the Open Inference Protocol", id="list"),
        pytest.param("metadata", lambda _: b"<html>", "not of the Open", id="html"),
        pytest.param("metadata", lambda _: {"name": 1}, "not of the Open", id="half"),
        pytest.param("answered", changed(model_version="8"), "ran version 8", id="ran-another"),
        pytest.param("answered", changed(outputs=[]), "answered with nothing", id="no-vectors"),
        pytest.param("answered", lambda _: b"\xff\x00", "not of the Open", id="no-json"),
        pytest.param("answered", lambda _: b"[" * 100_000, "not of the Open", id="deep"),
        pytest.param("vectors", lambda found: found * np.float32("nan"), "not finite", id="nan"),
        pytest.param("vectors", lambda found: found[:, :2], "of shape (2, 2)", id="dim"),
        pytest.param("vectors", lambda found: found[:1], "of shape (1, 3)", id="rows"),
        pytest.param("status", 500, "refuses the request (500", id="500"),
        pytest.param("status", 404, "refuses the request (404", id="404"),
    ],
)
@pytest.mark.parametrize("extensions", [[], ["binary_tensor_data"]], ids=["json", "binary"])
def test_what_is_not_the_tower_gives_no_vector(
    sums: Peer, what: str, value: Any, reason: str, extensions: list[str]
) -> None:
    """The error names the server and what it did; the next right answer counts again."""
    sums.extensions = extensions
    right = getattr(sums, what)
    setattr(sums, what, value)
    tower = tower_at(sums.url)

    with pytest.raises(ServiceUnavailable) as caught:
        tower.run(ROWS)

    said = str(caught.value)
    assert said.startswith(f"the inference server {sums.url} ")
    assert reason in said
    assert "version 7 of clipseek-text-sums" in said
    assert "\n" not in said
    setattr(sums, what, right)
    assert tower.run(ROWS).tolist() == VECTORS


def test_another_version_in_the_middle_is_noticed(sums: Peer) -> None:
    """Also if the server says nothing of having been started again."""
    tower = tower_at(sums.url)
    assert tower.run(ROWS).tolist() == VECTORS
    sums.version = "8"

    with pytest.raises(ServiceUnavailable, match="ran version 8 of clipseek-text-sums"):
        tower.run(ROWS)
    # From now on its metadata are asked for again, before rows are sent.
    with pytest.raises(ServiceUnavailable, match="says it has version 8"):
        tower.run(ROWS)


def test_an_answer_without_end_is_refused(sums: Peer) -> None:
    """It would fill the memory."""
    sums.answered = lambda _: b" " * (65 << 20)

    with pytest.raises(ServiceUnavailable, match="more than 67108864 bytes"):
        tower_at(sums.url).run(ROWS)


def test_an_answer_drop_by_drop_ends_at_the_deadline(sums: Peer) -> None:
    """Although each byte comes in time: the server takes ten seconds for all of them."""
    sums.pause_s = 0.2

    with pytest.raises(ServiceUnavailable, match="has not answered in"):
        tower_at(sums.url, deadline_s=0.5).check()

    assert sums.unsent != 0


def test_headers_drop_by_drop_end_at_the_deadline(sums: Peer) -> None:
    """Each byte comes in time, and all of them take half a minute."""
    sums.header_pause_s = 0.2

    with pytest.raises(ServiceUnavailable, match=r"has not answered in 0\.5 s"):
        tower_at(sums.url, deadline_s=0.5).check()


def test_metadata_and_rows_have_one_deadline(sums: Peer) -> None:
    """The server's metadata, the model's and the rows: what one takes, the others lack."""
    given: list[float] = []
    now = 0.0

    class Slow:
        url = sums.url

        def metadata(self, tower: Wanted, timeout_s: float) -> Metadata:
            nonlocal now
            given.append(timeout_s)
            now += 7.0
            return Metadata(tower.name, (tower.version,), (tower.taken,), (tower.given,))

        def infer(self, _tower: Wanted, _rows: Any, timeout_s: float) -> Answer:
            given.append(timeout_s)
            raise late(timeout_s)

    address = Address(url=sums.url, deadline_s=10.0)
    tower = RemoteTower(Slow(), SUMS, Breaker(), address, clock=lambda: now)
    assert not tower.intake.any_length
    with pytest.raises(ServiceUnavailable, match="has not answered in 10 s"):
        tower.run(ROWS)
    assert given == [10.0, 3.0]
    tower.check()
    with pytest.raises(ServiceUnavailable, match="has not answered in 10 s"):
        tower.run(ROWS)
    assert given[2:] == [10.0, 10.0]


def test_both_metadata_have_one_deadline(sums: Peer) -> None:
    """What the server's answer took is missing to the model's."""
    given: list[float] = []

    class Noted(HttpServer):
        def _asked(self, method: str, path: str, timeout_s: float, *more: Any) -> Any:
            given.append(timeout_s)
            return super()._asked(method, path, timeout_s, *more)

    sums.pause_s = 0.005  # 50 bytes of the first answer take a quarter of a second
    address = Address(url=sums.url, deadline_s=20.0)
    server = Noted(sums.url, authorities=None, token=None)
    RemoteTower(server, SUMS, Breaker(), address).check()
    assert given[0] > 19.0
    assert given[1] < given[0] - 0.2


@pytest.mark.parametrize("status", [429, 502, 503])
def test_a_busy_server_is_asked_again(sums: Peer, status: int) -> None:
    """As often as a request may be repeated, and not more often."""
    tower = tower_at(sums.url)
    tower.check()
    sums.status = status
    before = len(sums.headers)

    with pytest.raises(ServiceUnavailable, match=f"cannot be reached \\({status}"):
        tower.run(ROWS)

    assert len(sums.headers) == before + FAILURES


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Return the demo's bundle."""
    return models.resolve("demo", tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Make an authority and a server's certificate."""
    return make_certificates(tmp_path_factory.mktemp("tls"))


@contextmanager
def grpc_peer(certificates: Certificates) -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Run a server with TLS that answers with empty messages; yield its address and what came."""
    came: list[dict[str, str]] = []

    class Handler(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
        def service(self, details: Any) -> Any:
            came.append(dict(details.invocation_metadata))
            return grpc.unary_unary_rpc_method_handler(lambda _request, _context: b"")

    server = grpc.server(futures.ThreadPoolExecutor(2), handlers=[Handler()])
    pair = (certificates.key.read_bytes(), certificates.certificate.read_bytes())
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
    server.start()
    try:
        yield f"grpcs://127.0.0.1:{port}", came
    finally:
        server.stop(None).wait()


def test_grpc_with_tls_and_a_token(certificates: Certificates) -> None:
    """The server's certificate is checked, and the token is sent to that server."""
    with grpc_peer(certificates) as (url, came):
        with pytest.raises(ServiceUnavailable, match="says it has version unknown of ;"):
            tower_at(url, ca_file=certificates.authority, token="s3cret").check()
        assert came[0]["authorization"] == "Bearer s3cret"
        count = len(came)

        with pytest.raises(ServiceUnavailable, match="cannot be reached") as caught:
            tower_at(url, token="s3cret", deadline_s=5.0).check()

        assert len(came) == count
        assert "s3cret" not in str(caught.value)


def test_http_with_tls_and_a_token(certificates: Certificates) -> None:
    """The same over HTTP."""
    trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trusted.load_cert_chain(certificates.certificate, certificates.key)
    with peer(SUMS.name, SUMS.version, 3, trusted) as sums:
        tower = tower_at(sums.url, ca_file=certificates.authority, token="s3cret")
        assert tower.run(ROWS).tolist() == VECTORS
        assert {each["authorization"] for each in sums.headers} == {"Bearer s3cret"}
        count = len(sums.headers)

        with pytest.raises(ServiceUnavailable, match=r"cannot be reached \(TLS") as caught:
            tower_at(sums.url, token="s3cret").check()

        assert len(sums.headers) == count
        assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "cannot be read"), ("hello", "certificates in PEM")],
    ids=["missing", "text"],
)
def test_certificates_that_are_none(tmp_path: Path, content: str | None, reason: str) -> None:
    """A wrong file is an error of the setting, before anything is sent."""
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_text(content)

    with pytest.raises(ConfigError, match=f"CLIPSEEK_EMBEDDER_CA_FILE: the file .*{reason}"):
        open_server(Address(url="grpcs://127.0.0.1:1", ca_file=file))


def embedder(tmp_path: Path, **settings: Any) -> BundleEmbedder:
    """Return the demo's embedder as the settings place it."""
    chosen = Settings(data_dir=tmp_path, threads=2, **settings)
    bundle = models.resolve("demo", tmp_path)
    found = assembly._embedder(chosen, bundle)
    assert isinstance(found, BundleEmbedder)
    return found


@pytest.mark.parametrize(
    ("sends", "remote"),
    [
        pytest.param("pictures,sentences", (True, True), id="both"),
        pytest.param("pictures", (True, False), id="pictures"),
        pytest.param("sentences", (False, True), id="sentences"),
    ],
)
def test_only_what_is_named_is_sent(tmp_path: Path, sends: str, remote: tuple[bool, bool]) -> None:
    """The other half runs in this process."""
    found = embedder(tmp_path, embedder_url="grpc://127.0.0.1:1", embedder_sends=sends)

    towers = (found._visual, found._text)
    assert tuple(isinstance(tower, RemoteTower) for tower in towers) == remote


def test_batches_are_those_of_the_setting(tmp_path: Path, demo: Bundle) -> None:
    """A text tower in int8 gets one sentence at a time: beside others, its vector would change."""
    found = embedder(tmp_path, embedder_url="grpc://127.0.0.1:1", embedder_batch=7)
    assert found._visual.intake.most == 7

    for bundle, most in ((demo, 7), (replace(demo, text_precision="int8"), 1)):
        tower = wanted(bundle, TEXT)
        with peer(tower.name, tower.version, bundle.dim) as running:
            there = on_server(bundle, Address(url=running.url, batch=7), sends=("sentences",))
            assert there._text.intake.most == most
            assert there._text.intake.any_length


def test_a_token_is_not_sent_for_others_to_read(tmp_path: Path) -> None:
    """Without TLS, to this machine alone."""
    for url in ("grpc://embedder:8001", "http://192.0.2.1:8000"):
        with pytest.raises(ConfigError, match=r"would be sent to .* unencrypted; use grpcs://"):
            embedder(tmp_path, embedder_url=url, embedder_token="s3cret")
    embedder(tmp_path, embedder_url="grpc://127.0.0.1:8001", embedder_token="s3cret")
    embedder(tmp_path, embedder_url="grpcs://embedder:8001", embedder_token="s3cret")


def test_a_model_for_another_runtime_is_not_sent(demo: Bundle) -> None:
    """A server would give its pictures other vectors; its sentences may be sent."""
    quantised = replace(demo, runtime="openvino", precision="int8")
    address = Address(url="grpc://127.0.0.1:1")

    with pytest.raises(ConfigError, match="embeds pictures in int8 with openvino"):
        on_server(quantised, address)
    on_server(quantised, address, sends=("sentences",))
