"""What a service of docker-compose.yml uses, at rest and at work, and how long its start takes."""

import time
from collections.abc import Callable, Iterator
from threading import Event, Thread

from tests.chaos.program import wait_until
from tests.engine.load import Load
from tests.engine.stack import Stack
from tests.engine.tried import PATIENCE_S, memory

KILLED = 137
"""How a container ends that has not done so within its grace period."""


def used(stack: Stack, service: str) -> float:
    """Return the MB of memory of the processes of a service's first container."""
    return memory(stack.engine, stack.container(service)) / 1e6


def searched(stack: Stack, service: str, searches: int = 200) -> str:
    """Measure a service before and after searches of four clients, none of which may fail."""
    before = used(stack, service)
    with Load(stack.client) as load:
        load.wait_for(searches)
    assert load.failed == 0, str(load)
    return (
        f"memory of {service} at rest and after searches: {before:.0f} and "
        f"{used(stack, service):.0f} MB ({load})"
    )


def started(stack: Stack, service: str, is_up: Callable[[], bool] | None = None) -> str:
    """Stop a service's first container and start it; wait until it is healthy, or `is_up`."""
    name = stack.container(service)
    up = is_up or (lambda: stack.healthy(name))
    grace = stack.compose[service].said.get("stop_grace_period", "10s")
    seconds = int(grace[:-1]) * {"s": 1, "m": 60}[grace[-1]]
    began = time.monotonic()
    stack.engine.run("stop", "--time", str(seconds), name)
    stopped = time.monotonic()
    code = stack.inspect(name)["State"]["ExitCode"]
    assert code != KILLED, f"{service} was killed after {seconds} s:\n{_said(stack, name)}"
    stack.engine.run("start", name)
    wait_until(up, f"{service} to be up", deadline_s=PATIENCE_S, step_s=0.1)
    took = time.monotonic() - stopped
    return f"{service} stops in {stopped - began:.1f} s and is up {took:.1f} s after its start"


def _said(stack: Stack, name: str) -> str:
    """Return the last lines that a container has written."""
    log = stack.engine.folder / "stopped.log"
    stack.engine.run("logs", "--tail", "40", name, log=log)
    return log.read_text("utf-8")


class Peak:
    """The most memory that a service uses meanwhile, by the half second. Use it as a context."""

    def __init__(self, stack: Stack, service: str) -> None:
        self._stack, self._service = stack, service
        self._ended = Event()
        self._thread = Thread(target=self._look)
        self.before = self.most = 0.0

    def __enter__(self) -> "Peak":
        """Measure once, and go on."""
        self.before = self.most = used(self._stack, self._service)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._ended.wait(0.5):
            self.most = max(self.most, used(self._stack, self._service))

    def __str__(self) -> str:
        """What was used, in words."""
        two = f"{self.before:.0f} and {self.most:.0f} MB"
        return f"memory of {self._service} at rest and at most: {two}"


def starts(stack: Stack) -> Iterator[str]:
    """Stop and start each service that has a health check, one after the other."""
    for service in ("postgres", "redis", "api", "nginx"):
        yield started(stack, service)
