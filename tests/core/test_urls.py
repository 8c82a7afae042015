"""What messages say of URLs: never a secret."""

import pytest

from clipseek.config.index_url import milvus_url
from clipseek.config.values import bucket_url, inference_url, issuer_url, listed_origins
from clipseek.urls import shown


@pytest.mark.parametrize(
    ("url", "said"),
    [
        pytest.param("https://host:8443/path", "https://host:8443/path", id="plain"),
        pytest.param("grpc://host:1?token=secret", "grpc://host:1?…", id="query"),
        pytest.param("http://host/#secret", "http://host/#…", id="fragment"),
        pytest.param("http://user:secret@host/", "http://…@…", id="password"),
        pytest.param("http://u:sec?ret@host", "http://…@…", id="password with a mark"),
        pytest.param("http://host/?a=x@secret", "http://…@…", id="mark in the query"),
        pytest.param("user:secret@host", "…@…", id="no scheme"),
        pytest.param("u:sec@ret://host", "…@…", id="password before a scheme"),
        pytest.param("host?secret\nsecret", "host?…", id="two lines"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_what_may_be_a_secret_is_left_out(url: str, said: str) -> None:
    """Of right URLs and of wrong ones, which have their marks anywhere."""
    assert shown(url) == said


@pytest.mark.parametrize(
    "read", [bucket_url, inference_url, issuer_url, milvus_url, listed_origins]
)
@pytest.mark.parametrize("wrong", ["what://user:secret@host/", "what://host/?token=secret"])
def test_settings_repeat_no_secret(read: object, wrong: str) -> None:
    """A wrong value is named without it."""
    with pytest.raises(ValueError, match=r"must be|is scheme|an issuer|must not") as refused:
        read(wrong)  # type: ignore[operator]  # it is a function
    assert "secret" not in str(refused.value)
