"""Objects of a store: what is said of each failure, and blocks that are asked for again."""

import base64
import errno
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from obstore import exceptions

from clipseek import buckets
from clipseek.sources import remote
from clipseek.sources.local import require_space
from clipseek.sources.remote import ObjectStores, RemoteObject
from tests.contracts import azure, s3

URI = "s3://videos/a.mp4"
NONE = "s3://no-such-bucket"
META = {"e_tag": '"one"', "size": 10, "last_modified": datetime(2025, 1, 2, tzinfo=UTC)}
SEEN = RemoteObject(URI, 10, "one-10")


class Store:
    """A bucket that answers each request with the next of some answers."""

    def __init__(self, *answers: bytes | BaseException, meta: dict[str, Any] = META) -> None:
        self.answers = iter(answers)
        self.meta = meta

    def get(self, _key: str, *, options: dict[str, Any]) -> SimpleNamespace:
        """Give or raise the next answer."""
        assert options["range"] == (2, 6)
        answer = next(self.answers)
        if isinstance(answer, BaseException):
            raise answer
        return SimpleNamespace(meta=self.meta, bytes=lambda: answer)


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Callable[[Store], None]:
    """Let every uri lead to a bucket, and no retry wait."""
    monkeypatch.setattr(time, "sleep", lambda _s: None)

    def use(store: Store) -> None:
        monkeypatch.setattr(remote, "store_of", lambda _uri: (store, "a.mp4"))

    return use


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(b"23", id="cut off"),
        pytest.param(
            exceptions.GenericError("HTTP error: request or response body error"), id="broken"
        ),
    ],
)
def test_a_block_that_did_not_come_is_asked_for_again(
    bucket: Callable[[Store], None], first: bytes | BaseException
) -> None:
    """A connection that breaks costs a block, not the video."""
    bucket(Store(first, b"2345"))
    assert b"".join(SEEN.stream(2, 5)) == b"2345"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        pytest.param(b"23", "sent 2 of 4 bytes", id="cut off"),
        pytest.param(
            exceptions.GenericError("status: 503"), "the object store answered 503", id="busy"
        ),
    ],
)
def test_a_store_that_stays_broken_is_told(
    bucket: Callable[[Store], None], answer: bytes | BaseException, said: str
) -> None:
    """After as many tries as are allowed."""
    store = Store(*[answer] * remote.TRIES, b"2345")
    bucket(store)
    with pytest.raises(OSError, match=said):
        list(SEEN.stream(2, 5))
    assert next(store.answers) == b"2345"


def test_an_object_that_changes_between_blocks_is_never_mixed(
    bucket: Callable[[Store], None],
) -> None:
    """Its state comes with each block."""
    bucket(Store(b"2345", meta={**META, "e_tag": '"two"'}))
    with pytest.raises(OSError, match="changed while it was read") as raised:
        list(SEEN.stream(2, 5))
    assert raised.value.errno == errno.ESTALE


def test_a_stamp_is_the_tag_in_whatever_quotes() -> None:
    """A listing of Azure gives it without any; a store may give none."""
    tags = ['"one"', "one", 'W/"one"']
    assert {RemoteObject.of(URI, {**META, "e_tag": tag}).stamp for tag in tags} == {"one-10"}
    assert RemoteObject.of(URI, {**META, "e_tag": None}).stamp == "20250102T000000000000Z-10"


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        pytest.param("s3://user:word@videos/a", "without a user or a password", id="password"),
        pytest.param("s3:///a", "must be s3://BUCKET/KEY", id="no bucket"),
        pytest.param("s3://videos", "no object in it", id="no key"),
        pytest.param("s3://videos/a//b", "obstore cannot name this key", id="empty part"),
        pytest.param("s3://videos/../b", "obstore cannot name this key", id="dots"),
    ],
)
def test_a_uri_that_names_no_object_is_refused(
    uri: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is asked, and without what may be secret in it."""
    s3.lead_to("http://127.0.0.1:1", monkeypatch)
    with pytest.raises(OSError, match=said) as raised:
        ObjectStores().look(uri)
    assert "word" not in str(raised.value).partition("password")[2]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Error performing GET http://a/metadata/b?sig=x - HTTP error", "does not answer"),
        ("GET http://169.254.169.254/latest/api/token - status code: 403", "no credentials"),
        ("Generic MicrosoftAzure error: Account must be specified", "no credentials"),
        ("<Code>NoSuchBucket</Code>", "no such bucket"),
        ("Server returned non-2xx status code: 500 Internal", "answered 500"),
    ],
)
def test_what_a_store_said_is_put_into_words(text: str, said: str) -> None:
    """Without addresses, which may be signed."""
    found = buckets.said(text)
    assert said in found
    assert "http" not in found


def test_a_machine_without_an_identity_is_not_a_bucket_that_is_not_allowed(
    bucket: Callable[[Store], None],
) -> None:
    """The metadata service of a machine may answer 403 too; then credentials are missing."""
    text = "GET http://169.254.169.254/latest/api/token - status code: 403"
    bucket(Store(*[exceptions.GenericError(text)] * remote.TRIES))
    with pytest.raises(OSError, match="no credentials were found"):
        list(SEEN.stream(2, 5))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[s3.Server]:
    """A server without a bucket."""
    with s3.serving() as started:
        s3.lead_to(started.endpoint, monkeypatch)
        yield started


def test_buckets_that_are_not_there_are_told(server: s3.Server) -> None:
    """A listing, an object, and a bucket that is there and empty."""
    for use in (lambda: ObjectStores().look(f"{NONE}/a"), lambda: list(ObjectStores().list(NONE))):
        with pytest.raises(OSError, match="no such") as raised:
            use()
        assert s3._SETTINGS["AWS_SECRET_ACCESS_KEY"] not in str(raised.value)
    server.empty()
    with pytest.raises(FileNotFoundError, match="none below it"):
        list(ObjectStores().list("s3://videos"))


def test_azure_tells_what_is_not_there_and_not_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container, an object, and a key of another account, which is never shown."""
    wrong = base64.b64encode(b"another key").decode()
    with azure.serving() as server:
        azure.lead_to(server, monkeypatch)
        with pytest.raises(FileNotFoundError, match="no such object or bucket"):
            ObjectStores().look("az://nowhere/a")
        server.empty()
        server.put("a", b"video")
        with pytest.raises(FileNotFoundError, match="no such object or bucket"):
            ObjectStores().look("az://videos/b")
        assert ObjectStores().look("az://videos/a").size_bytes == 5
        monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_KEY", wrong)
        buckets.forget()
        uses = (
            lambda: ObjectStores().look("az://videos/a"),
            lambda: list(ObjectStores().list("az://videos")),
        )
        for use in uses:
            with pytest.raises(PermissionError, match="check the credentials") as raised:
                use()
            assert wrong not in str(raised.value)


def test_what_does_not_fit_is_not_fetched(
    bucket: Callable[[Store], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The sentence says how to use another disk."""
    bucket(Store())
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    with (
        pytest.raises(OSError, match="set TMPDIR") as raised,
        RemoteObject(URI, 1 << 60, "x").open(),
    ):
        pass
    assert raised.value.errno == errno.ENOSPC


def test_the_reserve_stays_free(monkeypatch: pytest.MonkeyPatch) -> None:
    """64 MiB beside what is fetched; a byte less is refused."""
    free = [1000 + (64 << 20)]
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: SimpleNamespace(free=free[0]))
    require_space(1000, URI)
    free[0] -= 1
    with pytest.raises(OSError, match="1000 bytes, which do not fit"):
        require_space(1000, URI)
