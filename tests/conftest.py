"""Fixtures that every test may use; real footage is optional and tests pass without it."""

import gc
import os
import signal
from collections.abc import Generator
from pathlib import Path

# Before decord, which exports its own libvpx to the whole process. If PyAV is loaded later, it gets
# that one, and cannot write VP8 or VP9.
import av  # noqa: F401
import pytest
from hypothesis import settings

# A machine that does other work too is slow at times, and no test here is about time.
settings.register_profile("whenever", deadline=None)
settings.load_profile("whenever")

# A shell that started the tests in the background may have set these to ignored, and programs that
# tests start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Ray gives its own processes 30 s to start, which they do not need unless the machine is busy.
os.environ["RAY_gcs_server_port_wait_time_s"] = "300"  # noqa: SIM112 (its own name)

pytest_plugins = [
    "tests.contracts.postgres",
    "tests.contracts.redis",
    "tests.contracts.catalogs",
    "tests.inference.server",
    "tests.cameras.fixtures",
    "tests.drawn",
]

FOOTAGE = Path(os.environ.get("CLIPSEEK_FOOTAGE", Path(__file__).parents[2] / "shared"))


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep the garbage collector from the modules and tests, which stay until the end.

    It would look at all of them again and again, half a second each time.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


SLOW = tuple(
    Path(__file__).parent / name
    for name in (
        *("cameras", "chaos", "load", "e2e", "page"),
        *("api/test_fuzz.py", "contracts/test_catalog.py", "deploy/test_topology.py"),
    )
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take long, so that no process has one of them alone at the end."""
    items.sort(key=lambda item: not any(item.path.is_relative_to(folder) for folder in SLOW))


def _footage(name: str) -> Path:
    folder = FOOTAGE / name
    if not folder.is_dir():
        pytest.skip(f"no real footage in {folder}; set CLIPSEEK_FOOTAGE to a folder that has it")
    return folder


@pytest.fixture(scope="session")
def videos_dir() -> Path:
    """Return the folder of real videos with `captions.jsonl`, or skip."""
    return _footage("films")


@pytest.fixture(scope="session")
def odd_dir() -> Path:
    """Return the folder of odd and broken files with `manifest.jsonl`, or skip."""
    return _footage("odd")
