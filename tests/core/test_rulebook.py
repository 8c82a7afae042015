"""Files of rules: the same in YAML and JSON, and every mistake is named."""

import json
from pathlib import Path

import pytest

from clipseek.errors import ConfigError
from clipseek.relations import Relation
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
    """Also hours without quotes, which YAML 1.1 reads as a number in base 60."""
    path = tmp_path / "rules.yaml"
    path.write_text(YAML, "utf-8")
    assert read(path) == RULES


def test_a_rule_may_say_where_an_object_is_instead_of_a_sentence(tmp_path: Path) -> None:
    """What is stored of it gives the same rule again, of the same version."""
    path = tmp_path / "rules.yaml"
    path.write_text("rules: [{name: a, relation: {of: cat, to: car, is: left_of, margin: 0.2}}]")
    rule = read(path)[0].rule
    assert rule == Rule("a", (), relation=Relation("cat", "car", "left_of", 0.2))
    again = Rule.of(json.loads(json.dumps(rule.content())))
    assert (again, again.version) == (rule, rule.version)
    assert rule.version != Rule("a", (), relation=Relation("cat", "car", "left_of")).version


def test_a_relation_may_have_sentences(tmp_path: Path) -> None:
    """They are stored with it and decide on its version; without any it is the version before."""
    path = tmp_path / "rules.yaml"
    path.write_text(
        "rules: [{name: a, relation: {of: b, to: c, is: above, shows: [a red b, a c]}}]"
    )
    rule = read(path)[0].rule
    assert rule.relation == Relation("b", "c", "above", shows=("a red b", "a c"))
    again = Rule.of(json.loads(json.dumps(rule.content())))
    assert (again, again.version) == (rule, rule.version)
    plain = Rule("a", (), relation=Relation("b", "c", "above"))
    assert rule.version != plain.version
    assert "shows" not in plain.content()["relation"]


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
        ("rules: [{name: a, relation: {of: b, is: above}}]", "relation.to must be a class"),
        ("rules: [{name: a, relation: {of: b, to: c, is: in}}]", "relation.is must be one of"),
        (
            "rules: [{name: a, relation: {of: b, to: c, is: above, margin: 1}}]",
            "relation.margin must be at least 0 and less than 1, got 1",
        ),
        (
            "rules: [{name: a, relation: {of: b, to: c, is: above, shows: ''}}]",
            "relation.shows of rule 'a' must be sentences of 1 to 1000 characters, got ''",
        ),
        (
            "rules: [{name: a, relation: {of: b, to: c, is: above, shows: {d: e}}}]",
            "relation.shows must be a text or a list of texts",
        ),
        (
            "rules: [{name: a, exclusions: d, relation: {of: b, to: c, is: above}}]",
            "prompts of rule 'a' must be 1 sentence or more",
        ),
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
        ("rules: [{name: a, prompts: b, collections: []}]", "collections must be 1 name or more"),
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


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("22", 'got 22; write "22:00"'),
        ("0", 'got 0; write "00:00"'),
        ("24", 'got 24; write "24:00"'),
        ("0600", 'got 384; write hours and minutes, such as "22:00"'),
        ("1320", "got 1320; write hours and minutes"),
        ("-22:00", "got '-22:00'; write hours and minutes"),
        ("22:00:00", "got '22:00:00'; write hours and minutes"),
        ('"24:01"', "got '24:01'; write hours and minutes"),
        ("true", "got True; write hours and minutes"),
    ],
)
@pytest.mark.parametrize("name", ["start", "end"])
def test_a_number_is_not_a_time(tmp_path: Path, name: str, given: str, hint: str) -> None:
    """It may be an hour or minutes, and the other one would be right in silence."""
    path = tmp_path / "rules.yaml"
    path.write_text(f"rules: [{{name: a, prompts: b, hours: {{{name}: {given}}}}}]", "utf-8")
    with pytest.raises(ConfigError) as raised:
        read(path)
    assert f'hours.{name} must be such as "22:00", {hint}' in str(raised.value)


def test_a_number_is_not_a_time_in_json_either(tmp_path: Path) -> None:
    """JSON has no base 60, so nothing else can be meant."""
    path = tmp_path / "rules.json"
    rule = {"name": "a", "prompts": "b", "hours": {"start": 22, "end": 6}}
    path.write_text(json.dumps({"rules": [rule]}))
    with pytest.raises(ConfigError, match='got 22; write "22:00"'):
        read(path)


LONG, DIGITS = "x" * 5000, "0" * 400


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.json", "[" * 9000, "is not JSON: lists or names are nested too deeply"),
        ("a.yaml", "[" * 600, "is not YAML: lists or names are nested too deeply"),
        ("a.json", f'{{"rules": [{{"threshold": 1{"0" * 9000}}}]}}', "is not JSON"),
        ("a.json", f'{{"rules": [{{"name": "a", "prompts": "b", "threshold": 1{DIGITS}}}]}}', ""),
        ("a.yaml", f"{{threshold: 1{DIGITS}}}", "threshold must be a number of more than 0"),
        ("a.yaml", f"{{threshold: 0x{'f' * 9000}}}", "got a number with thousands of digits"),
        ("a.yaml", f"{{name: {LONG}}}", "must have 1 to 100 characters"),
        ("a.yaml", f"{{name: 'a{' ' * 999}'}}", "must have 1 to 100 characters"),
        ("a.yaml", f"{{name: [{LONG}]}}", "name must be text"),
        ("a.yaml", f"{{prompts: {{? {LONG} : 1}}}}", "must be a text or a list of texts"),
        ("a.yaml", f"{{? {LONG} : 1}}", "it may have name"),
        ("a.yaml", f"{{? 0x{'f' * 9000} : 1}}", "has a number with thousands of digits"),
        ("a.yaml", LONG, "must have names and values"),
        ("a.yaml", f"{{}}]\n? {LONG}\n: [1", "too; remove it"),
        ("a.yaml", f"{{hours: {{zone: {LONG}}}}}", "hours.zone must be"),
        ("a.yaml", f"{{hours: {{days: [{LONG}]}}}}", "hours.days must be"),
        ("a.yaml", f"{{hours: {{start: {LONG}}}}}", "hours.start must be"),
        ("a.yaml", f"{{collections: {LONG}}}", "collections must be 1 name or more"),
        ("a.yaml", f"!<{LONG}> a", "is not YAML"),
        ("a.yaml", "&a [*a]", "must have names and values, got [[[...]]]"),
        ("a.yaml", "2026-13-45", "is not YAML: month must be in 1..12"),
        ("a.yaml", "!!bool perhaps", "is not YAML"),
        ("a.yaml", "!!timestamp now", "is not YAML"),
        ("a.yaml", "0x_", "is not YAML"),
    ],
)
def test_what_is_too_large_or_too_deep_is_one_short_sentence(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    """A file of rules may come from elsewhere; its values are cut where they are shown."""
    path = tmp_path / name
    if name == "a.yaml" and text.startswith("{"):
        text = f"{{name: a, prompts: b, {text[1:]}"
    path.write_text(f"rules: [{text}]" if name == "a.yaml" else text, "utf-8")
    with pytest.raises(ConfigError) as raised:
        read(path)
    message = str(raised.value).replace(str(path), "")
    assert said in message
    assert len(message) < 400


def test_aliases_that_grow_are_not_written_out(tmp_path: Path) -> None:
    """Ten lists of ten lists, ten times: short in a file, and far too long in a message."""
    lists = "".join(f"- &n{n} [{', '.join([f'*n{n - 1}'] * 10)}]\n" for n in range(1, 10))
    path = tmp_path / "rules.yaml"
    path.write_text(f"rules:\n- &n0 [a]\n{lists}", "utf-8")
    with pytest.raises(ConfigError, match="must have names and values") as raised:
        read(path)
    assert len(str(raised.value)) < 400 + len(str(path))


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
