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
        self._due: set[socket.socket] = set()
        self._counting = threading.Lock()
        super().__init__(to_port)

    @property
    def address(self) -> str:
        """The address that clients ask."""
        return f"http://127.0.0.1:{self.port}"

    def passing(self, source: socket.socket, target: socket.socket, chunk: bytes) -> None:
        """Count what a client sends; what the server answers then is lost with the connection."""
        with self._counting:
            if target in self._due:
                raise ConnectionResetError
            if self.cuts and source not in self._due and source.getsockname()[1] == self.port:
                self.cuts[0] -= len(chunk)
                if self.cuts[0] <= 0:
                    del self.cuts[0]
                    self._due.add(source)

    def passed(self, source: socket.socket) -> None:
        """Cut once the server has what reached the count."""
        if source in self._due:
            self.times += 1
            self.cut()
