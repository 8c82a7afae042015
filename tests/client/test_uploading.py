"""How an upload goes on, step by step."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from clipseek_client import InvalidValue, ProblemError, UnexpectedAnswer, UploadInterrupted
from clipseek_client.calls import begin_upload
from clipseek_client.retrying import Outcome
from clipseek_client.steps import Flow, Request
from clipseek_client.uploading import upload, uploaded
from tests.client.driving import SERVER, answer, drive, problem

AT = "http://videos.example/v1/uploads/u1"
BEGUN = answer(201, {"location": "/v1/uploads/u1"})
STORED = answer(204)


def stored(offset: int, length: int = 10) -> httpx2.Response:
    """Make the answer to HEAD."""
    return answer(200, {"upload-offset": str(offset), "upload-length": str(length)})


@pytest.fixture
def flow(tmp_path: Path) -> Callable[..., Flow[Any]]:
    """Return what begins the upload of ten bytes, four at a time."""
    (tmp_path / "sea.mp4").write_bytes(b"0123456789")

    def begin(**options: Any) -> Flow[Any]:
        chosen = {"collection": None, "resume": None, "progress": None, "part_bytes": 4} | options
        return upload(SERVER, tmp_path / "sea.mp4", **chosen)

    return begin


def test_parts_follow_each_other(flow: Callable[..., Flow[Any]]) -> None:
    """Name, collection and size are announced; progress is what is stored."""
    sent: list[Request] = []
    seen: list[tuple[int, int]] = []
    asked = flow(collection="c", progress=lambda *at: seen.append(at))
    assert drive(asked, BEGUN, STORED, STORED, STORED, sent=sent) == [AT]
    assert sent[0].headers["Upload-Length"] == "10"
    assert sent[0].headers["Upload-Metadata"] == "filename c2VhLm1wNA==,collection Yw=="
    parts = [(each.content, each.headers["Upload-Offset"]) for each in sent[1:]]
    assert parts == [(b"0123", "0"), (b"4567", "4"), (b"89", "8")]
    assert seen == [(4, 10), (8, 10), (10, 10)]


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(httpx2.WriteError("cut"), id="cut"),
        pytest.param(problem(409), id="the part before has arrived"),
        pytest.param(problem(423), id="busy"),
        pytest.param(answer(502), id="proxy"),
    ],
)
def test_it_goes_on_where_the_stored_bytes_end(
    flow: Callable[..., Flow[Any]], trouble: Outcome
) -> None:
    """After a pause, although the part was only half sent."""
    sent: list[Request] = []
    done = drive(flow(), BEGUN, STORED, trouble, stored(6), STORED, sent=sent)
    assert done == [0.125, AT]
    assert (sent[-1].content, sent[-1].headers["Upload-Offset"]) == (b"6789", "6")


def test_progress_starts_the_count_of_retries_again(flow: Callable[..., Flow[Any]]) -> None:
    """Without any, it ends after four."""
    cut = httpx2.ReadError("cut")
    steps: list[Outcome] = [each for n in range(1, 9) for each in (cut, stored(n))]
    none: list[Outcome] = [cut, stored(4)] * 4
    assert drive(flow(), BEGUN, *steps, STORED) == [0.125] * 8 + [AT]
    with pytest.raises(UploadInterrupted, match="has stopped after 4 bytes") as raised:
        drive(flow(), BEGUN, STORED, *none, cut)
    assert (raised.value.upload, raised.value.stored) == (AT, 4)
    assert AT in str(raised.value)


def test_a_full_disk_interrupts_and_a_lost_upload_is_an_error(
    flow: Callable[..., Flow[Any]],
) -> None:
    """Only what can be continued is called so."""
    with pytest.raises(UploadInterrupted):
        drive(flow(), BEGUN, problem(507))
    for status in (403, 410, 413):
        with pytest.raises(ProblemError):
            drive(flow(), BEGUN, problem(status))


def test_a_server_that_stays_away_interrupts(flow: Callable[..., Flow[Any]]) -> None:
    """Also while it is asked how much is stored."""
    gone = httpx2.ConnectError("refused")
    with pytest.raises(UploadInterrupted, match="did not answer HEAD"):
        drive(flow(), BEGUN, gone, *[gone] * 5)


def test_an_upload_that_could_not_be_asked_for_can_be_continued(tmp_path: Path) -> None:
    """It is whole, and asked for by the next call; a refusal is final."""
    path = tmp_path / "sea.mp4"
    path.write_bytes(b"0123456789")
    said = {"collection": None, "title": "Sea", "tags": None}
    sent: list[Request] = []

    def asked(resume: str | None) -> Flow[Any]:
        return uploaded(SERVER, path, said, resume=resume, progress=None)

    with pytest.raises(UploadInterrupted, match="did not answer POST /v1/videos") as raised:
        drive(asked(None), BEGUN, STORED, *[httpx2.ReadError("cut")] * 5, sent=sent)
    assert (raised.value.upload, raised.value.stored) == (AT, 10)
    assert len({each.headers["Idempotency-Key"] for each in sent[2:]}) == 1
    assert sent[-1].json == {"upload": "u1", "title": "Sea"}
    with pytest.raises(ProblemError):
        drive(asked(AT), stored(10), problem(403))


def test_it_is_resumed_by_its_address(flow: Callable[..., Flow[Any]]) -> None:
    """Nothing is begun; a file of another size is refused."""
    sent: list[Request] = []
    assert drive(flow(resume=AT), stored(8), STORED, sent=sent) == [AT]
    assert [each.method for each in sent] == ["HEAD", "PATCH"]
    with pytest.raises(InvalidValue, match=r"a file of 11 bytes, and .*sea\.mp4 has 10"):
        drive(flow(resume=AT), stored(8, 11))


@pytest.mark.parametrize(
    "headers",
    [{}, {"upload-length": "10"}, {"upload-length": "10", "upload-offset": "none"}],
    ids=["none", "no offset", "no number"],
)
def test_an_answer_that_does_not_say_what_is_stored_is_refused(
    flow: Callable[..., Flow[Any]], headers: dict[str, str]
) -> None:
    """A proxy may drop headers that it does not know."""
    with pytest.raises(UnexpectedAnswer, match="does not say how much of an upload is stored"):
        drive(flow(resume=AT), answer(200, headers))


def test_a_file_that_becomes_shorter_is_refused(
    flow: Callable[..., Flow[Any]], tmp_path: Path
) -> None:
    """It was not complete."""
    steps = flow()
    next(steps)
    steps.send(10)
    (tmp_path / "sea.mp4").write_bytes(b"01")
    read = steps.send(BEGUN)
    with pytest.raises(InvalidValue, match="has become shorter while it was uploaded"):
        read.call()  # type: ignore[union-attr]  # it is a Read


def test_a_name_that_is_not_text_is_announced_with_question_marks() -> None:
    """Linux has names of any bytes."""
    sent: list[Request] = []
    assert drive(begin_upload(SERVER, "a\udcff.mp4", 1, None), BEGUN, sent=sent) == [AT]
    assert sent[0].headers["Upload-Metadata"] == "filename YT8ubXA0"


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    """Neither is a name that is not there."""
    for path in (tmp_path, tmp_path / "none.mp4"):
        asked = upload(SERVER, path, collection=None, resume=None, progress=None)
        with pytest.raises(InvalidValue, match="file must be a regular file"):
            drive(asked)
