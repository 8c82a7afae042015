"""Data sets: what they consist of, and that each format says the same, read by other programs."""

import csv
import io
import json
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pycocotools.coco import COCO

from clipseek.curating import SegmentTag
from clipseek.datasets import Dataset, Followed, Picture, Selection, assembled
from clipseek.datasets.formats import FORMATS, format_of
from clipseek.errors import ConfigError
from clipseek.types import Video

SELECTION = Selection(
    "yard", 7, "demo", {"cat": "c1", 'a "red" <car>': "r2"}, ("proposed", "accepted", "corrected")
)
VIDEOS = [
    Video("v2", "/b.mp4", 'night, "b"', 9.0, 64, 48, 10, stream="door"),
    Video("v1", "/a.mp4", "a", 8.0, 32, 24, 10, frame_rate="25"),
    Video("v3", "/c.mp4", "no frame", 8.0, 32, 24, 10),
]
PICTURES = [
    Picture("v2-1.png", "v2", 1.0, 64, 48, "p3", "f3"),
    Picture("v1-5.png", "v1", 5.0, 32, 24, "p2", "f2"),
    Picture("v1-2.png", "v1", 2.0, 32, 24, "p1", "f1"),
]
TAGS = [
    SegmentTag("t1", "v1", 0.0, 5.0, "cat", "c1", 0.75, "accepted", "ann"),
    SegmentTag("t2", "v1", 1.0, 8.0, 'a "red" <car>', "r2", 0.5),
    SegmentTag("t3", "v2", 0.0, 9.0, "cat", "c1", 0.625, "rejected", "ann"),
    SegmentTag("t4", "v2", 0.0, 9.0, "other", "o1", 0.875),
    SegmentTag("t5", "v3", 0.0, 9.0, "cat", "c1", 0.875),
]
SAID = {
    ("v1-2.png", "cat", "accepted"),
    ("v1-2.png", 'a "red" <car>', "proposed"),
    ("v1-5.png", 'a "red" <car>', "proposed"),
}
"""What the labels say: of each file a category, and the state of its tag."""


@pytest.fixture
def dataset() -> Dataset:
    """Return a data set of three frames."""
    return assembled(SELECTION, VIDEOS, PICTURES, TAGS)


def test_a_frame_has_the_tags_whose_span_it_is_in(dataset: Dataset) -> None:
    """Half-open: the frame at the end of a span is not in it. Rejected and other tags are out."""
    assert [picture.file for picture in dataset.pictures] == ["v1-2.png", "v1-5.png", "v2-1.png"]
    assert [video.id for video in dataset.videos] == ["v1", "v2"]
    said = {
        (
            dataset.pictures[label.picture - 1].file,
            dataset.categories[dataset.tracks[label.track - 1].category - 1].name,
            dataset.tracks[label.track - 1].state,
        )
        for label in dataset.labels
    }
    assert said == SAID
    assert len(dataset.labels) == 3


def test_the_order_of_what_it_is_made_of_does_not_count() -> None:
    """The same rows in another order are the same data set."""
    other = assembled(SELECTION, VIDEOS[::-1], PICTURES[::-1], TAGS[::-1])
    assert other == assembled(SELECTION, VIDEOS, PICTURES, TAGS)


@pytest.mark.parametrize(
    ("selection", "pictures"),
    [
        pytest.param(replace(SELECTION, version=8), PICTURES, id="version"),
        pytest.param(replace(SELECTION, rules={"cat": "c2"}), PICTURES, id="rule"),
        pytest.param(replace(SELECTION, states=("accepted",)), PICTURES, id="states"),
        pytest.param(SELECTION, PICTURES[1:], id="frames"),
    ],
)
def test_another_data_set_has_another_name(
    dataset: Dataset, selection: Selection, pictures: list[Picture]
) -> None:
    """By the version of the collection, those of the rules, and the frames."""
    assert dataset.name.startswith("yard-v7-")
    assert assembled(selection, VIDEOS, pictures, TAGS).name != dataset.name


def test_coco_is_read_by_pycocotools(dataset: Dataset, tmp_path: Path) -> None:
    """Each annotation belongs to an image, a category, a track and a video that exist."""
    read = _coco(dataset, tmp_path)
    names = {each["id"]: each for each in read.loadCats(read.getCatIds())}
    said = {
        (
            read.loadImgs(each["image_id"])[0]["file_name"],
            names[each["category_id"]]["name"],
            each["state"],
        )
        for each in read.loadAnns(read.getAnnIds())
    }
    assert said == SAID
    assert read.getCatIds(supNms=["tag"]) == [1, 2]
    assert len(read.getAnnIds(catIds=[2], areaRng=[1, 1e9])) == 1
    tracks = {each["id"]: each for each in read.dataset["tracks"]}
    videos = {each["id"]: each for each in read.dataset["videos"]}
    for each in read.loadAnns(read.getAnnIds()):
        image, track = read.loadImgs(each["image_id"])[0], tracks[each["track_id"]]
        assert image["video_id"] == each["video_id"] == track["video_id"]
        assert track["start"] <= image["time"] < track["end"]
        assert each["bbox"] == [0, 0, image["width"], image["height"]]
        assert each["area"] == image["width"] * image["height"]
        assert videos[each["video_id"]]["source"] == "v1"


def test_coco_reads_back_equal(dataset: Dataset, tmp_path: Path) -> None:
    """Made again of what pycocotools has read, it is the same data set."""
    read = _coco(dataset, tmp_path).dataset
    videos = {each["id"]: each["source"] for each in read["videos"]}
    names = {each["id"]: each for each in read["categories"]}
    pictures = [
        Picture(
            each["file_name"],
            videos[each["video_id"]],
            each["time"],
            each["width"],
            each["height"],
            each["pixels_sha256"],
            next(old.content for old in PICTURES if old.file == each["file_name"]),
        )
        for each in read["images"]
    ]
    tags = [
        SegmentTag(
            each["source"],
            videos[each["video_id"]],
            each["start"],
            each["end"],
            names[each["category_id"]]["name"],
            names[each["category_id"]]["version"],
            each["score"],
            each["state"],
        )
        for each in read["tracks"]
    ]
    info = read["info"]
    selection = Selection(
        info["collection"], info["version"], info["model"], info["rules"], tuple(info["states"])
    )
    assert assembled(selection, VIDEOS, pictures, tags) == dataset


def _coco(dataset: Dataset, folder: Path) -> Any:
    (folder / "labels.json").write_bytes(_files("coco", dataset)["labels.json"])
    return COCO(str(folder / "labels.json"))


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_tables_say_the_same(dataset: Dataset, form: str) -> None:
    """Numbers are numbers in Parquet, and text that reads back equal in CSV."""
    files = _files(form, dataset)
    tables = {name.partition(".")[0]: _rows(name, content) for name, content in files.items()}
    said = {(row["file"], row["category"], row["state"]) for row in tables["labels"]}
    assert said == SAID
    assert [row["title"] for row in tables["frames"]] == ["a", "a", 'night, "b"']
    assert [float(row["time"]) for row in tables["frames"]] == [2.0, 5.0, 1.0]
    assert [(row["tag"], float(row["end"])) for row in tables["spans"]] == [("t1", 5), ("t2", 8)]
    if form == "parquet":
        assert tables["frames"][0]["width"] == 32


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_text_of_csv_is_a_formula(first: str) -> None:
    """A title, a camera and a tag come from elsewhere; numbers below zero stay numbers."""
    bad = f"{first}HYPERLINK(1)"
    video = Video("v1", "/a.mp4", bad, 8.0, 32, 24, 10, stream=bad, recorded_at=bad)
    rules = replace(SELECTION, rules={bad: bad})
    tags = [SegmentTag(bad, "v1", 0.0, 8.0, bad, bad, -0.5)]
    made = assembled(rules, [video], PICTURES[1:2], tags)
    files = _files("csv", made)
    cells = [
        cell
        for name, content in files.items()
        for row in csv.reader(io.StringIO(content.decode(), newline=""))
        for cell in row
    ]
    assert cells.count(f"'{bad}") == 3 + 2 + 3
    assert cells.count("-0.5") == 2
    assert [cell for cell in cells if cell.startswith(first) and cell != "-0.5"] == []


def _rows(name: str, content: bytes) -> list[dict[str, Any]]:
    if name.endswith(".parquet"):
        rows: list[dict[str, Any]] = pq.read_table(io.BytesIO(content)).to_pylist()
        return rows
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_fiftyone_has_each_frame(dataset: Dataset) -> None:
    """One without a label has an empty list; a confidence is the relevance."""
    labels = json.loads(_files("fiftyone", dataset)["labels.json"])["labels"]
    assert {name: len(said) for name, said in labels.items()} == {"v1-2": 2, "v1-5": 1, "v2-1": 0}
    first = labels["v1-2"][0]
    assert (first["label"], first["confidence"], first["bounding_box"]) == (
        "cat",
        0.75,
        [0, 0, 1, 1],
    )


def test_label_studio_has_decisions_as_annotations_and_proposals_as_predictions(
    dataset: Dataset,
) -> None:
    """Each choice is one of the configuration, whose names agree with the results."""
    files = _files("labelstudio", dataset)
    tasks = json.loads(files["tasks.json"])
    config = ET.fromstring(files["config.xml"])  # noqa: S314  # our own
    (choices,) = config.findall("Choices")
    offered = [each.attrib["value"] for each in choices]
    (decided,) = tasks[0]["annotations"]
    (proposed,) = tasks[0]["predictions"]
    for said, names in ((decided, ["cat"]), (proposed, ['a "red" <car>'])):
        (result,) = said["result"]
        assert result["value"]["choices"] == names
        assert set(names) <= set(offered)
        assert result["from_name"] == choices.attrib["name"]
        assert result["to_name"] == choices.attrib["toName"] == config.find("Image").attrib["name"]  # type: ignore[union-attr]  # it has one
    assert tasks[0]["data"]["image"] == "/data/local-files/?d=data/v1-2.png"
    assert tasks[1]["annotations"] == tasks[2]["annotations"] == []
    assert "predictions" not in tasks[2]


@pytest.mark.parametrize("form", FORMATS)
def test_a_format_writes_the_same_bytes_each_time(dataset: Dataset, form: str) -> None:
    """There is no time of writing in it."""
    assert _files(form, dataset) == _files(form, dataset)


def test_an_unknown_format_is_refused() -> None:
    """The error names those that there are."""
    with pytest.raises(ConfigError, match="coco, csv, parquet, fiftyone, labelstudio, got 'voc'"):
        format_of("voc")


def _files(form: str, dataset: Dataset) -> Mapping[str, bytes]:
    return format_of(form)(dataset)


OBJECTS = [
    Followed("v1", "backpack", 0.875, 1.5, 4.0, {2.0001: (0.25, 0.5, 0.5, 1.0), 3.0: (0, 0, 1, 1)}),
    Followed("v2", "cat", 0.5, 0.0, 9.0, {0.5: (0, 0, 0.5, 0.5)}),
]
"""The second was not looked for in the frame at 1 s."""


@pytest.fixture
def seen() -> Dataset:
    """Return the data set with objects, one of which has the name of a rule."""
    return assembled(SELECTION, VIDEOS, PICTURES, TAGS, objects=OBJECTS)


def test_an_object_has_its_box_in_the_frames_in_which_it_was_seen(
    seen: Dataset, tmp_path: Path
) -> None:
    """A box is never guessed between two frames; a class is not the rule of the same name."""
    assert [(label.picture, label.box) for label in seen.labels if label.box is not None] == [
        (1, (0.25, 0.5, 0.5, 1.0))
    ]
    read = _coco(seen, tmp_path)
    assert [each["name"] for each in read.loadCats(read.getCatIds(supNms=["object"]))] == [
        "backpack",
        "cat",
    ]
    (found,) = read.loadAnns(read.getAnnIds(catIds=read.getCatIds(supNms=["object"])))
    assert (found["bbox"], found["area"], found["score"]) == ([8, 12, 8, 12], 96, 0.875)
    assert len(read.loadAnns(read.getAnnIds())) == len(SAID) + 1


def test_boxes_are_in_each_format(seen: Dataset) -> None:
    """As fractions in tables and for FiftyOne, in per cent for Label Studio."""
    (row,) = [
        row
        for row in _rows("labels.csv", _files("csv", seen)["labels.csv"])
        if row["level"] == "object"
    ]
    edges = [float(row[name]) for name in ("left", "top", "right", "bottom")]
    assert edges == [0.25, 0.5, 0.5, 1.0]
    labels = json.loads(_files("fiftyone", seen)["labels.json"])["labels"]
    (detection,) = [each for each in labels["v1-2"] if each["label"] == "backpack"]
    assert detection["bounding_box"] == [0.25, 0.5, 0.25, 0.5]
    files = _files("labelstudio", seen)
    (proposed,) = json.loads(files["tasks.json"])[0]["predictions"]
    (rectangle,) = [each for each in proposed["result"] if each["type"] == "rectanglelabels"]
    value = rectangle["value"]
    assert [value[name] for name in ("x", "y", "width", "height")] == [25, 50, 25, 50]
    assert value["rectanglelabels"] == ["backpack"]
    control = ET.fromstring(files["config.xml"]).find("RectangleLabels")  # noqa: S314  # our own
    assert control is not None
    assert control.attrib["name"] == rectangle["from_name"]
    assert [each.attrib["value"] for each in control] == ["backpack", "cat"]
