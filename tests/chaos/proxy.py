"""nginx with the project's own configuration, before replicas on ports of the loopback address."""

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.chaos.client import Client
from tests.chaos.program import Program, environment, listens, wait_until
from tests.contracts.postgres import free_port

NGINX = Path(__file__).parents[2] / "nginx"
TEMPLATE = NGINX / "templates" / "clipseek.conf.template"


def variables(folder: Path, listen: int, ports: Sequence[int], **others: str) -> dict[str, str]:
    """Return the variables of the template; a rate that no test reaches, unless one is given."""
    return {
        "NGINX_LISTEN": f"127.0.0.1:{listen}",
        "NGINX_SERVERS": "".join(f"server 127.0.0.1:{port} max_fails=0; " for port in ports),
        "NGINX_TEMP": str(folder),
        "NGINX_RATE": "100000r/s",
        "NGINX_VIDEOS": str(folder / "videos"),
        **others,
    }


def nginx_files(
    folder: Path,
    values: Mapping[str, str],
    *templates: Path,
    edit: Callable[[str], str] = str,
) -> Path:
    """Put the project's configuration into a folder, variables replaced; return the main file."""
    (folder / "conf.d").mkdir(parents=True, exist_ok=True)
    for template in (TEMPLATE, *templates):
        text = edit(template.read_text("utf-8"))
        filled = re.sub(r"\$\{(NGINX_\w+)\}", lambda match: values[match[1]], text)
        (folder / "conf.d" / template.stem).write_text(filled, "utf-8")
    return Path(shutil.copy(NGINX / "nginx.conf", folder))


def nginx_command(main: Path, *options: str) -> list[str]:
    """Return how nginx is started in the foreground, with its pid file beside its configuration."""
    said = f"daemon off; pid {main.parent}/nginx.pid;"
    return ["nginx", "-e", "stderr", "-p", str(main.parent), "-c", str(main), "-g", said, *options]


@contextmanager
def own_folder() -> Iterator[Path]:
    """Make a folder that the user may enter as whom nginx works; pytest's own is closed to it."""
    with tempfile.TemporaryDirectory(prefix="clipseek-nginx-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@contextmanager
def standing(
    folder: Path, ports: Sequence[int], *, edit: Callable[[str], str] = str, **others: str
) -> Iterator[Client]:
    """Run nginx before the replicas at some ports; yield a client of it."""
    listen = free_port()
    main = nginx_files(folder, variables(folder, listen, ports, **others), edit=edit)
    program = Program("nginx", nginx_command(main), folder / "log", environment({}))
    program.start()
    client = Client(listen)
    try:
        wait_until(lambda: listens(listen), "nginx")
        yield client
    finally:
        client.close()
        program.end()
