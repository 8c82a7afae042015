"""What the API takes and gives about models, and about switches from one to another."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from api.job_schemas import JobAnswer
from api.limits import expect, text
from clipseek.embedding.models import ListedModel
from clipseek.embedding.precision import Precision
from clipseek.switches import Step, SwitchState

MAX_MODEL_CHARACTERS = 200

ModelName = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_MODEL_CHARACTERS,
        description="An installed model, as `GET /v1/models` names it.",
    ),
    text(1, MAX_MODEL_CHARACTERS),
]


class MeasuredAnswer(BaseModel):
    """What a precision costs against fp32, as it was measured when the model was made."""

    speedup: float = Field(description="Pictures a second, divided by those of fp32.")
    images: float = Field(description="Mean cosine between a picture's vectors in both.")
    texts: float = Field(description="Mean cosine between a sentence's vectors in both.")
    overlap: float = Field(
        description="Share of the ten nearest pictures of a sentence that are as near in fp32."
    )
    pictures: int = Field(description="How many pictures were compared.")


class ModelAnswer(BaseModel):
    """One model that can be named."""

    name: str
    dim: int = Field(description="Length of a vector.")
    image_size: int = Field(description="Side of the square picture that it sees, in pixels.")
    licence: str = Field(description="The licence of its weights.")
    note: str
    installed: bool = Field(description="Whether it is in the data folder of this server.")
    precision: Precision
    measured: MeasuredAnswer | None = Field(
        default=None, description="Null for a model in fp32, and if nothing was measured."
    )
    collections: list[str] = Field(
        description="The collections that answer with it, of those that the key allows."
    )

    @classmethod
    def of(cls, model: ListedModel, collections: list[str]) -> Self:
        """Describe a model."""
        found = model.measured
        return cls(
            name=model.name,
            dim=model.dim,
            image_size=model.image_size,
            licence=model.licence,
            note=model.note,
            installed=model.installed,
            precision=model.precision,
            measured=None
            if found is None
            else MeasuredAnswer(
                speedup=found.speedup,
                images=found.images,
                texts=found.texts,
                overlap=found.overlap,
                pictures=found.pictures,
            ),
            collections=collections,
        )


class ModelsAnswer(BaseModel):
    """All models that can be named."""

    models: list[ModelAnswer]


class SwitchStep(BaseModel):
    """One step of a switch."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    step: Annotated[
        Step,
        Field(
            description="`prepare`: embed all videos with `model`, and compare the answers; `cut`: "
            "answer with the model that is ready; `rollback`: answer with the one before; "
            "`finish`: remove what does not answer."
        ),
        expect("one of prepare, cut, rollback and finish"),
    ]
    model: ModelName | None = None
    without_missing: bool = Field(
        default=False, description="Go on without videos that cannot be read."
    )

    @model_validator(mode="after")
    def _require_model(self) -> Self:
        if self.step == "prepare" and self.model is None:
            raise PydanticCustomError("limits", "must name the model to prepare")
        if self.step != "prepare" and self.model is not None:
            raise PydanticCustomError("limits", "must have a model only with the step prepare")
        return self


class ComparedMoment(BaseModel):
    """One moment of an example."""

    video: str
    title: str
    start: float
    end: float
    relevance: float


class ExampleAnswer(BaseModel):
    """One query, and what both models answer, the best moments first."""

    query: str
    overlap: float = Field(description="Share of the moments before that are found after, too.")
    shift: float = Field(description="How much higher the relevance of the best moment is after.")
    before: list[ComparedMoment]
    after: list[ComparedMoment]


class AgreementAnswer(BaseModel):
    """How far both models of a switch answer alike."""

    queries: int = Field(description="How many queries both have answered.")
    queries_from: Literal["file", "recent", "bank"] = Field(
        description="Queries of users (`recent`), or everyday sentences (`bank`)."
    )
    overlap: float | None = Field(default=None, description="The mean overlap of all queries.")
    shift: float | None = Field(default=None, description="The mean shift of all queries.")
    examples: list[ExampleAnswer] = Field(description="Those that are the least alike.")


class SwitchAnswer(BaseModel):
    """The switch of a collection, and its last job."""

    collection: str = Field(description="Its own name.")
    model: str = Field(description="The model that answers.")
    state: SwitchState | Literal["none"] = Field(
        description="`embedding` until the other model has every video, `ready` until the cut and "
        "after a rollback, `switched` after the cut, `none` if no switch is under way."
    )
    other: str | None = Field(default=None, description="The model that does not answer.")
    videos: int = Field(description="Videos of the collection.")
    other_videos: int = Field(default=0, description="Videos that the other model has.")
    left_out: list[str] = Field(description="The ids of videos that could not be read.")
    started_at: str | None = None
    cut_at: str | None = None
    job: JobAnswer | None = Field(default=None, description="The last step that was asked for.")
    agreement: AgreementAnswer | None = Field(
        default=None, description="As it was measured when the other model was prepared."
    )


def agreement_of(outcome: Any) -> AgreementAnswer | None:
    """Return the agreement that a job has stored, or None."""
    stored = None if outcome is None else outcome.get("agreement")
    return None if stored is None else AgreementAnswer.model_validate(stored)
