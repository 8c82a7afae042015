"""A worker and a recorder beside the server of `clipseek serve`: processes that end with it."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from multiprocessing.connection import wait
from multiprocessing.context import SpawnProcess

from clipseek.assembly import open_writer
from clipseek.cameras import UNHELD, Camera
from clipseek.config import Settings
from clipseek.errors import ClipseekError
from clipseek.ledgers import open_camera_reader
from indexer.cli import INTERRUPTED, main
from indexer.output import note

ASKED_TO_END = (0, INTERRUPTED, -signal.SIGTERM)
"""Exit codes after a signal, which a service manager sends to both processes at once."""
LOOK_S = 2.0
"""How often cameras are looked for."""
PATIENCE = 3
"""Looks in which a camera waits before a recorder is started: others take it in two seconds."""


@contextmanager
def working(settings: Settings) -> Iterator[None]:
    """Run `indexer work` meanwhile, and `indexer record` once a camera waits; say so if one fails.

    The catalog is there from the beginning.
    """
    with suppress(ClipseekError):  # the worker says it
        # A video may be added before the worker has started.
        open_writer(settings, create=True).close()
    over = threading.Event()
    worker = _started(settings, "work")

    def watch() -> None:
        worker.join()
        if not over.is_set() and worker.exitcode not in ASKED_TO_END:
            note(
                f"clipseek: the worker ended with exit code {worker.exitcode}, so videos that are "
                "added wait; start `indexer work`, or this command again"
            )

    watching = threading.Thread(target=watch, name="worker", daemon=True)
    watching.start()
    recording = threading.Thread(target=_record, args=(settings, over), name="recorder")
    recording.start()
    try:
        yield
    finally:
        over.set()
        worker.terminate()
        watching.join()
        recording.join()


def _record(settings: Settings, over: threading.Event) -> None:
    """Run a recorder from when a camera waits for one; over a server, recorders run elsewhere."""
    if settings.database_url is not None or not _waits(settings, over):
        return
    recorder = _started(settings, "record")
    while not over.is_set() and recorder.is_alive():
        over.wait(LOOK_S)
    if not over.is_set() and recorder.exitcode not in ASKED_TO_END:
        note(
            f"clipseek: the recorder ended with exit code {recorder.exitcode}, so cameras wait; "
            "start `indexer record`, or this command again"
        )
    recorder.terminate()
    recorder.join()


def _waits(settings: Settings, over: threading.Event) -> bool:
    """Wait for a camera that nobody runs, or for the end; say which it is."""
    looks = 0
    with closing(open_camera_reader(settings)) as cameras:
        while not over.wait(LOOK_S):
            with suppress(ClipseekError):  # the server says it
                waits = is_awaited(cameras.cameras(), has_key=settings.camera_key is not None)
                looks = looks + 1 if waits else 0
            if looks >= PATIENCE:
                return True
    return False


def is_awaited(cameras: Iterable[Camera], *, has_key: bool) -> bool:
    """Whether a camera waits for a recorder that can run it; without a key, those are webcams."""
    return any(
        camera.state.reason == UNHELD and (has_key or camera.is_webcam) for camera in cameras
    )


def _started(settings: Settings, verb: str) -> SpawnProcess:
    spawned = multiprocessing.get_context("spawn")
    words = ["--data-dir", str(settings.data_dir), verb, "--quiet"]
    process = spawned.Process(target=_run, args=(words,), name=verb)
    process.start()
    return process


def _run(words: Sequence[str]) -> None:
    """Run a verb until the parent tells this process to end, or is gone."""
    # Ctrl-C in a terminal reaches both, and the server then ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import indexer.verbs.work  # noqa: F401 - before SIGTERM raises an exception, also in an import

    parent = multiprocessing.parent_process()
    assert parent is not None  # `_started` has started this process

    def follow() -> None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=follow, name="parent", daemon=True).start()
    sys.exit(main(list(words)))
