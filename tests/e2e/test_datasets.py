"""`indexer dataset` over a library: its frames, its bytes, and what is left out."""

import csv
import hashlib
import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from clipseek.assembly import open_existing, open_writer
from clipseek.catalog.redactions import SqlRedactions
from clipseek.config import Settings
from clipseek.curating import SegmentTag, Tagging, tag_id
from clipseek.decisions import Decision
from clipseek.ledgers import open_curating
from clipseek.redaction import Redactor, Regions
from clipseek.rules import Rule
from clipseek.tracked import Track, VideoObjects
from clipseek.types import Span, Video
from clipseek.video import PyAVFrames
from tests.e2e.conftest import Library

RULE = Rule("cat", ("a cat",))


@pytest.fixture
def tagged(library: Library) -> Library:
    """Return a library whose first video has a tag from 0 to 3 seconds."""
    settings = Settings.load(data_dir=str(library.data_dir))
    video = videos(library)[0]
    tag = SegmentTag(
        tag_id(video.id, RULE.name, 0.0, 3.0), video.id, 0.0, 3.0, RULE.name, RULE.version, 0.75
    )
    with closing(open_curating(settings)) as curating:
        curating.put_rules("default", [RULE], "ann")
        curating.apply("default", [Tagging(video.id, RULE.name, RULE.version, "s", [tag])])
    return library


def videos(library: Library) -> list[Video]:
    """Return the videos of the library, by id."""
    with open_existing(Settings.load(data_dir=str(library.data_dir))) as service:
        return service.catalog.videos("default")


def content(folder: Path) -> dict[str, bytes]:
    """Return all files of a folder by their names."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def every_frame(path: str) -> Iterator[tuple[float, bytes]]:
    """Decode a video frame by frame, each with its time and its pixels."""
    times = (number / 100 for number in range(1_000_000))
    with PyAVFrames(path, decode="exact") as source:
        for batch in source.read(times):
            for pixels, time in zip(batch.pixels, batch.times.tolist(), strict=True):
                yield time, pixels.tobytes()


def test_frames_are_those_of_exact_decoding_and_the_bytes_repeat(
    tagged: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a sample, written twice; every pixel is that of a decoder that reads every frame."""
    samples = tmp_path / "samples.jsonl"
    assert tagged.run("sample", "--budget", "2", "--out", str(samples)) == 0
    first = videos(tagged)[0]
    line = {"video_id": first.id, "time": 1.0}
    samples.write_text(samples.read_text() + json.dumps(line) + "\n")
    for name in ("one", "two"):
        command = ["dataset", str(tmp_path / name), "--samples", str(samples), "--json"]
        capsys.readouterr()
        assert tagged.run(*command) == 0
    said = json.loads(capsys.readouterr().out)
    assert content(tmp_path / "one") == content(tmp_path / "two")

    manifest = json.loads((tmp_path / "one" / "dataset.json").read_text())
    assert manifest["rules"] == {"cat": RULE.version}
    assert manifest["name"] == said["name"]
    assert (manifest["frames"], manifest["spans"]) == (3, 1)
    for name, digest in manifest["sha256"].items():
        assert hashlib.sha256((tmp_path / "one" / name).read_bytes()).hexdigest() == digest

    labels = json.loads((tmp_path / "one" / "labels.json").read_text())
    asked = {each["id"]: each for each in labels["videos"]}
    for image in labels["images"]:
        pixels = np.asarray(Image.open(tmp_path / "one" / "data" / image["file_name"]))
        digest = hashlib.sha256(pixels.tobytes()).hexdigest()
        assert image["pixels_sha256"] == digest
        frames = every_frame(asked[image["video_id"]]["uri"])
        found = next(raw for time, raw in frames if time == image["time"])
        assert hashlib.sha256(found).hexdigest() == digest
    tagged_images = [each["image_id"] for each in labels["annotations"]]
    expected = [
        each["id"]
        for each in labels["images"]
        if asked[each["video_id"]]["source"] == first.id and each["time"] < 3
    ]
    assert tagged_images == expected != []


def test_a_video_that_changed_is_left_out(
    tagged: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1, the reason in the manifest, and the frames of the others are there.

    Those of a file that was only touched are, because its content is compared.
    """
    known = videos(tagged)
    gone = known[0]
    with open_writer(Settings.load(data_dir=str(tagged.data_dir))) as service:
        there = str(tmp_path / "gone.mp4")
        service.catalog.relocate("default", gone.id, there, gone.size_bytes, gone.stamp)
        touched = known[1]
        service.catalog.relocate("default", touched.id, touched.uri, touched.size_bytes, "other")
    assert tagged.run("dataset", str(tmp_path / "out"), "--format", "csv") == 1
    manifest = json.loads((tmp_path / "out" / "dataset.json").read_text())
    assert list(manifest["left_out"]) == [gone.id]
    assert manifest["videos"] == len(known) - 1
    assert manifest["frames"] == sum(video.segments for video in known[1:])
    assert "is left out" in capsys.readouterr().err
    assert not list((tmp_path / "out" / "data").glob(f"{gone.id}*"))


def test_what_cannot_be_written_is_said(
    tagged: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder with something in it, a rule and a video that are not there."""
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "note").touch()
    (tmp_path / "samples.jsonl").write_text('{"video_id": "ffff", "time": 1}\n')
    for options, said in (
        (["full"], "must be a new or empty folder"),
        (["out", "--rule", "dog"], "no rule 'dog'"),
        (["out", "--samples", str(tmp_path / "samples.jsonl")], "names video ffff"),
    ):
        assert tagged.run("dataset", str(tmp_path / options[0]), *options[1:]) == 2
        assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_samples_without_a_frame_are_refused(
    tagged: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No time that the video does not have is written as another one, and no file is empty."""
    samples = tmp_path / "samples.jsonl"
    video = videos(tagged)[0]
    for time, said in (
        (None, "has no samples"),
        ("NaN", "line 1: time"),
        ("Infinity", "line 1: time"),
        ("1e999", "line 1: time"),
        ("-0.5", "line 1: time"),
        (f"{video.duration + 0.1}", f"s of video {video.id}, which has"),
    ):
        line = "" if time is None else f'{{"video_id": "{video.id}", "time": {time}}}'
        samples.write_text(f"{line}\n")
        assert tagged.run("dataset", str(tmp_path / "out"), "--samples", str(samples)) == 2
        assert said in capsys.readouterr().err, time
        assert not (tmp_path / "out").exists()


def test_a_sample_that_was_not_recorded_is_left_out(tagged: Library, tmp_path: Path) -> None:
    """By name, with exit code 1."""
    first, second = videos(tagged)[:2]
    with open_writer(Settings.load(data_dir=str(tagged.data_dir))) as service:
        service.catalog.relocate("default", first.id, "camera://door/a", first.size_bytes, "")
    samples = tmp_path / "samples.jsonl"
    samples.write_text("".join(f'{{"video_id": "{v.id}", "time": 1}}\n' for v in (first, second)))
    assert tagged.run("dataset", str(tmp_path / "out"), "--samples", str(samples)) == 1
    manifest = json.loads((tmp_path / "out" / "dataset.json").read_text())
    assert manifest["left_out"] == {first.id: "it was not recorded, so it has no frames"}
    assert manifest["frames"] == 1


def test_what_people_have_settled_needs_no_rule(
    tagged: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A label that they named, and what they accepted for a rule that was removed."""
    video = videos(tagged)[0]
    samples = tmp_path / "samples.jsonl"
    samples.write_text("".join(f'{{"video_id": "{video.id}", "time": {t}}}\n' for t in (1, 4)))
    said = Decision("", video.id, 0.0, 3.0, "cat", "accept", "ann")
    accepted = replace(said, sample=tag_id(video.id, "cat", 0.0, 3.0))
    spans = ((3.0, 4.5), (4.5, 5.0))
    settings = Settings.load(data_dir=str(tagged.data_dir))
    with closing(open_curating(settings)) as curating:
        curating.decide("default", accepted)
        for (start, end), more in zip(
            spans, ({"verdict": "correct", "label": "dog"}, {"verdict": "reject"}), strict=True
        ):
            of = replace(said, sample=tag_id(video.id, "cat", start, end), start=start, end=end)
            curating.decide("default", replace(of, **more))  # type: ignore[arg-type]  # two kinds

    def written(name: str, *options: str) -> tuple[dict[str, str], list[tuple[str, str]]]:
        folder = tmp_path / name
        command = ("--format", "csv", "--samples", str(samples), *options)
        assert tagged.run("dataset", str(folder), *command) == 0
        with (folder / "labels.csv").open(newline="") as file:
            rows = [(row["category"], row["state"]) for row in csv.DictReader(file)]
        found: dict[str, str] = json.loads((folder / "dataset.json").read_text())["rules"]
        return found, rows

    both = [("cat", "accepted"), ("dog", "corrected")]
    assert written("dogs", "--rule", "dog") == ({"dog": ""}, both[1:])
    assert tagged.run("tags", "remove", "cat") == 0
    assert written("without", "--decided") == ({"cat": "", "dog": ""}, both)
    assert tagged.run("dataset", str(tmp_path / "foxes"), "--rule", "fox") == 2
    assert "no rule 'fox'" in capsys.readouterr().err


class _LeftHalf:
    """Finds the left half of each picture."""

    def find(self, picture: NDArray[np.uint8]) -> Regions:
        """Return it; what is blurred is wider by 0.3 of its width."""
        return np.array([[0, 0, 0.4, 1]], np.float32)


def test_what_is_redacted_is_blurred_in_pictures_and_pages(
    tagged: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Left halves are blurred and right ones are exact; the manifest and the name say so."""
    assert tagged.run("dataset", str(tmp_path / "plain"), "--format", "csv") == 0
    with closing(SqlRedactions.open(f"sqlite:///{tagged.data_dir}/catalog.db")) as redactions:
        redactions.redact("default", ["faces"])
    monkeypatch.setattr(
        "indexer.redaction.open_redactor",
        lambda kinds, **_: Redactor([_LeftHalf() for _ in kinds]),
    )
    assert tagged.run("dataset", str(tmp_path / "blurred"), "--format", "csv") == 0
    plain, blurred = (
        json.loads((tmp_path / name / "dataset.json").read_text()) for name in ("plain", "blurred")
    )
    assert (plain["redacts"], blurred["redacts"]) == ([], ["faces"])
    assert plain["name"] != blurred["name"]
    for path in (tmp_path / "plain" / "data").iterdir():
        whole = np.asarray(Image.open(path))
        shown = np.asarray(Image.open(tmp_path / "blurred" / "data" / path.name))
        width = whole.shape[1]
        assert (whole[:, : width // 4] != shown[:, : width // 4]).any()
        assert (whole[:, 3 * width // 4 :] == shown[:, 3 * width // 4 :]).all()


def test_objects_have_their_boxes(tagged: Library, tmp_path: Path) -> None:
    """In the frames in which a detector has seen them, and as tracks."""
    settings = Settings.load(data_dir=str(tagged.data_dir))
    with open_writer(settings) as service:
        video = service.catalog.videos("default")[0]
        first, *_ = service.catalog.segments("default", video.id)
        dim = service.catalog.collection("default").dim
        vector = np.zeros(dim, np.float32)
        vector[0] = 1
        track = Track(
            "backpack",
            0.75,
            Span(0.0, 3.0),
            np.array([first.best_time]),
            np.array([[0.25, 0.5, 0.5, 0.75]], np.float32),
            0,
            vector,
            0.0,
        )
        service.catalog.put_objects("default", video.id, VideoObjects("yolo", (track,)))
    assert tagged.run("dataset", str(tmp_path / "out")) == 0
    labels = json.loads((tmp_path / "out" / "labels.json").read_text())
    (category,) = [each for each in labels["categories"] if each["supercategory"] == "object"]
    (found,) = [each for each in labels["annotations"] if each["category_id"] == category["id"]]
    image = next(each for each in labels["images"] if each["id"] == found["image_id"])
    assert category["name"] == "backpack"
    assert image["time"] == pytest.approx(first.best_time, abs=0.01)
    width, height = image["width"], image["height"]
    assert found["bbox"] == [width / 4, height / 2, width / 4, height / 4]
    assert labels["info"]["objects"] == ["yolo"]
