"""What the API gives about models."""

from typing import Self

from pydantic import BaseModel, Field

from clipseek.embedding.models import ListedModel
from clipseek.embedding.precision import Precision


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
