"""Videos, segments, thumbnails and collections."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.collection_schemas import IndexAnswer
from api.suggestions import Suggestions
from clipseek.library.collections import CollectionStats
from clipseek.library.view import View
from clipseek.testing import MemoryCatalog
from clipseek.types import Segment, Video
from tests.api.library import JPEG, Library


def test_videos_come_in_the_order_of_their_ids(client: TestClient) -> None:
    """Without a limit, a small library is one page."""
    answer = client.get("/v1/videos").json()
    assert [video["id"] for video in answer["videos"]] == ["dusk", "sea", "traffic"]
    assert answer["next"] is None


def test_next_leads_through_all_pages(client: TestClient) -> None:
    """The last full page says that nothing follows."""
    first = client.get("/v1/videos", params={"limit": 2}).json()
    second = client.get("/v1/videos", params={"limit": 2, "after": first["next"]}).json()
    assert [video["id"] for video in first["videos"] + second["videos"]] == [
        "dusk",
        "sea",
        "traffic",
    ]
    assert second["next"] is None


def test_videos_are_ordered_and_found_by_their_titles(client: TestClient) -> None:
    """Page by page; what follows a removed video is refused, and not empty."""
    asked: dict[str, str | int] = {"order": "title", "limit": 2}
    first = client.get("/v1/videos", params=asked).json()
    second = client.get("/v1/videos", params={**asked, "after": first["next"]}).json()
    assert [video["title"] for video in first["videos"]] == ["dusk", "sea"]
    assert ([video["title"] for video in second["videos"]], second["next"]) == (["traffic"], None)
    longest = client.get("/v1/videos", params={"order": "length"}).json()["videos"]
    lengths = [video["duration"] for video in longest]
    assert lengths == sorted(lengths, reverse=True)
    found = client.get("/v1/videos", params={"query": " SE "}).json()
    assert ([video["id"] for video in found["videos"]], found["next"]) == (["sea"], None)
    assert client.get("/v1/videos", params={**asked, "after": "gone"}).status_code == 404
    refused = client.get("/v1/videos", params={"order": "size"})
    assert refused.status_code == 422
    assert "id, newest, title or length" in refused.text


def test_a_video_is_described(client: TestClient) -> None:
    """The catalog's row comes with the link to the file."""
    video = client.get("/v1/videos/traffic").json()
    assert (video["title"], video["duration"], video["segments"]) == ("traffic", 6.0, 3)
    assert (video["tags"], video["state"]) == (["city"], "indexed")
    assert video["file_url"] == "/v1/videos/traffic/file?collection=default"


def test_segments_come_in_the_order_of_time(client: TestClient) -> None:
    """They cover the video."""
    segments = client.get("/v1/videos/traffic/segments").json()["segments"]
    assert [(segment["start"], segment["end"]) for segment in segments] == [(0, 2), (2, 4), (4, 6)]
    assert segments[1]["play_url"] == "/v1/videos/traffic/file?collection=default#t=2,4"


def test_a_thumbnail_is_a_jpeg_that_caches_may_keep(client: TestClient) -> None:
    """Segment ids are never used again."""
    segment = client.get("/v1/videos/sea/segments").json()["segments"][0]
    answer = client.get(segment["thumbnail_url"])
    assert (answer.content, answer.headers["Content-Type"]) == (JPEG, "image/jpeg")
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_a_video_has_the_picture_of_its_middle(library: Library, client: TestClient) -> None:
    """Caches keep it for a while only: the video may be indexed again."""
    name = library.catalog.segments("default", "traffic")[1].thumbnail
    library.service().thumbnails.store(name, b"\xff\xd8the middle\xff\xd9")
    video = client.get("/v1/videos/traffic").json()
    assert video["thumbnail_url"] == "/v1/videos/traffic/thumbnail?collection=default"
    answer = client.get(video["thumbnail_url"])
    assert (answer.content, answer.headers["Content-Type"]) == (
        b"\xff\xd8the middle\xff\xd9",
        "image/jpeg",
    )
    assert answer.headers["Cache-Control"] == "private, max-age=300"
    again = client.get(video["thumbnail_url"], headers={"If-None-Match": answer.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_collection_says_what_is_searched(library: Library, client: TestClient) -> None:
    """As this server has it open; one that it has not opened yet has no index."""
    library.add("storm.mp4", ["blue"], collection="archive")
    closed, opened = client.get("/v1/collections").json()["collections"]
    assert closed["index"] is None
    assert 0 <= opened["index"].pop("age_seconds") < 60
    assert opened["index"] == {
        "segments": 6,
        "version": 3,
        "published_version": None,
        "published_at": None,
        "beside": 6,
        "exact": True,
        "recall": 1.0,
        "compared": 0,
    }


@pytest.mark.parametrize(
    ("recalls", "expected"),
    [
        pytest.param([], None, id="not measured yet"),
        pytest.param([1.0, 0.5, 0.9], 0.8, id="measured"),
    ],
)
def test_the_recall_of_an_approximate_index_is_measured(
    recalls: Sequence[float], expected: float | None
) -> None:
    """It is the mean of the searches that were compared, and unknown before the first."""
    stats = CollectionStats(12, 118, 11, 5, "2025-03-02T10:15:02Z", is_exact=False, age_s=0.25)
    told = IndexAnswer.of(stats, recalls)
    assert told.recall == pytest.approx(expected)
    assert (told.compared, told.exact, told.beside) == (len(recalls), False, 5)
    assert (told.published_version, told.published_at) == (11, "2025-03-02T10:15:02Z")


def test_collections_are_counted(library: Library, client: TestClient) -> None:
    """Each has its model, its size and its version."""
    library.add("storm.mp4", ["blue"], collection="archive")
    library.catalog.set_alias("weather", "archive")
    answers = client.get("/v1/collections").json()["collections"]
    for answer in answers:
        del answer["examples"], answer["index"]
    assert answers == [
        {
            "name": "archive",
            "aliases": ["weather"],
            "model": "toy",
            "videos": 1,
            "segments": 1,
            "seconds": 2.0,
            "version": 1,
            "redacts": [],
        },
        {
            "name": "default",
            "aliases": [],
            "model": "toy",
            "videos": 3,
            "segments": 6,
            "seconds": 12.0,
            "version": 3,
            "redacts": [],
        },
    ]


def test_a_new_server_has_no_videos(empty_client: TestClient) -> None:
    """A list is not an error if nothing is indexed yet."""
    assert empty_client.get("/v1/videos").json() == {"videos": [], "next": None}
    assert empty_client.get("/v1/collections").json() == {"collections": [], "default": "default"}


@pytest.mark.parametrize(
    ("path", "status", "name"),
    [
        pytest.param("/v1/videos/no", 404, "video-not-found", id="video"),
        pytest.param("/v1/videos/no/segments", 404, "video-not-found", id="segments"),
        pytest.param("/v1/videos/no/file", 404, "video-not-found", id="file"),
        pytest.param("/v1/videos/sea?collection=x", 404, "video-not-found", id="elsewhere"),
        pytest.param("/v1/videos?collection=x", 404, "collection-not-found", id="collection"),
        pytest.param("/v1/videos/none/thumbnail", 404, "video-not-found", id="video thumbnail"),
        pytest.param("/v1/segments/999/thumbnail", 404, "segment-not-found", id="thumbnail"),
        pytest.param("/v1/segments/0/thumbnail", 422, "invalid-query", id="segment 0"),
        pytest.param("/v1/segments/x/thumbnail", 422, "invalid-query", id="segment x"),
        pytest.param(f"/v1/segments/{2**63}/thumbnail", 422, "invalid-query", id="segment 2**63"),
        pytest.param("/v1/videos/a%00b", 422, "invalid-query", id="NUL in id"),
        pytest.param(f"/v1/videos/{'a' * 129}", 422, "invalid-query", id="long id"),
        pytest.param("/v1/videos?limit=0", 422, "invalid-query", id="limit 0"),
        pytest.param("/v1/videos?limit=1001", 422, "invalid-query", id="limit 1001"),
        pytest.param("/v1/videos?limt=3", 422, "invalid-query", id="unknown parameter"),
        pytest.param("/v1/videos/sea/file?path=/etc/passwd", 422, "invalid-query", id="path"),
        pytest.param("/v1/videos?after=%00", 422, "invalid-query", id="NUL in after"),
        pytest.param("/v1/videos?collection=%2e%2e", 422, "invalid-query", id="path as name"),
    ],
)
def test_what_is_not_there_is_a_problem(
    client: TestClient, path: str, status: int, name: str
) -> None:
    """What cannot be an id is told apart from what is none."""
    answer = client.get(path)
    assert (answer.status_code, answer.json()["type"]) == (status, f"/problems/{name}")


def test_a_lost_thumbnail_is_a_problem(
    library: Library, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    """The operator reads in the log what to do; nobody keeps the answer."""
    for picture in library.folder.rglob("*.jpg"):
        picture.unlink()
    segment = client.get("/v1/videos/sea/segments").json()["segments"][0]
    answer = client.get(segment["thumbnail_url"])
    assert (answer.status_code, answer.json()["type"]) == (410, "/problems/thumbnail-gone")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "indexer" not in answer.json()["detail"]
    assert "indexer verify" in caplog.text


def test_a_thumbnail_outside_the_folder_is_not_served(
    library: Library, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever a database says: it is refused, logged, and kept by no cache."""
    (library.folder / "secret.jpg").write_bytes(b"\xff\xd8secret\xff\xd9")

    class Forged(MemoryCatalog):
        def segment(
            self, segment_id: int, *, within: Sequence[str] | None = None
        ) -> tuple[str, Segment]:
            name, segment = library.catalog.segment(segment_id, within=within)
            return name, replace(segment, thumbnail="../secret.jpg")

        def videos_by_id(self, collection: str, video_ids: Sequence[str]) -> dict[str, Video]:
            return library.catalog.videos_by_id(collection, video_ids)

    client = TestClient(create_app(library.service(Forged())))
    answer = client.get("/v1/segments/1/thumbnail")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (410, "no-store")
    assert b"secret" not in answer.content
    assert "outside the folder" in caplog.text


def test_a_picture_goes_with_its_video(library: Library) -> None:
    """Also if the video is removed while it is asked for: what was redacted is not known then."""
    catalog = library.catalog

    class Removing(MemoryCatalog):
        def segment(
            self, segment_id: int, *, within: Sequence[str] | None = None
        ) -> tuple[str, Segment]:
            name, segment = catalog.segment(segment_id, within=within)
            catalog.remove(name, segment.video_id)
            return name, segment

        def videos_by_id(self, collection: str, video_ids: Sequence[str]) -> dict[str, Video]:
            return catalog.videos_by_id(collection, video_ids)

    answer = TestClient(create_app(library.service(Removing()))).get("/v1/segments/1/thumbnail")
    assert (answer.status_code, answer.json()["type"]) == (404, "/problems/segment-not-found")


def test_the_collection_of_the_settings_is_the_default(library: Library) -> None:
    """For every request that names none, and for the page."""
    library.add("storm.mp4", ["blue"], collection="archive")
    client = TestClient(create_app(library.service(collection="archive")))
    found = client.post("/v1/search", json={"query": "blue"}).json()
    batch = client.post("/v1/search/batch", json={"searches": [{"query": "blue"}]}).json()
    assert (found["collection"], batch["results"][0]["collection"]) == ("archive", "archive")
    assert [video["id"] for video in client.get("/v1/videos").json()["videos"]] == ["storm"]
    for path in ("/v1/videos/storm", "/v1/videos/storm/segments", "/v1/videos/storm/file"):
        assert client.get(path).status_code == 200
    assert client.get("/v1/collections").json()["default"] == "archive"
    named = client.post("/v1/search", json={"query": "red", "collection": "default"}).json()
    assert named["collection"] == "default"


def _examples(client: TestClient) -> dict[str, list[str]]:
    answer = client.get("/v1/collections").json()
    return {each["name"]: each["examples"] for each in answer["collections"]}


def test_examples_are_sentences_that_the_library_answers(client: TestClient) -> None:
    """Each with a relevance of 0.9 at least; those first that lead to different videos."""
    examples = _examples(client)["default"]
    assert 2 <= len(examples) <= 4
    best = []
    for example in examples:
        hit = client.post("/v1/search", json={"query": example, "limit": 1}).json()["hits"][0]
        assert hit["relevance"] >= 0.9
        best.append(hit["video"]["id"])
    assert len({*best[:2]}) == 2


def test_a_library_that_shows_nothing_of_it_has_no_examples(empty: Library) -> None:
    """None are made up."""
    empty.add("fog.mp4", ["grey"])
    with TestClient(create_app(empty.service())) as client:
        client.get("/readyz")
        assert _examples(client) == {"default": []}


def test_examples_are_chosen_once_for_each_version(library: Library) -> None:
    """Asking again searches nothing; a new version is searched again."""
    service = library.service()
    searched: list[View] = []
    service.searcher.sample(lambda view, _queries, _near: searched.append(view))
    suggestions = Suggestions(service.searcher)
    assert suggestions.of("default") == []  # it is not open, and is not opened for this
    assert searched == []
    service.collections.ready()
    first = suggestions.of("default")
    count = len(searched)
    assert first
    assert suggestions.of("default") == first
    assert len(searched) == count
    for video in ("traffic", "dusk", "sea"):
        library.catalog.remove("default", video)
    library.add("fog.mp4", ["grey"])
    service.collections.refresh()
    assert suggestions.of("default") == []


def test_examples_of_one_collection_do_not_wait_for_those_of_another(library: Library) -> None:
    """What one tenant asks for does not change what another one is told."""
    library.add("night.mp4", ["blue", "red"], collection="other")
    service = library.service()
    service.collections.ready()
    suggestions, meanwhile = Suggestions(service.searcher), list[list[str]]()

    def ask_for_another(view: View, *_: object) -> None:
        if not meanwhile and view.collection.name == "default":
            meanwhile.append([])
            meanwhile.append(suggestions.of("other"))

    service.searcher.sample(ask_for_another)
    assert suggestions.of("default")
    assert meanwhile[1]
