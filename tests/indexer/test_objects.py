"""The verbs `objects` and `where`, over a video of the demo with a small thing."""

import json
from fractions import Fraction
from pathlib import Path

import pytest

from clipseek.demo.shots import Actor, Plan, Shot
from clipseek.demo.videos import write_video
from clipseek.demo.world import Thing
from indexer.cli import main

Capture = pytest.CaptureFixture[str]


def test_a_small_thing_is_found_and_shown(tmp_path: Path, capsys: Capture) -> None:
    """Indexed without a detector, looked at once, searched, and written as COCO."""
    car = Actor(Thing("car", "red", 0.7, 0.7, 0.2), ((0.0, 0.7),))
    plan = Plan(Fraction(25), (Shot("road", "day", 7, (car,), 0, 50),))
    video, out = tmp_path / "a.mp4", tmp_path / "coco.json"
    write_video(plan, video)

    def run(*words: str) -> int:
        return main(["--data-dir", str(tmp_path / "data"), *words])

    def said() -> list[dict[str, object]]:
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    assert run("ingest", "--model", "demo", "--quiet", str(video)) == 0
    assert run("objects") == 2
    assert "--detector" in capsys.readouterr().err
    assert run("objects", "--detector", "demo", "--json") == 0
    assert [line["objects"] for line in said()] == [1]
    assert run("objects", "--detector", "demo", "--json") == 0
    assert said() == []
    assert run("search", "a red car", "--json") == 0
    (hit,) = said()
    found = next(each for each in hit["fields"] if each["field"] == "object")  # type: ignore[attr-defined]  # a list
    assert found["text"] == "car"
    assert found["relevance"] > 0.5
    assert run("where", str(video), "a red car", "--out", str(out)) == 0
    boxes = json.loads(out.read_text())["annotations"]
    assert len(boxes) == 2
    for box in boxes:
        left, top, wide, high = box["bbox"]
        assert abs(left + wide / 2 - 0.7 * 384) < 8
        assert abs(top + high / 2 - 0.7 * 216) < 8
    assert run("where", str(video), "a red car", "--out", str(tmp_path / "a.txt")) == 2
    assert "--out must name" in capsys.readouterr().err
