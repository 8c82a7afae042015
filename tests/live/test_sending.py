"""Alerts are sent signed, again until they have arrived, and to no address that is inside."""

import hashlib
import hmac
import json
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from clipseek.errors import ConfigError
from clipseek.live import sending
from clipseek.live.sealing import Seal, new_key
from clipseek.live.sending import PAUSES_S, Sending, signed
from clipseek.live.signing import Secrets
from clipseek.sources.guard import Outgoing
from clipseek.testing import MemoryWatches
from clipseek.watches import Alert, Delivery, Findings, Watch

SECRET = "whsec_" + b64encode(b"0123456789abcdef01234567").decode()
Answer = Callable[[BaseHTTPRequestHandler], None]


class Receiver(ThreadingHTTPServer):
    """A server that takes alerts; it notes their headers and bodies."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.statuses: list[int] = []
        self.hangs = threading.Event()
        self.hangs.set()

    @property
    def host(self) -> str:
        """The host with its port."""
        return f"127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        """Note what comes, and answer with the next status, or 204."""
        body = self.rfile.read(int(self.headers["Content-Length"]))
        named = {name.lower(): value for name, value in self.headers.items()}
        self.server.got.append((named, body))
        self.server.hangs.wait(30)
        status = self.server.statuses.pop(0) if self.server.statuses else 204
        self.send_response(status)
        self.send_header("Location", f"http://{self.server.host}/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Serve on a free port."""
    with serving() as server:
        yield server


@contextmanager
def serving() -> Iterator[Receiver]:
    """Serve on a free port."""
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.hangs.set()
        server.shutdown()
        thread.join()


class Post:
    """A store with a watch whose alerts are sent, and a clock."""

    def __init__(self, url: str, store: type[MemoryWatches] = MemoryWatches) -> None:
        self.time = 1.8e9
        self.store = store(lambda: self.time)
        self.store.add(Watch("w", "red", "default", {"parts": []}, 0.5, webhook=url, secret=SECRET))

    def fire(self, *names: str, watch: str = "w") -> None:
        """Make alerts."""
        turn = self.store.take("judge", "default", "e", 1e6)
        assert turn is not None
        made = [Alert(n, watch, "red", "default", "film", 1.0, 2.0, 1.5, 0.9) for n in names]
        assert self.store.commit(turn, turn.version + 1, Findings(made), 1e6)


def _resolve(host: str, _port: int) -> list[str]:
    """Return the address of a host, without a name server."""
    if not host[0].isdigit():
        raise OSError("no address")
    return [host]


@contextmanager
def sender(post: Post, *hosts: str, secrets: Secrets | None = None) -> Iterator[Sending]:
    """Return what sends to some hosts although they are inside."""
    outgoing = Outgoing(hosts, resolve=_resolve)
    opened = Sending(
        post.store,
        outgoing,
        owner="one",
        root="/clips",
        secrets=secrets,
        now=lambda: post.time,
    )
    yield opened
    opened.close()


def test_an_alert_arrives_with_a_signature_that_standard_webhooks_verifies(
    receiver: Receiver,
) -> None:
    """Over its id, the time and the body, by the bytes of the secret."""
    post = Post(f"http://{receiver.host}/hook?a=b")
    post.fire("a1")
    with sender(post, receiver.host) as opened:
        assert opened.turn() == 1
    ((headers, body),) = receiver.got
    content = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body.decode()}"
    digest = hmac.new(b64decode(SECRET.removeprefix("whsec_")), content.encode(), hashlib.sha256)
    assert headers["webhook-signature"] == f"v1,{b64encode(digest.digest()).decode()}"
    assert (headers["webhook-id"], headers["webhook-timestamp"]) == ("a1", "1800000000")
    said = json.loads(body)
    assert (said["type"], said["data"]["watch_name"]) == ("alert", "red")
    assert said["data"]["thumbnail_url"] == "/clips/v1/alerts/a1/thumbnail"
    assert post.store.alert("a1").delivery == "delivered"


def test_the_signature_is_that_of_the_specification() -> None:
    """The example of the libraries of Standard Webhooks."""
    headers = signed(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    )
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_what_does_not_arrive_is_sent_again_with_the_same_id(receiver: Receiver) -> None:
    """After a pause; a redirect is not followed."""
    receiver.statuses = [500, 302]
    post = Post(f"http://{receiver.host}/hook")
    post.fire("a1")
    with sender(post, receiver.host) as opened:
        assert opened.turn() == 0
        assert post.store.alert("a1").reason == "the server answered 500"
        assert opened.turn() == 0
        assert len(receiver.got) == 1
        for status in ("302", ""):
            post.time += 2 * PAUSES_S[1]
            assert opened.turn() == (0 if status else 1)
            assert status in post.store.alert("a1").reason
    assert {headers["webhook-id"] for headers, _ in receiver.got} == {"a1"}
    assert len({headers["webhook-timestamp"] for headers, _ in receiver.got}) == 3


def test_after_hours_a_delivery_has_failed(receiver: Receiver) -> None:
    """With the reason of the last attempt; the pauses take most of a day."""
    receiver.statuses = [503] * 20
    post = Post(f"http://{receiver.host}/hook")
    post.fire("a1")
    began = post.time
    with sender(post, receiver.host) as opened:
        while post.store.alert("a1").delivery == "waiting":
            opened.turn()
            post.time += 60.0
    assert len(receiver.got) == len(PAUSES_S) + 1
    assert 12 * 3600 < post.time - began < 36 * 3600
    assert post.store.alert("a1").reason == "the server answered 503"


def test_a_receiver_that_is_gone_is_asked_once(receiver: Receiver) -> None:
    """410 means that it wants nothing more."""
    receiver.statuses = [410]
    post = Post(f"http://{receiver.host}/hook")
    post.fire("a1")
    with sender(post, receiver.host) as opened:
        opened.turn()
    assert post.store.alert("a1").delivery == "failed"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        pytest.param("https://127.0.0.1:9/x?token=abc", "not public", id="inside"),
        pytest.param("http://hooks.example/x?token=abc", "https", id="without TLS"),
        pytest.param("https://no-such-host.invalid/?token=abc", "no address", id="no address"),
    ],
)
def test_nothing_is_sent_inside_or_in_the_clear(url: str, reason: str) -> None:
    """The reason names no more than the host."""
    post = Post(url)
    post.fire("a1")
    with sender(post) as opened:
        opened.turn()
    alert = post.store.alert("a1")
    assert (alert.delivery, alert.attempts) == ("waiting", 1)
    assert reason in alert.reason
    assert "abc" not in alert.reason


def test_a_receiver_that_hangs_delays_itself_alone(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attempt ends in time, and says so."""
    monkeypatch.setattr(sending, "LIMIT_S", 0.3)
    receiver.hangs.clear()
    post = Post(f"http://{receiver.host}/hook")
    post.fire("a1")
    with sender(post, receiver.host) as opened:
        assert opened.turn() == 0
    assert post.store.alert("a1").reason == "no answer in 0.3 s"


def test_a_slow_host_leaves_threads_to_the_others(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has two attempts at a time, whatever waits for it; alerts for others pass it by."""
    monkeypatch.setattr(sending, "PATIENCE_S", 0.05)
    receiver.hangs.clear()
    post = Post(f"http://{receiver.host}/hook")
    post.fire(*(f"a{n:02}" for n in range(20)))
    with serving() as quick:
        post.store.add(
            Watch(
                "q",
                "blue",
                "default",
                {"parts": []},
                0.5,
                webhook=f"http://{quick.host}/hook",
                secret=SECRET,
            )
        )
        post.fire(*(f"b{n:02}" for n in range(20)), watch="q")
        with sender(post, receiver.host, quick.host) as opened:
            arrived = 0
            while arrived < 20:
                arrived += opened.turn()
            assert len(receiver.got) == sending.OF_HOST
            assert {headers["webhook-id"] for headers, _ in quick.got} == {
                f"b{n:02}" for n in range(20)
            }
            receiver.hangs.set()
            opened.drain()
    assert len(receiver.got) == 20


def test_what_drains_waits_for_slow_attempts(receiver: Receiver) -> None:
    """It does not ask the store again and again what is due."""

    class Counted(MemoryWatches):
        asked = 0

        def due(
            self, owner: str, lease_s: float, most: int, *, besides: Sequence[str] = ()
        ) -> list[Delivery]:
            self.asked += 1
            return super().due(owner, lease_s, most, besides=besides)

    receiver.hangs.clear()
    post = Post(f"http://{receiver.host}/hook", Counted)
    post.fire("a1")
    with sender(post, receiver.host) as opened:
        threading.Timer(sending.PATIENCE_S + 0.3, receiver.hangs.set).start()
        opened.drain()
    assert post.store.alert("a1").delivery == "delivered"
    assert isinstance(post.store, Counted)
    assert post.store.asked < 20


def test_a_secret_is_stored_encrypted_and_signs_all_the_same(receiver: Receiver) -> None:
    """By the first key; without a key that decrypts it, the alert waits and says why."""
    secrets = Secrets(Seal(new_key()))
    post = Post(f"http://{receiver.host}/hook")
    kept = secrets.kept(post.store.watch("w"))
    assert SECRET not in kept.secret
    assert secrets.kept(kept) == kept
    post.store.change(kept)
    post.fire("a1")
    with sender(post, receiver.host) as opened:
        assert opened.turn() == 0
    assert "encrypted by a key that is not in CLIPSEEK_CAMERA_KEY" in post.store.alert("a1").reason
    assert SECRET not in post.store.alert("a1").reason
    post.time += 2 * PAUSES_S[1]
    with sender(post, receiver.host, secrets=secrets) as opened:
        assert opened.turn() == 1
    ((headers, body),) = receiver.got
    expected = signed("a1", int(headers["webhook-timestamp"]), body, SECRET)
    assert headers["webhook-signature"] == expected["webhook-signature"]


def test_a_sealed_secret_belongs_to_its_watch() -> None:
    """The secret of another watch, copied in the database, signs nothing; keys rotate."""
    old, new = new_key(), new_key()
    watch = Watch("w", "red", "default", {"parts": []}, 0.5, webhook="https://a/", secret=SECRET)
    kept = Secrets(Seal(old)).kept(watch)
    with pytest.raises(ConfigError):
        Secrets(Seal(old)).told(kept.secret, "another")
    (again,) = Secrets(Seal(f"{new} {old}")).again([kept, replace(watch, id="x", secret="")])
    assert Secrets(Seal(new)).told(again.secret, "w") == SECRET
    assert Secrets(None).told(SECRET, "w") == SECRET


def test_a_process_that_ends_gives_back_what_it_has_not_sent(receiver: Receiver) -> None:
    """Another one sends it at once."""
    post = Post(f"http://{receiver.host}/hook")
    post.fire("a1")
    assert len(post.store.due("one", 1e6, 8)) == 1
    with sender(post, receiver.host):
        pass
    with sender(post, receiver.host) as opened:
        assert opened.turn() == 1
