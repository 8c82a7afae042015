"""Which of several copies is read, whatever happens between two of them."""

from clipseek.ingest.claims import Claims


def test_a_copy_that_is_called_up_while_it_is_left_is_read() -> None:
    """The first source fails in the moment between the look at the copy and the end of that."""
    claims = Claims()
    for uri in ("a", "b"):
        claims.begin(uri)
        claims.take("content", uri)
    claims.give_back("content")
    claims.leave("b")
    claims.leave("a")
    assert claims.to_read() == ["b"]
    claims.begin("b")
    assert claims.take("content", "b") is None


def test_a_copy_that_cannot_be_read_again_gives_way() -> None:
    """The third one is read in its place."""
    claims = Claims()
    for uri in ("a", "b", "c"):
        claims.begin(uri)
        claims.take("content", uri)
        claims.leave(uri)
    claims.give_back("content")
    assert claims.to_read() == ["b"]
    claims.begin("b")
    claims.leave("b")
    assert claims.to_read() == ["c"]
