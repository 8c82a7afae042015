"""A central library, asked over HTTP: what `forwarding` sends to."""

import base64
import hashlib
import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import urllib3

from clipseek.archive.manifest import Origin, Part
from clipseek.archive.receiving import PartRefused
from clipseek.brought import blocks_of, digest_of
from clipseek.errors import ConfigError, ServiceUnavailable
from clipseek.wishes import Why, Wish

ANSWER_S, JOB_S = 30.0, 600.0
"""Seconds that one request may take, and the job that stores a part."""

PIECE_BYTES = 1 << 20
"""Bytes of one request, which a line of 0.3 Mbit/s sends in time."""

_PAUSE_S = 0.2
_PAUSE_MOST_S = 2.0
_MOST_BYTES = 16 << 20
_REFUSED = (400, 401, 403, 404, 409, 413, 415, 422)


class HttpCenter:
    """The API of a central clipseek, with a key of the scopes `search` and `write`."""

    def __init__(
        self,
        url: str,
        key: str | None,
        *,
        collection: str,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Take the URL of the API; raise ConfigError if it is not one."""
        self._url = _checked(url)
        self._collection = collection
        self._headers = {"authorization": f"Bearer {key}"} if key else {}
        self._sleep = sleep
        self._pool = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(total=ANSWER_S))

    def put(self, part: Part, origin: Origin, content: bytes) -> None:
        """Have the videos of a part stored, and wait until they are."""
        name = f"part {hashlib.sha256(content).hexdigest()[:16]}"
        upload = self._uploaded(name, len(content), _pieces(content))
        asked = {
            "upload": upload,
            "collection": self._collection,
            "part": part.model_dump(mode="json"),
            "origin": origin.model_dump(mode="json"),
        }
        self._wait(self._json("POST", "/v1/parts", asked))

    def wanted(self, wait_s: float) -> Sequence[Wish]:
        """Return the spans that are wanted of this machine, waited for up to some seconds."""
        path = f"/v1/parts/wanted?{self._in_collection}&wait={wait_s:g}"
        said = self._json("GET", path, fine=(404,))  # before anything was sent
        try:
            return [_wish(each) for each in said.get("wanted", [])]
        except (KeyError, TypeError, ValueError) as error:
            raise ServiceUnavailable(f"{self._url} does not say what is wanted") from error

    def give(self, wish_id: str, file: Path) -> None:
        """Send the file of a wish; one that nobody waits for is left out."""
        size, digest = file.stat().st_size, digest_of(file)
        upload = self._uploaded(f"span {wish_id}", size, blocks_of(file))
        self._tell(wish_id, {"upload": upload, "sha256": digest})

    def refuse(self, wish_id: str, why: Why) -> None:
        """Say why a wish cannot be fulfilled."""
        self._tell(wish_id, {"why": why})

    def _tell(self, wish_id: str, said: Mapping[str, str]) -> None:
        body = json.dumps({"collection": self._collection, **said}).encode()
        path = f"/v1/parts/wanted/{quote(wish_id, safe='')}"
        headers = {"Content-Type": "application/json"}
        self._asked("POST", path, body=body, headers=headers, fine=(404,))

    def _uploaded(self, name: str, size: int, pieces: Iterable[bytes]) -> str:
        """Upload bytes piece by piece, so that none takes long; return the id of the upload."""
        tus = {"Tus-Resumable": "1.0.0"}
        said = f"filename {_base64(name)},collection {_base64(self._collection)}"
        begun = {**tus, "Upload-Length": str(size), "Upload-Metadata": said}
        headers, _ = self._asked("POST", "/v1/uploads", headers=begun)
        upload, offset = headers["Location"].rpartition("/")[2], 0
        for piece in pieces:
            sent = {
                **tus,
                "Upload-Offset": str(offset),
                "Content-Type": "application/offset+octet-stream",
            }
            self._asked("PATCH", f"/v1/uploads/{upload}", body=piece, headers=sent)
            offset += len(piece)
        return upload

    def remove(self, video_ids: Sequence[str]) -> None:
        """Have videos removed, and wait until they are; one that is not there is no error."""
        jobs = []
        for video_id in video_ids:
            path = f"/v1/videos/{quote(video_id, safe='')}?{self._in_collection}"
            _, body = self._asked("DELETE", path, fine=(404,))
            said = _parsed(body)
            if "id" in said:
                jobs.append(said)
        for job in jobs:
            self._wait(job)

    def videos(self) -> Iterator[str]:
        """Yield the ids of the videos that it has from here."""
        after = ""
        while True:
            page = self._json("GET", f"/v1/parts/videos?{self._in_collection}{after}", fine=(404,))
            yield from map(str, page.get("videos", []))
            if not page.get("next"):
                return
            after = f"&after={quote(str(page['next']), safe='')}"

    @property
    def _in_collection(self) -> str:
        return f"collection={quote(self._collection, safe='')}"

    def _wait(self, job: Mapping[str, Any]) -> None:
        """Wait until a job has ended.

        Raises:
            PartRefused: it has failed.
            ServiceUnavailable: it has not ended in time.
        """
        until, pause = time.monotonic() + JOB_S, _PAUSE_S
        while job["state"] in ("waiting", "running"):
            if time.monotonic() > until:
                raise ServiceUnavailable(
                    f"{self._url}: job {job['id']} is {job['state']} after {JOB_S:.0f} s; check "
                    "that `indexer work` runs there"
                )
            self._sleep(pause)
            pause = min(2 * pause, _PAUSE_MOST_S)
            job = self._json("GET", f"/v1/jobs/{quote(str(job['id']), safe='')}")
        if job["state"] != "done":
            raise PartRefused(f"{self._url} says: {job['reason'] or job['state']}")

    def _json(
        self, method: str, path: str, body: object = None, *, fine: Sequence[int] = ()
    ) -> dict[str, Any]:
        sent = None if body is None else json.dumps(body).encode()
        headers = {} if sent is None else {"Content-Type": "application/json"}
        return _parsed(self._asked(method, path, body=sent, headers=headers, fine=fine)[1])

    def _asked(
        self,
        method: str,
        path: str,
        *,
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        fine: Sequence[int] = (),
    ) -> tuple[Mapping[str, str], bytes]:
        """Send a request; raise ServiceUnavailable or PartRefused unless it was answered well."""
        sent = {**self._headers, **(headers or {})}
        try:
            response = self._pool.request(
                method,
                self._url + path,
                body=body,
                headers=sent,
                redirect=False,
                preload_content=False,
            )
            content = response.read(_MOST_BYTES)
            response.release_conn()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            reason = type(error).__name__
            raise ServiceUnavailable(f"{self._url} cannot be reached: {reason}") from error
        if response.status < 300 or response.status in fine:
            return response.headers, content
        said = f"{method} {path.partition('?')[0]}: {response.status} {_detail(content)}"
        if response.status in _REFUSED:
            raise PartRefused(f"{self._url} says: {said}")
        raise ServiceUnavailable(f"{self._url}: {said}")


def _pieces(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content), PIECE_BYTES):
        yield content[start : start + PIECE_BYTES]


def _wish(said: Mapping[str, Any]) -> Wish:
    """Read a wish as the API tells it; raise KeyError, TypeError or ValueError."""
    return Wish(
        id=str(said["id"]),
        site="",
        collection="",
        video=str(said["video"]),
        start=float(said["start"]),
        end=float(said["end"]),
        height=int(said["height"]),
        is_preview=said["preview"] is True,
    )


def _checked(url: str) -> str:
    """Return a URL without its last slash; raise ConfigError unless it is one of HTTP alone."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigError("the central library must be an http or https URL, such as https://host")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigError(
            "the URL of the central library must have no user, password, query or fragment; give "
            "the key by CLIPSEEK_CENTER_KEY_FILE"
        )
    return url.rstrip("/")


def _base64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        said = json.loads(body)
    except ValueError:
        said = None
    if not isinstance(said, dict):
        raise ServiceUnavailable("the central library gives no answer of clipseek; check its URL")
    return said


def _detail(body: bytes) -> str:
    """Return the sentence of a problem document, or nothing."""
    try:
        said = json.loads(body)
        return str(said["detail"])[:500]
    except (ValueError, KeyError, TypeError):
        return ""
