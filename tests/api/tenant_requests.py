"""What tenants ask: the values and requests that their tests draw."""

from typing import Any

from hypothesis import strategies as st

from tests.api.tenants import Asked

NAMES = (
    *("mine", "ours", "gone", "theirs", "nights", "default", "theirs.next"),
    *("min", "mine0", "mine2", "their", "Mine", "mine/", ""),
)
names = st.sampled_from(NAMES)
videos = st.sampled_from(("traffic", "sea", "dusk", "secret", "night", "traffi", "%2e%2e"))
foreign = st.sampled_from(("secret", "night", "traffi"))
sentences = st.sampled_from(("red", "black", "a green thing", "blue or white", "?"))
jobs = st.sampled_from(
    ("<waiting>", "<ended>", "<beside waiting>", "<beside ended>", "<other waiting>", "none")
)
uploads = st.sampled_from(("<begun>", "<whole>", "<beside whole>", "<other begun>", "0" * 32, "x"))
limits = st.sampled_from(("1", "2", "100", "0"))
conditions: st.SearchStrategy[dict[str, str]] = st.sampled_from(
    (
        {},
        {"If-None-Match": "*"},
        {"If-None-Match": "<beside theirs tag>"},
        {"If-None-Match": "<beside mine tag>"},
        {"If-Match": '"abc"'},
        {"Range": "bytes=0-9"},
        {"If-Modified-Since": "Sat, 01 Jan 2050 00:00:00 GMT"},
    )
)
repeats: st.SearchStrategy[dict[str, str]] = st.sampled_from(
    ({}, {"Idempotency-Key": "1"}, {"Idempotency-Key": "2"})
)
TUS = {"Tus-Resumable": "1.0.0"}
PART = {**TUS, "Content-Type": "application/offset+octet-stream"}


def some(required: dict[str, Any], **optional: st.SearchStrategy[Any]) -> Any:
    """Draw an object with all of some fields and some of the others."""
    return st.fixed_dictionaries(required, optional=optional)


search = some(
    {"query": sentences},
    collection=names,
    limit=st.sampled_from((1, 10)),
    min_relevance=st.sampled_from((0.0, 0.9)),
    filter=some(
        {},
        video_ids=st.lists(videos, max_size=2),
        tags=st.lists(st.sampled_from(("city", "classified", "coast")), max_size=2),
    ),
)
in_collection = some({}, collection=names)
span = some({"start": st.just("0")}, end=st.sampled_from(("1", "2")), collection=names)
moment = some({"video": videos, "start": st.just(0.0), "end": st.just(1.0)})


@st.composite
def requests(
    draw: st.DrawFn,
    method: str,
    path: str,
    *,
    ids: st.SearchStrategy[Any] | None = None,
    params: st.SearchStrategy[Any] | None = None,
    headers: st.SearchStrategy[dict[str, str]] | None = None,
    body: st.SearchStrategy[Any] | None = None,
    content: bytes | None = None,
) -> Asked:
    """Draw one request of an operation."""
    return Asked(
        method,
        path if ids is None else path.replace("ID", str(draw(ids))),
        {} if params is None else draw(params),
        {} if headers is None else draw(headers),
        None if body is None else draw(body),
        content,
    )


def reading(path: str, ids: Any, params: Any = None) -> st.SearchStrategy[Asked]:
    """Draw a request that reads, with conditions."""
    return requests("GET", path, ids=ids, params=params, headers=conditions)


def cutting(path: str, ids: Any, others: Any, params: Any) -> st.SearchStrategy[Asked]:
    """Draw a request for an excerpt; those that would begin a process ask for its headers only."""
    return st.one_of(
        requests("HEAD", path, ids=ids, params=params, headers=conditions),
        requests("GET", path, ids=others, params=params, headers=conditions),
    )
