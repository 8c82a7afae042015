"""The MCP server, asked by the SDK's own client, with the real API behind it."""

import base64
import contextlib
import io
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp import Client as Host
from mcp import MCPError, StdioServerParameters
from mcp_types import ImageContent

import clipseek_client
from clipseek.config import Settings
from clipseek.curating import Sample, SegmentTag, Tagging, tag_id
from clipseek.ledgers import open_curating, open_watches
from clipseek.rules import Rule
from clipseek.watches import Alert, Findings
from clipseek_client import AsyncClient, Client, mcp_command
from clipseek_client.answers import Hit, TimelineSegment
from clipseek_client.asked import LikeMoment, SearchPart
from clipseek_client.mcp_answers import Words, moment_of
from clipseek_client.mcp_server import MOST_SEGMENTS, made, most_relevant
from clipseek_client.watches import Watch
from tests.chaos.program import Program, listens, wait_until
from tests.contracts.postgres import free_port
from tests.e2e.served import Served, served

__all__ = ["served"]
QUERY = "a red car"
MODULE = ["-m", "clipseek_client.mcp_command"]
README = Path(__file__).parents[2] / "client" / "README.md"


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[Client]:
    """Return a client that knows the answers."""
    with Client(served.address, key=served.key) as opened:
        yield opened


@asynccontextmanager
async def within(served: Served) -> AsyncIterator[Host]:
    """Yield a host of the server, in this process."""
    asking = AsyncClient(served.address, key=served.key, retries=0)
    async with asking as asked, Host(made(asked)) as host:
        yield host


def ask(served: Served, use: Callable[[Host], Any]) -> Any:
    """Let a host ask, and return what it returns."""

    async def asked() -> Any:
        async with within(served) as host:
            return await use(host)

    return anyio.run(asked)


def call(served: Served, tool: str, **arguments: object) -> Any:
    """Call a tool, and return its structured answer."""
    done = ask(served, lambda host: host.call_tool(tool, arguments))
    assert not done.is_error, done.content
    return done.structured_content


def refused(served: Served, tool: str, **arguments: object) -> str:
    """Call a tool that refuses, and return why."""
    done = ask(served, lambda host: host.call_tool(tool, arguments))
    assert done.is_error
    return str(done.content[0].text)


def test_a_moment_has_the_words_that_were_found(client: Client) -> None:
    """With their field; what pictures contribute is not among them."""
    hit = client.search(QUERY, limit=1).hits[0].model_dump()
    span = {"relevance": 0.8, "start": 1.0, "end": 2.0, "highlights": [[0, 4]]}
    texts = {"picture": "", "speech": "Anna sells a red car"}
    fields = [{"field": field, "text": text, **span} for field, text in texts.items()]
    found = moment_of(Hit.model_validate({**hit, "fields": fields})).words
    said = Words(field="speech", text=texts["speech"], relevance=0.8, start=1.0, end=2.0)
    assert found == [said]
    assert moment_of(Hit.model_validate({**hit, "fields": None})).words == []


def test_a_sentence_finds_moments(served: Served, client: Client) -> None:
    """The same as the API, page by page."""
    hits = client.search(QUERY, limit=4).hits
    first = call(served, "search", query=QUERY, limit=2)
    assert [each["start"] for each in first["moments"]] == [hit.start for hit in hits[:2]]
    assert first["moments"][0]["video_id"] == hits[0].video.id
    assert first["moments"][0]["play_url"] == hits[0].play_url
    second = call(served, "search", query=QUERY, limit=2, cursor=first["next_cursor"])
    assert [each["start"] for each in second["moments"]] == [hit.start for hit in hits[2:]]


def test_a_search_has_filters_and_a_moment_to_look_like(served: Served, client: Client) -> None:
    """Each reaches the API."""
    best = client.search(QUERY).best
    alike = call(served, "search", like_video_id=best.video.id, like_time=best.best_time)
    assert alike["moments"][0]["relevance"] is None
    only = call(served, "search", query=QUERY, video_ids=[best.video.id], min_relevance=0.5)
    assert {each["video_id"] for each in only["moments"]} == {best.video.id}
    for nowhere in ({"tags": ["none has this"]}, {"folder": "/nowhere"}):
        assert call(served, "search", query=QUERY, **nowhere)["moments"] == []
    assert "come together" in refused(served, "search", like_time=3)
    high = call(served, "search", query=QUERY, min_height=1, recorded_from="2000-01-01T00:00:00Z")
    assert high["moments"] == []
    assert "language must be a tag" in refused(served, "search", query=QUERY, language="English!")


def test_moments_are_arranged_and_counted(served: Served, client: Client) -> None:
    """As the API does."""
    hits = client.search(QUERY, limit=5, group_by="video", sort="time", facets=["folder"])
    found = call(served, "search", query=QUERY, one_per_video=True, sort="time", facets=["folder"])
    assert [each["more_in_video"] for each in found["moments"]] == [
        hit.more_in_video for hit in hits.hits
    ]
    assert hits.facets is not None
    assert found["counts"] == {
        "folder": {each.value: each.videos for each in hits.facets["folder"].values}
    }
    assert found["total_videos"] == hits.total_videos


def test_what_is_not_wanted_and_what_follows_reach_the_api(served: Served, client: Client) -> None:
    """As parts with a negative weight, and as the next step of a sequence."""
    parts: list[SearchPart] = [{"text": QUERY}, {"text": "snow", "weight": -1}]
    hits = client.search(parts=parts, limit=3).hits
    found = call(served, "search", query=QUERY, without=["snow"], limit=3)
    assert [each["score"] for each in found["moments"]] == [hit.score for hit in hits]
    follows = client.search(QUERY, then={"query": "a tree", "within": 60}, limit=3).hits
    found = call(served, "search", query=QUERY, then="a tree", within=60, limit=3)
    assert follows
    assert [each["start"] for each in found["moments"]] == [hit.start for hit in follows]
    assert [len(each["steps"]) for each in found["moments"]] == [2] * len(follows)
    assert "within must be" in refused(served, "search", query=QUERY, then="a tree", within=0)
    assert "query" in refused(served, "search", without=["snow"])


def test_a_moment_is_looked_at(served: Served, client: Client) -> None:
    """The picture of the segment around the time, and which one it is."""
    best = client.search(QUERY).best
    seen = ask(
        served,
        lambda host: host.call_tool("look", {"video_id": best.video.id, "time": best.best_time}),
    )
    said, picture = seen.content
    assert said.text.startswith(f"{best.video.title}: the frame at {best.best_time:g} s")
    assert picture.mime_type == "image/jpeg"
    assert base64.b64decode(picture.data) == client.thumbnail(best)
    why = refused(served, "look", video_id=best.video.id, time=1e6)
    assert f"less than {best.video.duration:g}, the seconds of the video, got 1e+06" in why


def test_videos_are_listed_in_pages(served: Served, client: Client) -> None:
    """The end has no next page."""
    pages, after = [], None
    while True:
        listed = call(served, "list_videos", limit=3, after=after)
        pages.append([video["id"] for video in listed["videos"]])
        after = listed["next"]
        if after is None:
            break
    videos = [video.id for video in client.videos()]
    assert [video for page in pages for video in page] == videos
    assert {len(page) for page in pages[:-1]} == {3}


def test_a_timeline_says_where(served: Served, client: Client) -> None:
    """All spans of a short video in the order of time, and the best frame."""
    best = client.search(QUERY).best
    line = call(served, "timeline", video_id=best.video.id, query=QUERY)
    whole = client.timeline(best.video.id, QUERY)
    assert [span["relevance"] for span in line["spans"]] == [s.relevance for s in whole.segments]
    assert line["best_relevance"] == max(whole.relevance)
    assert line["best_time"] in whole.times
    assert line["left_out"] == 0
    assert line["measure"] == "relevance"


def test_a_timeline_has_parts(served: Served, client: Client) -> None:
    """Words, a moment whose like is looked for, and what must not be seen, as of a search."""
    best = client.search(QUERY).best
    like: dict[str, Any] = {"like_video_id": best.video.id, "like_time": best.best_time}
    line = call(served, "timeline", video_id=best.video.id, query=QUERY, without=["a boat"], **like)
    parts = [
        SearchPart(text=QUERY),
        SearchPart(like=LikeMoment(video_id=best.video.id, time=best.best_time)),
        SearchPart(text="a boat", weight=-1.0),
    ]
    whole = client.composed_timeline(best.video.id, parts)
    assert line["measure"] == "fit"
    assert line["best_relevance"] == max(whole.relevance)


@pytest.fixture
def annotator(served: Served) -> Iterator[Served]:
    """Ask with a key of an annotator, for a collection that has a rule with a tag and a list."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        scopes = ("--scope", "search", "--scope", "annotator")
        assert served.library.run("keys", "add", "bob", *scopes, "--collection", "*") == 0
    with closing(open_curating(Settings(data_dir=served.library.data_dir))) as store:
        (rule,) = rules = [Rule("red car", (QUERY,), threshold=0.6)]
        store.put_rules("default", rules, "ann")
        video_id = store.facts("default")[0].video_id
        tag = SegmentTag(
            tag_id(video_id, rule.name, 0.0, 2.0), video_id, 0.0, 2.0, rule.name, rule.version, 0.8
        )
        store.apply("default", [Tagging(video_id, rule.name, rule.version, "stamp", [tag])])
        store.put_samples("default", "hard", [Sample(tag.id, video_id, 0.0, 2.0, rule.name, 0.8)])
        bob = replace(served, key=said.getvalue().strip())
        wait_until(lambda: _is_known(bob), "the server to know a new key")
        yield bob
        store.put_samples("default", "hard", [])
        store.remove_rule("default", rule.name)


def _is_known(served: Served) -> bool:
    with Client(served.address, key=served.key, retries=0) as opened:
        try:
            opened.collections()
        except clipseek_client.ProblemError as error:
            if error.status != 401:
                raise
            return False
    return True


def test_rules_tags_and_samples_are_listed(annotator: Served, served: Served) -> None:
    """As the API has them; samples wait for those alone who may decide."""
    found = call(served, "list_rules")
    (rule,) = found["rules"]
    assert (rule["name"], rule["prompts"], rule["threshold"]) == ("red car", [QUERY], 0.6)
    assert (rule["tags"], rule["relation"]) == ({"proposed": 1}, "")
    assert found["lists"] == [{"name": "hard", "samples": 1}]
    for asked in ({"rule": "red car"}, {"list_name": "hard"}):
        samples = call(annotator, "list_samples", **asked)
        (sample,) = samples["samples"]
        assert (samples["waiting"], sample["rule"], sample["end"]) == (1, "red car", 2.0)
    assert "annotator" in refused(served, "list_samples")
    tags = call(served, "list_tags", video_id=sample["video_id"])
    assert tags["more"] is False
    assert [(each["tag"], each["state"]) for each in tags["tags"]] == [("red car", "proposed")]
    assert "limit must be" in refused(served, "list_tags", video_id=sample["video_id"], limit=0)
    assert "must not be" in refused(served, "list_tags", video_id="../a")


def test_watches_and_alerts_are_listed(served: Served, client: Client) -> None:
    """What keeps watching, in words, and what it has fired for."""
    watch = client.add_watch("gate", QUERY, threshold=0.7, cameras=["yard"])
    try:
        (listed,) = call(served, "list_watches")["watches"]
        assert (listed["id"], listed["name"], listed["on"]) == (watch.id, "gate", True)
        assert (listed["threshold"], listed["cameras"]) == (0.7, ["yard"])
        assert QUERY in listed["described"]
        assert call(served, "list_alerts", watch=watch.id) == {"alerts": [], "more": False}
        with closing(open_watches(Settings(data_dir=served.library.data_dir))) as store:
            now = store.take("one", "of nobody", "e1", 60.0)
            assert now is not None
            fired = [_alert(watch, f"a{number}") for number in range(2)]
            assert store.commit(now, now.version + 1, Findings(fired), 60.0)
        found = call(served, "list_alerts", watch=watch.id, limit=1)
        assert found["more"] is True
        assert "limit" in refused(served, "list_alerts", limit=0)
        (newest,) = found["alerts"]
        assert newest == {
            **{name: newest[name] for name in ("created_at", "play_url", "collection")},
            "id": "a1",
            "watch": watch.id,
            "watch_name": "gate",
            "video_id": "film",
            "camera": None,
            "start": 1.0,
            "end": 2.5,
            "start_at": None,
            "end_at": None,
            "relevance": 0.75,
        }
    finally:
        client.remove_watch(watch.id)


def _alert(watch: Watch, name: str) -> Alert:
    span = (1.0, 2.5, 2.0)
    return Alert(name, watch.id, watch.name, "default", "film", *span, relevance=0.75)


def test_the_most_relevant_spans_of_a_long_video_are_shown() -> None:
    """In the order of time."""
    segments = [
        TimelineSegment(
            id=n,
            start=n,
            end=n + 1,
            best_time=n,
            relevance=(n * 37 % 1000) / 1000,
            begins_shot=False,
            thumbnail_url="/",
        )
        for n in range(1000)
    ]
    shown = most_relevant(segments)
    assert len(shown) == MOST_SEGMENTS
    assert [each.start for each in shown] == sorted(each.start for each in shown)
    assert min(each.relevance for each in shown) == 0.9


def test_resources_say_what_there_is(served: Served, client: Client) -> None:
    """The collections and each video; an unknown one is refused in the words of the API."""
    (video, *_) = client.videos()

    async def read(host: Host) -> list[Any]:
        with pytest.raises(MCPError, match="no video 'unknown'"):
            await host.read_resource("clipseek://videos/unknown")
        return [
            (await host.read_resource(uri)).contents[0]
            for uri in ("clipseek://collections", f"clipseek://videos/{video.id}")
        ]

    collections, described = ask(served, read)
    assert '"name": "default"' in collections.text
    assert video.title in described.text


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        pytest.param(
            "search", {"query": ""}, "query must have 1 to 1000 characters, got 0", id="empty"
        ),
        pytest.param(
            "search",
            {"query": QUERY, "limit": 1000},
            "limit must be a whole number from 1 to 100, got 1000",
            id="limit",
        ),
        pytest.param("list_videos", {"limit": 0}, "limit must be", id="list"),
        pytest.param("look", {"video_id": "x", "time": 1}, "no video 'x'", id="video"),
        pytest.param("look", {"video_id": "../..", "time": 1}, "must not be '../..'", id="path"),
        pytest.param("timeline", {"video_id": "..", "query": "a"}, "must not be '..'", id="dots"),
        pytest.param("timeline", {"video_id": "a", "without": ["b"]}, "must have", id="unwanted"),
        pytest.param("search", {"query": QUERY, "max": 3}, "max", id="unknown argument"),
    ],
)
def test_bad_input_gets_the_sentence_of_the_api(
    served: Served, tool: str, arguments: dict[str, object], said: str
) -> None:
    """So the model can correct itself."""
    assert said in refused(served, tool, **arguments)


def settings(served: Served) -> dict[str, str]:
    """Return the environment of the command."""
    folder = str(Path(clipseek_client.__file__).parents[1])
    return {
        "CLIPSEEK_URL": served.address,
        "CLIPSEEK_KEY": served.key,
        "PYTHONPATH": folder,
    }


async def used(host: Host) -> None:
    """Search, and look at what was found."""
    found = await host.call_tool("search", {"query": QUERY, "limit": 1})
    (moment,) = found.structured_content["moments"]
    where = {"video_id": moment["video_id"], "time": moment["best_time"]}
    _, picture = (await host.call_tool("look", where)).content
    assert isinstance(picture, ImageContent)
    assert base64.b64decode(picture.data).startswith(b"\xff\xd8")
    names = [tool.name for tool in (await host.list_tools()).tools]
    assert names == [
        *("search", "look", "list_videos", "timeline"),
        *("list_rules", "list_tags", "list_samples", "list_watches", "list_alerts"),
    ]
    assert (await host.call_tool("search", {"query": ""})).is_error


def test_it_serves_over_stdio(served: Served) -> None:
    """As a host starts it."""
    command = StdioServerParameters(command=sys.executable, args=MODULE, env=settings(served))

    async def over() -> None:
        async with Host(command) as host:
            await used(host)

    anyio.run(over)


def test_it_serves_over_http_on_the_loopback_address(served: Served, tmp_path: Path) -> None:
    """Streamable HTTP; a page whose name leads there is refused."""
    port = free_port()
    program = Program(
        "mcp",
        [sys.executable, *MODULE, "--http", str(port)],
        tmp_path / "log",
        {**os.environ, **settings(served)},
    )
    program.start()

    async def over() -> None:
        async with Host(f"http://127.0.0.1:{port}/mcp") as host:
            await used(host)
        async with httpx2.AsyncClient() as page:
            for name, refusal in ((f"127.0.0.1:{port}", False), ("a.example", True)):
                asked = await page.post(
                    f"http://127.0.0.1:{port}/mcp",
                    headers={"Host": name, "Accept": "application/json, text/event-stream"},
                    json={"jsonrpc": "2.0", "id": 1, "method": "ping"},
                )
                assert (asked.status_code == 421) is refusal

    try:
        wait_until(lambda: listens(port), f"the MCP server: {program.said()}")
        anyio.run(over)
    finally:
        program.end()
    assert served.key not in (tmp_path / "log").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["--http", "0"], "must be a port from 1 to 65535, got '0'", id="port"),
        pytest.param([], "address (CLIPSEEK_URL) must be a http:// or https:// URL", id="address"),
    ],
)
def test_wrong_usage_ends_with_a_sentence(
    arguments: list[str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """And exit code 2."""
    monkeypatch.setenv("CLIPSEEK_URL", "videos.example")
    with pytest.raises(SystemExit) as ended:
        sys.exit(mcp_command.main(arguments))
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_without_the_package_mcp_the_command_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The client works without it."""
    monkeypatch.delitem(sys.modules, "clipseek_client.mcp_server")
    monkeypatch.setitem(sys.modules, "mcp.server", None)
    assert mcp_command.main([]) == 2
    assert "pip install 'clipseek-client[mcp]'" in capsys.readouterr().err


def test_the_help_is_that_of_the_readme() -> None:
    """It fits a screen, and ends with two examples."""
    text = mcp_command.parser().format_help()
    assert text in README.read_text("utf-8")
    assert len(text.splitlines()) <= 24
    assert text.split("examples:\n")[1].count("clipseek-mcp") == 2
