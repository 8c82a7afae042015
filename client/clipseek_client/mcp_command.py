"""The command `clipseek-mcp`: an MCP server over stdio or HTTP."""

import argparse
import sys
from collections.abc import Sequence

import anyio

from clipseek_client.aio import AsyncClient
from clipseek_client.errors import InvalidValue
from clipseek_client.settings import version

EPILOG = """\
CLIPSEEK_URL is the address of the clipseek server (http://127.0.0.1:8000), CLIPSEEK_KEY a key for
it, if it needs one. Exit codes: 2 wrong usage or settings, 130 interrupted.

examples:
  clipseek-mcp
  CLIPSEEK_URL=https://videos.example clipseek-mcp --http 8090
"""


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command."""
    made = argparse.ArgumentParser(
        "clipseek-mcp",
        description="Let a language model look into the videos of a clipseek server (MCP).",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "--http",
        type=_port,
        metavar="PORT",
        help="serve streamable HTTP at http://127.0.0.1:PORT/mcp, instead of stdio",
    )
    made.add_argument("--version", action="version", version=version())
    return made


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until the end; return the exit code."""
    chosen = parser().parse_args(arguments)
    try:
        from clipseek_client.mcp_server import serve
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] not in ("mcp", "mcp_types"):
            raise
        return _refused("the package mcp is missing; run pip install 'clipseek-client[mcp]'")
    try:
        client = AsyncClient()
    except InvalidValue as error:
        return _refused(str(error))
    try:
        anyio.run(serve, client, chosen.http)
    except KeyboardInterrupt:
        return 130
    return 0


def _refused(why: str) -> int:
    sys.stderr.write(f"clipseek-mcp: {why}\n")
    return 2


def _port(given: str) -> int:
    if not given.isdecimal() or not 1 <= int(given) <= 65535:
        raise argparse.ArgumentTypeError(f"must be a port from 1 to 65535, got {given!r}")
    return int(given)


if __name__ == "__main__":
    sys.exit(main())
