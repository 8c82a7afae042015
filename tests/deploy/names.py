"""A name server for one name, as Docker's is for a service: its addresses come and go."""

import socket
import struct
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

_HEADER_BYTES = 12
_FOUND, _UNKNOWN = 0x8180, 0x8183
"""Flags of an answer: recursion available, without an error and with "no such name" (RFC 1035)."""


class Names:
    """Answers each question for an A record with the addresses as they are now."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self.addresses = list(addresses)
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])

    @contextmanager
    def answering(self) -> Iterator["Names"]:
        """Answer until the end."""
        thread = threading.Thread(target=self._serve)
        thread.start()
        try:
            yield self
        finally:
            self.addresses = []
            # An empty message ends the thread; closing the socket would not wake it.
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"", ("127.0.0.1", self.port))
            thread.join()
            self._socket.close()

    def _serve(self) -> None:
        while True:
            asked, sender = self._socket.recvfrom(512)
            if not asked:
                return
            self._socket.sendto(self._answer(asked), sender)

    def _answer(self, asked: bytes) -> bytes:
        """Write an answer (RFC 1035, 4.1): the question again, then a record for each address."""
        addresses = self.addresses
        end = asked.index(b"\0", _HEADER_BYTES) + 5  # the name's end, two bytes type, two class
        flags = _FOUND if addresses else _UNKNOWN
        header = asked[:2] + struct.pack("!5H", flags, 1, len(addresses), 0, 0)
        records = [
            # A pointer to the name in the question; type A, class IN, one second to live.
            struct.pack("!3HIH", 0xC00C, 1, 1, 1, 4) + socket.inet_aton(address)
            for address in addresses
        ]
        return header + asked[_HEADER_BYTES:end] + b"".join(records)
