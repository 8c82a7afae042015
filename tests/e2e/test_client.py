"""The Python client asks the real API, over a library of demo videos and with a key."""

import os
import re
import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import httpx2
import pytest

from clipseek_client import (
    AsyncClient,
    ChosenMoment,
    Client,
    ConnectionFailed,
    InvalidValue,
    JobFailed,
    JobLate,
    NothingFound,
    ProblemError,
    SearchAnswer,
    UploadInterrupted,
)
from tests.e2e.conftest import Library
from tests.e2e.served import Served, served

__all__ = ["served"]

Capture = pytest.CaptureFixture[str]
QUERY = "a red car"
README = Path(__file__).parents[2] / "client" / "README.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)


def test_the_examples_of_the_readme_run(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """One after the other, as they are written; they print what is printed below them."""
    monkeypatch.setenv("CLIPSEEK_URL", served.address)
    monkeypatch.setenv("CLIPSEEK_KEY", served.key)
    monkeypatch.chdir(tmp_path)
    shutil.copy(min(served.library.videos.glob("*.mp4")), tmp_path / "sea.mp4")
    with (tmp_path / "sea.mp4").open("ab") as file:
        file.write((1024).to_bytes(4, "big") + b"free" + os.urandom(1016))
    assert len(EXAMPLES) >= 6
    for example in EXAMPLES:
        code = compile(example, "client/README.md", "exec", dont_inherit=True)
        exec(code, {"__name__": "__main__"})  # noqa: S102  our own document
    said = capsys.readouterr().out
    assert "/file?collection=default#t=" in said
    assert "limit must be a whole number from 1 to 100" in said
    assert "100 %" in said
    assert (tmp_path / "moment.mp4").stat().st_size > 1000


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[Client]:
    """Return a client with a key for everything."""
    with Client(served.address, key=served.key) as opened:
        yield opened


def test_the_best_hit_can_be_played(served: Served, client: Client) -> None:
    """Its URL is complete; it gives the file to who has the key."""
    best = client.search(QUERY).best
    assert best.play_url.startswith(f"{served.address}/v1/videos/{best.video.id}/file?")
    assert urlsplit(best.play_url).fragment.startswith("t=")
    head = {"Authorization": f"Bearer {served.key}", "Range": "bytes=4-7"}
    assert httpx2.get(best.play_url, headers=head).content == b"ftyp"
    assert client.thumbnail(best).startswith(b"\xff\xd8")


def test_pages_are_one_answer(client: Client) -> None:
    """Hit by hit, no one twice."""
    whole = client.search(QUERY, limit=12).hits
    paged = [hit for page in islice(client.pages(QUERY, limit=5), 3) for hit in page.hits][:12]
    assert paged == whole
    assert list(client.hits(QUERY, limit=12)) == whole
    assert list(islice(client.hits(QUERY), 12)) == whole
    assert len({hit.segment_id for hit in paged}) == 12
    pages = client.pages(QUERY, limit=5)
    assert [len(next(pages).hits), len(next(pages).hits)] == [5, 5]


def test_a_moment_and_a_picture_are_searched_for(client: Client, tmp_path: Path) -> None:
    """The picture as bytes and as a file, with the same answer."""
    best = client.search(QUERY).best
    picture = client.thumbnail(best)
    (tmp_path / "car.jpg").write_bytes(picture)
    found = client.search(image=tmp_path / "car.jpg", limit=3)
    assert found.hits == client.search(image=picture, limit=3).hits
    assert found.best.video.id == best.video.id
    alike = client.search(like={"video_id": best.video.id, "time": best.best_time})
    assert alike.like is not None
    assert alike.like.segment_id == best.segment_id
    assert alike.best.relevance is None


def test_options_limit_a_search(client: Client) -> None:
    """Filters of each kind, and the relevance; an answer without hits has no best one."""
    best = client.search(QUERY).best
    others = [video.id for video in client.videos() if video.id != best.video.id]
    found = client.search(QUERY, filter={"video_ids": others}, limit=100, mark_similar=True)
    assert best.video.id not in {hit.video.id for hit in found.hits}
    nothing = client.search(QUERY, filter={"tags": ["none has this"]}, min_relevance=0.5)
    with pytest.raises(NothingFound, match="no moment was found in the collection 'default'"):
        _ = nothing.best


def test_hits_are_arranged_and_counted(client: Client) -> None:
    """One of each video, by title; the counts are typed, and no time of recording is made up."""
    found = client.search(QUERY, sort="time", group_by="video", facets=["folder", "year"])
    titles = [hit.video.title for hit in found.hits if (hit.relevance or 0) >= 0.5]
    assert titles == sorted(set(titles))
    assert found.facets is not None
    assert found.facets["folder"].values[0].videos == found.total_videos == len(titles)
    assert found.facets["year"].values == []
    assert {hit.video.recorded_at for hit in found.hits} == {None}
    assert sum(hit.more_in_video or 0 for hit in found.hits) == found.total - found.total_videos


def test_a_batch_has_an_answer_or_an_error_for_each(client: Client) -> None:
    """In the order of the searches."""
    first, second = client.search_batch([{"query": QUERY, "limit": 2}, {"query": ""}])
    assert isinstance(first, SearchAnswer)
    assert first.hits == client.search(QUERY, limit=2).hits
    assert isinstance(second, ProblemError)
    assert second.detail == "query must have 1 to 1000 characters, got 0"


def test_a_refusal_is_the_sentence_of_the_api(client: Client) -> None:
    """With its type, its request id and the fields that are wrong."""
    with pytest.raises(ProblemError, match="limit must be a whole number from 1 to 100") as raised:
        client.search(QUERY, limit=1000)
    assert raised.value.type == "/problems/invalid-query"
    assert raised.value.status == 422
    assert raised.value.request_id
    assert [error.field for error in raised.value.errors] == ["limit"]


def test_a_watch_is_tried_made_changed_and_removed(client: Client) -> None:
    """Over the past first; the secret of its webhook is told once."""
    trial = client.try_watch("a red car", threshold=0.9, alerts_per_day=10.0)
    assert trial.proposed is not None
    assert trial.videos > 0
    made = client.add_watch(
        "red",
        "a red car",
        threshold=trial.proposed.threshold,
        cameras=["yard"],
        webhook={"url": "https://hooks.example/x"},
    )
    assert made.webhook is not None
    assert made.webhook.secret is not None
    changed = client.change_watch(made.id, cameras=None, on=False)
    assert (changed.cameras, changed.on) == (None, False)
    assert client.watch(made.id) in client.watches(collection=made.collection)
    assert list(client.alerts(watch=made.id)) == []
    client.remove_watch(made.id)
    assert made.id not in [each.id for each in client.watches()]


def test_the_library_is_read(client: Client) -> None:
    """Videos in pages of two, one video, its segments, its timeline, the collections."""
    videos = list(client.videos(page=2))
    assert len({video.id for video in videos}) == len(videos) >= 6
    titles = [video.title.casefold() for video in client.videos(page=2, order="title")]
    assert titles == sorted(video.title.casefold() for video in videos)
    named = [video.id for video in client.videos(query=videos[0].title.upper())]
    assert videos[0].id in named
    assert len(named) < len(videos)
    assert client.video(videos[0].id) == videos[0]
    with pytest.raises(ProblemError, match="no video 'unknown'"):
        client.video("unknown")
    with pytest.raises(InvalidValue, match="the id of a video must not be 'a/file'"):
        client.remove("a/file")
    segments = client.segments(videos[0].id)
    assert segments[0].start == 0
    assert client.thumbnail(segments[0]).startswith(b"\xff\xd8")
    line = client.timeline(videos[0].id, QUERY)
    assert len(line.times) == len(line.relevance) > 0
    assert [segment.id for segment in line.segments] == [segment.id for segment in segments]
    assert client.composed_timeline(videos[0].id, [{"text": QUERY}]) == line
    without = client.composed_timeline(videos[0].id, [{"text": QUERY}, {"text": "a", "weight": -1}])
    assert without.query is None
    (collection,) = client.collections()
    assert (collection.name, collection.videos) == ("default", len(videos))


def test_moments_are_written_for_film_editors(client: Client) -> None:
    """In a format that the server offers."""
    best = client.search(QUERY).best
    assert "edl" in client.edit_list_formats()
    moment = ChosenMoment(video=best.video.id, start=best.start, end=best.end)
    assert client.edit_list([moment], title="Cars").startswith(b"TITLE: Cars")


def test_an_excerpt_and_a_file_are_stored(client: Client, served: Served, tmp_path: Path) -> None:
    """As new files; what exists is not touched, and a refusal leaves nothing."""
    best = client.search(QUERY).best
    moment = client.excerpt(best.video.id, best.start, best.end, tmp_path / "moment.mp4")
    assert moment.read_bytes()[4:8] == b"ftyp"
    whole = client.download(best.video.id, tmp_path / "whole.mp4")
    assert whole.read_bytes() == Path(best.video.uri).read_bytes()
    with pytest.raises(InvalidValue, match="to must be a new file"):
        client.download(best.video.id, whole)
    with pytest.raises(InvalidValue, match="to must be in a folder that exists"):
        client.download(best.video.id, tmp_path / "none" / "whole.mp4")
    with pytest.raises(ProblemError, match="end"):
        client.excerpt(best.video.id, 5, 2, tmp_path / "none.mp4")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["moment.mp4", "whole.mp4"]


def test_a_download_that_is_cut_starts_again(served: Served, tmp_path: Path) -> None:
    """The file appears once, and is whole."""
    with served.cutting() as (link, client):
        video = next(client.videos())
        link.cuts = [1]
        client.download(video.id, tmp_path / "whole.mp4")
        assert link.times == 1
    assert (tmp_path / "whole.mp4").read_bytes() == Path(video.uri).read_bytes()
    assert len(list(tmp_path.iterdir())) == 1


def test_a_search_is_repeated_after_a_lost_connection(served: Served) -> None:
    """As often as is allowed."""
    with served.cutting(retries=2) as (link, client):
        link.cuts = [1, 1]
        assert client.search(QUERY).hits
        assert link.times == 2
        link.cuts = [1, 1, 1]
        with pytest.raises(ConnectionFailed, match="did not answer POST /v1/search"):
            client.search(QUERY)


def test_a_change_is_made_once_although_its_answer_is_lost(served: Served) -> None:
    """Each request has a key of its own; repeated, it is the same job."""
    with served.cutting() as (link, client):
        video = next(client.videos())
        before = len(list(client.jobs()))
        link.cuts = [1]
        job = client.edit(video.id, tags=["seen"])
        assert link.times == 1
        assert len(list(client.jobs(page=1))) == before + 1
        client.wait(job.id, timeout_s=60)
        assert client.video(video.id).tags == ["seen"]
        again = client.edit(video.id, tags=[], idempotency_key="one")
        assert client.edit(video.id, tags=[], idempotency_key="one").id == again.id


@pytest.fixture(scope="module")
def large(shared_library: Library, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a video of 20 MiB: a demo video that is not indexed, and bytes that players skip."""
    path = tmp_path_factory.mktemp("large") / "sea.mp4"
    content = min(shared_library.videos.glob("*.mp4")).read_bytes()
    size = 20 << 20
    path.write_bytes(content + size.to_bytes(4, "big") + b"free" + os.urandom(size - 8))
    return path


def test_an_upload_survives_cut_connections(served: Served, large: Path) -> None:
    """It goes on where the stored bytes end, and the video is indexed."""
    stored: list[int] = []
    size = large.stat().st_size
    with served.cutting() as (link, client):
        link.cuts = [3 << 20, 6 << 20, 9 << 20]
        job = client.upload(
            large, title="Sea", tags=["new"], progress=lambda done, _: stored.append(done)
        )
        assert link.times == 3
        assert stored == sorted(stored)
        assert stored[-1] == size
        states = [each.state for each in client.events(job.id)]
        assert states[-1] == "done"
        assert set(states) <= {"waiting", "running", "done"}
        done = client.wait(job.id)
        assert done.fate == "indexed"
        video = client.video(done.videos[0])
        assert (video.title, video.tags, video.size_bytes) == ("Sea", ["new"], size)
        assert Path(video.uri).read_bytes() == large.read_bytes()


def test_an_upload_is_continued_later(served: Served, large: Path, tmp_path: Path) -> None:
    """By its address; a file of another size is not taken for the same."""
    with served.cutting(retries=0) as (link, client):
        link.cuts = [12 << 20]
        with pytest.raises(UploadInterrupted, match="has stopped after 8388608 bytes") as raised:
            client.upload(large)
        interrupted = raised.value
        address = interrupted.upload.replace(link.address, served.address)
    with Client(served.address, key=served.key) as client:
        (tmp_path / "other.mp4").write_bytes(b"other")
        with pytest.raises(InvalidValue, match=r"other\.mp4 has 5; upload it from the start"):
            client.upload(tmp_path / "other.mp4", resume=address)
        seen: list[int] = []
        job = client.upload(large, resume=address, progress=lambda done, _: seen.append(done))
        assert seen[0] > interrupted.stored
        assert client.cancel(job.id).id == job.id
        gone = f"{address[:-8]}00000000"
        with pytest.raises(ProblemError, match="404 Not Found to HEAD") as refused:
            client.upload(large, resume=gone)
        assert refused.value.status == 404


def test_an_upload_is_begun_once(served: Served, large: Path) -> None:
    """It is not repeated if it may have arrived, because each one counts for the quota."""
    with served.cutting() as (link, client):
        link.cuts = [1]
        with pytest.raises(ConnectionFailed, match="did not answer POST /v1/uploads"):
            client.upload(large)
        assert link.times == 1


def test_a_job_that_fails_says_why(client: Client, tmp_path: Path) -> None:
    """To who waits; and waiting has an end."""
    (tmp_path / "text.mp4").write_bytes(b"no video")
    job = client.upload(tmp_path / "text.mp4")
    with pytest.raises(JobLate, match=r"is still (waiting|running) after 0 s"):
        client.wait(job.id, timeout_s=0)
    with pytest.raises(JobFailed, match=r"\(ingest\) is failed: not a video") as raised:
        client.wait(job.id, timeout_s=60)
    assert raised.value.job.state == "failed"
    assert job.id in {each.id for each in client.jobs(state="failed", kind="ingest")}


def test_events_go_on_after_a_lost_connection(served: Served, large: Path) -> None:
    """The stream is opened again, and ends with the job."""
    with served.cutting() as (link, client):
        job = client.edit(next(client.videos()).id, title="Red car")
        link.cuts = [1]
        states = [each.state for each in client.events(job.id)]
        assert link.times == 1
        assert states[-1] == "done"
        with pytest.raises(ProblemError, match="no job"):
            next(client.events("unknown"))


def test_a_key_is_needed_and_not_shown(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes from the environment if none is given; no text has it."""
    with Client(served.address) as client, pytest.raises(ProblemError) as raised:
        client.search(QUERY)
    assert raised.value.type == "/problems/unauthenticated"
    monkeypatch.setenv("CLIPSEEK_KEY", served.key)
    monkeypatch.setenv("CLIPSEEK_URL", f"{served.address}/")
    with Client() as client:
        assert client.search(QUERY).hits
        assert repr(client) == f"Client({served.address!r})"
        assert served.key not in repr(vars(client))


def test_programs_with_an_event_loop_ask_the_same(
    served: Served, client: Client, tmp_path: Path
) -> None:
    """Every kind of step: answers, iterators, files, uploads, events."""
    (tmp_path / "text.mp4").write_bytes(b"no video either")

    async def ask() -> None:
        async with AsyncClient(served.address, key=served.key) as loop:
            found = await loop.search(QUERY, limit=3)
            assert found.hits == client.search(QUERY, limit=3).hits
            assert [video.id async for video in loop.videos(page=4, order="length")] == [
                video.id for video in client.videos(order="length")
            ]
            assert [hit async for hit in loop.hits(QUERY, limit=12)] == [
                *client.hits(QUERY, limit=12)
            ]
            best = found.best
            path = await loop.excerpt(best.video.id, best.start, best.end, tmp_path / "a.mp4")
            assert path.stat().st_size > 1000
            job = await loop.upload(tmp_path / "text.mp4")
            states = [each.state async for each in loop.events(job.id)]
            assert states[-1] == "failed"
            with pytest.raises(ProblemError):
                await loop.search("")

    anyio.run(ask)
