"""Openers that do to their process what hostile files do to decoders; children import them here."""

import os
import signal
import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from clipseek.errors import UnreadableVideo
from clipseek.frames import FrameBatch
from clipseek.protocols import CutDetector, FrameSource
from clipseek.testing import SyntheticFrames
from tests.contracts.videos import BLUE, RED

MIB = 1 << 20


def obedient(path: str, /, *, descriptor: int | None = None) -> FrameSource:
    """Do as the content of the file says; "fine" is a video of two shots."""
    assert descriptor is not None
    word, _, rest = os.pread(descriptor, 1000, 0).decode().partition(" ")
    if word == "hang":
        _hang()
    elif word == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif word == "raise":
        raise LookupError("a bug in a decoder")
    elif word == "recurse":
        obedient(path, descriptor=descriptor)
    elif word == "refuse":
        raise UnreadableVideo(path, "not a video")
    elif word == "take":
        np.ones(int(rest) * MIB, np.uint8)
    elif word == "talk":
        _talk_nonsense()
    return Obedient(word, rest)


def _hang() -> None:
    """Stay in one call that Python cannot interrupt, as a decoder does."""
    signal.pthread_sigmask(signal.SIG_BLOCK, set(signal.Signals) - {signal.SIGKILL})
    time.sleep(600)


def _talk_nonsense() -> None:
    for number in range(3, 1024):
        try:
            with socket.socket(fileno=os.dup(number)) as channel:
                channel.sendall(b"\xff" * 4096)
        except OSError:
            continue


@dataclass
class Obedient(SyntheticFrames):
    """Two shots, red for two seconds and blue for three, and trouble after the first batch."""

    def __init__(self, word: str, rest: str) -> None:
        """Take what is to happen."""
        seconds = 38 if word in ("late-take", "slow", "long") else 3
        super().__init__([(2, RED), (seconds, BLUE)])
        self._word, self._rest = word, rest

    def read(
        self,
        times: Iterable[float | Fraction],
        *,
        short_side: int | None = None,
        cuts: CutDetector | None = None,
    ) -> Iterator[FrameBatch]:
        """Yield frames, until the trouble."""
        read = super().read(times, short_side=short_side, cuts=cuts)
        for number, batch in enumerate(read):
            if number and self._word == "late-take":
                np.ones(int(self._rest) * MIB, np.uint8)
            if self._word == "slow":
                time.sleep(1.0)
            yield batch
        if self._word == "late-hang":
            _hang()
