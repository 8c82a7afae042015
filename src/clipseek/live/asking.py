"""The query of a watch as JSON, and back: pictures are in it, so nothing else has to be kept."""

from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from clipseek import pictures
from clipseek.errors import InvalidQuery
from clipseek.parts import Like, Part, Picture, Text
from clipseek.query import Query, Step
from clipseek.timed import FIELDS
from clipseek.watches import Asked, Watch


def said(query: Query) -> Asked:
    """Return what a query asks for as JSON: its parts, its steps and its fields."""
    asked: dict[str, object] = {"parts": _said(query.parts), "fields": list(query.fields)}
    if query.then:
        asked["then"] = [
            {"parts": _said(step.parts), "within": step.within_s} for step in query.then
        ]
    return asked


def query_of(asked: Asked, collection: str) -> Query:
    """Return the query of what `said` has written.

    Raises:
        InvalidQuery: something is wrong with it.
    """
    then: Any = asked.get("then", ())
    fields: Any = asked.get("fields", FIELDS)
    parts: Any = asked["parts"]
    query = Query.of(
        _parts(parts),
        collection=collection,
        fields=tuple(fields),
        then=[Step(_parts(step["parts"]), float(step["within"])) for step in then],
    )
    if (wrong := query.problem()) is not None:
        raise wrong
    return query


def require(watch: Watch) -> None:
    """Raise InvalidQuery if something is wrong with a watch or its query."""
    if (wrong := watch.problem()) is not None:
        raise wrong
    query_of(watch.asked, watch.collection)


def described(asked: Asked) -> str:
    """Return what is asked for in words, as lists show it."""
    steps: Any = asked.get("then", ())
    parts: Any = asked["parts"]
    said = [_described(parts), *(_described(step["parts"]) for step in steps)]
    return ", then ".join(said)


def _described(parts: Iterable[Mapping[str, Any]]) -> str:
    return " ".join(f"{'not ' if each['weight'] < 0 else ''}{_words(each)}" for each in parts)


def _words(part: Mapping[str, Any]) -> str:
    if "text" in part:
        return str(part["text"])
    return "(a picture)" if "image" in part else "(like a moment)"


def _said(parts: Sequence[Part]) -> list[dict[str, object]]:
    return [{**_one(part), "weight": part.weight} for part in parts]


def _one(part: Part) -> dict[str, object]:
    if isinstance(part, Text):
        return {"text": part.text}
    if isinstance(part, Like):
        return {"like": {"video_id": part.video_id, "time": part.time}}
    return {"image": b64encode(pictures.encoded(part.pixels)).decode()}


def _parts(given: Iterable[Mapping[str, Any]]) -> tuple[Part, ...]:
    return tuple(_part(each) for each in given)


def _part(given: Mapping[str, Any]) -> Part:
    weight = float(given["weight"])
    if "text" in given:
        return Text(given["text"], weight)
    if "like" in given:
        return Like(given["like"]["video_id"], float(given["like"]["time"]), weight)
    if "image" not in given:
        raise InvalidQuery("a part must have a text, a like or an image")
    found = Picture.of(pictures.decoded(b64decode(given["image"])))
    return Picture(found.digest, found.pixels, weight)
