"""A TCP connection between a client and a server that can be slow, or cut."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress

_CHUNK_BYTES = 1 << 16


class Link:
    """Listens on a free port of the loopback address and passes on to another port.

    delay_s: Seconds that each chunk waits before it is passed on, in both directions.
    """

    def __init__(self, to_port: int) -> None:
        self.delay_s = 0.0
        self._to_port = to_port
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        """The port that clients connect to."""
        return int(self._listener.getsockname()[1])

    def cut(self) -> None:
        """Close every connection; new ones may be made."""
        with self._lock:
            ends, self._open = self._open, set()
        for end in ends:
            _close(end)

    def close(self) -> None:
        """Stop listening and close every connection."""
        _close(self._listener)
        self.cut()

    def passing(self, source: socket.socket, target: socket.socket, chunk: bytes) -> None:
        """Notice bytes before they are passed on; an OSError ends the connection instead."""

    def passed(self, source: socket.socket) -> None:
        """Notice that bytes of one end were passed on."""

    def alteration(self, *, to_client: bool) -> Callable[[bytes], bytes]:
        """Return what changes the bytes of one direction of a new connection; here nothing does."""
        return bytes

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._to_port), timeout=5)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open |= {client, server}
            for source, target in ((client, server), (server, client)):
                alter = self.alteration(to_client=target is client)
                way = (source, target, alter)
                threading.Thread(target=self._pass_on, args=way, daemon=True).start()

    def _pass_on(
        self, source: socket.socket, target: socket.socket, alter: Callable[[bytes], bytes]
    ) -> None:
        try:
            while chunk := source.recv(_CHUNK_BYTES):
                if self.delay_s:
                    time.sleep(self.delay_s)
                self.passing(source, target, chunk)
                target.sendall(alter(chunk))
                self.passed(source)
        except OSError:
            pass  # either side has gone: so does the other
        finally:
            for end in (source, target):
                _close(end)
            with self._lock:
                self._open -= {source, target}


def _close(end: socket.socket) -> None:
    """Close a socket; `shutdown` wakes the thread that waits for it."""
    with suppress(OSError):  # it is closed already, or was never connected
        end.shutdown(socket.SHUT_RDWR)
    end.close()
