"""Messages between this process and a decoding child, over a pair of sockets.

A message is a length, a head, and as many bytes as the head says. Orders to the child are pickled,
because it trusts its parent. Its answers are JSON and raw bytes, because a hostile file can take
over a decoder, which may then send anything.
"""

import json
import pickle
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass

_LENGTH = struct.Struct("!I")
_LONGEST_HEAD = 1 << 20
_LONGEST_BODY = 1 << 30
Answer = dict[str, object]


class BrokenChannel(Exception):
    """The other side ended, or it sends something that is not a message."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One end of a pair of sockets.

    If the socket has a timeout, `idle` is called each time it passes without a message; an
    exception of `idle` ends the wait.
    """

    socket: socket.socket
    idle: Callable[[], None] = lambda: None

    def tell(self, order: object, *, descriptor: int | None = None) -> None:
        """Send an order to the child, and an open file with it.

        Raises:
            BrokenChannel: the child ended.
        """
        packed = pickle.dumps(order)
        head = _LENGTH.pack(len(packed))
        try:
            if descriptor is None:
                self.socket.sendall(head + packed)
            else:
                socket.send_fds(self.socket, [head], [descriptor])
                self.socket.sendall(packed)
        except OSError as error:
            raise BrokenChannel from error

    def order(self) -> tuple[object, int | None]:
        """Wait for an order, in the child; return it and the descriptor that came with it."""
        head, descriptors, _, _ = socket.recv_fds(self.socket, _LENGTH.size, 1)
        if not head:
            raise BrokenChannel
        packed = self._exactly(_LENGTH.unpack(head)[0])
        return pickle.loads(packed), (  # noqa: S301  the parent is trusted
            descriptors[0] if descriptors else None
        )

    def answer(self, answer: Answer, body: memoryview | None = None) -> None:
        """Send an answer to the parent, with bytes."""
        packed = json.dumps({**answer, "bytes": body.nbytes if body else 0}).encode()
        self.socket.sendall(_LENGTH.pack(len(packed)) + packed)
        if body is not None:
            self.socket.sendall(body)

    def hear(self) -> tuple[Answer, bytearray]:
        """Wait for an answer of the child, and return it with its bytes.

        Raises:
            BrokenChannel: the child ended, or it sends something that is not an answer.
        """
        length = _LENGTH.unpack(self._exactly(_LENGTH.size))[0]
        if length > _LONGEST_HEAD:
            raise BrokenChannel
        try:
            answer = json.loads(self._exactly(length))
            size = answer["bytes"]
        except (ValueError, KeyError, TypeError) as error:
            raise BrokenChannel from error
        if not isinstance(size, int) or not 0 <= size <= _LONGEST_BODY:
            raise BrokenChannel
        return answer, self._exactly(size)

    def _exactly(self, size: int) -> bytearray:
        received = bytearray(size)
        view = memoryview(received)
        while view:
            try:
                count = self.socket.recv_into(view)
            except TimeoutError:
                self.idle()
                continue
            except OSError as error:
                raise BrokenChannel from error
            if count == 0:
                raise BrokenChannel
            view = view[count:]
        return received
