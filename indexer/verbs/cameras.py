"""The verb `cameras`: adds, lists, changes and removes cameras."""

import argparse
import sys
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict, replace

from clipseek.assembly import open_writer
from clipseek.cameras import (
    MAX_URL_CHARACTERS,
    Camera,
    address_of,
    camera_name,
    duration_s,
    size_bytes,
)
from clipseek.config import Settings
from clipseek.errors import ConfigError
from clipseek.ledgers import open_camera_reader, open_cameras, open_watches
from clipseek.live.looking import look
from clipseek.live.sealing import Seal, new_key
from clipseek.live.signing import Secrets
from clipseek.protocols import CameraStore
from indexer.output import Column, counted, emit, note, say, size, table
from indexer.retaining import remove_recordings

ALL = "all"
"""What `--retain` and `--retain-bytes` say if everything is kept."""


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Do what is named."""
    if options.action == "key":
        return _key(json=options.json)
    if options.action == "test":
        return _test(settings, options)
    if options.action == "list":
        return _list(settings, json=options.json)
    open_writer(settings, create=options.action == "add").close()
    with closing(open_cameras(settings)) as cameras:
        return _ACTIONS[options.action](cameras, settings, options)


def _add(cameras: CameraStore, settings: Settings, options: argparse.Namespace) -> int:
    url = _url(options.url)
    try:
        plain = Camera(
            camera_name(options.name), settings.collection, address_of(url, devices=True), b""
        )
        camera = _with_settings(plain, options)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    if not camera.is_webcam:
        camera = replace(camera, sealed=Seal.of(settings).seal(url, epoch=camera.epoch))
    added = cameras.add(camera)
    return _said(added, f"added camera {added.name}, {added.address}", options)


def _change(cameras: CameraStore, settings: Settings, options: argparse.Namespace) -> int:
    camera = cameras.get(options.name)
    try:
        if options.url is not None:
            url = _url(options.url)
            camera = replace(camera, address=address_of(url, devices=True), sealed=b"")
            if not camera.is_webcam:
                sealed = Seal.of(settings).seal(url, epoch=camera.epoch)
                camera = replace(camera, sealed=sealed)
        camera = _with_settings(camera, options)
    except ValueError as error:
        raise ConfigError(str(error)) from error
    return _said(cameras.change(camera), f"changed camera {camera.name}", options)


def _pause(cameras: CameraStore, _settings: Settings, options: argparse.Namespace) -> int:
    changed = cameras.change(replace(cameras.get(options.name), paused=True))
    return _said(changed, f"paused camera {changed.name}", options)


def _resume(cameras: CameraStore, _settings: Settings, options: argparse.Namespace) -> int:
    changed = cameras.change(replace(cameras.get(options.name), paused=False))
    return _said(changed, f"camera {changed.name} runs again", options)


def _remove(cameras: CameraStore, settings: Settings, options: argparse.Namespace) -> int:
    removed = cameras.remove(options.name)
    if not options.recordings:
        if options.json:
            emit({"name": removed.name, "state": "removed"})
        else:
            stays = f"what it has recorded stays in {removed.collection}"
            say(f"removed camera {removed.name}; {stays}")
        return 0
    gone = remove_recordings(settings, removed)
    for reason in gone.left:
        note(f"indexer: {reason}")
    if options.json:
        emit(
            {
                "name": removed.name,
                "state": "removed",
                "recordings_removed": gone.count,
                "recordings_held": gone.held,
                "recordings_failed": len(gone.left),
            }
        )
    else:
        say(
            f"removed camera {removed.name} and {counted(gone.count, 'video')} that it has recorded"
        )
    if gone.held and not options.json:
        say(f"{counted(gone.held, 'video')} of it goes when nothing keeps it any more")
    return 1 if gone.left else 0


def _reseal(cameras: CameraStore, settings: Settings, options: argparse.Namespace) -> int:
    """Encrypt all secrets by the first key, so that the others can be forgotten."""
    seal = Seal.of(settings)
    found = [camera for camera in cameras.cameras() if not camera.is_webcam]
    for camera in found:
        url = seal.unseal(camera.sealed, camera=camera.name, epoch=camera.epoch)
        cameras.change(replace(camera, sealed=seal.seal(url, epoch=camera.epoch)))
    with closing(open_watches(settings)) as store:
        watches = Secrets.of(settings).again(store.watches())
        for watch in watches:
            store.change(watch)
    if options.json:
        emit({"cameras": len(found), "watches": len(watches), "state": "resealed"})
    else:
        said = f"{counted(len(found), 'camera')} and {counted(len(watches), 'watch')}"
        say(f"encrypted the secrets of {said} by the first key")
    return 0


_ACTIONS: Mapping[str, Callable[[CameraStore, Settings, argparse.Namespace], int]] = {
    "add": _add,
    "change": _change,
    "pause": _pause,
    "resume": _resume,
    "remove": _remove,
    "reseal": _reseal,
}


def _key(*, json: bool) -> int:
    key = new_key()
    if json:
        emit({"key": key})
    else:
        say(key)
        note("this is a key for the URLs of cameras; store it as a secret, because without it no")
        note("camera can be recorded, and set CLIPSEEK_CAMERA_KEY_FILE to its file")
    return 0


def _test(settings: Settings, options: argparse.Namespace) -> int:
    """Look at a camera, or at a URL that is not added yet; exit with 1 if it sends no pictures."""
    given = options.camera
    if given == "-" or "/" in given:
        url = _url(given)
        try:
            address_of(url, devices=True)
        except ValueError as error:
            raise ConfigError(str(error)) from error
    else:
        with closing(open_camera_reader(settings)) as cameras:
            camera = cameras.get(given)
        url = camera.address
        if not camera.is_webcam:
            url = Seal.of(settings).unseal(camera.sealed, camera=given, epoch=camera.epoch)
    found = look(url, settings)
    if options.json:
        emit({name: value for name, value in asdict(found).items() if name != "picture"})
    elif found.works:
        rate = f", {found.rate:g} frames a second" if found.rate else ""
        say(f"works: {found.width}x{found.height}, {found.coding}{rate}")
    else:
        say(f"does not work: {found.reason}")
    return 0 if found.works else 1


def _list(settings: Settings, *, json: bool) -> int:
    with closing(open_camera_reader(settings)) as cameras:
        found = cameras.cameras()
    if json:
        for camera in found:
            emit(shown(camera))
    elif found:
        titles = ("name", "state", "in", "dropped", "delay", "collection", "keeps", "address")
        table([Column(title) for title in titles], (_row(camera) for camera in found))
        for camera in found:
            if camera.state.reason:
                note(f"{camera.name}: {camera.state.reason}")
    else:
        say("there are no cameras; `indexer cameras add NAME URL` adds one")
    return 0


def _url(given: str) -> str:
    """Return a URL that is given, or that stdin has if it is `-`."""
    if given != "-":
        return given
    url = sys.stdin.readline(MAX_URL_CHARACTERS + 2).strip()
    if not url:
        raise ConfigError("no URL on stdin; write it on one line, as in `<url.txt`")
    return url


def _with_settings(camera: Camera, options: argparse.Namespace) -> Camera:
    """Return the camera with the settings that are named; raise ValueError."""
    changes: dict[str, object] = {}
    if options.camera_fps is not None:
        changes["fps"] = _fps(options.camera_fps)
    if options.record is not None:
        changes["records"] = options.record
    if options.retain is not None:
        changes["retain_s"] = None if options.retain == ALL else duration_s(options.retain)
    if options.retain_bytes is not None:
        kept = options.retain_bytes
        changes["retain_bytes"] = None if kept == ALL else size_bytes(kept)
    return replace(camera, **changes)  # type: ignore[arg-type]  # each has the type of its field


def _fps(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"--fps must be a number of frames each second, got {text!r}") from None


def _said(camera: Camera, line: str, options: argparse.Namespace) -> int:
    if options.json:
        emit(shown(camera))
    else:
        say(line)
        if camera.state.status == "waiting":
            note(camera.state.reason)
    return 0


def shown(camera: Camera) -> dict[str, object]:
    """Return what is said of a camera: nothing of its URL but the address."""
    return {
        "name": camera.name,
        "collection": camera.collection,
        "address": camera.address,
        "fps": camera.fps,
        "records": camera.records,
        "retain_s": camera.retain_s,
        "retain_bytes": camera.retain_bytes,
        "paused": camera.paused,
        "created_at": camera.created_at,
        **_state(camera),
    }


def _state(camera: Camera) -> dict[str, object]:
    state = camera.state
    return {
        "state": state.status,
        "reason": state.reason,
        "fps_in": state.fps,
        "received": state.received,
        "decoded": state.decoded,
        "dropped": state.dropped,
        "embedded": state.embedded,
        "delay_p50_s": state.delay_p50_s,
        "delay_p95_s": state.delay_p95_s,
        "reconnects": state.reconnects,
        "last_frame_at": state.last_frame_at or None,
        "state_at": camera.state_at or None,
    }


def _row(camera: Camera) -> list[str]:
    state = camera.state
    delay = "" if state.delay_p95_s is None else f"{state.delay_p95_s:.1f} s"
    age = "" if camera.retain_s is None else f"{camera.retain_s / 86400:g} d"
    most = "" if camera.retain_bytes is None else size(camera.retain_bytes)
    return [
        camera.name,
        state.status,
        f"{state.fps:.1f} fps",
        str(state.dropped),
        delay,
        camera.collection,
        ", ".join(filter(None, (age, most))) or ALL,
        camera.address,
    ]
