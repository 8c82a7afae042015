"""Alerts as the Python client follows them, from a real server."""

import itertools
import threading
from contextlib import closing

import httpx2 as httpx
import pytest

from api import alert_streams
from api.app import create_app
from clipseek.catalog import SqlWatches
from clipseek_client import Client, following
from tests.api.library import Library
from tests.api.server import serving
from tests.api.test_watches import RED, fire
from tests.contracts.catalogs import sqlite_url


def test_the_python_client_yields_alerts_as_they_come(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those behind the last one, although the server ends each stream."""
    monkeypatch.setattr(alert_streams, "LONGEST_S", 1.0)
    monkeypatch.setattr(following, "GOOD_S", 0.0)
    catalog = sqlite_url(library.folder)
    with (
        closing(SqlWatches.open(catalog)) as store,
        serving(create_app(library.service())) as url,
        Client(url) as client,
    ):
        watch = httpx.post(f"{url}/v1/watches", json=RED).json()["id"]
        over = threading.Event()

        def fire_on() -> None:
            for number in itertools.count():
                fire(store, watch, f"a{number:03}")
                if over.wait(0.3):
                    return

        firing = threading.Thread(target=fire_on)
        firing.start()
        try:
            seen = [alert.id for alert in itertools.islice(client.new_alerts(watch=watch), 4)]
        finally:
            over.set()
            firing.join()
        first = int(seen[0].removeprefix("a"))
        assert seen == [f"a{number:03}" for number in range(first, first + 4)]
