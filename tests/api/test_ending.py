"""A server that ends waits for what it closes, and not longer than there is time."""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from time import monotonic

import pytest

from api.ending import Ending


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
    things: list[tuple[str, Callable[[], object]]] = [
        ("one", stuck.wait),
        ("two", stuck.wait),
        ("good", lambda: closed.append("good")),
    ]
    took: list[float] = []

    async def end() -> None:
        began = monotonic()
        ending = Ending(within_s=0.2)
        await ending.wait(asyncio.sleep(60))
        await ending.close(things)
        await ending.close([("last", lambda: closed.append("last"))])
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
        await ending.close([("bad", fails), ("good", lambda: closed.append("good"))])

    with caplog.at_level(logging.ERROR):
        asyncio.run(end())
    assert closed == ["good"]
    assert "no disk" in caplog.text
    assert "not warm" in caplog.text
