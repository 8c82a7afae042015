"""The endpoints of review: rules, samples to decide on, decisions, and how annotators agree."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Body, Query

from api import openapi_examples, review_examples
from api.asked import readable, reviewable
from api.dependencies import CuratingChanged, CuratingRead, Opened
from api.patient_route import PatientRoute
from api.principal import Asking, permit
from api.problem_kinds import BODY_TOO_LARGE, FORBIDDEN, MALFORMED_JSON, STORE
from api.reading_router import ReadingRouter
from api.review_schemas import (
    AgreementAsked,
    AnnotatorsAnswer,
    DecisionAnswer,
    DecisionBody,
    ListAnswer,
    PaceAnswer,
    PairAnswer,
    RuleAnswer,
    RulesAnswer,
    SampleAnswer,
    SamplesAnswer,
    SamplesAsked,
)
from api.schemas import InCollection
from clipseek.curating import CuratingReader, Queue, Sample, SampleNotFound
from clipseek.decisions import disputed
from clipseek.errors import CollectionNotFound, InvalidQuery
from clipseek.service import Service
from clipseek.tagging.agreement import paces, pairs
from clipseek.tagging.queue import waiting
from clipseek.tagging.thresholds import qualities
from clipseek.types import Named

router = ReadingRouter(route_class=PatientRoute)
changing_router = APIRouter(route_class=PatientRoute)


@router.get(
    "/v1/rules",
    tags=["review"],
    summary="List the rules that give tags",
    responses=openapi_examples.responses(
        "/v1/rules",
        InvalidQuery,
        CollectionNotFound,
        FORBIDDEN,
        *STORE,
        success=review_examples.RULES_ANSWER,
    ),
)
def rules(
    asking: Asking,
    service: Opened,
    curating: CuratingRead,
    asked: Annotated[InCollection, Query()],
) -> RulesAnswer:
    """Return the rules of a collection with precision and recall on what was reviewed."""
    name = readable(asking, service, asked)
    found = curating.rules(name)
    counts = curating.tag_counts(name)
    decided = curating.tags(name, states=("accepted", "rejected", "corrected"))
    known = qualities(found, decided)
    return RulesAnswer(
        rules=[RuleAnswer.of(rule, counts.get(rule.name, {}), known[rule.name]) for rule in found],
        lists=[
            ListAnswer(name=each, samples=count)
            for each, count in curating.sample_lists(name).items()
        ],
    )


@router.get(
    "/v1/samples",
    tags=["review"],
    summary="List samples to decide on",
    responses=openapi_examples.responses(
        "/v1/samples",
        InvalidQuery,
        CollectionNotFound,
        FORBIDDEN,
        *STORE,
        success=review_examples.SAMPLES_ANSWER,
    ),
)
def samples(
    asking: Asking,
    service: Opened,
    curating: CuratingRead,
    asked: Annotated[SamplesAsked, Query()],
) -> SamplesAnswer:
    """Return samples that the caller has not decided on, those that a rule is least sure of first.

    What others have said of them is not told, so that decisions are independent.
    """
    name, _ = reviewable(asking, service, asked)
    if asked.list is None:
        found = curating.queue(name, asking.name, asked.show, rule=asked.rule, limit=asked.limit)
        videos = _named(service, name, found.samples)
    else:
        listed = _listed(curating, name, asked.list, asked, asking.name)
        videos = _named(service, name, listed)
        listed = [each for each in listed if each.video_id in videos]
        found = Queue(listed[: asked.limit], len(listed))
    return SamplesAnswer(
        samples=[
            SampleAnswer.of(
                each,
                videos[each.video_id].title,
                videos[each.video_id].duration,
                name,
                service.settings.root,
            )
            for each in found.samples
            if each.video_id in videos
        ],
        waiting=found.waiting,
    )


def _named(service: Service, name: str, samples: Sequence[Sample]) -> dict[str, Named]:
    """Return the videos of samples, by id, without those that were removed."""
    ids = sorted({each.video_id for each in samples})
    return {video.id: video for video in service.catalog.names(name, video_ids=ids)}


def _listed(
    curating: CuratingReader, name: str, list_name: str, asked: SamplesAsked, annotator: str
) -> list[Sample]:
    """Return what somebody may be asked of a list, in its order."""
    samples = curating.samples(name, list_name)
    if asked.rule is not None:
        samples = [each for each in samples if each.rule == asked.rule]
    decisions = curating.decisions(name, samples=[each.id for each in samples])
    return waiting(samples, decisions, annotator, asked.show)


@changing_router.post(
    "/v1/decisions",
    tags=["review"],
    summary="Decide on a sample",
    status_code=201,
    responses={
        201: {
            "description": "The decision, which is stored.",
            "content": {"application/json": {"example": review_examples.DECISION_ANSWER}},
        },
        **openapi_examples.responses(
            "/v1/decisions",
            InvalidQuery,
            SampleNotFound,
            CollectionNotFound,
            FORBIDDEN,
            MALFORMED_JSON,
            BODY_TOO_LARGE,
            *STORE,
        ),
    },
)
def decide(
    asking: Asking,
    service: Opened,
    curating: CuratingChanged,
    body: Annotated[DecisionBody, Body(examples=[review_examples.DECISION])],
) -> DecisionAnswer:
    """Accept, reject or correct a sample; its tag follows at once.

    Decisions are only ever added. With the scope `reviewer` a decision settles what annotators
    have said.
    """
    name, is_reviewer = reviewable(asking, service, body)
    sample, version = curating.sample(name, body.sample)
    video = _named(service, name, [sample]).get(sample.video_id)
    if video is None:
        raise SampleNotFound(sample.id, name)
    longest = max(video.duration, sample.end)
    if body.end is not None and body.end > longest:
        raise InvalidQuery(
            f"a corrected span must end within its video of {longest:g} s, got end {body.end:g}"
        )
    decision = body.decision(sample, version, asking.name, by_reviewer=is_reviewer)
    if (wrong := decision.problem()) is not None:
        raise wrong
    return DecisionAnswer.of(curating.decide(name, decision))


@router.get(
    "/v1/agreement",
    tags=["review"],
    summary="Say how much annotators agree",
    responses=openapi_examples.responses(
        "/v1/agreement",
        InvalidQuery,
        CollectionNotFound,
        FORBIDDEN,
        *STORE,
        success=review_examples.AGREEMENT_ANSWER,
    ),
)
def agreement(
    asking: Asking,
    service: Opened,
    curating: CuratingRead,
    asked: Annotated[AgreementAsked, Query()],
) -> AnnotatorsAnswer:
    """Return Cohen's kappa of each two annotators, and how long they take; for reviewers."""
    permit(asking, "reviewer")
    name, _ = reviewable(asking, service, asked, permission="reviewer")
    only = None if asked.rule is None else [asked.rule]
    decisions = curating.decisions(name, rules=only)
    return AnnotatorsAnswer(
        pairs=[PairAnswer.of(pair) for pair in pairs(decisions)],
        annotators=[PaceAnswer.of(pace) for pace in paces(decisions)],
        disputed=len(disputed(decisions)),
    )
