"""Holding: the switch of one collection, kept from other processes and machines by a lease."""

import threading
import time
from typing import Protocol, Self

from clipseek.errors import ClipseekError, ConfigError, ServiceUnavailable
from indexer.output import note

BEAT_S = 2.0
"""The longest pause between two signs of life, so that a second command is refused soon."""
BEATS_PER_LEASE = 4
LOOK_S = 0.5


class SwitchBusy(ConfigError):
    """Another process works on the switch."""

    told = "another process works on this switch now; wait until it ends, and then ask again"  # type: ignore[assignment]  # other settings concern operators alone


class Leases(Protocol):
    """Where leases of switches are, such as `SqlSwitches`, which documents the methods."""

    def take(self, name: str, lease_s: float) -> float:
        """Hold a switch; return for how long another one holds it, or 0."""
        ...

    def beat(self, name: str, lease_s: float) -> bool:
        """Renew the lease; False if it is lost."""
        ...

    def give_back(self, name: str) -> None:
        """End the lease."""
        ...


class Holding:
    """Holds the switch of a collection until the end of its context."""

    def __init__(self, leases: Leases, name: str, *, lease_s: float) -> None:
        self._leases = leases
        self._name = name
        self._lease_s = lease_s
        self._lost = threading.Event()
        self._stop = threading.Event()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._ended.set()
        if self._thread is None:
            return
        self._thread.join()
        try:
            self._leases.give_back(self._name)
        except ClipseekError as error:
            note(f"indexer: the switch stays reserved for {self._lease_s:g} s: {error}")

    def take(self) -> None:
        """Hold the switch; if another process holds it, wait whether that one is still there.

        Raises:
            SwitchBusy: it is.
        """
        if self._thread is not None:
            return
        left = self._leases.take(self._name, self._lease_s)
        if left > 0:
            note(
                f"indexer: another process was switching collection {self._name!r}; looking for up "
                f"to {left:.0f} s whether it has been killed"
            )
        while left > 0:
            began = time.monotonic()
            time.sleep(min(LOOK_S, left))
            slept_s = time.monotonic() - began
            now = self._leases.take(self._name, self._lease_s)
            # Without a new sign of life, it is less by at least the time slept.
            if now > max(0.0, left - slept_s / 2):
                raise SwitchBusy(
                    f"another process is switching collection {self._name!r} now, perhaps on "
                    "another machine; wait until it ends, or stop it and run the same command "
                    "again to continue"
                )
            left = now
        self._thread = threading.Thread(target=self._beat, name="switch", daemon=True)
        self._thread.start()

    def stops(self, stop: threading.Event) -> None:
        """Let an event be set as soon as another process has the switch."""
        self._stop = stop
        if self._lost.is_set():
            stop.set()

    def require(self) -> None:
        """Raise SwitchBusy if another process has the switch."""
        if self._lost.is_set():
            raise SwitchBusy(
                f"this process gave no sign of life for {self._lease_s:g} s, and another one has "
                f"continued the switch of collection {self._name!r}; `indexer collections` shows "
                "the switches"
            )

    def _beat(self) -> None:
        is_away = False
        while not self._ended.wait(min(BEAT_S, self._lease_s / BEATS_PER_LEASE)):
            try:
                if not self._leases.beat(self._name, self._lease_s):
                    self._lost.set()
                    self._stop.set()
                    return
                is_away = False
            except ServiceUnavailable as error:
                if not is_away:
                    note(f"indexer: the lease of the switch is not renewed: {error}")
                is_away = True
            except ClipseekError as error:
                # As after a migration: what the switch does next fails too, and says so.
                note(f"indexer: the lease of the switch is not renewed: {error}")
                return
