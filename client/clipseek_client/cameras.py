"""Cameras: what the server says of them, and what it takes."""

from collections.abc import Mapping
from typing import Any, TypeVar, Unpack
from urllib.parse import quote

from typing_extensions import TypedDict

from clipseek_client.answers import Answer
from clipseek_client.asked import sent
from clipseek_client.errors import InvalidValue
from clipseek_client.steps import Flow, Request, Server

T = TypeVar("T")


class CameraSettings(TypedDict, total=False):
    """The settings of a camera; None lifts a limit. `retain_s` is in seconds."""

    fps: float | None
    records: bool
    retain_s: float | None
    retain_bytes: int | None
    paused: bool


class NewCamera(CameraSettings, total=False):
    """A camera to add. The URL may have a user and a password; no answer has them.

    `webcam:` adds a camera whose pictures a browser sends.
    """

    name: str
    url: str
    collection: str


class CameraEdit(CameraSettings, total=False):
    """What to change of a camera."""

    url: str


class Camera(Answer):
    """A camera and how it does. `address` is None without the scope `admin`."""

    name: str
    collection: str
    address: str | None
    webcam: bool
    fps: float | None
    records: bool
    retain_s: float | None
    retain_bytes: int | None
    paused: bool
    created_at: str
    state: str
    reason: str
    fps_in: float
    received: int
    decoded: int
    dropped: int
    embedded: int
    delay_p50_s: float | None
    delay_p95_s: float | None
    reconnects: int
    last_frame_at: str | None
    state_at: str | None


class Cameras(Answer):
    """Cameras, by name."""

    cameras: list[Camera]


def cameras(server: Server) -> Flow[Cameras]:
    """List the cameras."""
    return server.read(Cameras, Request("GET", "/v1/cameras"))


def camera(server: Server, name: str) -> Flow[Camera]:
    """Describe a camera."""
    return server.read(Camera, Request("GET", _path(name)))


def add(server: Server, asked: Mapping[str, Any]) -> Flow[Camera]:
    """Add a camera; one that was added is not added again, so it is sent once."""
    return server.read(Camera, Request("POST", "/v1/cameras", json=sent(asked), safe=False))


def change(server: Server, name: str, changes: Mapping[str, Any]) -> Flow[Camera]:
    """Change a camera; to do it twice changes nothing more. None lifts a limit."""
    return server.read(Camera, Request("PATCH", _path(name), json=dict(changes)))


def remove(server: Server, name: str, *, recordings: bool) -> Flow[None]:
    """Remove a camera."""
    params = {"recordings": "true"} if recordings else {}
    yield from server.answered(Request("DELETE", _path(name), params=params, safe=False))


def _path(name: str) -> str:
    if name in ("", ".", "..") or "/" in name:
        raise InvalidValue(f"the name of a camera must not be {name!r}; give that of an answer")
    return f"/v1/cameras/{quote(name, safe='')}"


class CameraMethods:
    """What `Client` does with cameras."""

    _server: Server

    def _run(self, flow: Flow[T]) -> T:
        raise NotImplementedError

    def cameras(self) -> list[Camera]:
        """Return the cameras, by name."""
        return self._run(cameras(self._server)).cameras

    def camera(self, name: str) -> Camera:
        """Return a camera: its settings, and how it does."""
        return self._run(camera(self._server, name))

    def add_camera(
        self,
        name: str,
        url: str,
        *,
        collection: str | None = None,
        **settings: Unpack[CameraSettings],
    ) -> Camera:
        """Add a camera; the server must allow its host."""
        asked = {"name": name, "url": url, "collection": collection, **settings}
        return self._run(add(self._server, asked))

    def change_camera(self, name: str, **changes: Unpack[CameraEdit]) -> Camera:
        """Change settings of a camera, such as `paused`; None lifts a limit."""
        return self._run(change(self._server, name, changes))

    def remove_camera(self, name: str, *, recordings: bool = False) -> None:
        """Remove a camera; what it has recorded stays, unless `recordings` go too."""
        self._run(remove(self._server, name, recordings=recordings))


class AsyncCameraMethods:
    """What `AsyncClient` does with cameras."""

    _server: Server

    async def _run(self, flow: Flow[T]) -> T:
        raise NotImplementedError

    async def cameras(self) -> list[Camera]:
        """Return the cameras, by name."""
        return (await self._run(cameras(self._server))).cameras

    async def camera(self, name: str) -> Camera:
        """Return a camera: its settings, and how it does."""
        return await self._run(camera(self._server, name))

    async def add_camera(
        self,
        name: str,
        url: str,
        *,
        collection: str | None = None,
        **settings: Unpack[CameraSettings],
    ) -> Camera:
        """Add a camera; the server must allow its host."""
        asked = {"name": name, "url": url, "collection": collection, **settings}
        return await self._run(add(self._server, asked))

    async def change_camera(self, name: str, **changes: Unpack[CameraEdit]) -> Camera:
        """Change settings of a camera, such as `paused`; None lifts a limit."""
        return await self._run(change(self._server, name, changes))

    async def remove_camera(self, name: str, *, recordings: bool = False) -> None:
        """Remove a camera; what it has recorded stays, unless `recordings` go too."""
        await self._run(remove(self._server, name, recordings=recordings))
