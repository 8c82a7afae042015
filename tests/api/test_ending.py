"""A server that ends waits for what it closes, and not longer than there is time."""

import asyncio
import logging
import threading
from collections.abc import Iterator
from time import monotonic

import pytest

from api.ending import LEAST_S, WITHIN_S, Ending
from api.server import GRACE_S
from clipseek.threads import Worker
from tests.deploy.compose import Compose


@pytest.fixture
def stuck() -> Iterator[threading.Event]:
    """Return what threads wait for, as for a name server, until the test ends."""
    event = threading.Event()
    yield event
    event.set()


def test_what_hangs_is_named_and_left_behind(
    stuck: threading.Event, caplog: pytest.LogCaptureFixture
) -> None:
    """Two that hang take no longer than one, and what ends meanwhile is not named."""
    closed: list[str] = []

    def one() -> None:
        stuck.wait()

    two = Worker("two", one, pause_s=0)
    two.start()

    def good() -> None:
        closed.append("good")

    took: list[float] = []

    async def end() -> None:
        began = monotonic()
        ending = Ending(within_s=0.2)
        await ending.wait(asyncio.sleep(60))
        await ending.close([one, two.close, good])
        await ending.close([lambda: closed.append("last")])
        took.append(monotonic() - began)
        stuck.set()

    asyncio.run(end())
    assert closed == ["good", "last"]
    assert took[0] < 3
    left = [line for line in caplog.messages if line.endswith("is left behind")]
    assert sorted(line.partition(" ")[0] for line in left)[1:] == ["one", "two"]


def test_what_fails_is_logged_and_the_rest_is_closed(caplog: pytest.LogCaptureFixture) -> None:
    """Errors of what is waited for, and of what is closed."""
    closed: list[str] = []

    async def failing() -> None:
        raise ValueError("not warm")

    def fails() -> None:
        raise OSError("no disk")

    async def end() -> None:
        ending = Ending()
        await ending.wait(failing())
        await ending.close([fails, lambda: closed.append("good")])

    with caplog.at_level(logging.ERROR):
        asyncio.run(end())
    assert closed == ["good"]
    assert "no disk" in caplog.text
    assert "not warm" in caplog.text


def test_a_replica_ends_before_compose_kills_it() -> None:
    """Requests in flight, what is closed, and the last stores take less than the grace period."""
    grace = str(Compose()["api"].said["stop_grace_period"])
    assert float(grace.removesuffix("s")) > GRACE_S + WITHIN_S + LEAST_S
