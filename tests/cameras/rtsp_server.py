"""GStreamer's RTSP server as a program of the system's Python, told what to do by lines of JSON.

It imports nothing of the project, because Debian's GStreamer belongs to Debian's Python. It reads
commands from stdin, and ends with it: passwords are in no command line.
"""

import json
import sys
import threading
import time
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

_BATCH = 8
"""Packets that are given at once, because each call costs more than a packet."""
_LAUNCH = {
    "h264": ("video/x-h264,stream-format=byte-stream,alignment=au", "h264parse", "rtph264pay"),
    "hevc": ("video/x-h265,stream-format=byte-stream,alignment=au", "h265parse", "rtph265pay"),
    "mjpeg": ("image/jpeg", "jpegparse", "rtpjpegpay"),
}
_PLAYING = 4


class Film:
    """The packets of a video in memory."""

    def __init__(self, told: dict[str, Any]) -> None:
        with open(told["file"], "rb") as file:  # noqa: PTH123
            data = file.read()
        self.duration = told["duration_ns"]
        self.units = [
            (Gst.Buffer.new_wrapped(data[first : first + size]), dts, pts)
            for first, size, dts, pts, _ in told["units"]
        ]


class Loop:
    """Gives the packets of videos one after another, for ever, with times that go on."""

    def __init__(self, films: list[Film]) -> None:
        self._films = films
        self._film, self._next, self._offset = 0, 0, 0

    def give(self, source: Any, _wanted: int) -> None:
        """Push some packets."""
        for _ in range(_BATCH):
            film = self._films[self._film % len(self._films)]
            packet, dts, pts = film.units[self._next]
            given = packet.copy()
            given.dts, given.pts = dts + self._offset, pts + self._offset
            self._next += 1
            if self._next == len(film.units):
                self._film, self._next = self._film + 1, 0
                self._offset += film.duration
            if source.emit("push-buffer", given) != Gst.FlowReturn.OK:
                return


class Camera(GstRtspServer.RTSPMediaFactory):  # type: ignore[misc]  # it has no types
    """One mount point."""

    def __init__(self, told: dict[str, Any]) -> None:
        super().__init__()
        self._told = told
        self._films = [Film(each) for each in told["films"]]
        self.set_shared(True)
        both = GstRtsp.RTSPLowerTrans.TCP | GstRtsp.RTSPLowerTrans.UDP
        self.set_protocols(both if told["udp"] else GstRtsp.RTSPLowerTrans.TCP)
        self.connect("media-configure", self._configured)

    def do_create_element(self, _url: Any) -> Any:
        """Make the pipeline of one showing."""
        caps, parse, pay = _LAUNCH[self._told["codec"]]
        often = "" if pay == "rtpjpegpay" else "config-interval=-1"
        kind = 26 if pay == "rtpjpegpay" else 96
        offset = self._told["timestamp_offset"]
        start = "" if offset is None else f"timestamp-offset={offset}"
        pipeline = Gst.parse_launch(
            f"( appsrc name=films format=time max-bytes=100000 caps={caps} ! {parse} {often}"
            f" ! {pay} name=pay0 pt={kind} {start} )"
        )
        pipeline.get_by_name("films").connect("need-data", Loop(self._films).give)
        return pipeline

    def _configured(self, _factory: Any, media: Any) -> None:
        media.connect("new-state", self._state)

    def _state(self, media: Any, state: int) -> None:
        """Say at which time of the wall clock the first frame is shown, once that is known."""
        if state == _PLAYING:
            GLib.timeout_add(20, self._begins, media)

    def _begins(self, media: Any) -> bool:
        base = media.get_base_time()
        if base and media.get_clock():
            ago = media.get_clock().get_time() - base
            say(event="begins", mount=self._told["mount"], wall_s=time.time() - ago / 1e9)
        return not base


class Server:
    """The RTSP server and what it can be told."""

    def __init__(self, told: dict[str, Any]) -> None:
        self._server = GstRtspServer.RTSPServer()
        self._server.set_address("127.0.0.1")
        self._server.set_service(str(told["port"]))
        self._role = told["user"]
        if self._role:
            self._server.set_auth(_auth(told))
        if not self._server.attach(None):
            sys.exit(f"port {told['port']} cannot be opened")

    def mount(self, told: dict[str, Any]) -> None:
        """Show videos at a path from the next client on."""
        camera = Camera(told)
        if self._role:
            allowed = GstRtspServer.RTSPPermissions()
            allowed.add_permission_for_role(self._role, "media.factory.access", True)
            allowed.add_permission_for_role(self._role, "media.factory.construct", True)
            camera.set_permissions(allowed)
        self._server.get_mount_points().add_factory(told["mount"], camera)

    def unmount(self, told: dict[str, Any]) -> None:
        """Answer 404 at a path."""
        self._server.get_mount_points().remove_factory(told["mount"])

    def hang_up(self, _told: dict[str, Any]) -> None:
        """Close the connection of every client."""
        self._server.client_filter(lambda *_: GstRtspServer.RTSPFilterResult.REMOVE)


def _auth(told: dict[str, Any]) -> Any:
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", told["user"])
    if told["method"] == "digest":
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(told["user"], told["password"], token)
    else:
        basic = GstRtspServer.RTSPAuth.make_basic(told["user"], told["password"])
        auth.add_basic(basic, token)
    return auth


def say(**what: object) -> None:
    """Write one line of JSON."""
    print(json.dumps(what), flush=True)


def _listen(server: Server, loop: Any) -> None:
    """Do what the lines say, each in the main loop."""

    def do(told: dict[str, Any]) -> bool:
        getattr(server, told["do"])(told)
        say(did=told["do"])
        return False

    for line in sys.stdin:
        GLib.idle_add(do, json.loads(line))
    GLib.idle_add(loop.quit)


def main() -> None:
    """Serve until stdin ends; with `--check`, only fail if something is missing."""
    Gst.init(None)
    if lacks := [
        name for pair in _LAUNCH.values() for name in pair[1:] if not Gst.ElementFactory.find(name)
    ]:
        sys.exit(f"GStreamer has no {', '.join(lacks)}")
    if "--check" in sys.argv:
        return
    loop = GLib.MainLoop()
    server = Server(json.loads(sys.stdin.readline()))
    say(did="start")
    threading.Thread(target=_listen, args=(server, loop), daemon=True).start()
    loop.run()


if __name__ == "__main__":
    main()
