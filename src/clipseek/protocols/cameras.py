"""What stores cameras, and lends them to the processes that run them."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from clipseek.cameras import Camera, CameraState, Held


class CameraReader(Protocol):
    """The cameras, to read. A catalog that is not there yet has none.

    Every method may raise ServiceUnavailable (database gone).
    """

    def get(self, name: str) -> Camera:
        """Return a camera; raise CameraNotFound."""
        ...

    def cameras(self, *, collections: Sequence[str] | None = None) -> list[Camera]:
        """Return all cameras by name, or those of some collections, as these were asked for."""
        ...

    def close(self) -> None:
        """Give back connections."""
        ...


class CameraStore(CameraReader, Protocol):
    """The cameras, to change and to run. Every change is one transaction."""

    def add(self, camera: Camera) -> Camera:
        """Add a camera and return it as it is stored; raise CameraTaken."""
        ...

    def change(self, camera: Camera) -> Camera:
        """Store the settings of a camera that is there, given by its name; raise CameraNotFound.

        Its epoch, its collection, its state and when it was made stay.
        """
        ...

    def remove(self, name: str) -> Camera:
        """Remove a camera and return it; raise CameraNotFound. Its recordings stay."""
        ...

    def take(self, owner: str, lease_s: float, most: int) -> list[Camera]:
        """Take cameras that are free and not paused, for `lease_s` seconds; return the new ones.

        A recorder takes no more than its share: as many as the others that give signs of life, if
        their limits allow it, and `most` together with those that it holds.
        """
        ...

    def beat(self, owner: str, lease_s: float, states: Mapping[str, CameraState]) -> Held:
        """Renew the leases of a recorder, and store how its cameras do, by name."""
        ...

    def release(self, owner: str, names: Sequence[str] | None = None) -> None:
        """Let others take cameras of a recorder, or all of them; then it counts no more."""
        ...
