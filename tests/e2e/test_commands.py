"""The command `indexer` over a small library, as a user runs it."""

import errno
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from unicodedata import normalize

import av
import numpy as np
import pytest

from benchmarks import fusion
from clipseek.arranging import GROUPS, SORTS
from clipseek.assembly import open_existing
from clipseek.catalog import SqlCatalog
from clipseek.config import Settings
from clipseek.demo.sentences import Said
from clipseek.demo.utterances import WORD_KINDS, Passage
from clipseek.demo.videos import write_video
from clipseek.publishing import TAIL
from clipseek.types import FACETS, Relevance
from indexer import demo_options, search_options
from indexer.captions import read_captions
from tests.demo_words import still_plan
from tests.e2e.conftest import Library

STRANGERS = ("a submarine", "a piano", "a castle", "a tractor", "two dancers", "a queen")
Capture = pytest.CaptureFixture[str]


def _lines(capture: Capture) -> list[dict[str, object]]:
    """Parse what was printed on stdout, one object a line."""
    return [json.loads(line) for line in capture.readouterr().out.splitlines()]


def _captions(library: Library) -> list[dict[str, object]]:
    lines = (library.videos / "captions.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def test_search_finds_the_video_of_a_caption(shared_library: Library, capsys: Capture) -> None:
    """A true sentence about one video leads to that video, at a moment where it is true."""
    caption = next(c for c in _captions(shared_library) if "file" in c and not c.get("also"))
    assert shared_library.run("search", str(caption["query"]), "--limit", "3", "--json") == 0
    hits = _lines(capsys)
    times = ["start", "end", "best_time"]
    names = ["rank", "video", "segment_id", *times, "score", "relevance", "steps"]
    assert list(hits[0]) == names
    names = [Path(hit["video"]["uri"]).name for hit in hits if isinstance(hit["video"], dict)]
    assert caption["file"] in names
    assert len(hits) <= 3


def test_search_explains_what_it_finds(shared_library: Library, capsys: Capture) -> None:
    """As JSON with the map, and as a table with the box; the words are those of the API."""
    caption = next(c for c in _captions(shared_library) if "file" in c and not c.get("also"))
    words = ("search", str(caption["query"]), "--limit", "2", "--explain")
    assert shared_library.run(*words, "--json") == 0
    for hit in _lines(capsys):
        why = hit["explanation"]
        assert isinstance(why, dict)
        assert why["where_missing"] is None
        assert len(why["where"]["heat"]) == 16
        assert hit["start"] <= why["frame"]["time"] <= hit["end"]
        assert why["parts"][0]["fit"] == pytest.approx(hit["relevance"], abs=0.01)
    assert shared_library.run(*words) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["relevance", "from", "to", "best", "nearest", "where", "video"]
    assert re.search(r"\d+-\d+%, \d+-\d+%", lines[1])
    assert shared_library.run(*words, "--limit", "11") == 2
    assert "limit must be 1 to 10" in capsys.readouterr().err


def test_search_says_when_nothing_matches(shared_library: Library, capsys: Capture) -> None:
    """What the world does not know gets a note and the nearest moments, and is not a failure."""
    assert shared_library.run("search", "a submarine in space") == 0
    printed = capsys.readouterr()
    assert "nothing matches well" in printed.err
    assert printed.out.startswith("relevance")


def test_a_search_without_a_hit_says_so(shared_library: Library, capsys: Capture) -> None:
    """No column titles over nothing, and the option that left all out is named."""
    assert shared_library.run("search", "a car", "--folder", "/nowhere") == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("no moment passes --folder /nowhere; ask for less, or see with")


def test_a_sentence_with_without_gets_a_hint(shared_library: Library, capsys: Capture) -> None:
    """Only if nothing matches."""
    assert shared_library.run("search", "a submarine in space without a queen") == 0
    hint = "try `indexer search 'a submarine in space' --not 'a queen'`"
    assert hint in capsys.readouterr().err


def test_like_takes_the_file_name_and_the_title(shared_library: Library, capsys: Capture) -> None:
    """As `list` and the page show them; an unknown one is refused."""
    assert shared_library.run("list", "--json") == 0
    video = _lines(capsys)[0]
    answers = []
    for name in (video["uri"], Path(str(video["uri"])).name, video["title"]):
        assert shared_library.run("search", "--like", f"{name}@2", "--json") == 0
        answers.append(capsys.readouterr().out)
    assert answers[0]
    assert answers == [answers[0]] * 3
    assert shared_library.run("search", "--like", "nothing.mp4@2") == 1
    assert "no video 'nothing.mp4'" in capsys.readouterr().err


@pytest.mark.parametrize("query", ["???", "!", "🚗", "\u200b", ". . .", "\u0301"], ids=ascii)
def test_a_query_without_a_word_is_wrong_use(
    shared_library: Library, capsys: Capture, query: str
) -> None:
    """Every video would match it as well as any other."""
    assert shared_library.run("search", query) == 2
    printed = capsys.readouterr()
    assert "finds no word in the query" in printed.err
    assert not printed.out


@pytest.mark.parametrize("query", ["qwxyz", "ein Hund im Wald", "42"])
def test_words_that_the_model_does_not_know_match_nothing(
    shared_library: Library, capsys: Capture, query: str
) -> None:
    """They were part of its training; no moment is relevant."""
    assert shared_library.run("search", query, "--json") == 0
    assert all(float(str(hit["relevance"])) < 0.5 for hit in _lines(capsys))


def test_search_says_where_a_query_was_cut(shared_library: Library, capsys: Capture) -> None:
    """30 words fit beside start and end; sentences that differ past them have the same hits."""
    beginning = " ".join(["a red car"] * 10)
    found = []
    for ending in ("at night", "in the snow"):
        assert shared_library.run("search", f"{beginning} {ending}", "--json") == 0
        printed = capsys.readouterr()
        assert f"the first {len(beginning)} characters" in printed.err
        found.append(printed.out)
    assert found[0] == found[1]
    assert shared_library.run("search", beginning, "--json") == 0
    printed = capsys.readouterr()
    assert "characters" not in printed.err


def test_second_ingest_does_no_work(library: Library, capsys: Capture) -> None:
    """Every video is unchanged, nothing is read and the version stays."""
    library.run("status", "--json")
    before = _lines(capsys)[0]["version"]
    assert library.run("ingest", str(library.videos), "--json") == 0
    videos = _lines(capsys)
    assert [(video["state"], video["frames"]) for video in videos] == [("unchanged", 0)] * 6
    library.run("status", "--json")
    assert _lines(capsys)[0]["version"] == before


def test_forced_ingest_gives_the_same_segments(library: Library, capsys: Capture) -> None:
    """Indexing again replaces each video by its equal."""
    library.run("list", "--json")
    before = _lines(capsys)
    assert library.run("ingest", str(library.videos), "--force", "--json") == 0
    assert {video["state"] for video in _lines(capsys)} == {"indexed"}
    library.run("list", "--json")
    assert _lines(capsys) == before


def test_a_renamed_video_is_recognised(
    empty: Library, clip: Callable[[str], Path], capsys: Capture
) -> None:
    """The id stays, the path follows, nothing is read again."""
    old = clip("old.mp4")
    assert empty.run("ingest", str(old), "--model", "demo", "--json") == 0
    first = _lines(capsys)[0]
    new = old.rename(old.with_name("new.mp4"))
    assert empty.run("ingest", str(new), "--json") == 0
    second = _lines(capsys)[0]
    assert (second["id"], second["state"]) == (first["id"], "unchanged")
    empty.run("list", "--json")
    assert [(v["uri"], v["title"]) for v in _lines(capsys)] == [(str(new), "new")]


def test_a_copy_of_a_video_is_one_video(
    empty: Library, clip: Callable[[str], Path], capsys: Capture
) -> None:
    """Two files of one content: the first stays what is served."""
    one, two = clip("one.mp4"), clip("two.mp4")
    assert empty.run("ingest", str(one), str(two), "--model", "demo", "--json") == 0
    videos = sorted(_lines(capsys), key=lambda video: str(video["state"]))
    assert [video["state"] for video in videos] == ["indexed", "unchanged"]
    assert "same content as" in str(videos[1]["reason"])


def test_a_changed_video_is_replaced(
    empty: Library, clip: Callable[[str], Path], capsys: Capture
) -> None:
    """Other content under the same path: the old video goes in the same change."""
    path = clip("clip.mp4")
    empty.run("ingest", str(path), "--model", "demo", "--json")
    old = _lines(capsys)[0]["id"]
    shutil.copyfile(sorted(empty.videos.glob("*.mp4"))[1], path)
    assert empty.run("ingest", str(path), "--json") == 0
    new = _lines(capsys)[0]["id"]
    empty.run("list", "--json")
    assert [video["id"] for video in _lines(capsys)] == [new]
    assert new != old


def test_a_bad_file_is_reported_and_the_run_goes_on(
    empty: Library, clip: Callable[[str], Path], capsys: Capture
) -> None:
    """Exit code 1, a reason for the bad one, the good one indexed."""
    good = clip("good.mp4")
    bad = good.with_name("bad.mp4")
    bad.write_bytes(b"not a video")
    (good.parent / "empty.mkv").touch()
    assert empty.run("ingest", str(good.parent), "--model", "demo", "--json") == 1
    states = {Path(str(video["path"])).name: video for video in _lines(capsys)}
    assert states["good.mp4"]["state"] == "indexed"
    assert states["bad.mp4"]["state"] == states["empty.mkv"]["state"] == "failed"
    assert states["bad.mp4"]["reason"]
    assert "empty" in str(states["empty.mkv"]["reason"])


def test_a_folder_without_rights_fails_and_the_rest_is_indexed(
    empty: Library,
    clip: Callable[[str], Path],
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Exit 1, one object for the folder, and a count of what was left out in the summary."""
    good = clip("good.mp4")
    closed = good.parent / "closed"
    closed.mkdir()
    (good.parent / "@eaDir").mkdir()
    really = os.scandir

    def scandir(path: str) -> object:
        if path == str(closed):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        return really(path)

    monkeypatch.setattr("indexer.discover.os.scandir", scandir)
    assert empty.run("ingest", str(good.parent), "--model", "demo", "--json") == 1
    printed = capsys.readouterr()
    videos = {video["path"]: video for video in map(json.loads, printed.out.splitlines())}
    assert videos[str(good)]["state"] == "indexed"
    assert (videos[str(closed)]["state"], videos[str(closed)]["reason"]) == (
        "failed",
        "Permission denied",
    )
    assert f"failed     {closed}: Permission denied" in printed.err
    assert "2 videos: 1 indexed, 1 failed" in printed.err
    assert f"left out: 1 folder of the system (@eaDir in {good.parent})" in printed.err


def test_where_nothing_can_be_looked_at_nothing_is_made(
    empty: Library, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 1 and the reason; no model is loaded, and no library begun."""

    def scandir(path: str) -> object:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)

    monkeypatch.setattr("indexer.discover.os.scandir", scandir)
    assert empty.run("ingest", str(tmp_path), "--model", "demo") == 1
    assert f"{tmp_path}: Permission denied" in capsys.readouterr().err
    assert not empty.data_dir.exists()


def test_sound_without_pictures_is_left_out_of_a_folder(
    empty: Library, clip: Callable[[str], Path], capsys: Capture
) -> None:
    """Music beside a video is not a failure; named itself it is one, and says what it is."""
    video = clip("video.mp4")
    song = video.with_name("song.mp4")
    with av.open(song, "w") as container:
        stream = container.add_stream("aac", rate=44100, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 44100
        container.mux([*stream.encode(frame), *stream.encode(None)])
    assert empty.run("ingest", str(video.parent), "--model", "demo") == 0
    left_out = f"left out: 1 file without pictures (song.mp4 in {video.parent})"
    assert left_out in capsys.readouterr().out
    assert empty.run("ingest", str(song)) == 1
    assert "song.mp4: audio only" in capsys.readouterr().err


def test_a_new_library_is_told(
    empty: Library, clip: Callable[[str], Path], capsys: Capture
) -> None:
    """A mistyped data folder is noticed; the second run says nothing."""
    path = clip("clip.mp4")
    assert empty.run("ingest", str(path), "--model", "demo") == 0
    assert f"new, empty library in {empty.data_dir}" in capsys.readouterr().err
    assert empty.run("ingest", str(path)) == 0
    assert "new, empty" not in capsys.readouterr().err


@pytest.mark.parametrize("is_gone", [False, True], ids=["there", "deleted"])
def test_remove_finds_what_ingest_stored_by_the_same_words(
    empty: Library,
    clip: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: Capture,
    is_gone: bool,
) -> None:
    """`../x.mp4` is one file in both, also when it was deleted meanwhile."""
    path = clip("clip.mp4")
    here = path.parent / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    assert empty.run("ingest", "../clip.mp4", "--model", "demo", "--quiet") == 0
    if is_gone:
        path.unlink()
    assert empty.run("remove", "../clip.mp4") == 0
    assert str(path) in capsys.readouterr().out


@pytest.mark.parametrize(("stored", "typed"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_remove_finds_a_name_in_another_normal_form(
    empty: Library, clip: Callable[[str], Path], capsys: Capture, stored: str, typed: str
) -> None:
    """The file system of macOS stores names decomposed; a keyboard types them composed."""
    path = clip(normalize(stored, "été.mp4"))  # type: ignore[arg-type]  # two of four forms
    assert empty.run("ingest", str(path), "--model", "demo", "--quiet") == 0
    named = path.with_name(normalize(typed, "été.mp4"))  # type: ignore[arg-type]  # two of four
    assert empty.run("remove", str(named)) == 0


def test_a_name_that_is_no_text_is_reported(
    empty: Library, clip: Callable[[str], Path], capsys: Capture
) -> None:
    """A file name that is not UTF-8 cannot be stored; the sentence says so."""
    path = clip("good.mp4")
    odd = os.fsencode(path.parent) + b"/caf\xe9.mp4"
    os.rename(path, odd)  # noqa: PTH104  a bytes path on purpose
    assert empty.run("ingest", str(path.parent), "--model", "demo", "--json") == 1
    assert "not valid UTF-8" in str(_lines(capsys)[0]["reason"])


@pytest.mark.parametrize("year", [1900, 2400], ids=str)
def test_a_date_of_another_century_is_indexed(
    empty: Library, clip: Callable[[str], Path], capsys: Capture, year: int
) -> None:
    """Nanoseconds since 1970 are more than 64 bits in 2400; the second run finds it unchanged."""
    path = clip("clip.mp4")
    seconds = int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
    os.utime(path, (seconds, seconds))
    assert empty.run("ingest", str(path), "--model", "demo", "--json") == 0
    assert empty.run("ingest", str(path), "--json") == 0
    os.utime(path, (seconds + 60, seconds + 60))
    assert empty.run("ingest", str(path), "--json") == 0
    assert [video["state"] for video in _lines(capsys)] == ["indexed", "unchanged", "unchanged"]
    assert empty.run("remove", str(path)) == 0


def test_another_model_is_refused_and_nothing_written(library: Library, capsys: Capture) -> None:
    """ModelMismatch names both models; here one has other weights behind the name."""
    before = _rows(library)
    assert library.run("ingest", str(library.videos), "--model", "ViT-B-32/openai") == 2
    assert "is indexed with model 'demo'" in capsys.readouterr().err
    bundle = library.data_dir / "other"
    shutil.copytree(Path("src/clipseek/demo/model").resolve(), bundle)
    manifest = json.loads((bundle / "bundle.json").read_text())
    manifest["name"] = "other/model"
    (bundle / "bundle.json").write_text(json.dumps(manifest))
    assert library.run("ingest", str(library.videos), "--model", str(bundle)) == 2
    message = capsys.readouterr().err
    assert "'demo'" in message
    assert "--collection" in message
    assert _rows(library) == before


def _rows(library: Library) -> list[str]:
    """Return what the catalog has, except what the audit says of commands."""
    with closing(sqlite3.connect(library.data_dir / "catalog.db")) as catalog:
        return [
            line
            for line in catalog.iterdump()
            if not re.search('INSERT INTO "(audit|sqlite_sequence)"', line)
        ]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param(["ingest", "/nowhere/at/all"], "no such file or folder", id="missing path"),
        pytest.param(["ingest", "VIDEOS", "--fps", "-1"], "CLIPSEEK_SAMPLE_FPS", id="fps"),
        pytest.param(["ingest", "VIDEOS", "--model", "no-such"], "no-such", id="unknown model"),
        pytest.param(["ingest", "VIDEOS", "--collection", "../x"], "a-z", id="collection name"),
        pytest.param(["search", ""], "1 to 1000 characters, got 0", id="empty query"),
        pytest.param(["search", "x", "--limit", "0"], "limit must be 1 to 100, got 0", id="limit"),
        pytest.param(["search", "x", "--min-duration", "-1"], "min_duration must be", id="length"),
        pytest.param(["search", "x", "--min-relevance", "2"], "min_relevance must be", id="least"),
        pytest.param(
            ["search", "x", "--indexed-from", "x"], "--indexed-from: a time is", id="time"
        ),
        pytest.param(["search", "x"], "indexer ingest PATH", id="nothing indexed"),
        pytest.param(["search", "x", "--collection", "no"], "--collection no", id="collection"),
        pytest.param(["evaluate", "none.jsonl"], "none.jsonl", id="no captions"),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_2(
    empty: Library, capsys: Capture, arguments: list[str], expected: str
) -> None:
    """No traceback, the value and the way out, and nothing indexed."""
    videos = str(empty.videos)
    assert empty.run(*[videos if a == "VIDEOS" else a for a in arguments]) == 2
    message = capsys.readouterr().err
    assert expected in message
    assert "Traceback" not in message
    assert [line.startswith("indexer: ") for line in message.splitlines()].count(True) == 1


def test_looking_makes_nothing(empty: Library, capsys: Capture) -> None:
    """A mistyped data folder is told, not made."""
    for verb in (["search", "x"], ["list"], ["verify"], ["remove", "x"]):
        assert empty.run(*verb) == 2
        assert "indexer ingest PATH" in capsys.readouterr().err
    assert empty.run("status") == 0
    assert not empty.data_dir.exists()


def test_demo_videos_replace_no_others(tmp_path: Path, empty: Library, capsys: Capture) -> None:
    """A folder with files of the user's is refused; one of ours may be drawn again."""
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "captions.jsonl").write_text("precious")
    assert empty.run("demo", "--videos", "1", "--out", str(tmp_path / "mine")) == 2
    assert "other files" in capsys.readouterr().err
    assert (tmp_path / "mine" / "captions.jsonl").read_text() == "precious"
    for _ in range(2):
        assert empty.run("demo", "--videos", "1", "--out", str(tmp_path / "ours")) == 0


@pytest.mark.long
def test_demo_videos_with_speech_need_a_voice(
    tmp_path: Path, empty: Library, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the synthesiser, the command says so, and the videos are drawn without speech."""
    monkeypatch.setenv("PATH", str(tmp_path))
    made = tmp_path / "made"
    words = ("--words", "speech,sign")
    assert empty.run("demo", "--videos", "1", "--seed", "1", *words, "--out", str(made)) == 0
    assert "no video has speech, because espeak-ng is missing" in capsys.readouterr().err
    lines = (made / "captions.jsonl").read_text(encoding="utf-8").splitlines()
    assert {json.loads(line).get("kind") for line in lines} == {None, "sign"}


def test_text_in_pictures_is_added_without_embedding_again(
    tmp_path: Path, empty: Library, capsys: Capture
) -> None:
    """The second ingest says how many texts were read, and the third has nothing to do."""
    pytest.importorskip("rapidocr", reason="the extra ocr is not installed")
    said = Passage("sign", 0.0, 3.0, Said("HONEY MUSEUM", ""), (0.1, 0.02, 0.85, 0.17))
    write_video(still_plan(), tmp_path / "sign.mp4", (said,))
    film = str(tmp_path / "sign.mp4")
    assert empty.run("ingest", film, "--model", "demo", "--quiet") == 0
    capsys.readouterr()
    for reason in ("1 text in pictures was read", ""):
        assert empty.run("ingest", film, "--fields", "picture,text", "--json") == 0
        lines = [line for line in _lines(capsys) if line.get("path") == film]
        assert [(line["state"], line["reason"]) for line in lines] == [("unchanged", reason)]
    assert empty.run("search", "honey museum", "--limit", "1", "--json") == 0
    (hit,) = _lines(capsys)
    assert isinstance(hit["fields"], list)
    (text,) = (each for each in hit["fields"] if each["field"] == "text")
    assert (text["text"], text["start"], text["end"]) == ("HONEY MUSEUM", 0.0, 3.0)
    assert empty.run("search", "honey museum", "--not", "a car", "--limit", "1", "--json") == 0
    (hit,) = _lines(capsys)
    assert isinstance(hit["fields"], list)
    assert [each["field"] for each in hit["fields"]] == ["picture", "text"]


def test_unknown_words_are_refused(tmp_path: Path, empty: Library, capsys: Capture) -> None:
    """The kinds that there are are named, and nothing is drawn."""
    made = tmp_path / "made"
    with pytest.raises(SystemExit, match="2"):
        empty.run("demo", "--words", "sign,smell", "--out", str(made))
    assert "'smell' is not a kind of words; name some of subtitle,speech,sign" in (
        capsys.readouterr().err
    )
    assert not made.exists()
    assert demo_options.WORD_KINDS == WORD_KINDS


def test_tags_filter(empty: Library, clip: Callable[[str], Path], capsys: Capture) -> None:
    """A label given at ingest narrows a search; an empty one is refused."""
    assert empty.run("ingest", str(clip("a.mp4")), "--model", "demo", "--tag", " ") == 2
    assert empty.run("ingest", str(clip("a.mp4")), "--model", "demo", "--tag", "day 1") == 0
    capsys.readouterr()
    assert empty.run("search", "a", "red", "car", "--tag", "day 1", "--json") == 0
    assert _lines(capsys)
    assert empty.run("search", "a red car", "--tag", "day 2", "--json") == 0
    assert not _lines(capsys)


def test_filters_choose_videos(
    empty: Library, clip: Callable[[str], Path], capsys: Capture
) -> None:
    """By folder (as a path), title, picture and times; hits by relevance."""
    path = _recorded(clip("a.mp4"), "2024-05-01T12:00:00Z")
    assert empty.run("ingest", str(path), "--model", "demo") == 0
    found = {}
    for option in (
        ("--folder", str(path.parent)),
        ("--folder", f"{path.parent}/../{path.parent.name}"),
        ("--folder", f"{path.parent}x"),
        ("--min-duration", "0.1"),
        ("--max-duration", "0.1"),
        ("--indexed-from", "1d"),
        ("--indexed-before", "2020-01-01"),
        ("--min-relevance", "1"),
        ("--title", "RECORD"),
        ("--title", "b"),
        ("--min-height", "9"),
        ("--max-height", "9"),
        ("--recorded-from", "2024-05-01"),
        ("--recorded-before", "2024-05-01"),
        ("--language", "en"),
    ):
        capsys.readouterr()
        assert empty.run("search", "a red car", *option, "--json") == 0
        found[option] = bool(capsys.readouterr().out)
    lengths_and_times = [True, True, False, True, False, True, False, False]
    assert list(found.values()) == [
        *lengths_and_times,
        *(True, False, True, False, True, False, False),
    ]
    arranged = ("--sort", "time", "--group-by", "video", "--facet", "year", "--facet", "tag")
    assert empty.run("search", "a red car", *arranged, "--min-relevance", "1e-9", "--json") == 0
    hit, counts = _lines(capsys)
    assert hit["more_in_video"] != 0
    assert counts == {"facets": {"year": {"2024": 1}, "tag": {}}, "videos": 1, "more": False}
    assert (search_options.SORTS, search_options.GROUPS) == (SORTS, GROUPS)
    assert search_options.FACETS == FACETS


def _recorded(path: Path, at: str) -> Path:
    """Copy a video into a file that says when it was recorded."""
    target = path.with_name("recorded.mp4")
    with av.open(str(path)) as source, av.open(str(target), "w") as container:
        container.metadata["creation_time"] = at
        (video,) = source.streams.video
        copied = container.add_stream_from_template(video)
        for packet in source.demux(video):
            if packet.dts is not None:
                packet.stream = copied
                container.mux(packet)
    return target


def test_tags_are_trimmed(empty: Library, clip: Callable[[str], Path], capsys: Capture) -> None:
    """The API trims them, so one with white space at its end would never be found there."""
    assert empty.run("ingest", str(clip("a.mp4")), "--model", "demo", "--tag", " day 1 ") == 0
    capsys.readouterr()
    for tag in ("day 1", "day 1 "):
        assert empty.run("search", "a red car", "--tag", tag, "--json") == 0
        assert _lines(capsys)


def test_remove_takes_ids_and_paths(library: Library, capsys: Capture) -> None:
    """What is removed is gone from the next search; an unknown one is exit 1."""
    library.run("list", "--json")
    first, second, *rest = _lines(capsys)
    library.run("list")
    short = capsys.readouterr().out.splitlines()[1].split()[0]
    assert str(first["id"])[:8] == short
    assert library.run("remove", short, "nothing", str(second["uri"])) == 1
    assert "no video 'nothing'" in capsys.readouterr().err
    library.run("list", "--json")
    assert _lines(capsys) == rest
    library.run("search", "a red car", "--limit", "100", "--json")
    found = {hit["video"]["id"] for hit in _lines(capsys) if isinstance(hit["video"], dict)}
    assert found <= {video["id"] for video in rest}
    assert library.run("verify") == 0


def test_verify_names_a_lost_thumbnail(library: Library, capsys: Capture) -> None:
    """Exit 1 and the file's name."""
    lost = next((library.data_dir / "thumbnails").rglob("*.jpg"))
    lost.unlink()
    assert library.run("verify") == 1
    assert lost.name in capsys.readouterr().out


def test_verify_names_a_damaged_snapshot(library: Library, capsys: Capture) -> None:
    """One flipped byte is noticed, and search goes on from the catalog."""
    index = next((library.data_dir / "snapshots").rglob("index.faiss"))
    data = bytearray(index.read_bytes())
    data[len(data) // 2] ^= 1
    index.write_bytes(data)
    assert library.run("verify") == 1
    assert "index.faiss" in capsys.readouterr().out
    assert library.run("search", "a red car") == 0


def test_build_prunes_the_changes_behind_the_last_snapshot(library: Library) -> None:
    """Those that the snapshot of before is known by stay, since it may still be in use."""
    catalog = SqlCatalog.open(f"sqlite:///{library.data_dir / 'catalog.db'}")
    for _ in range(TAIL):
        catalog.set_relevance("default", Relevance(1.0, 0.0, fitted=True))
    assert library.run("build", "--quiet") == 0
    former = catalog.collection("default").version
    assert catalog.changes("default", 0)[0].version == 1
    catalog.set_relevance("default", Relevance(1.0, 0.0, fitted=True))
    assert library.run("build", "--quiet") == 0
    kept = [change.version for change in catalog.changes("default", 0)]
    catalog.close()
    assert former > TAIL
    assert kept == list(range(former - TAIL + 1, former + 2))


def test_search_needs_no_snapshot(library: Library, capsys: Capture) -> None:
    """The catalog is the truth: without snapshots the answers are the same."""
    library.run("search", "a red car", "--json")
    before = _lines(capsys)
    shutil.rmtree(library.data_dir / "snapshots")
    library.run("search", "a red car", "--json")
    assert _lines(capsys) == before
    assert library.run("build", "--json") == 0
    assert _lines(capsys)[0]["count"]


def test_the_kind_of_index_can_be_named(library: Library, capsys: Capture) -> None:
    """`build --index` makes a snapshot of that kind, and `status` tells it and its size."""
    assert library.run("build", "--index", "exact", "--json") == 0
    assert _lines(capsys)[0]["asked"] == "exact"
    assert library.run("status") == 0
    said = capsys.readouterr().out
    assert re.search(r"exact, \d+ bytes per vector, recall@10 1.0\n", said)
    assert re.search(r"an hour   frame vectors [\d.]+ [kM]B, segments [\d.]+ [kM]B, texts ", said)


def test_a_kind_of_index_that_is_none_is_refused(library: Library, capsys: Capture) -> None:
    """The kinds that there are are named, and the exit code is 2."""
    assert library.run("build", "--index", "hnsw") == 2
    assert "'ivf-pq'" in capsys.readouterr().err


def test_evaluate_prints_the_agreed_keys(shared_library: Library, capsys: Capture) -> None:
    """The figures of the demo videos, absent queries included."""
    captions = str(shared_library.videos / "captions.jsonl")
    assert shared_library.run("evaluate", captions, "--json") == 0
    figures = _lines(capsys)[0]
    assert isinstance(figures["video"], dict)
    assert isinstance(figures["absent"], dict)
    assert figures["video"]["R@1"] >= 0.7
    assert figures["absent"]["queries"] > 0


def test_evaluate_reports_each_kind(
    shared_library: Library, capsys: Capture, tmp_path: Path
) -> None:
    """If queries ask for words too, the figures of pictures are told apart from theirs."""
    own = shared_library.videos / "captions.jsonl"
    captions = tmp_path / "captions.jsonl"
    line = '{"query": "nobody said this", "absent": true, "kind": "speech"}'
    captions.write_text(own.read_text(encoding="utf-8") + line, encoding="utf-8")
    for path in (own, captions):
        assert shared_library.run("evaluate", str(path), "--json") == 0
    alone, together = _lines(capsys)
    assert "kinds" not in alone
    kinds = together.pop("kinds")
    assert isinstance(kinds, dict)
    assert kinds["picture"] == alone
    assert kinds["speech"]["absent"]["queries"] == 1
    assert shared_library.run("evaluate", str(captions)) == 0
    assert "\nkind     speech\nqueries  0\n" in capsys.readouterr().out


def test_composed_queries_are_answered(shared_library: Library, capsys: Capture) -> None:
    """Exclusions, sequences in their order alone, and pictures, as the demo's truth says."""
    captions = str(shared_library.videos / "composed.jsonl")
    assert shared_library.run("evaluate", captions, "--json") == 0
    kinds = _lines(capsys)[0]["kinds"]
    assert isinstance(kinds, dict)
    assert kinds["negative"]["without"]["kept_out"] == 1
    assert kinds["sequence"]["moment"]["touch"] >= 0.85
    assert kinds["sequence"]["absent"]["recognised"] >= 0.85
    assert kinds["image"]["video"]["R@1"] >= 0.95


def test_fields_are_measured_alone_and_together(shared_library: Library) -> None:
    """Where no video has words, pictures are all that is fused; exclusions need pictures."""
    videos = shared_library.videos
    asked = [each for each in read_captions(videos / "captions.jsonl") if not each.absent]
    composed = read_captions(videos / "composed.jsonl")
    negative = [each for each in composed if each.kind == "negative" and not each.absent]
    with open_existing(Settings.load(data_dir=shared_library.data_dir)) as service:
        plain = fusion.measure(service, asked)["R@1"]
        excluding = fusion.measure(service, negative)["R@1"]
    assert plain["picture"] == plain["fused"] == plain["rrf p"] == plain["rrf w"]
    assert (plain["fused"] or 0) >= 0.7
    assert plain["subtitle"] == plain["speech"] == plain["text"] == 0
    assert excluding["picture"] == excluding["fused"]
    assert excluding["subtitle"] is None
    assert "rrf p" not in excluding


def test_calibrate_leaves_out_queries_for_words(
    library: Library, capsys: Capture, tmp_path: Path
) -> None:
    """Relevance of pictures is not fitted to what is said or written."""
    captions = tmp_path / "captions.jsonl"
    lines = [{**line, "kind": "sign"} for line in _captions(library)]
    captions.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    assert library.run("calibrate", str(captions)) == 2
    assert "8" in capsys.readouterr().err


def test_calibrate_is_taken_up_by_search(library: Library, capsys: Capture) -> None:
    """The fitted constants change relevance, not the order, and bump the version."""
    library.run("search", "a red car", "--json")
    before = _lines(capsys)
    captions = library.data_dir / "captions.jsonl"
    absent = [{"query": f"{word} in space", "absent": True} for word in STRANGERS]
    lines = "".join(json.dumps(line) + "\n" for line in [*_captions(library), *absent])
    captions.write_text(lines, encoding="utf-8")
    assert library.run("calibrate", str(captions), "--json") == 0
    assert _lines(capsys)[0]["version"]
    library.run("search", "a red car", "--json")
    after = _lines(capsys)
    assert [hit["score"] for hit in after] == [hit["score"] for hit in before]
    assert [hit["relevance"] for hit in after] != [hit["relevance"] for hit in before]


def test_config_says_where_a_value_came_from(
    empty: Library, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Options, environment and defaults are told apart; a secret is never shown."""
    monkeypatch.setenv("CLIPSEEK_WORKERS", "5")
    monkeypatch.setenv("CLIPSEEK_DATABASE_URL", "postgresql://me:hush@db/x")
    assert empty.run("config", "--json") == 0
    printed = capsys.readouterr().out
    rows = {row["setting"]: row for row in map(json.loads, printed.splitlines())}
    assert (rows["CLIPSEEK_WORKERS"]["value"], rows["CLIPSEEK_WORKERS"]["from"]) == (
        5,
        "environment",
    )
    assert rows["CLIPSEEK_DATA_DIR"]["from"] == "option"
    assert rows["CLIPSEEK_DECODER"]["from"] == "default"
    assert "hush" not in printed


def test_models_warns_of_research_licences(empty: Library, capsys: Capture) -> None:
    """Every model has a dimension and a licence; the demo is here."""
    assert empty.run("models", "--json") == 0
    rows = {str(row["name"]): row for row in _lines(capsys)}
    assert rows["demo"]["installed"] is True
    assert rows["PE-Core-B-16/meta"]["licence"] == "Apache-2.0"


def test_ctrl_c_finishes_the_video_in_hand(empty: Library) -> None:
    """Exit 130 and a summary; the same command then completes the library."""
    command = [sys.executable, "-m", "indexer", "--data-dir", str(empty.data_dir), "ingest"]
    command += [str(empty.videos), "--model", "demo", "--json"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "run the same command again" in err
    assert empty.run("ingest", str(empty.videos), "--quiet") == 0
    assert empty.run("verify") == 0


@pytest.mark.long
def test_two_ingests_at_once_lose_and_double_nothing(empty: Library, capsys: Capture) -> None:
    """Both finish, every video is there once."""
    command = [sys.executable, "-m", "indexer", "--data-dir", str(empty.data_dir), "ingest"]
    command += [str(empty.videos), "--model", "demo", "--quiet"]
    both = [subprocess.Popen(command) for _ in range(2)]
    assert [process.wait(timeout=120) for process in both] == [0, 0]
    empty.run("list", "--json")
    uris = sorted(str(video["uri"]) for video in _lines(capsys))
    assert uris == sorted(str(path) for path in empty.videos.glob("*.mp4"))
    assert empty.run("verify") == 0


def test_a_closed_pipe_ends_quietly(shared_library: Library) -> None:
    """`indexer list | head -0` is not an error."""
    command = f"{sys.executable} -m indexer --data-dir {shared_library.data_dir} list | head -c 0"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=True)  # noqa: S602
    assert done.stderr == ""


def test_help_imports_nothing_heavy() -> None:
    """`indexer --help` answers at once: no model, no codec, no database is loaded for it."""
    code = (
        "import sys, indexer.cli; indexer.cli.parser(); "
        "heavy = {'torch', 'onnxruntime', 'faiss', 'av', 'decord', 'sqlalchemy', 'numpy'}; "
        "print(*heavy & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
