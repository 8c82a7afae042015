"""Files of rules: the same in YAML and JSON, and every mistake is named."""

import json
from pathlib import Path

import pytest

from clipseek.errors import ConfigError
from clipseek.rules import Rule
from clipseek.tagging.rulebook import Written, read
from clipseek.watches import Hours

YAML = """\
rules:
  - name: red car
    prompts: [a red car, a red van]
    exclusions: [a red ball]
    threshold: 0.6
    cameras: [yard]
    collections: [default, night]
    hours: {days: [sun, sat], start: 22:00, end: "06:00", zone: Europe/Vienna}
  - name: sea
    prompts: the sea
"""
HOURS = Hours(("sat", "sun"), 22 * 60, 6 * 60, "Europe/Vienna")
RULES = [
    Written(
        Rule("red car", ("a red car", "a red van"), ("a red ball",), 0.6, ("yard",), HOURS),
        is_open=False,
        collections=("default", "night"),
    ),
    Written(Rule("sea", ("the sea",)), is_open=True, collections=None),
]


def test_yaml_is_read_with_all_that_a_rule_may_say(tmp_path: Path) -> None:
    """Also hours without quotes, which YAML reads as a number."""
    path = tmp_path / "rules.yaml"
    path.write_text(YAML, "utf-8")
    assert read(path) == RULES


def test_json_says_the_same(tmp_path: Path) -> None:
    """For machines without PyYAML."""
    path = tmp_path / "rules.json"
    hours = {"days": ["sat", "sun"], "start": "22:00", "end": "6:00", "zone": "Europe/Vienna"}
    first = RULES[0].rule.content() | {"collections": ["default", "night"], "hours": hours}
    path.write_text(json.dumps({"rules": [first, {"name": "sea", "prompts": "the sea"}]}))
    assert read(path) == RULES


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "must have a list `rules`"),
        ("rules: []", "must have a list `rules`"),
        ("rules: [{name: a, prompts: b}]\nmore: 1", "got 'more' too"),
        ("rules: [{prompts: b}]", "rule 1 must have `name`"),
        ("rules: [{name: a}]", "rule 1 must have `prompts`"),
        ("rules: [{name: a, prompts: b, colour: c}]", "has 'colour'; it may have name"),
        ("rules: [{name: a, prompts: [1]}]", "prompts must be a text or a list of texts"),
        ("rules: [{name: a, prompts: []}]", "must be 1 sentence or more"),
        ("rules: [{name: a, prompts: ['']}]", "sentences of 1 to 1000 characters"),
        ("rules: [{name: a, prompts: b, threshold: high}]", "threshold must be a number"),
        ("rules: [{name: a, prompts: b, threshold: 2}]", "more than 0 and at most 1"),
        ("rules: [{name: a, prompts: b, hours: {start: noon}}]", "hours.start must be such as"),
        ("rules: [{name: a, prompts: b, hours: {zone: Mars}}]", "hours.zone must be a time zone"),
        ("rules: [{name: a, prompts: b, hours: {days: [noday]}}]", "hours.days must be some of"),
        ("rules: [{name: a, prompts: b}, {name: a, prompts: c}]", "'a' more than once"),
        ("rules: [", "is not YAML"),
        ("rules: !!python/object/apply:os.getcwd []", "is not YAML"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, said: str) -> None:
    """With the rule that it is in."""
    path = tmp_path / "rules.yml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigError, match=r"rules\.yml") as raised:
        read(path)
    assert said in str(raised.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """With the reason."""
    with pytest.raises(ConfigError, match="No such file"):
        read(tmp_path / "none.yaml")


def test_a_version_is_the_hash_of_what_decides() -> None:
    """Whether a threshold was fitted decides on nothing."""
    one = Rule("sea", ("the sea",))
    assert one.version == Rule("sea", ("the sea",), is_fitted=True).version
    assert one.version != Rule("sea", ("the sea",), threshold=0.6).version
    assert len(one.version) == 16
