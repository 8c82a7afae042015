"""A connection to a server that is cut after so many bytes."""

import socket
import threading

from tests.chaos.link import Link


class Cutting(Link):
    """Passes on like a link, and closes every connection when a count of bytes is reached.

    cuts: After how many more bytes that clients have sent the connections are closed, each once.
    """

    def __init__(self, to_port: int) -> None:
        self.cuts: list[int] = []
        self.times = 0
        self._counting = threading.Lock()
        super().__init__(to_port)

    @property
    def address(self) -> str:
        """The address that clients ask."""
        return f"http://127.0.0.1:{self.port}"

    def passed(self, source: socket.socket, chunk: bytes) -> None:
        """Count what a client has sent, and cut."""
        if source.getsockname()[1] != self.port:
            return
        with self._counting:
            if not self.cuts:
                return
            self.cuts[0] -= len(chunk)
            if self.cuts[0] > 0:
                return
            del self.cuts[0]
            self.times += 1
        self.cut()
