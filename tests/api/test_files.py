"""GET /v1/videos/{id}/file: whole, in ranges, and when the file is not what was indexed."""

import os
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.app import create_app
from api.library import FOREVER
from api.media import locate, media_type, parse_ranges, respond, satisfiable
from tests.api.library import MP4, Library

FILE = "/v1/videos/traffic/file"
SIZE = len(MP4)


def test_the_whole_file_comes(client: TestClient) -> None:
    """Its type is that of its content, and browsers may not guess another."""
    answer = client.get(FILE)
    assert (answer.status_code, answer.content) == (200, MP4)
    assert answer.headers["Content-Type"] == "video/mp4"
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Disposition"] == 'inline; filename="traffic.mp4"'


@pytest.mark.parametrize(
    ("asked", "content", "named"),
    [
        pytest.param("bytes=0-9", MP4[:10], f"bytes 0-9/{SIZE}", id="first ten"),
        pytest.param("bytes=100-", MP4[100:], f"bytes 100-{SIZE - 1}/{SIZE}", id="open end"),
        pytest.param("bytes=-5", MP4[-5:], f"bytes {SIZE - 5}-{SIZE - 1}/{SIZE}", id="last five"),
        pytest.param("bytes=-99999", MP4, f"bytes 0-{SIZE - 1}/{SIZE}", id="more than all"),
        pytest.param("bytes=5-99999", MP4[5:], f"bytes 5-{SIZE - 1}/{SIZE}", id="past the end"),
        pytest.param("bytes=0-1,99999-", MP4[:2], f"bytes 0-1/{SIZE}", id="one of two"),
        pytest.param("Bytes = 0-0", MP4[:1], f"bytes 0-0/{SIZE}", id="written oddly"),
    ],
)
def test_a_range_comes(client: TestClient, asked: str, content: bytes, named: str) -> None:
    """206 with the bytes asked for and where they lie."""
    answer = client.get(FILE, headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, content)
    assert answer.headers["Content-Range"] == named


def test_several_ranges_come_in_parts(client: TestClient) -> None:
    """Each part names its place (RFC 9110, 14.6)."""
    answer = client.get(FILE, headers={"Range": "bytes=0-1,-2"})
    assert answer.status_code == 206
    assert answer.headers["Content-Type"].startswith("multipart/byteranges; boundary=")
    assert f"Content-Range: bytes 0-1/{SIZE}".encode() in answer.content
    assert f"Content-Range: bytes {SIZE - 2}-{SIZE - 1}/{SIZE}".encode() in answer.content


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(f"bytes={SIZE}-", id="at the end"),
        pytest.param("bytes=-0", id="last zero"),
        pytest.param("bytes=99998-99999", id="beyond"),
    ],
)
def test_a_range_outside_the_file_is_a_problem(client: TestClient, asked: str) -> None:
    """416 says how large the file is."""
    answer = client.get(FILE, headers={"Range": asked})
    assert (answer.status_code, answer.json()["type"]) == (416, "/problems/range-not-satisfiable")
    assert answer.headers["Content-Range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param("items=0-1", id="unit"),
        pytest.param("bytes=9-3", id="backwards"),
        pytest.param("bytes=abc", id="words"),
        pytest.param("bytes=", id="empty"),
        pytest.param("bytes=-", id="dash"),
        pytest.param("bytes=" + "9" * 5000 + "-", id="endless number"),
        pytest.param("bytes=" + ",".join(["0-0"] * 17), id="seventeen ranges"),
    ],
)
def test_a_range_that_says_nothing_is_ignored(client: TestClient, asked: str) -> None:
    """The whole file comes (RFC 9110, 14.2)."""
    assert client.get(FILE, headers={"Range": asked}).status_code == 200


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(first=st.integers(0, SIZE + 10), length=st.integers(1, SIZE + 10))
def test_every_range_is_the_slice_of_the_file(client: TestClient, first: int, length: int) -> None:
    """What comes is what Python's slice says."""
    answer = client.get(FILE, headers={"Range": f"bytes={first}-{first + length - 1}"})
    expected = MP4[first : first + length]
    assert answer.status_code == (206 if expected else 416)
    assert not expected or answer.content == expected


@given(st.text(alphabet="bytes=-,0123456789 ", max_size=30))
def test_satisfiable_ranges_lie_in_the_file(header: str) -> None:
    """However the header looks, nothing outside the file is read."""
    for first, last in satisfiable(parse_ranges(header) or [], 100):
        assert 0 <= first <= last < 100


def test_a_range_of_the_same_file_only(client: TestClient) -> None:
    """If-Range takes the whole file when it is another by now."""
    etag = client.get(FILE).headers["ETag"]
    same = client.get(FILE, headers={"Range": "bytes=0-3", "If-Range": etag})
    other = client.get(FILE, headers={"Range": "bytes=0-3", "If-Range": '"other"'})
    assert (same.status_code, other.status_code) == (206, 200)


def test_an_unchanged_file_is_not_sent_again(client: TestClient) -> None:
    """If-None-Match with the file's tag."""
    etag = client.get(FILE).headers["ETag"]
    assert client.get(FILE, headers={"If-None-Match": etag}).status_code == 304


def test_head_tells_the_size(client: TestClient) -> None:
    """No body, and no range: it is defined for GET only."""
    answer = client.head(FILE, headers={"Range": "bytes=0-3"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Length"] == str(SIZE)


def test_a_file_that_is_gone_is_a_problem(library: Library, client: TestClient) -> None:
    """410, with what to do."""
    (library.folder / "traffic.mp4").unlink()
    answer = client.get(FILE)
    assert (answer.status_code, answer.json()["type"]) == (410, "/problems/file-gone")
    assert "tell the operator of this server" in answer.json()["detail"]
    assert str(library.folder) not in answer.text


def test_a_folder_in_the_place_of_the_file_is_a_problem(
    library: Library, client: TestClient
) -> None:
    """Only plain files are served."""
    (library.folder / "traffic.mp4").unlink()
    (library.folder / "traffic.mp4").mkdir()
    assert client.get(FILE).status_code == 410


def test_a_file_that_changed_is_a_problem(
    library: Library, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Another size is another video: its moments would be elsewhere. The log says what to do."""
    (library.folder / "traffic.mp4").write_bytes(MP4 + b"more")
    answer = client.get(FILE)
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/file-changed")
    assert f"had {SIZE} bytes" in caplog.text
    assert answer.json()["request_id"] in caplog.text


def test_a_file_of_the_same_size_and_another_time_is_not_opened(
    library: Library, client: TestClient
) -> None:
    """A link to something else in its place is not followed, even if it is readable."""
    elsewhere = library.folder / "elsewhere"
    elsewhere.write_bytes(b"x" * SIZE)
    elsewhere.chmod(0)
    (library.folder / "traffic.mp4").unlink()
    (library.folder / "traffic.mp4").symlink_to(elsewhere)
    opened = elsewhere.stat().st_atime_ns
    answer = client.get(FILE)
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/file-changed")
    assert elsewhere.stat().st_atime_ns == opened


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_pipe_in_place_of_the_file_is_not_waited_for(
    library: Library, client: TestClient
) -> None:
    """It is not a file any more."""
    (library.folder / "traffic.mp4").unlink()
    os.mkfifo(library.folder / "traffic.mp4")
    assert client.get(FILE).json()["type"] == "/problems/file-gone"


def test_the_file_that_was_checked_is_the_one_that_is_sent(library: Library) -> None:
    """Another one that takes its name before the first byte changes nothing."""
    video = library.catalog.video("default", "traffic")
    answer = respond(locate(video), None)
    other = library.folder / "other"
    other.write_bytes(b"y" * SIZE)
    other.replace(library.folder / "traffic.mp4")
    assert TestClient(answer).get("/").content == MP4


@pytest.mark.parametrize(
    ("header", "named", "status"),
    [
        pytest.param("If-None-Match", "{etag}", 304, id="tag"),
        pytest.param("If-None-Match", '"a", {etag}', 304, id="list"),
        pytest.param("If-None-Match", '"a,b", W/{etag},', 304, id="weak, after a comma in quotes"),
        pytest.param("If-None-Match", "*", 304, id="any"),
        pytest.param("If-None-Match", '"a"', 200, id="another"),
        pytest.param("If-None-Match", "*, {etag}", 200, id="no list"),
        pytest.param("If-Modified-Since", "{date}", 304, id="date"),
        pytest.param("If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT", 200, id="older"),
        pytest.param("If-Modified-Since", "yesterday", 200, id="no date"),
        pytest.param("If-Match", "{etag}", 200, id="match"),
        pytest.param("If-Match", "*", 200, id="match any"),
        pytest.param("If-Match", "W/{etag}", 412, id="match weakly"),
        pytest.param("If-Match", '"a"', 412, id="match another"),
        pytest.param("If-Unmodified-Since", "{date}", 200, id="unmodified"),
        pytest.param("If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT", 412, id="modified"),
    ],
)
@pytest.mark.parametrize("path", [FILE, "/static/app.js", "/", "/docs"])
def test_conditions_mean_the_same_everywhere(
    client: TestClient, path: str, header: str, named: str, status: int
) -> None:
    """As RFC 9110 says in section 13."""
    plain = {"Accept-Encoding": "identity"}  # a compressed answer has a weak tag
    known = client.get(path, headers=plain).headers
    value = named.format(etag=known["ETag"], date=known["Last-Modified"])
    answer = client.get(path, headers={**plain, header: value})
    assert answer.status_code == status
    assert status != 304 or answer.headers["ETag"].removeprefix("W/") == known["ETag"]


def test_conditions_of_a_picture(client: TestClient) -> None:
    """It has a tag and no date."""
    path = client.get("/v1/videos/sea/segments").json()["segments"][0]["thumbnail_url"]
    etag = client.get(path).headers["ETag"]
    same = client.get(path, headers={"If-None-Match": f'"a", W/{etag}'})
    other = client.get(path, headers={"If-Match": '"a"'})
    assert (same.status_code, same.headers["Cache-Control"]) == (304, FOREVER)
    assert (other.status_code, other.headers["Cache-Control"]) == (412, "no-store")


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/v1/videos/..%2f..%2fetc%2fpasswd/file", id="dots"),
        pytest.param("/v1/videos/%2fetc%2fpasswd/file", id="absolute"),
        pytest.param("/v1/videos/file:%2f%2f%2fetc%2fpasswd/file", id="URL"),
    ],
)
def test_no_path_of_the_client_is_served(client: TestClient, path: str) -> None:
    """Only what the catalog names."""
    assert client.get(path).status_code == 404


def test_a_page_that_was_indexed_as_video_is_never_one_in_the_browser(
    library: Library, client: TestClient
) -> None:
    """A type from a closed list, and no guessing."""
    library.add("page.html", ["red"], content=b"<script>alert(1)</script>")
    answer = client.get("/v1/videos/page/file")
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("head", "suffix", "expected"),
    [
        pytest.param(b"\0\0\0\x18ftypisom", ".bin", "video/mp4", id="mp4"),
        pytest.param(b"\0\0\0\x14ftypqt  ", ".mp4", "video/quicktime", id="quicktime"),
        pytest.param(b"\x1aE\xdf\xa3\x9fB\x82\x84webm", ".mkv", "video/webm", id="webm"),
        pytest.param(b"\x1aE\xdf\xa3\xa3B\x82\x88matroska", "", "video/x-matroska", id="matroska"),
        pytest.param(b"RIFF\0\0\0\0AVI LIST", "", "video/x-msvideo", id="avi"),
        pytest.param(b"\0\0\x01\xba", "", "video/mpeg", id="mpeg"),
        pytest.param(b"OggS", ".ogg", "video/ogg", id="ogg"),
        pytest.param(b"FLV\x01", "", "video/x-flv", id="flv"),
        pytest.param(b"GIF89a", "", "image/gif", id="gif"),
        pytest.param(b"G" + bytes(187) + b"G", "", "video/mp2t", id="transport stream"),
        pytest.param(b"", ".WMV", "video/x-ms-wmv", id="by its ending"),
        pytest.param(b"<html>", ".html", "application/octet-stream", id="page"),
        pytest.param(b"<svg>", ".svg", "application/octet-stream", id="svg"),
    ],
)
def test_types_are_told_by_the_first_bytes(head: bytes, suffix: str, expected: str) -> None:
    """The ending counts only where the bytes say nothing."""
    assert media_type(head, f"video{suffix}") == expected


def test_a_name_in_any_script_is_sent(library: Library, client: TestClient) -> None:
    """The header is percent-encoded (RFC 6266, 4.3)."""
    library.add("夜の車.mp4", ["red"])
    answer = client.get("/v1/videos/夜の車/file")
    assert "filename*=utf-8''%E5%A4%9C" in answer.headers["Content-Disposition"]


def test_the_link_of_a_hit_plays(library: Library) -> None:
    """A play link is the file's address with a fragment, whatever the file is called."""
    library.add("what? 100%.mp4", ["red"])
    client = TestClient(create_app(library.service()))
    hits = client.post(
        "/v1/search", json={"query": "red", "filter": {"video_ids": ["what? 100%"]}}
    ).json()["hits"]
    assert client.get(hits[0]["play_url"]).content == MP4


def test_the_library_s_own_files_are_not_served(library: Library, client: TestClient) -> None:
    """A file beside an indexed one has no address."""
    Path(library.folder / "secret.mp4").write_bytes(MP4)
    assert client.get("/v1/videos/secret/file").status_code == 404
