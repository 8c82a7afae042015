"""Samples of rules, lists for a review, and two versions of a rule compared."""

import json
from contextlib import closing
from pathlib import Path

import pytest

from clipseek.assembly import open_writer
from clipseek.config import Settings
from clipseek.decisions import Decision
from clipseek.ledgers import open_curating
from clipseek.rules import Rule
from clipseek.tracked import VideoObjects
from tests.e2e.conftest import Library

STRICT, LAX = Rule("cat", ("a cat",), threshold=0.9), Rule("cat", ("a cat",), threshold=0.1)
BALL = Rule("ball", ("a ball",))


@pytest.fixture
def ruled(library: Library, capsys: pytest.CaptureFixture[str]) -> Library:
    """Return a library with two rules, one of which has an earlier version, and their tags."""
    with closing(open_curating(settings(library))) as curating:
        curating.put_rules("default", [LAX, BALL], "ann")
        curating.put_rules("default", [STRICT], "ann")
    assert library.run("tags", "apply") == 0
    capsys.readouterr()
    return library


def settings(library: Library) -> Settings:
    """Return the settings of a library."""
    return Settings.load(data_dir=str(library.data_dir))


def test_hard_frames_of_rules_leave_out_what_is_decided(
    ruled: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    """The rules take turns; after a decision on the hardest frame, another one is first."""
    command = ["sample", "--kind", "hard", "--budget", "6", "--json", "--list", "monday"]
    assert ruled.run(*command) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["rule"] for line in lines} == {"cat", "ball"}
    first = lines[0]
    with closing(open_curating(settings(ruled))) as curating:
        listed = curating.samples("default", "monday")
        assert [(each.video_id, each.rule) for each in listed] == [
            (line["video_id"], line["rule"]) for line in lines
        ]
        sample = listed[0]
        decision = Decision(
            sample.id, sample.video_id, sample.start, sample.end, sample.rule, "reject", "ann"
        )
        curating.decide("default", decision)
    assert ruled.run(*command) == 0
    again = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    asked = {(line["segment_id"], line["rule"]) for line in again}
    assert (first["segment_id"], first["rule"]) not in asked


def test_tags_are_strata(ruled: Library, capsys: pytest.CaptureFixture[str]) -> None:
    """A frame counts as its rarest tag; the summary counts those of the library."""
    command = ["sample", "--kind", "stratified", "--by", "tag", "--budget", "6", "--json"]
    assert ruled.run(*command) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {line["stratum"] for line in lines} == {"cat", "ball", "unknown"}


def test_each_rule_is_asked_of_a_random_frame(
    ruled: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    """So that a review measures what no rule has proposed, too."""
    assert ruled.run("sample", "--budget", "4", "--rule", "cat", "--list", "random") == 0
    assert "stored as list random to review" in capsys.readouterr().err
    with closing(open_curating(settings(ruled))) as curating:
        assert [each.rule for each in curating.samples("default", "random")] == ["cat"] * 4


def test_versions_of_a_rule_are_compared(
    ruled: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lax one tags more; where people reject what it tags alone, the strict one is right."""
    out = tmp_path / "versions.json"
    command = ["compare", LAX.version[:6], "--rule", "cat", "--json", "--out", str(out)]
    assert ruled.run(*command) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["one"]["version"], said["other"]["version"]) == (STRICT.version, LAX.version)
    assert said["one"]["alone"] == 0
    assert said["other"]["alone"] > 0
    assert said["overlap"] == said["both"] / (said["both"] + said["other"]["alone"])
    assert said["right"] is None
    (example,) = json.loads(out.read_text())["examples"]
    assert len(example["other"]) == said["other"]["alone"]

    hit = example["other"][0]
    with closing(open_curating(settings(ruled))) as curating:
        curating.decide(
            "default",
            Decision("s", hit["video_id"], hit["start"], hit["end"], "cat", "reject", "ann"),
        )
    page = tmp_path / "versions.html"
    assert ruled.run(*command[:-1], str(page)) == 0
    right = json.loads(capsys.readouterr().out)["right"]
    assert (right["one"], right["other"], right["queries"]) == (1.0, 0.0, 1)
    assert page.read_text().count("<img") == said["other"]["alone"]


def test_unknown_rules_and_versions_are_refused(
    ruled: Library, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the versions that there are; options that do not belong together, too."""
    for command, said in (
        (["compare", "ffff", "--rule", "cat"], f"its versions are {LAX.version}, {STRICT.version}"),
        (["compare", "ffff", "--rule", "dog"], "no rule 'dog'"),
        (["sample", "--kind", "hard", "--rule", "dog"], "no rule 'dog'"),
        (["sample", "--rule", "cat"], "--rule belongs to --kind hard or to --list"),
        (["sample", "--kind", "hard", "--rule", "cat", "--query", "x"], "cannot be combined"),
        (["sample", "--kind", "hard", "--query", "x", "--list", "a"], "--list NAME asks for"),
    ):
        assert ruled.run(*command) == 2
        assert said in capsys.readouterr().err


def test_a_rule_with_a_relation_needs_objects(
    library: Library, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is refused and not stored before a detector has looked; an unknown class is named."""
    path = tmp_path / "rules.json"
    relation = {"of": "cat", "to": "dog", "is": "above"}
    path.write_text(json.dumps({"rules": [{"name": "beside", "relation": relation}]}))
    assert library.run("tags", "apply", str(path)) == 2
    assert "run `indexer objects --detector FILE.onnx` first" in capsys.readouterr().err
    with (
        closing(open_curating(settings(library))) as curating,
        open_writer(settings(library)) as service,
    ):
        assert curating.rules("default") == []
        video = curating.facts("default")[0].video_id
        service.catalog.put_objects("default", video, VideoObjects("one"))
    assert library.run("tags", "apply", str(path)) == 0
    said = capsys.readouterr().err
    assert "no object of collection default has the class 'dog'" in said
    assert "no detector has looked at" in said
    assert library.run("sample", "--kind", "hard", "--budget", "2", "--rule", "beside") == 0
