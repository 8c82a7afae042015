"""Compares what the client knows of the API with the API's OpenAPI document."""

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, TypeAdapter

from clipseek_client import answers, asked, cameras, review, values, watches

ANSWERS: dict[str, type[BaseModel]] = {
    "AlertAnswer": watches.Alert,
    "AlertsAnswer": watches.Alerts,
    "MomentAnswer": watches.AlertMoment,
    "ProposalAnswer": watches.Proposal,
    "TrialAnswer": watches.Trial,
    "WatchAnswer": watches.Watch,
    "WatchesAnswer": watches.Watches,
    "CameraAnswer": cameras.Camera,
    "CamerasAnswer": cameras.Cameras,
    "CollectionAnswer": answers.Collection,
    "CollectionsAnswer": answers.Collections,
    "EditListFormats": answers.EditListFormats,
    "BoxAnswer": answers.Box,
    "ExplanationAnswer": answers.Explanation,
    "FieldError": answers.FieldError,
    "FitAnswer": answers.Fit,
    "FrameAnswer": answers.Frame,
    "HitAnswer": answers.Hit,
    "HitVideo": answers.HitVideo,
    "IndexAnswer": answers.Index,
    "JobAnswer": answers.Job,
    "JobProgress": answers.JobProgress,
    "JobsAnswer": answers.Jobs,
    "LikedAnswer": answers.Liked,
    "Problem": answers.Problem,
    "ListAnswer": review.SampleList,
    "RateAnswer": review.Rate,
    "RelationAnswer": review.Relation,
    "RuleAnswer": review.Rule,
    "RulesAnswer": review.Rules,
    "SampleAnswer": review.Sample,
    "SamplesAnswer": review.Samples,
    "VideoTagsAnswer": review.VideoTags,
    "SearchAnswer": answers.SearchAnswer,
    "SegmentTagAnswer": values.SegmentTag,
    "SegmentAnswer": answers.Segment,
    "SegmentsAnswer": answers.Segments,
    "StepAnswer": answers.Step,
    "TimelineAnswer": answers.Timeline,
    "TimelineSegment": answers.TimelineSegment,
    "VideoAnswer": answers.Video,
    "VideosAnswer": answers.Videos,
    "WhereAnswer": answers.Where,
}
"""The value of the client for each answer."""
ASKED: dict[str, Any] = {
    "CameraEdit": cameras.CameraEdit,
    "HoursModel": watches.Hours,
    "WatchEdit": watches.WatchEdit,
    "WebhookModel": watches.Webhook,
    "NewCamera": cameras.NewCamera,
    "ChosenMoment": asked.ChosenMoment,
    "Filter": asked.Filter,
    "LikeMoment": asked.LikeMoment,
    "Search": asked.Search,
    "SearchPart": asked.SearchPart,
    "Then": asked.Then,
}
"""The options of the client for each body."""
LEFT_OUT = {
    "GET /healthz": "probes and metrics are for programs that watch the server",
    "GET /metrics": "probes and metrics are for programs that watch the server",
    "GET /v1/traffic": "probes and metrics are for programs that watch the server",
    "GET /readyz": "probes and metrics are for programs that watch the server",
    "GET /problems/{name}": "an error has the title and the detail of its type",
    "GET /v1/models": "the operator's: `indexer models`",
    "POST /v1/cameras/{name}/test": "the operator's: `indexer cameras test`",
    "POST /v1/cameras/test": "the operator's: `indexer cameras test`",
    "POST /v1/cameras/{name}/feed": "for the page: browsers have webcams",
    "GET /v1/parts/videos": "for machines that send what they index: `indexer forward`",
    "GET /v1/parts/wanted": "for machines that keep their footage: `indexer forward`",
    "POST /v1/parts/wanted/{wish_id}": "for machines that keep their footage: `indexer forward`",
    "POST /v1/parts": "for machines that send what they index: `indexer forward`",
    "GET /v1/holds": "the operator's: `indexer hold`",
    "POST /v1/holds": "the operator's: `indexer hold`",
    "DELETE /v1/holds/{hold_id}": "the operator's: `indexer hold`",
    "POST /v1/decisions": "for the page: people decide",
    "GET /v1/agreement": "for the page of reviewers",
    "GET /v1/facets": "for suggestions while somebody types",
    "GET /v1/history": "the operator's: `indexer audit`",
    "GET /v1/collections/{collection}/switch": "the operator's: `indexer switch`",
    "POST /v1/collections/{collection}/switch": "the operator's: `indexer switch`",
    "GET /v1/segments/{segment_id}/clip": "the same as a span of a video",
    "GET /v1/segments/{segment_id}/thumbnail": "a hit has the URL of its picture",
    "GET /v1/videos/{video_id}/preview": "for browsers; a video has its URL",
    "GET /v1/videos/{video_id}/thumbnail": "a video has the URL of its picture",
    "DELETE /v1/session": "for browsers; programs send the key",
    "POST /v1/session": "for browsers; programs send the key",
    "GET /v1/alerts/{alert_id}/thumbnail": "an alert has the URL of its picture",
    "GET /v1/cameras/{name}/live": "for players in browsers",
    "GET /v1/cameras/{name}/thumbnail": "for the page; a hit has the URL of its picture",
    "OPTIONS /v1/uploads": "for clients of tus that know no server",
    "DELETE /v1/uploads/{upload_id}": "an upload expires",
}
"""The endpoints that the client does not call, and why."""


def differences(document: Mapping[str, Any]) -> list[str]:
    """Return what the client has otherwise than the document; empty if they agree."""
    schemas = document["components"]["schemas"]
    found = [f"{name}: the API has it no longer" for name in ANSWERS.keys() - schemas.keys()]
    for name, model in ANSWERS.items():
        if name in schemas:
            mine = model.model_json_schema(mode="validation")
            found += _differences(name, _plain(schemas[name], schemas), _plain(mine, _defs(mine)))
            too_strict = set(mine.get("required", ())) - set(schemas[name].get("required", ()))
            found += [f"{name}.{each}: optional in the API" for each in sorted(too_strict)]
    for name, options in ASKED.items():
        mine = TypeAdapter(options).json_schema()
        theirs = _plain(schemas[name], schemas)
        found += _differences(name, _without_null(theirs), _without_null(_plain(mine, _defs(mine))))
    extra = set(schemas["PagedSearch"]["properties"]) ^ set(schemas["Search"]["properties"])
    mine_extra = asked.SearchOptions.__annotations__.keys() - asked.BatchOptions.__annotations__
    if extra != mine_extra:
        found.append(f"SearchOptions: the API has {sorted(extra)}, the client {sorted(mine_extra)}")
    return found


def uncalled(document: Mapping[str, Any], source: str) -> list[str]:
    """Return the endpoints whose path the source of the client does not have.

    A path is looked for by its last part that is not a parameter, with the method that is sent.
    """
    missing = []
    for method, path in _operations(document):
        last = re.sub(r"\{.*?\}", "", path).rstrip("/").rpartition("/")[2]
        known = f'"{method}"' in source or method == "GET"
        if f"{method} {path}" not in LEFT_OUT and not (known and f"/{last}" in source):
            missing.append(f"{method} {path}")
    return missing


def gone(document: Mapping[str, Any]) -> set[str]:
    """Return the endpoints of `LEFT_OUT` that the API has no longer."""
    return set(LEFT_OUT) - {f"{method} {path}" for method, path in _operations(document)}


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for path, methods in document["paths"].items():
        for method in methods:
            yield method.upper(), path


def _differences(name: str, theirs: dict[str, Any], mine: dict[str, Any]) -> list[str]:
    return [
        f"{name}.{each}: {theirs.get(each, 'missing')} in the API, "
        f"{mine.get(each, 'missing')} in the client"
        for each in sorted(theirs.keys() | mine.keys())
        if theirs.get(each) != mine.get(each)
    ]


def _defs(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Mapping[str, Any] = schema.get("$defs", {})
    return found


def _plain(
    schema: Mapping[str, Any], others: Mapping[str, Any], around: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Return the type of each field, as text or nested; of a type within itself, its name."""
    fields = copy.deepcopy(schema)
    if "$ref" in fields:
        fields = others[fields["$ref"].rpartition("/")[2]]
    return {name: _type(each, others, around) for name, each in fields["properties"].items()}


def _type(schema: Mapping[str, Any], others: Mapping[str, Any], around: tuple[str, ...]) -> Any:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        if name in around:
            return name
        named, around = others[name], (*around, name)
        return _plain(named, others, around) if "properties" in named else _type(named, others, ())
    options = schema.get("anyOf") or schema.get("oneOf")
    if options:
        return sorted((_type(each, others, around) for each in options), key=str)
    if "enum" in schema or "const" in schema:
        return "string"
    if schema.get("type") == "array":
        return [_type(schema["items"], others, around)]
    if schema.get("contentEncoding") == "base64" or schema.get("format") in ("binary", "path"):
        return "file"
    return schema.get("format") or schema["type"]


def _without_null(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the types of options, of which a missing one is the same as null."""
    plain: dict[str, Any] = {}
    for name, kind in fields.items():
        kinds = kind if isinstance(kind, list) and len(kind) > 1 else [kind]
        left = [each for each in kinds if each != "null"]
        left = [_nested_without_null(each) for each in left]
        plain[name] = left[0] if all(each == left[0] for each in left) else left
    return plain


def _nested_without_null(kind: Any) -> Any:
    if isinstance(kind, list):
        return [_nested_without_null(each) for each in kind]
    return _without_null(kind) if isinstance(kind, dict) else kind
