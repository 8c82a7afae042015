"""The verb `record`: run cameras, index and record what they show, until a signal comes."""

import argparse
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import asdict

from prometheus_client import CollectorRegistry, ProcessCollector, start_http_server

from clipseek.assembly import open_writer
from clipseek.cameras import CameraState
from clipseek.config import Settings
from clipseek.errors import ConfigError
from clipseek.ledgers import open_camera_reader, open_cameras, open_feeds, open_retaining
from clipseek.live.metering import CameraCollector, ObjectCollector
from clipseek.live.recorder import Limits, Recorder
from clipseek.live.retention import EVERY_S
from clipseek.live.sealing import Seal
from clipseek.live.spotting import Spotting
from clipseek.service import WritingService
from clipseek.threads import Worker
from indexer import reserve
from indexer.live_building import Snapshots
from indexer.objects import recorded_objects
from indexer.output import emit, note, say
from indexer.recording import equipment
from indexer.retaining import retention
from indexer.verbs.ingest import stopping_on_signal

MOST_CAMERAS = 1000
LOOK_S = 0.5


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Run cameras; a signal ends it with 0, when every chunk has ended and is stored."""
    if not 1 <= options.most <= MOST_CAMERAS:
        raise ConfigError(f"--most must be >= 1 and <= {MOST_CAMERAS}, got {options.most}")
    address = None if options.metrics is None else _address(options.metrics)
    seal, stop = _seal(settings), threading.Event()
    limits = Limits(
        most=options.most,
        commit_s=settings.live_commit_s,
        batch_size=settings.batch_size,
        keep_frames=settings.keep_frame_vectors,
    )
    with (
        open_writer(settings, create=True) as service,
        closing(open_cameras(settings)) as cameras,
        closing(open_feeds(settings)) as feeds,
        recorded_objects(service) as spotting,
    ):
        reserve.keep(settings)
        recorder = Recorder(equipment(service, cameras, feeds, seal, spotting), limits, stop)
        told = _Told(as_json=options.json, quiet=options.quiet)
        watcher = threading.Thread(target=_tell, args=(recorder, told, stop), daemon=True)
        snapshots = Snapshots(settings, service.catalog, lambda: recorder.collections)
        retaining = _retaining(service)
        with (
            _served(recorder, address, spotting),
            stopping_on_signal(stop),
            snapshots,
            retaining,
        ):
            watcher.start()
            recorder.run()
        watcher.join()
        told.changes(recorder.states)
    return 0


def _seal(settings: Settings) -> Seal | None:
    """Return what opens the URLs of cameras; None if no key is set, and all cameras are webcams."""
    if settings.camera_key is None:
        with closing(open_camera_reader(settings)) as reader:
            cameras = reader.cameras()
        if cameras and all(camera.is_webcam for camera in cameras):
            return None
    return Seal.of(settings)


@contextmanager
def _retaining(service: WritingService) -> Iterator[None]:
    """Remove what has expired, in a thread of its own, while the recorder runs."""
    with closing(open_retaining(service.settings)) as rows:
        retaining = Worker("retention", retention(service, rows).turn, pause_s=EVERY_S)
        retaining.start()
        try:
            yield
        finally:
            retaining.close()


def _address(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and int(port) < 2**16):
        raise ConfigError(
            f"--metrics must be HOST:PORT, such as 127.0.0.1:9100 or 0.0.0.0:9100, got {text!r}"
        )
    return host.strip("[]"), int(port)


@contextmanager
def _served(
    recorder: Recorder, address: tuple[str, int] | None, spotting: Spotting | None
) -> Iterator[None]:
    """Serve metrics while the recorder runs; raise ConfigError if the port cannot be used."""
    if address is None:
        yield
        return
    registry = CollectorRegistry()
    registry.register(CameraCollector(lambda: recorder.states, lambda: recorder.ages))
    if spotting is not None:
        registry.register(ObjectCollector(lambda: spotting.spotted))
    ProcessCollector(registry=registry)
    host, port = address
    try:
        server, thread = start_http_server(port, addr=host, registry=registry)
    except OSError as error:
        raise ConfigError(
            f"--metrics: {host}:{port} cannot be used: {error.strerror}; choose another port"
        ) from error
    note(f"metrics at http://{host}:{server.server_port}/metrics")
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Told:
    """Says when the state of a camera changes."""

    def __init__(self, *, as_json: bool, quiet: bool) -> None:
        self._as_json = as_json
        self._quiet = quiet
        self._last: dict[str, tuple[str, str]] = {}

    def changes(self, states: Mapping[str, CameraState]) -> None:
        """Say what is new."""
        for name, state in states.items():
            said = state.status, state.reason
            if self._last.get(name) != said:
                self._last[name] = said
                self._say(name, state)

    def _say(self, name: str, state: CameraState) -> None:
        if self._as_json:
            emit({"camera": name, **asdict(state)})
        elif not self._quiet or state.status in ("failed", "stalled"):
            reason = f": {state.reason}" if state.reason else ""
            say(f"{state.status:<10} {name}{reason}")


def _tell(recorder: Recorder, told: _Told, stop: threading.Event) -> None:
    while not stop.wait(LOOK_S):
        told.changes(recorder.states)
