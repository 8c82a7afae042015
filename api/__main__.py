"""The command `python -m api`: opens the store and serves it."""

import argparse
import gc
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

from clipseek import __version__
from clipseek.errors import ClipseekError, ConfigError, ServiceUnavailable
from clipseek.requirements import lacking

if TYPE_CHECKING:
    from clipseek.config import Settings

Beside = Callable[["Settings"], AbstractContextManager[object]]

SWITCH_S = 0.0005
"""Seconds a thread may keep the interpreter from others, a tenth of Python's own choice.

The searching thread gives the interpreter up for each call of the model and the index, and then
waits this long for it while requests come in. Different searches over 100 connections of wrk, on
two busy cores: 575 to 600 a second instead of 275 to 366.
"""

GC_THRESHOLDS = (20_000, 20, 100)
"""When Python looks for cycles of objects: not after every 700 new ones.

Answering leaves hardly any cycles, and looking for them took a sixth of the time: over 100
connections, two cores, 2300 to 2500 different searches a second instead of 2000.
"""

EXAMPLES = """\
Settings come from CLIPSEEK_ variables; api/README.md lists them. Exit codes: 1 the address or the
store cannot be used, 2 wrong usage or configuration, 130 interrupted.

examples:
  python -m api
  CLIPSEEK_DATA_DIR=/srv/clipseek python -m api --port 8080 --quiet
"""


def main(
    arguments: Sequence[str] | None = None,
    *,
    beside: Beside = nullcontext,
) -> int:
    """Serve until a signal comes; return the exit code.

    beside: What runs meanwhile; it begins when the store is open.
    """
    options = _parser().parse_args(arguments)
    if missing := lacking():
        return _fail(missing, 2)
    # Imported only now, because their imports need the packages.
    from api.reach import require_access
    from clipseek.config import Settings

    try:
        settings = Settings.load(
            data_dir=options.data_dir, api_host=options.host, api_port=options.port
        )
        require_access(settings)
        with _taken(settings.api_host, settings.api_port) as taken:
            return _serve(settings, taken, beside, quiet=options.quiet)
    except ConfigError as error:
        return _fail(str(error), 2)
    except ClipseekError as error:
        return _fail(str(error), 1)
    except OSError as error:
        # A file below a folder of another user, or on a disk that fails.
        return _fail(
            f"{error.filename}: {error.strerror}; check the path and this user's rights", 1
        )
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m api",
        description="Serve the HTTP API and the web page of clipseek.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--data-dir", metavar="DIR", help="folder of all data")
    parser.add_argument("--host", help="address to listen on (default 127.0.0.1)")
    parser.add_argument("--port", help="port to listen on, 0 for a free one (default 8000)")
    parser.add_argument("--quiet", action="store_true", help="log no requests, only warnings")
    parser.add_argument("--version", action="version", version=f"clipseek {__version__}")
    return parser


def _taken(host: str, port: int) -> socket.socket:
    """Bind the port before the store is opened, so that a port in use is an error at once.

    It does not listen yet: until the application is up, connections are refused at once, so
    clients can ask another replica and do not wait for a model.

    Raises:
        ServiceUnavailable: the address is in use, or does not belong to this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    taken = socket.socket(family, socket.SOCK_STREAM)
    try:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            taken.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        taken.bind((host, port))
    except OSError as error:
        taken.close()
        # Numbers of failed look-ups are negative.
        number = error.errno or 0
        reason = os.strerror(number) if number > 0 else error.strerror
        raise ServiceUnavailable(
            f"cannot listen on {host} port {port}: {reason}; "
            "choose another --port (CLIPSEEK_API_PORT)"
        ) from error
    return taken


def _serve(settings: "Settings", taken: socket.socket, beside: Beside, *, quiet: bool) -> int:
    """Serve on a socket that has its address already."""
    # Imported here because they load the model's runtime, which --help need not wait for.
    from api import logs
    from api.app import create_app
    from api.server import Server
    from clipseek.assembly import has_catalog, open_service

    sys.setswitchinterval(SWITCH_S)
    gc.set_threshold(*GC_THRESHOLDS)
    logs.configure(settings.log_format, quiet=quiet)
    # A shell that started this in the background may have set SIGINT to ignored. The first process
    # of a container ignores SIGTERM without a handler, and opening may wait for a database.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)
    app = create_app(open_service(settings))
    if settings.database_url is None and not has_catalog(settings):
        sys.stderr.write(
            f"api: {settings.data_dir} contains no catalog yet, so the library is empty; if it "
            "should not be, check CLIPSEEK_DATA_DIR (--data-dir)\n"
        )
    signal.signal(signal.SIGTERM, signal.SIG_DFL)

    url = _url(taken)

    def listening() -> None:
        sys.stdout.write(f"clipseek answers at {url} (documentation: {url}docs)\n")
        sys.stdout.flush()

    with beside(settings):
        Server(app, settings.request_timeout_s, listening).run(sockets=[taken])
    return 0


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _fail(message: str, code: int) -> int:
    sys.stderr.write(f"api: {message}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
