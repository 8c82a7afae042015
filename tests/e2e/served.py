"""A running API over demo videos, with a worker and a key, for the tests of the client."""

import contextlib
import io
import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import pytest

from api.app import create_app
from clipseek.assembly import open_service
from clipseek.config import Settings
from clipseek_client import Client
from tests.api.server import serving
from tests.chaos.program import Program, environment
from tests.client.cutting import Cutting
from tests.e2e.conftest import Library


@dataclass(frozen=True)
class Served:
    """A running API, its data folder and a key for it."""

    address: str
    library: Library
    key: str

    @property
    def port(self) -> int:
        """The port of the API."""
        return int(self.address.rpartition(":")[2])

    @contextmanager
    def cutting(self, retries: int = 4) -> Iterator[tuple[Cutting, Client]]:
        """Yield a client, and the link to the server that it uses."""
        with ExitStack() as stack:
            link = Cutting(self.port)
            stack.callback(link.close)
            made = Client(link.address, key=self.key, retries=retries)
            yield link, stack.enter_context(made)


@pytest.fixture(scope="session")
def served(shared_library: Library, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve a copy of the library, with a worker that runs jobs."""
    root = tmp_path_factory.mktemp("served")
    shutil.copytree(shared_library.data_dir, root / "data")
    library = Library(shared_library.videos, root / "data")
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        scopes = ("--scope", "search", "--scope", "write")
        assert library.run("keys", "add", "ann", *scopes, "--collection", "*") == 0
    settings = Settings(data_dir=library.data_dir, access="keys", upload_reserve_bytes=0)
    with ExitStack() as stack:
        env = environment({"CLIPSEEK_DATA_DIR": str(library.data_dir)})
        work = [sys.executable, "-m", "indexer", "work", "--quiet"]
        worker = Program("worker", work, root / "worker.log", env)
        stack.callback(worker.end)
        worker.start()
        address = stack.enter_context(serving(create_app(open_service(settings))))
        yield Served(address, library, said.getvalue().strip())
