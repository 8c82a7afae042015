"""A real server in a thread, on a free port, for tests that need a socket."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from fastapi import FastAPI

from api.server import Server


@contextmanager
def serving(app: FastAPI, *, port: int = 0, request_timeout_s: float = 10.0) -> Iterator[str]:
    """Serve an application as the command does and yield its address; port 0 is a free one."""
    listener = socket.create_server(("127.0.0.1", port))
    server = Server(app, request_timeout_s)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listener.close()
