"""How videos are read, embedded and indexed."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field
from pydantic_settings import NoDecode

from clipseek.config.values import SKIPPED, field_names, listed_kinds
from clipseek.timed import CHEAP_FIELDS
from clipseek.timed import Field as FieldName


class IngestSettings(BaseModel):
    """How videos are read, embedded and indexed."""

    skip: Annotated[tuple[str, ...], NoDecode, BeforeValidator(listed_kinds)] = Field(
        default=SKIPPED,
        description="what is left out of folders: kinds, and patterns of names such as *-proxy.mp4",
    )
    fields: Annotated[tuple[FieldName, ...], NoDecode, BeforeValidator(field_names)] = Field(
        default=CHEAP_FIELDS,
        description="what is indexed: picture, subtitle (costs next to nothing), speech, text (in "
        "pictures)",
    )
    speech_model: str = Field(
        default="small",
        min_length=1,
        description="recogniser of speech: a size of Whisper, the folder of a model, or demo",
    )
    max_text_s: float = Field(
        default=60.0, gt=0, description="CPU seconds that reading the text of one video may take"
    )
    decoder: Literal["pyav", "decord"] = Field(default="pyav", description="reader of video files")
    decode: Literal["exact", "fast", "keyframes"] = Field(
        default="fast",
        description="what pyav decodes: every frame, only what each sampled second needs, "
        "or keyframes",
    )
    sample_fps: float = Field(default=1.0, gt=0, le=60, description="sampled frames per second")
    keep_frame_vectors: bool = Field(
        default=True,
        description="whether vectors of sampled frames are stored, for watches, `sharpen`, "
        "timelines and `verify`",
    )
    runner: Literal["threads", "ray"] = Field(
        default="threads", description="where `ingest` reads and embeds: in this process, or on Ray"
    )
    ray_address: str | None = Field(
        default=None,
        description="cluster of Ray, as HOST:PORT or auto; default: one is started on this machine",
    )
    ray_embedders: int = Field(
        default=1, ge=1, le=1024, description="workers of Ray that embed, beside those that decode"
    )
    ray_gpus: float = Field(
        default=0.0, ge=0, le=8, description="GPUs of each of them, such as 0.5 for half of one"
    )
    workers: int = Field(default=2, ge=1, le=256, description="videos decoded at the same time")
    max_video_s: float = Field(
        default=7 * 86400.0, gt=0, description="seconds of the longest video that is indexed"
    )
    max_frame_pixels: int = Field(
        default=2**26, ge=1, description="pixels of a frame; videos with larger ones are refused"
    )
    max_frame_rate: float = Field(
        default=1000.0, gt=0, description="maximum number of frames decoded per second of video"
    )
    max_frame_s: float = Field(
        default=60.0, gt=0, description="seconds that decoding may take from one frame to the next"
    )
    max_decode_s: float = Field(
        default=6 * 3600.0, gt=0, description="seconds that decoding one video may take"
    )
    max_decode_bytes: int = Field(
        default=2**30,
        ge=2**27,
        description="memory of all decoders together; a video that needs more than its share "
        "is decoded alone",
    )
    fetched_bytes: int = Field(
        default=0,
        ge=0,
        description="bytes of fetched videos that are kept in `kept` in the data folder; 0: none",
    )
    batch_size: int = Field(
        default=64, ge=1, le=4096, description="pictures in one batch of the model"
    )
    threads: int | None = Field(
        default=None,
        ge=1,
        description="threads of the model; a text tower of up to 16 MB uses one; default: "
        "one per core",
    )
    device: Literal["cpu", "cuda"] = Field(
        default="cpu",
        description="where embedding and search run; cuda: models of open_clip's list, and FAISS",
    )
    index: Literal["auto", "exact", "ivf-flat", "ivf-sq8", "ivf-pq"] = Field(
        default="auto", description="kind of index that a build makes; auto measures and chooses"
    )
