"""How much time and room the excerpts of videos may take."""

from pydantic import BaseModel, Field

from clipseek.config.values import AtHome


class ExcerptSettings(BaseModel):
    """How much time and room the excerpts of videos may take."""

    excerpt_dir: AtHome | None = Field(
        default=None,
        description="folder of excerpts and previews; without it, excerpts in the data folder",
    )
    excerpt_bytes: int = Field(
        default=5 * 2**30,
        ge=0,
        description="bytes of excerpts and previews that are kept (API)",
    )
    max_excerpt_s: float = Field(
        default=120.0, gt=0, le=3600, description="seconds that encoding one of them may take (API)"
    )
