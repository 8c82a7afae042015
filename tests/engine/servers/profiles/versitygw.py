#!/opt/server/bin/python
"""`versitygw --port :N --health PATH posix FOLDER` by moto: a bucket for each folder, in memory.

It compares the id of the key that a request names, and not its signature.
"""

import os
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import run_simple
from werkzeug.test import Client

Started = Callable[[str, list[tuple[str, str]]], object]
options = ArgumentParser(prog="versitygw")
options.add_argument("--port", required=True)
options.add_argument("--health", required=True)
options.add_argument("backend", choices=["posix"])
options.add_argument("folder", type=Path)
given = options.parse_args()
if not os.environ.get("ROOT_SECRET_KEY"):
    sys.exit("versitygw: ROOT_SECRET_KEY is missing")
credential = f"Credential={os.environ['ROOT_ACCESS_KEY']}/"
moto = DomainDispatcherApplication(create_backend_app)
for folder in given.folder.iterdir():
    # The volume must be that of its user, as versitygw needs it.
    (folder / ".written").write_text("", "utf-8")
    assert Client(moto).put(f"/{folder.name}").status_code == 200


def answer(environ: dict[str, Any], start: Started) -> Iterable[bytes]:
    """Answer a request that names the key, and those for the health."""
    if environ["PATH_INFO"] == given.health:
        start("200 OK", [])
        return [b"OK"]
    if credential not in environ.get("HTTP_AUTHORIZATION", ""):
        start("403 Forbidden", [])
        return [b"<Error><Code>InvalidAccessKeyId</Code></Error>"]
    answered: Iterable[bytes] = moto(environ, start)
    return answered


run_simple(
    "0.0.0.0",  # noqa: S104  a container of the tests
    int(given.port.rpartition(":")[2]),
    answer,
    threaded=True,
    request_handler=MotoRequestHandler,
)
