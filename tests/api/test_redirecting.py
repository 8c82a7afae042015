"""Players are redirected to a store, unless it signs nothing; see also tests/e2e."""

import errno
from dataclasses import dataclass

import pytest
from starlette.requests import Request

from api.redirecting import Redirects
from clipseek.sources.remote import RemoteObject


@dataclass(frozen=True, slots=True)
class Unsigned(RemoteObject):
    """An object of a store that the API has no key for."""

    def signed(self, life_s: float) -> str:
        """Raise what a store without credentials raises."""
        raise OSError(errno.EIO, "no credentials were found", self.uri)


def test_a_bucket_that_signs_nothing_is_named_once(caplog: pytest.LogCaptureFixture) -> None:
    """However many folders it has; its videos are streamed."""
    redirects = Redirects(["https://a.example"], 60.0)
    player = Request({"type": "http", "method": "GET", "headers": [(b"sec-fetch-dest", b"video")]})
    uris = ("s3://one/a/1.mp4", "s3://one/b/2.mp4", "s3://one/3.mp4", "s3://two/a/1.mp4")

    answers = [redirects.answer(player, Unsigned(uri, 1, "x")) for uri in uris]

    assert answers == [None] * 4
    assert caplog.messages == [
        f"URLs of {bucket} cannot be signed: no credentials were found; the API streams its videos"
        for bucket in ("s3://one", "s3://two")
    ]
