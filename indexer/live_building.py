"""Snapshots of the collections that cameras write to, made now and then beside the recorder."""

import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterable, Sequence

from clipseek.config import Settings
from clipseek.errors import ClipseekError
from clipseek.protocols import CatalogWriter
from indexer.output import note

SUBJECT = "snapshot of cameras"
"""What is claimed in a collection, so that one of several recorders makes its snapshot."""
FIRST_S = 600.0
"""The first look comes after so long at the latest."""


class Snapshots:
    """Builds the snapshot of each collection once in `every_s`, in a process of low priority.

    Without one, a replica that starts reads every segment from the catalog, and no change is
    pruned. The claim is not given back: it expires when the next snapshot is due.
    """

    def __init__(
        self,
        settings: Settings,
        catalog: CatalogWriter,
        collections: Callable[[], Iterable[str]],
        *,
        build: Callable[[Sequence[str]], "subprocess.Popen[bytes]"] | None = None,
    ) -> None:
        """Take what says which collections cameras write to; `build` starts the command."""
        self._settings = settings
        self._catalog = catalog
        self._collections = collections
        self._build = build or subprocess.Popen
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="snapshots", daemon=True)

    def __enter__(self) -> "Snapshots":
        if self._settings.live_build_s:
            self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        if self._settings.live_build_s:
            self._thread.join()

    def _run(self) -> None:
        every_s = self._settings.live_build_s
        pause_s = min(every_s, FIRST_S)
        while not self._stop.wait(pause_s):
            try:
                self.turn()
            except ClipseekError as error:
                note(f"indexer: {error}")
            pause_s = min(every_s, FIRST_S)

    def turn(self) -> None:
        """Build what is due, one collection after the other."""
        for name in sorted(set(self._collections())):
            by, due_s = uuid.uuid4().hex, self._settings.live_build_s
            if not self._stop.is_set() and self._catalog.claim(name, SUBJECT, by=by, lease_s=due_s):
                self._built(name)

    def _built(self, name: str) -> None:
        folder = str(self._settings.data_dir)
        arguments = ["--data-dir", folder, "build", "--collection", name, "--quiet"]
        process = self._build([sys.executable, "-m", "indexer", *arguments])
        while process.poll() is None:
            if self._stop.wait(0.2):
                process.terminate()
                process.wait()
                return
        if process.returncode:
            note(
                f"indexer: the snapshot of {name} could not be made; run `indexer build "
                f"--collection {name}` to see why"
            )
