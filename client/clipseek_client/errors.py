"""What a call of the client can raise.

ClientError
├── ConnectionFailed     no answer came
├── UnexpectedAnswer     an answer came that is not one of clipseek
├── ProblemError         the server refused the request, and says why
├── InvalidValue         the client cannot send this (also a ValueError)
├── NothingFound         `best` of an answer without hits (also a LookupError)
├── UploadInterrupted    what is stored of an upload stays, and can be continued
├── JobFailed            a job ended without doing its work
└── JobLate              a job has not ended in time (also a TimeoutError)
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clipseek_client.answers import FieldError, Job, Problem


class ClientError(Exception):
    """Anything that the client raises on purpose."""


class ConnectionFailed(ClientError):
    """No answer came, also after the retries."""


class UnexpectedAnswer(ClientError):
    """An answer came that no clipseek server gives, such as the error page of a proxy."""


class ProblemError(ClientError):
    """The server refused the request with a problem document (RFC 9457).

    Compare with `type`, which is stable, and not with `title` or `detail`.
    """

    def __init__(self, problem: "Problem") -> None:
        super().__init__(problem)
        self.problem = problem

    def __str__(self) -> str:
        problem = self.problem
        return f"{problem.detail} ({problem.status} {problem.type}, request {problem.request_id})"

    @property
    def type(self) -> str:
        """The stable name, such as `/problems/invalid-query`."""
        return self.problem.type

    @property
    def title(self) -> str:
        """What the type means, in a few words."""
        return self.problem.title

    @property
    def status(self) -> int:
        """The status of the answer."""
        return self.problem.status

    @property
    def detail(self) -> str:
        """What is wrong, in a sentence."""
        return self.problem.detail

    @property
    def request_id(self) -> str:
        """The id under which the log of the server has the request."""
        return self.problem.request_id

    @property
    def errors(self) -> "list[FieldError]":
        """The fields of the request that are wrong."""
        return self.problem.errors or []


class InvalidValue(ClientError, ValueError):
    """The client cannot send this value."""


class NothingFound(ClientError, LookupError):
    """The answer has no hit."""


class UploadInterrupted(ClientError):
    """The upload did not become whole.

    Give `upload` to the next call as `resume` to continue: `stored` bytes are on the server.
    """

    def __init__(self, message: str, upload: str, stored: int) -> None:
        super().__init__(message, upload, stored)
        self.message, self.upload, self.stored = message, upload, stored

    def __str__(self) -> str:
        return self.message


class JobFailed(ClientError):
    """The job has failed or was cancelled; `job` says why."""

    def __init__(self, job: "Job") -> None:
        super().__init__(job)
        self.job = job

    def __str__(self) -> str:
        reason = self.job.reason or "it gives no reason"
        return f"the job {self.job.id} ({self.job.kind}) is {self.job.state}: {reason}"


class JobLate(ClientError, TimeoutError):
    """The job has not ended in the given time; `job` is its last state."""

    def __init__(self, job: "Job", timeout_s: float) -> None:
        super().__init__(job, timeout_s)
        self.job, self.timeout_s = job, timeout_s

    def __str__(self) -> str:
        return (
            f"the job {self.job.id} ({self.job.kind}) is still {self.job.state} after "
            f"{self.timeout_s:g} s; it goes on, so wait longer, or cancel it"
        )
