"""Excerpting: the child process that writes an excerpt, and how this process ends it."""

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from clipseek.errors import UnreadableVideo
from clipseek.redaction.chosen import Chosen
from clipseek.video.limits import PATIENCE_S, exceeds

_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from clipseek.video.excerpt import main; main()"
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a span is written; see `spans.Order`."""

    start: float
    end: float
    height: int
    copy: bool
    growing: bool
    redact: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse to copy what is to be redacted."""
        if self.copy and self.redact:
            raise ValueError(f"copy must be False where {self.redact} are blurred, got True")


class Excerpting:
    """One child process that writes one excerpt into a file. Its owner ends or awaits it."""

    def __init__(
        self,
        recipe: Recipe,
        *,
        name: str,
        descriptor: int,
        target: Path,
        limit_s: float,
        memory_bytes: int,
        frame_pixels: int,
        chosen: Chosen | None = None,
    ) -> None:
        """Start the process; it reads the open `descriptor`, and `name` is for its errors.

        chosen: The detector of the user's, if the recipe redacts what it finds.
        """
        self.target = target
        self._name, self._limit_s = name, limit_s
        self._until = time.monotonic() + limit_s
        order: dict[str, Any] = {
            "name": name,
            **asdict(recipe),
            "memory_bytes": memory_bytes,
            "frame_pixels": frame_pixels,
            "chosen": chosen,
        }
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-c", _START, json.dumps(sys.path)),
                *(json.dumps(order), str(descriptor), str(target)),
            ],
            pass_fds=[descriptor],
            stdin=subprocess.PIPE,  # its end tells the process that this one has ended
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            process_group=0,
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"},
        )

    @property
    def is_done(self) -> bool:
        """Whether the process has ended."""
        return self._process.poll() is not None

    def check(self) -> None:
        """Return if the excerpt is complete or still being written.

        Raises:
            UnreadableVideo: it cannot be written, or takes too long.
        """
        code = self._process.poll()
        if code is None:
            if time.monotonic() <= self._until:
                return
            self.end()
            what = f"{self._limit_s:g} s of encoding"
            raise UnreadableVideo(self._name, exceeds(what, "max_excerpt_s"))
        if code:
            assert self._process.stdout is not None
            said = self._process.stdout.read().decode("utf-8", "replace")
            self.end()
            reason = said or f"the process that encodes it crashed (code {code})"
            raise UnreadableVideo(self._name, reason)

    def wait(self) -> None:
        """Wait until the excerpt is complete; raise UnreadableVideo as `check` does."""
        while not self.is_done:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(PATIENCE_S)
            self.check()
        self.check()
        self.end()

    def end(self) -> None:
        """End the process, whatever it does."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
