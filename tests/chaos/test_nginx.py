"""The project's nginx configuration, in a real nginx before replicas that do as they are told."""

import json
import re
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from api.middleware import MAX_BODY_BYTES
from api.problem_kinds import ALL_KINDS
from clipseek.config import Settings
from tests.chaos.client import Answer, Client
from tests.chaos.conftest import require_programs
from tests.chaos.proxy import (
    NGINX,
    nginx_command,
    nginx_files,
    own_folder,
    standing,
    variables,
)
from tests.chaos.proxy import TEMPLATE as FILE
from tests.chaos.upstream import Upstream
from tests.contracts.postgres import free_port

TEMPLATE = FILE.read_text("utf-8")
SEARCHES = ["/v1/search", "/v1/search/batch"]
PROBLEM = "application/problem+json"
Front = Callable[[Sequence[int]], Client]


@pytest.fixture
def front() -> Iterator[Front]:
    """Return what starts an nginx before the replicas at some ports, and a client of it."""
    require_programs()
    with ExitStack() as stack:

        def start(ports: Sequence[int]) -> Client:
            return stack.enter_context(standing(stack.enter_context(own_folder()), ports))

        yield start


@pytest.fixture
def sound() -> Iterator[Upstream]:
    """A replica that answers."""
    with Upstream().serving() as upstream:
        yield upstream


def _problem(answer: Answer) -> tuple[int, str]:
    """Return the status and the type of a problem, which must have all that the API's have."""
    assert answer.headers["content-type"] == PROBLEM
    problem = answer.body
    assert set(problem) == {"type", "title", "status", "detail", "instance", "request_id"}
    assert problem["status"] == answer.status
    assert problem["request_id"] == answer.headers["x-request-id"]
    return answer.status, problem["type"]


def test_nginx_takes_the_configuration(tmp_path: Path) -> None:
    """`nginx -t` finds nothing to say but that all is well."""
    require_programs()
    main = nginx_files(tmp_path, variables(tmp_path, free_port(), [free_port()]))
    done = subprocess.run(nginx_command(main, "-t"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr


def test_every_variable_is_explained() -> None:
    """The README names the variables of the templates, and no others."""
    readme = (NGINX / "README.md").read_text("utf-8")
    example = (NGINX / "tls.conf.template").read_text("utf-8")
    used = set(re.findall(r"\$\{(\w+)\}", TEMPLATE + example)) - {"NGINX_"}
    assert used == set(re.findall(r"^\| `(NGINX_\w+)`", readme, re.MULTILINE))


def test_limits_agree_with_those_of_the_api() -> None:
    """The same bodies are too large, and a search that may still be answered is not given up."""
    assert "client_max_body_size 1m;" in TEMPLATE
    assert MAX_BODY_BYTES == 1 << 20
    deadline_s = Settings.model_fields["search_deadline_s"].default
    for location in SEARCHES:
        block = TEMPLATE.split(f"location = {location} {{")[1].split("}")[0]
        seconds = re.search(r"proxy_read_timeout (\d+)s", block)
        assert seconds is not None
        assert int(seconds[1]) > deadline_s


def test_only_searches_may_be_sent_twice() -> None:
    """No other location repeats what is not known to be safe."""
    blocks = TEMPLATE.split("location ")
    allowed = [block.split("{")[0].strip() for block in blocks if "non_idempotent;" in block]
    assert allowed == [f"= {path}" for path in SEARCHES]


@pytest.mark.parametrize("path", SEARCHES)
@pytest.mark.parametrize("status", [pytest.param(None, id="refuses"), pytest.param(0, id="dies")])
def test_a_search_is_put_to_another_replica_where_one_is_gone(
    front: Front, sound: Upstream, status: int | None, path: str
) -> None:
    """It refuses the connection or dies with the search in hand: no client hears of it."""
    with ExitStack() as stack:
        port = free_port()
        bad = Upstream(status=status or 0)
        if status is not None:
            port = stack.enter_context(bad.serving()).port
        client = front([port, sound.port])
        answers = [client.ask("POST", path, {"query": "a car"}) for _ in range(4)]
        assert [answer.status for answer in answers] == [200] * 4
        assert len(sound.seen) == 4
        assert bool(bad.seen) == (status is not None)


@pytest.mark.parametrize("path", [*SEARCHES, "/v1/videos"])
@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_what_a_replica_has_refused_is_not_put_to_others(
    front: Front, status: int, path: str
) -> None:
    """Where there is too much to do, each request is asked of one replica."""
    with Upstream(status=status).serving() as one, Upstream(status=status).serving() as other:
        client = front([one.port, other.port])
        answers = [client.ask("POST" if path in SEARCHES else "GET", path) for _ in range(4)]
        assert [answer.status for answer in answers] == [status] * 4
        assert len(one.seen) + len(other.seen) == 4


@pytest.mark.parametrize("path", [*SEARCHES, "/v1/videos"])
def test_what_takes_too_long_is_not_put_to_others(path: str) -> None:
    """A replica that says nothing has the request; the others are not given it as well."""
    require_programs()
    method = "POST" if path in SEARCHES else "GET"
    with ExitStack() as stack:
        ends = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        ports = [end.getsockname()[1] for end in ends]
        folder = stack.enter_context(own_folder())
        client = stack.enter_context(standing(folder, ports, edit=_hurried))
        answer = client.ask(method, path, {"query": "a car"} if method == "POST" else None)
        assert answer.status in (503, 504)
        assert answer.headers["retry-after"] == "1"
        assert sum(_has_connection(end) for end in ends) == 1


def _hurried(template: str) -> str:
    """Return the configuration with less patience."""
    template = re.sub(r"proxy_read_timeout \d+s", "proxy_read_timeout 300ms", template)
    return template.replace("proxy_next_upstream_timeout 5s", "proxy_next_upstream_timeout 200ms")


def test_nobody_else_is_asked_after_an_answer_that_takes_too_long() -> None:
    """One word of nginx means both kinds of time-outs; only the seconds tell them apart."""
    (asking,) = map(int, re.findall(r"proxy_next_upstream_timeout (\d+)s", TEMPLATE))
    (connecting,) = map(int, re.findall(r"proxy_connect_timeout (\d+)s", TEMPLATE))
    assert connecting < asking < min(map(int, re.findall(r"proxy_read_timeout (\d+)s", TEMPLATE)))


@pytest.mark.parametrize("path", [*SEARCHES, "/v1/videos"])
def test_a_replica_whose_address_is_gone_is_passed_over(sound: Upstream, path: str) -> None:
    """Nothing refuses a connection to a container that was removed, and nothing takes it."""
    require_programs()
    method = "POST" if path in SEARCHES else "GET"
    with ExitStack() as stack:
        gone = stack.enter_context(_nowhere())
        folder = stack.enter_context(own_folder())
        client = stack.enter_context(standing(folder, [gone, sound.port], edit=_soon))
        answers = [client.ask(method, path, {} if method == "POST" else None) for _ in range(4)]
        assert [answer.status for answer in answers] == [200] * 4


def _soon(template: str) -> str:
    return template.replace("proxy_connect_timeout 1s", "proxy_connect_timeout 100ms")


@contextmanager
def _nowhere() -> Iterator[int]:
    """Yield a port to which no connection is completed: its queue is full."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(2):
            waits = stack.enter_context(socket.socket())
            waits.setblocking(False)
            waits.connect_ex(listener.getsockname())
        yield listener.getsockname()[1]


def _has_connection(listener: socket.socket) -> bool:
    """Whether somebody has connected."""
    listener.setblocking(False)
    try:
        listener.accept()[0].close()
    except BlockingIOError:
        return False
    return True


def test_no_more_than_three_replicas_are_tried(front: Front) -> None:
    """A request that brings replicas to die does not bring down all of them."""
    with ExitStack() as stack:
        dying = [stack.enter_context(Upstream(status=0).serving()) for _ in range(5)]
        answer = front([one.port for one in dying]).ask("POST", "/v1/search", {"query": "a car"})
        assert _problem(answer) == (503, "/problems/service-unavailable")
        assert sum(len(one.seen) for one in dying) == 3


@pytest.mark.parametrize(("method", "times"), [("POST", 1), ("PATCH", 1), ("DELETE", 2)])
def test_what_may_change_something_is_sent_once(front: Front, method: str, times: int) -> None:
    """If a replica dies with it, no other one gets it, except a DELETE.

    Two of those have the effect of one (RFC 9110, section 9.2.2).
    """
    with Upstream(status=0).serving() as first, Upstream(status=0).serving() as second:
        answer = front([first.port, second.port]).ask(method, "/v1/other", {})
        assert _problem(answer) == (503, "/problems/service-unavailable")
        assert len(first.seen) + len(second.seen) == times


def test_no_video_is_written_to_the_disk() -> None:
    """Not where replicas send it, and not where it is asked for again."""
    blocks = {block.split("{")[0].strip(): block for block in TEMPLATE.split("location ")}
    for place in ("~ ^/v1/videos/[^/]+/file$", "@again"):
        assert "proxy_max_temp_file_size 0;" in blocks[place].split("}")[0], place


def test_no_replica_answers(front: Front) -> None:
    """The client gets a problem as the API writes them, and when to come again."""
    answer = front([free_port(), free_port()]).ask("POST", "/v1/search", {"query": "a car"})
    assert _problem(answer) == (503, "/problems/service-unavailable")
    assert answer.headers["retry-after"] == "1"


def test_the_last_answer_of_the_replicas_passes(front: Front, sound: Upstream) -> None:
    """When all say 503, the client hears their own reason."""
    sound.status, sound.body = 503, b'{"detail": "the database is away"}'
    answer = front([sound.port]).ask("POST", "/v1/search", {"query": "a car"})
    assert (answer.status, answer.body) == (503, {"detail": "the database is away"})


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        pytest.param("my-id_1.2", True, id="sane"),
        pytest.param("a b", False, id="space"),
        pytest.param("x" * 65, False, id="long"),
        pytest.param('"', False, id="quote"),
        pytest.param(None, False, id="none"),
    ],
)
def test_request_ids(front: Front, sound: Upstream, given: str | None, kept: bool) -> None:
    """The client's own is passed on if the API would keep it; else nginx makes one."""
    front([sound.port]).ask("GET", "/healthz", headers={"X-Request-ID": given} if given else {})
    ((_, _, headers),) = sound.seen
    assert (headers["x-request-id"] == given) == kept
    assert re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", headers["x-request-id"])


@pytest.mark.parametrize("path", ["/metrics", "/internal/shard"])
def test_what_replicas_say_to_each_other_stays_inside(
    front: Front, sound: Upstream, path: str
) -> None:
    """Nobody outside reads the metrics, or asks for shards."""
    answer = front([sound.port]).ask("GET", path)
    assert _problem(answer) == (404, "/problems/not-found")
    assert sound.seen == []


def test_a_large_body_is_refused(front: Front, sound: Upstream) -> None:
    """More than the API takes does not reach it; as much as it takes does."""
    client = front([sound.port])
    # What JSON adds: two quotation marks.
    assert client.ask("POST", "/v1/search", "x" * (MAX_BODY_BYTES - 2)).status == 200
    answer = client.ask("POST", "/v1/search", "x" * (MAX_BODY_BYTES - 1))
    assert _problem(answer) == (413, "/problems/body-too-large")
    assert len(sound.seen) == 1


@pytest.mark.parametrize("path", ["/v1/uploads", "/v1/uploads/0e75"])
def test_an_upload_passes_as_it_comes(front: Front, path: str) -> None:
    """A replica has what was sent before the rest is; the whole may be larger than other bodies."""
    size = 3 * MAX_BODY_BYTES
    head = b"PATCH %s HTTP/1.1\r\nContent-Length: %d\r\n" % (path.encode(), size) + HOST
    with socket.create_server(("127.0.0.1", 0)) as replica, ExitStack() as stack:
        port = front([replica.getsockname()[1]]).port
        client = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=20))
        client.sendall(head + b"a" * (size // 2))
        replica.settimeout(20)
        taken = stack.enter_context(replica.accept()[0])
        taken.settimeout(20)
        first = b""
        while first.count(b"a") < size // 2:
            first += taken.recv(65536)
        client.sendall(b"b" * (size - size // 2))
        rest = b""
        while rest.count(b"b") < size - size // 2:
            rest += taken.recv(65536)
        taken.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 204 ")


@pytest.mark.parametrize("path", ["/v1/uploadsx", "/v1/videos/0e75", "/x/v1/uploads/0e75"])
def test_only_an_upload_may_be_large(front: Front, sound: Upstream, path: str) -> None:
    """The names that only look like it have the limit of the others."""
    answer = front([sound.port]).ask("POST", path, "x" * MAX_BODY_BYTES)
    assert _problem(answer) == (413, "/problems/body-too-large")
    assert sound.seen == []


def test_ranges_pass(front: Front, sound: Upstream) -> None:
    """Players ask for parts of a video; nginx neither cuts nor compresses."""
    path = "/v1/videos/0e75/file?collection=default"
    asked = {"Range": "bytes=10-19", "If-Range": '"tag"', "Accept-Encoding": "gzip"}
    sound.status, sound.body = 206, b"x" * 5000
    answer = front([sound.port]).ask("GET", path, headers=asked)
    ((_, seen, headers),) = sound.seen
    assert (seen, headers["range"], headers["if-range"]) == (path, "bytes=10-19", '"tag"')
    assert (answer.status, answer.body) == (206, b"x" * 5000)


def test_answers_are_compressed(front: Front, sound: Upstream) -> None:
    """A client that takes gzip gets it, where it is worth it."""
    sound.body = b"[%s]" % b",".join([b"1"] * 2000)
    client = front([sound.port])
    asked = {"Accept-Encoding": "gzip"}
    answer = client.ask("POST", "/v1/search", {"query": "a car"}, headers=asked)
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["server"] == "nginx"
    assert "content-encoding" not in client.ask("GET", "/v1/videos").headers


HOST = b"Host: localhost\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "status", "name"),
    [
        pytest.param(b"GET /%zz HTTP/1.1\r\n" + HOST, 400, "bad-request", id="escape"),
        pytest.param(b"GET /%00 HTTP/1.1\r\n" + HOST, 400, "bad-request", id="NUL"),
        pytest.param(b"get / HTTP/1.1\r\n" + HOST, 400, "bad-request", id="lower case"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", 400, "bad-request", id="no Host"),
        pytest.param(b"GET / HTTP/9.9\r\n" + HOST, 400, "bad-request", id="version"),
        pytest.param(b"GET / HTTQ/1.1\r\n" + HOST, 400, "bad-request", id="protocol"),
        pytest.param(b"GET /../.. HTTP/1.1\r\n" + HOST, 400, "bad-request", id="above the root"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, "bad-request", id="host"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\r\n\r\n", 400, "bad-request", id="TLS"),
        pytest.param(b"TRACE / HTTP/1.1\r\n" + HOST, 405, "method-not-allowed", id="TRACE"),
        pytest.param(b"CONNECT a:1 HTTP/1.1\r\n" + HOST, 400, "bad-request", id="CONNECT"),
        pytest.param(
            b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\n" + HOST, 414, "target-too-long", id="path"
        ),
        pytest.param(
            b"GET / HTTP/1.1\r\nX: " + b"a" * 40_000 + b"\r\n" + HOST,
            431,
            "headers-too-large",
            id="header",
        ),
        pytest.param(
            b"POST /v1/search HTTP/1.1\r\nTransfer-Encoding: what\r\n" + HOST,
            400,
            "bad-request",
            id="encoding",
        ),
    ],
)
def test_a_request_that_cannot_be_read_is_a_problem(
    front: Front, sound: Upstream, sent: bytes, status: int, name: str
) -> None:
    """In the form of the API's, and no replica hears of it."""
    answer = _raw(front([sound.port]).port, sent)
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"Content-Type: application/problem+json" in head
    document = json.loads(body)
    assert (document["status"], document["type"]) == (status, f"/problems/{name}")
    assert document["request_id"] in head.decode()
    assert (b"\r\nAllow: GET, HEAD, POST" in head) == (status == 405)
    assert sound.seen == []


def test_a_problem_names_the_path_that_was_asked_for(front: Front, sound: Upstream) -> None:
    """And not that of the place in nginx that answers."""
    answer = _raw(front([sound.port]).port, b"TRACE /v1/videos?a=%22 HTTP/1.1\r\n" + HOST)
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["instance"] == "/v1/videos"


def test_the_places_of_problems_cannot_be_asked(front: Front, sound: Upstream) -> None:
    """They are nginx's own."""
    answer = front([sound.port]).ask("GET", "/_problems/bad-request")
    assert _problem(answer) == (404, "/problems/not-found")


def test_the_types_of_problems_are_those_of_the_api() -> None:
    """With their titles and statuses."""
    found = re.findall(
        r'"type": "/problems/([a-z-]+)", "title": "([^"]+)", "status": (\d+)', TEMPLATE
    )
    assert len(found) >= 9
    for name, title, status in found:
        kind = ALL_KINDS[name]
        assert (title, int(status)) == (kind.title, kind.status)


def _raw(port: int, sent: bytes) -> bytes:
    """Send bytes as they are and return all that comes."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(sent)
        parts = []
        with suppress(ConnectionResetError):  # closed with something of ours unread
            while part := connection.recv(65536):
                parts.append(part)
    return b"".join(parts)
