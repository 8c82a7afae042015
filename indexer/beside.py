"""A worker beside the server of `clipseek serve`: a process that ends when its parent ends."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import wait

from clipseek.assembly import open_writer
from clipseek.config import Settings
from clipseek.errors import ClipseekError
from indexer.cli import INTERRUPTED, main
from indexer.output import note

ASKED_TO_END = (0, INTERRUPTED, -signal.SIGTERM)
"""Exit codes after a signal, which a service manager sends to both processes at once."""


@contextmanager
def working(settings: Settings) -> Iterator[None]:
    """Run `indexer work` meanwhile; say so if it fails. The catalog is there from the beginning."""
    with suppress(ClipseekError):  # the worker says it
        # A video may be added before the worker has started.
        open_writer(settings, create=True).close()
    spawned = multiprocessing.get_context("spawn")
    worker = spawned.Process(target=_work, args=(str(settings.data_dir),), name="worker")
    over = threading.Event()

    def watch() -> None:
        worker.join()
        if not over.is_set() and worker.exitcode not in ASKED_TO_END:
            note(
                f"clipseek: the worker ended with exit code {worker.exitcode}, so videos that are "
                "added wait; start `indexer work`, or this command again"
            )

    watching = threading.Thread(target=watch, name="worker", daemon=True)
    worker.start()
    watching.start()
    try:
        yield
    finally:
        over.set()
        worker.terminate()
        watching.join()


def _work(data_dir: str) -> None:
    """Run jobs until the parent tells this process to end, or is gone."""
    # Ctrl-C in a terminal reaches both, and the server then ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import indexer.verbs.work  # noqa: F401 - before SIGTERM raises an exception, also in an import

    parent = multiprocessing.parent_process()
    assert parent is not None  # `working` has started this process

    def follow() -> None:
        wait([parent.sentinel])
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=follow, name="parent", daemon=True).start()
    sys.exit(main(["--data-dir", data_dir, "work", "--quiet"]))
