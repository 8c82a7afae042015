"""A cluster of Ray, or a Ray on this machine alone: how it is reached, and what has room there."""

import logging
import math
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, Self

import ray
from ray.exceptions import RayError
from ray.util.placement_group import PlacementGroup, placement_group

from clipseek.errors import ConfigError, ServiceUnavailable

PATIENCE_S = 0.2
REACHED_S = 5.0
"""Seconds that the head of a cluster may take to accept a connection."""
QUIET_S = 10.0
"""Seconds after which it is said that other work has the CPUs."""
STORE_BYTES = 256 << 20
"""Memory that a local Ray gets for pictures; what does not fit is written to the disk."""
_FAILURES = (RayError, OSError, RuntimeError, ValueError)
log = logging.getLogger(__name__)


class Cluster:
    """A connection to a cluster of Ray, or a Ray on this machine alone; a context manager."""

    def __init__(self, address: str | None, *, cpus: int) -> None:
        """Take the address, `HOST:PORT` or `auto`; without one, Ray is started with some CPUs."""
        self._address = address
        self._cpus = cpus
        self._is_ours = False

    def __enter__(self) -> Self:
        """Connect, unless this process is connected already.

        Raises:
            ConfigError: the address is wrong.
            ServiceUnavailable: Ray cannot be reached or started.
        """
        if self._address is not None:
            _require_reachable(self._address)
        if ray.is_initialized():
            return self
        _be_quiet()
        options: dict[str, Any] = {"log_to_driver": False, "configure_logging": False}
        if self._address is None:
            options |= {
                "num_cpus": self._cpus,
                "include_dashboard": False,
                "object_store_memory": STORE_BYTES,
                "_node_ip_address": "127.0.0.1",
            }
        else:
            options |= {"address": self._address}
        try:
            try:
                ray.init(**options)
            except _FAILURES:
                if self._address is not None:
                    raise
                # Ray waits 30 s for its own processes, which is too short on a busy machine.
                ray.shutdown()
                ray.init(**options)
        except _FAILURES as error:
            raise ServiceUnavailable(_unreachable(self._address, error)) from error
        self._is_ours = True
        return self

    def __exit__(self, *exc: object) -> None:
        if self._is_ours:
            ray.shutdown()


def _be_quiet() -> None:
    """Keep Ray from printing: stdout has results alone, and a video says itself why it failed."""
    logging.getLogger("ray").setLevel(logging.CRITICAL)
    # `log_to_driver` does not concern what Ray says of workers that die: it is printed to stdout.
    ray._private.worker.print_to_stdstream = lambda *_said, **_how: None


def _require_reachable(address: str) -> None:
    """Make sure that something listens at an address, which Ray itself tries for long.

    Raises:
        ConfigError: it is not the address of a cluster's head.
        ServiceUnavailable: nothing listens there.
    """
    if address == "auto":
        return
    host, colon, port = address.rpartition(":")
    if "://" in address or not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise ConfigError(
            f"the address of Ray must be HOST:PORT or auto, got {address!r}; run the command on a "
            "machine of the cluster and give the address that `ray start --head` has printed"
        )
    try:
        socket.create_connection((host.strip("[]"), int(port)), REACHED_S).close()
    except OSError as error:
        raise ServiceUnavailable(_unreachable(address, error)) from error


def _unreachable(address: str | None, error: BaseException) -> str:
    said = " ".join(str(error).split()) or type(error).__name__
    if address is None:
        return f"cannot start Ray on this machine: {said}; use `--runner threads`"
    where = "on this machine" if address == "auto" else f"at {address}"
    return (
        f"there is no cluster of Ray {where}: {said}; start one with `ray start --head`, or leave "
        "out --address to use this machine alone"
    )


Machine = Mapping[str, float]
"""The resources that Ray knows of a machine, such as `CPU` and `GPU`, by their names."""


def machines() -> list[Machine]:
    """Return what each machine of the cluster has."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]  # type: ignore[no-untyped-call]  # of ray


def require_room(machines: Sequence[Machine], embedders: int, gpus: float) -> None:
    """Make sure that actors that embed, with some GPUs each, and one task that reads have room.

    Ray would wait for more machines, for ever and without a word.

    Raises:
        ConfigError: they have not.
    """
    cpus = sum(math.floor(machine.get("CPU", 0.0)) for machine in machines)
    if cpus < embedders + 1:
        raise ConfigError(
            f"{embedders} embedders and a task that reads need {embedders + 1} CPUs, and Ray has "
            f"{cpus}; set CLIPSEEK_RAY_EMBEDDERS lower, or give the cluster more CPUs"
        )
    if (room := sum(_room(machine, gpus) for machine in machines)) < embedders:
        there = sum(machine.get("GPU", 0.0) for machine in machines)
        raise ConfigError(
            f"{embedders} embedders with {gpus:g} GPU each need {embedders * gpus:g}, and Ray has "
            f"{there:g}, on machines with room for {room}; set CLIPSEEK_RAY_GPUS or "
            "CLIPSEEK_RAY_EMBEDDERS lower"
        )


def _room(machine: Machine, gpus: float) -> int:
    """Return how many actors with one CPU and some GPUs, or a part of one, a machine can run."""
    cpus, there = math.floor(machine.get("CPU", 0.0)), math.floor(machine.get("GPU", 0.0))
    if not gpus:
        return cpus
    return min(cpus, there * math.floor(1 / gpus) if gpus < 1 else math.floor(there / gpus))


def reserved(embedders: int, gpus: float, stop: threading.Event) -> PlacementGroup:
    """Reserve what actors need, one bundle each; wait until others leave it, or the run stops.

    Tasks that read and wait for an actor could otherwise take the CPU of one that starts again.
    """
    needs = {"CPU": 1.0} | ({"GPU": gpus} if gpus else {})
    group: PlacementGroup = placement_group([needs] * embedders)
    quiet_until = time.monotonic() + QUIET_S
    while not stop.is_set() and not group.wait(PATIENCE_S):
        if time.monotonic() > quiet_until:
            quiet_until = math.inf
            log.warning(
                "other work has the CPUs or GPUs of Ray that %d embedders need; waiting", embedders
            )
    return group
