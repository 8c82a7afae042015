"""MemoryCameras: cameras in a dictionary, and the recorders that run them."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from clipseek.cameras import Camera, CameraNotFound, CameraState, CameraTaken, Held

_WHEN = "2026-01-01T00:00:00Z"
"""The time of everything: no time passes in the texts of this store."""


@dataclass(slots=True)
class _Entry:
    """One camera, with its recorder and the end of the lease."""

    camera: Camera
    owner: str = ""
    due: float = -1.0


class MemoryCameras:
    """A `CameraStore` in a dictionary, for one thread."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._entries: dict[str, _Entry] = {}
        self._recorders: dict[str, tuple[int, float]] = {}

    def get(self, name: str) -> Camera:
        """Return a camera; raise CameraNotFound."""
        return self._seen(self._entry(name))

    def cameras(self, *, collections: Sequence[str] | None = None) -> list[Camera]:
        """Return all cameras by name, or those of some collections."""
        found = [self._seen(self._entries[name]) for name in sorted(self._entries)]
        return [each for each in found if collections is None or each.collection in collections]

    def close(self) -> None:
        """Keep everything: there is nothing to give back."""

    def add(self, camera: Camera) -> Camera:
        """Add a camera; raise CameraTaken."""
        if "\\u0000" in json.dumps([camera.collection, camera.address]):
            raise ValueError("a text cannot be stored")
        if camera.name in self._entries:
            raise CameraTaken(camera.name)
        made = replace(camera, created_at=_WHEN, state=CameraState(), state_at="")
        self._entries[camera.name] = _Entry(made)
        return self.get(camera.name)

    def change(self, camera: Camera) -> Camera:
        """Store the settings of a camera that is there; raise CameraNotFound."""
        entry = self._entry(camera.name)
        before = entry.camera
        entry.camera = replace(
            camera,
            collection=before.collection,
            epoch=before.epoch,
            created_at=before.created_at,
            state=before.state,
            state_at=before.state_at,
        )
        return self.get(camera.name)

    def remove(self, name: str) -> Camera:
        """Remove a camera and return it; raise CameraNotFound."""
        found = self.get(name)
        del self._entries[name]
        return found

    def take(self, owner: str, lease_s: float, most: int) -> list[Camera]:
        """Take cameras that are free and not paused, up to the share of the recorder."""
        now = self._now()
        self._recorders = {who: each for who, each in self._recorders.items() if each[1] > now}
        self._recorders[owner] = most, now + lease_s
        taken = []
        for entry in sorted(self._running(), key=lambda each: (each.due, each.camera.name)):
            if entry.due > now or len(self._of(owner)) >= (self._share(owner) or 0):
                continue
            entry.owner, entry.due = owner, now + lease_s
            begun = CameraState("connecting")
            entry.camera = replace(entry.camera, state=begun, state_at=_WHEN)
            taken.append(entry.camera)
        return sorted(taken, key=lambda camera: camera.name)

    def beat(self, owner: str, lease_s: float, states: Mapping[str, CameraState]) -> Held:
        """Renew the leases of a recorder, and store how its cameras do."""
        now = self._now()
        if owner in self._recorders:
            self._recorders[owner] = self._recorders[owner][0], now + lease_s
        for entry in self._entries.values():
            if entry.owner == owner and entry.camera.paused:
                entry.owner, entry.due = "", -1.0
            elif entry.owner == owner:
                entry.due = now + lease_s
                if entry.camera.name in states:
                    said = states[entry.camera.name]
                    entry.camera = replace(entry.camera, state=said, state_at=_WHEN)
        kept = sorted((entry.camera for entry in self._of(owner)), key=lambda each: each.name)
        share = self._share(owner)
        spare = [] if share is None else kept[share:]
        return Held(tuple(kept), frozenset(camera.name for camera in spare))

    def release(self, owner: str, names: Sequence[str] | None = None) -> None:
        """Let others take cameras of a recorder, or all of them."""
        for entry in self._entries.values():
            if entry.owner == owner and (names is None or entry.camera.name in names):
                entry.owner, entry.due = "", -1.0
        if names is None:
            self._recorders.pop(owner, None)

    def _entry(self, name: str) -> _Entry:
        if name not in self._entries:
            raise CameraNotFound(name)
        return self._entries[name]

    def _running(self) -> list[_Entry]:
        return [entry for entry in self._entries.values() if not entry.camera.paused]

    def _of(self, owner: str) -> list[_Entry]:
        now = self._now()
        return [each for each in self._running() if each.owner == owner and each.due > now]

    def _share(self, owner: str) -> int | None:
        """Deal the cameras one by one to those that have the fewest, and of these hold most."""
        now = self._now()
        known = self._recorders.items()
        alive = {who: most for who, (most, due) in known if due > now or who == owner}
        dealt = dict.fromkeys(alive, 0)
        held = {who: len(self._of(who)) for who in alive}
        for _ in self._running():
            can = [who for who in alive if dealt[who] < alive[who]]
            if can:
                dealt[min(can, key=lambda who: (dealt[who], -held[who], who))] += 1
        return dealt.get(owner)

    def _seen(self, entry: _Entry) -> Camera:
        is_held = entry.due > self._now()
        state = entry.camera.state.seen(is_held=is_held, paused=entry.camera.paused)
        return replace(entry.camera, state=state)
