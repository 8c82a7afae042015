"""What a collection can be filtered by, over HTTP."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from clipseek.testing import MemoryCatalog
from tests.api.library import Library
from tests.api.test_permissions import asking


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory) -> Library:
    """A library with videos in three folders; no test changes it."""
    library = Library(tmp_path_factory.mktemp("facets"), MemoryCatalog())
    library.add("sea.mp4", ["blue"], tags=("coast",))
    for folder in ("trips", "trips/alps"):
        (library.folder / folder).mkdir()
        library.add(f"{folder}/of {folder.replace('/', ' ')}.mp4", ["red"], tags=("city",))
    return library


@pytest.fixture(scope="module")
def reader(deep: Library) -> Iterator[TestClient]:
    """A client of an application over it."""
    with TestClient(create_app(deep.service()), raise_server_exceptions=False) as opened:
        yield opened


def test_folders_and_tags_are_those_of_all_videos(deep: Library, reader: TestClient) -> None:
    """Each folder is a filter that finds its videos."""
    told = reader.get("/v1/facets").json()
    root = str(deep.folder)
    assert told == {
        "folders": [root, f"{root}/trips", f"{root}/trips/alps"],
        "more_folders": False,
        "tags": [
            {"tag": "city", "videos": 2},
            {"tag": "coast", "videos": 1},
        ],
        "more_tags": False,
        "segment_tags": [],
        "more_segment_tags": False,
    }
    body = {"query": "red", "filter": {"folder": told["folders"][1]}}
    hits = reader.post("/v1/search", json=body).json()["hits"]
    assert {hit["video"]["id"] for hit in hits} == {"of trips", "of trips alps"}


def test_facets_are_bounded_and_begin_with_a_text(deep: Library, reader: TestClient) -> None:
    """And say that there are more."""
    told = reader.get("/v1/facets", params={"limit": 1}).json()
    assert (told["folders"], told["more_folders"]) == ([str(deep.folder)], True)
    assert (len(told["tags"]), told["more_tags"]) == (1, True)
    begun = reader.get("/v1/facets", params={"folder": f"{deep.folder}/trips/a"}).json()
    assert begun["folders"] == [f"{deep.folder}/trips/alps"]
    assert reader.get("/v1/facets", params={"folder": "/none"}).json()["folders"] == []


@pytest.mark.parametrize(
    "parameters", [{"limit": "0"}, {"folder": "a" * 4097}, {"folder": "\0"}, {"tag": "city"}]
)
def test_wrong_parameters_are_refused(reader: TestClient, parameters: dict[str, str]) -> None:
    """With a sentence of each."""
    answer = reader.get("/v1/facets", params=parameters)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(next(iter(parameters)))


def test_a_new_server_has_no_facets(empty_client: TestClient) -> None:
    """A collection that was named and does not exist is another thing."""
    told = empty_client.get("/v1/facets").json()
    assert (told["folders"], told["tags"]) == ([], [])
    assert empty_client.get("/v1/facets", params={"collection": "none"}).status_code == 404


def test_facets_need_the_scope_search(deep: Library) -> None:
    """As searches do."""
    with asking(deep, "write", "admin") as client:
        assert client.get("/v1/facets").status_code == 403
