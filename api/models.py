"""The endpoints of models: which there are, and the switches from one to another."""

from typing import Annotated

from fastapi import APIRouter, Body, Path

from api import job_examples, model_examples, openapi_examples, problem_kinds
from api.adding import Adds
from api.asked import administered, allowed_collections
from api.dependencies import Listed, Opened
from api.job_schemas import JobAnswer
from api.library import listed_collections
from api.limits import CollectionName
from api.model_schemas import (
    AgreementAnswer,
    ModelAnswer,
    ModelsAnswer,
    SwitchAnswer,
    SwitchStep,
    agreement_of,
)
from api.patient_route import PatientRoute
from api.principal import Asking, permit
from api.problem_kinds import STORE
from api.reading_router import ReadingRouter
from clipseek.embedding import models as known_models
from clipseek.errors import CollectionNotFound, InvalidQuery, KeyReused
from clipseek.jobs import Job
from clipseek.service import Service
from clipseek.switches import Switch, SwitchRefused, refusal
from clipseek.types import Collection

LOOKED_AT = 20
"""Steps among which the one is looked for that has prepared the other model."""

CollectionInPath = Annotated[CollectionName, Path()]
_PATH = "/v1/collections/default/switch"

router = ReadingRouter(route_class=PatientRoute)
changing_router = APIRouter()


@router.get(
    "/v1/models",
    tags=["operation"],
    summary="List the models",
    responses=openapi_examples.responses(
        "/v1/models",
        problem_kinds.FORBIDDEN,
        *STORE,
        success=model_examples.MODELS_ANSWER,
    ),
)
def models(asking: Asking, service: Opened) -> ModelsAnswer:
    """Return the known models and every other one in the data folder of the server."""
    asking = permit(asking, "admin")
    used: dict[str, list[str]] = {}
    for found in listed_collections(service, allowed_collections(asking, service)):
        used.setdefault(found.model, []).append(found.name)
    rows = known_models.listed(service.settings.data_dir)
    return ModelsAnswer(models=[ModelAnswer.of(row, used.get(row.name, [])) for row in rows])


@router.get(
    "/v1/collections/{collection}/switch",
    tags=["operation"],
    summary="Describe the switch of a collection",
    responses=openapi_examples.responses(
        _PATH,
        InvalidQuery,
        CollectionNotFound,
        problem_kinds.FORBIDDEN,
        *STORE,
        success=model_examples.SWITCH_ANSWER,
    ),
)
def switch(
    asking: Asking, service: Opened, listed: Listed, collection: CollectionInPath
) -> SwitchAnswer:
    """Return how far the switch to another model is, and how far both models agree."""
    there = administered(asking, service, collection)
    found = _switch_of(service, there)
    jobs = listed.jobs(collections=[there.name], kind="switch", limit=LOOKED_AT)
    other = None if found is None else service.catalog.collection(found.other)
    return SwitchAnswer(
        collection=there.name,
        model=there.model,
        state="none" if found is None else found.state,
        other=None if other is None else other.model,
        videos=service.catalog.counts(there.name)[0],
        other_videos=0 if other is None else service.catalog.counts(other.name)[0],
        left_out=[] if found is None else list(found.left_out),
        started_at=None if found is None else found.started_at,
        cut_at=(found.cut_at or None) if found is not None else None,
        job=JobAnswer.of(jobs[0]) if jobs else None,
        agreement=None if found is None else _agreement(jobs, found, there, other),
    )


def _agreement(
    jobs: list[Job], found: Switch, there: Collection, other: Collection | None
) -> AgreementAnswer | None:
    """Return what was measured when one of both models was prepared, in this switch."""
    models = {there.model, None if other is None else other.model}
    for job in jobs:
        is_this = job.created_at >= found.started_at or job.ended_at >= found.started_at
        if job.state == "done" and is_this and job.payload.get("model") in models:
            return agreement_of(job.outcome)
    return None


@changing_router.post(
    "/v1/collections/{collection}/switch",
    tags=["operation"],
    summary="Take a step of a switch to another model",
    status_code=202,
    responses=job_examples.accepted(
        _PATH,
        InvalidQuery,
        CollectionNotFound,
        SwitchRefused,
        KeyReused,
        problem_kinds.FORBIDDEN,
        problem_kinds.MALFORMED_JSON,
        problem_kinds.BODY_TOO_LARGE,
        *STORE,
        success=job_examples.SWITCH_JOB,
    ),
)
def step(
    asking: Asking,
    service: Opened,
    adds: Adds,
    collection: CollectionInPath,
    body: Annotated[SwitchStep, Body(examples=[model_examples.STEP])],
) -> JobAnswer:
    """Ask for a step, which `indexer work` takes; a model is named, and must be installed."""
    there = administered(asking, service, collection)
    wanted = body.model or ""
    payload: dict[str, object] = {"step": body.step, "without_missing": body.without_missing}
    if wanted:
        payload["model"] = wanted
    # Before the state is looked at: the step that was asked for has changed it.
    if before := adds.repeated("switch", there.name, payload):
        return before
    found = _switch_of(service, there)
    other = "" if found is None else service.catalog.collection(found.other).model
    models = (there.model, other)
    if said := refusal(body.step, there.name, found, models, wanted):
        raise SwitchRefused(said)
    rows = known_models.listed(service.settings.data_dir)
    if wanted and not any(row.installed and row.name == wanted for row in rows):
        raise SwitchRefused(
            f"model {wanted!r} is not installed on this server; GET /v1/models lists those that are"
        )
    return adds.add("switch", there.name, payload)


def _switch_of(service: Service, there: Collection) -> Switch | None:
    found = (each for each in service.catalog.switches() if each.name == there.name)
    return next(found, None)
