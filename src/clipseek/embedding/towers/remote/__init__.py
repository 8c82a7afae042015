"""RemoteTower: a tower that an inference server runs, such as Triton, KServe or MLServer."""

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from clipseek.breaker import Breaker
from clipseek.embedding.bundle import TEXT, VISUAL, Bundle
from clipseek.embedding.embedder import BundleEmbedder
from clipseek.embedding.towers import patches_on_cpu, text_on_cpu, visual_on_cpu
from clipseek.embedding.towers.remote.exchange import (
    Failure,
    Server,
    Wanted,
    late,
    pause_s,
    takes_any_length,
    vectors,
    wanted,
)
from clipseek.errors import ConfigError, ServiceUnavailable
from clipseek.protocols import Intake

_T = TypeVar("_T")
_EXTRA = "pip install 'clipseek[kserve]'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where a server is and how it is asked.

    url: grpc, grpcs, http or https. batch: Rows in one request. deadline_s: Seconds in which rows
    must be answered, with all attempts and with what is asked before them. ca_file: Certificates
    in PEM, None for those of public authorities.
    """

    url: str
    batch: int = 32
    deadline_s: float = 10.0
    ca_file: Path | None = None
    token: str | None = None


def open_server(address: Address) -> Server:
    """Return the server at an address; nothing is sent.

    Raises:
        ConfigError: a package is missing, or the file of certificates cannot be read.
    """
    module = "grpc" if address.url.startswith("grpc") else "urllib3"
    if find_spec(module) is None or find_spec("google.protobuf") is None:
        raise ConfigError(
            f"CLIPSEEK_EMBEDDER_URL needs packages that are not installed; run `{_EXTRA}`, or "
            "unset it, so that this process embeds"
        )
    authorities = None if address.ca_file is None else _certificates(address.ca_file)
    if module == "grpc":
        from clipseek.embedding.towers.remote.grpc import GrpcServer

        return GrpcServer(address.url, authorities=authorities, token=address.token)
    from clipseek.embedding.towers.remote.http import HttpServer

    return HttpServer(address.url, authorities=authorities, token=address.token)


def _certificates(file: Path) -> bytes:
    said = f"CLIPSEEK_EMBEDDER_CA_FILE: the file {file}"
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{said} cannot be read ({error.strerror}); mount it there") from error
    if b"-----BEGIN CERTIFICATE-----" not in content:
        raise ConfigError(f"{said} must contain certificates in PEM; name another file")
    return content


def on_server(
    bundle: Bundle,
    address: Address,
    *,
    sends: Collection[str] = ("pictures", "sentences"),
    threads: int | None = None,
) -> BundleEmbedder:
    """Return the embedder of a bundle whose towers run on a server, as far as `sends` names them.

    What says where in a picture something is runs in this process: no server is asked for it.

    Raises:
        ConfigError: the bundle's pictures need another runtime than such a server has, or as
            `open_server` raises.
    """
    server, breaker = open_server(address), Breaker()
    visual, text = visual_on_cpu(bundle, threads), text_on_cpu(bundle, threads)
    if "pictures" in sends:
        if bundle.runtime != "onnxruntime":
            raise ConfigError(
                f"the model {bundle.name!r} embeds pictures in {bundle.precision} with "
                f"{bundle.runtime}, and a server would give them other vectors; name a model in "
                "fp32, or set CLIPSEEK_EMBEDDER_SENDS=sentences"
            )
        visual = RemoteTower(server, wanted(bundle, VISUAL), breaker, address)
    if "sentences" in sends:
        # A sentence in int8 has its own run: beside others, it would get another vector.
        alone = bundle.text_precision == "int8"
        text = RemoteTower(server, wanted(bundle, TEXT), breaker, address, alone=alone)
    patches = patches_on_cpu(bundle, threads)
    return BundleEmbedder(bundle, visual, text, threads=threads, patches=patches)


class RemoteTower:
    """Has rows embedded by a server, and checks that it is the very model that answers.

    Metadata are asked for before the first rows, and again after each failure, because the server
    may be another one then. Each answer says which model and which version ran; both are made of
    the fingerprint, so that a server that changes between two requests is noticed, too.
    """

    def __init__(
        self,
        server: Server,
        tower: Wanted,
        breaker: Breaker,
        address: Address,
        *,
        alone: bool = False,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Keep what is needed; the towers of one server share its `breaker`."""
        self._server = server
        self._tower = tower
        self._breaker = breaker
        self._deadline_s = address.deadline_s
        self._most = 1 if alone else address.batch
        self._clock = clock
        self._sleep = sleep
        self._lock = Lock()
        self._any_length: bool | None = None
        self._spent_s = 0.0

    @property
    def intake(self) -> Intake:
        """How rows are wanted; whether token rows may be cut is known from the server."""
        if self._tower.taken.name == "pixels":
            return Intake(self._most, normalised=True)
        return Intake(self._most, any_length=self._known())

    def check(self) -> None:
        """Ask the server what it has; raise as `run` does."""
        with self._lock:
            self._any_length = None
        self._known()
        with self._lock:
            self._spent_s = 0.0

    def run(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """Return float32 (N, dim), not normalised.

        Raises:
            ServiceUnavailable: the server cannot be reached, is too slow, or runs another model.
        """
        self._known()
        with self._lock:
            spent_s, self._spent_s = self._spent_s, 0.0
        return self._asked(
            lambda left_s: vectors(
                self._tower, self._server.infer(self._tower, rows, left_s), len(rows)
            ),
            self._deadline_s - spent_s,
        )

    def _known(self) -> bool:
        """Return whether the tower takes any length, after the server's metadata were checked.

        The time that this takes is missing to the rows that are sent next.
        """
        with self._lock:
            known = self._any_length
        if known is None:
            begun = self._clock()
            known = self._asked(
                lambda left_s: takes_any_length(
                    self._tower, self._server.metadata(self._tower, left_s)
                ),
                self._deadline_s,
            )
            with self._lock:
                self._any_length = known
                self._spent_s = self._clock() - begun
        return known

    def _asked(self, ask: Callable[[float], _T], within_s: float) -> _T:
        """Ask until the deadline; raise ServiceUnavailable with what the last attempt met."""
        until = self._clock() + within_s
        attempts = 0
        while True:
            attempt = self._breaker.begin()
            if attempt is None:
                raise self._unavailable(
                    "has not answered several times and is left alone for some seconds"
                )
            attempts += 1
            try:
                found = ask(max(until - self._clock(), 0.001))
            except Failure as failure:
                pause = self._failed(failure, attempt, attempts, until - self._clock())
                if pause is None:
                    told = late(self._deadline_s) if failure.is_late else failure
                    raise self._unavailable(told.reason) from failure
                self._sleep(pause)
            else:
                self._breaker.succeeded(attempt)
                return found

    def _failed(self, failure: Failure, attempt: int, attempts: int, left_s: float) -> float | None:
        """Note a failure; return the pause before the next attempt, or None."""
        with self._lock:
            self._any_length = None
        if not failure.is_silent:
            self._breaker.succeeded(attempt)
        elif self._breaker.failed(attempt):
            return None
        return pause_s(failure, attempts, left_s)

    def _unavailable(self, reason: str) -> ServiceUnavailable:
        return ServiceUnavailable(
            f"the inference server {self._server.url} {reason}; check that it runs "
            f"and has version {self._tower.version} of {self._tower.name}, or unset "
            "CLIPSEEK_EMBEDDER_URL, so that this process embeds"
        )


__all__ = ["Address", "RemoteTower", "on_server", "open_server"]
