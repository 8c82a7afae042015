"""How jobs are run."""

from pydantic import BaseModel, Field


class JobSettings(BaseModel):
    """How jobs are run."""

    job_lease_s: float = Field(
        default=30.0,
        ge=1,
        le=3600,
        description="seconds without a sign of life after which another worker takes over a job, "
        "or another process a switch or a video",
    )
    max_job_s: float = Field(
        default=12 * 3600.0, gt=0, description="seconds that one attempt of a job may take"
    )
    keep_jobs_s: float = Field(
        default=30 * 86400.0, ge=0, description="seconds until a job that has ended is deleted"
    )
    keep_audit_s: float = Field(
        default=365 * 86400.0, ge=0, description="seconds until an entry of the audit is deleted"
    )
