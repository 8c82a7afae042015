"""The service of docker-compose.yml as plain processes, for machines without a container engine.

Environment, commands, health checks, mounts and configuration files are read from the file itself.
Only places change: a service's name and port become a port of the loopback address, and a folder
of a container becomes one in a temporary folder. What containers add is not tried here: images,
users, read-only roots, limits, networks and Docker's DNS.

    python -m tests.deploy.topology     starts it, says where it answers, and ends with Ctrl-C
"""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
import yaml

from tests.chaos.cluster import Postgres
from tests.chaos.program import Late, Program, environment, wait_until
from tests.chaos.proxy import TEMPLATE, nginx_files
from tests.contracts import postgres
from tests.deploy.compose import ROOT, Compose, Service

PROGRAMS = {"python": [sys.executable], "indexer": [sys.executable, "-m", "indexer"]}
"""What runs in place of an image's own programs."""

WANTED = ("nginx", "redis-server", "redis-cli", "prometheus")


def missing_programs() -> list[str]:
    """Return which servers are not on this machine, PostgreSQL aside."""
    return [name for name in WANTED if shutil.which(name) is None]


class Places:
    """Where on this machine lies what a container sees at a path or an address."""

    def __init__(self, root: Path, compose: Compose) -> None:
        self.root = root
        self.folders = {
            "/var/lib/clipseek": root / "data",
            "/run/secrets": root / "secrets",
            "/videos": root / "videos",
            "/etc/prometheus": root / "prometheus",
            "/prometheus": root / "series",
            "/var/cache/nginx": root / "nginx",
            "/tmp": root / "nginx",  # noqa: S108  a path in a container
        }
        for folder in self.folders.values():
            folder.mkdir(exist_ok=True)
        count = int(compose["api"].said["deploy"]["replicas"])
        self.replicas = [postgres.free_port() for _ in range(count)]
        self.ports = {
            name: postgres.free_port() for name in ("postgres", "redis", "nginx", "prometheus")
        }

    def of(self, text: str) -> str:
        """Return a text with the paths of a container replaced."""
        paths = "|".join(sorted(map(re.escape, self.folders), key=len, reverse=True))
        found = re.compile(rf"(?<![\w./])({paths})(?![\w-])")
        return found.sub(lambda match: str(self.folders[match[1]]), text)

    def servers(self, text: str) -> str:
        """Return nginx' servers: each replica's port in place of the name that Docker resolves."""
        (rest,) = re.findall(r"server api:\d+ (.*) resolve;", text)
        return "".join(f"server 127.0.0.1:{port} {rest}; " for port in self.replicas)


class Topology:
    """Everything that Compose starts, and the indexer. `start` it, then use the parts."""

    def __init__(self, root: Path, **variables: str) -> None:
        self.root = root
        self.compose = Compose(variables)
        self.places = Places(root, self.compose)
        self.ports = self.places.ports
        self.videos = self.places.folders["/videos"]
        self._make_secrets()
        self.postgres = Postgres(root / "postgres")
        self.ports["postgres"] = self.postgres.port
        self._name_servers()
        self.redis = self._program("redis", self._redis_command(), {})
        self.nginx = self._program("nginx", self._nginx_command(), {})
        self.prometheus = self._program("prometheus", self._prometheus_command(), {})
        worker = self.compose["worker"]
        self.worker = self._program(
            "worker", _on_this_machine(worker.command), self._settings(worker)
        )
        self.replicas = [self._replica(i, port) for i, port in enumerate(self.places.replicas)]

    def start(self) -> None:
        """Start the services as Compose does: each when those that it depends on are there."""
        for service in self.compose:
            getattr(self, f"_start_{service.name}", lambda: None)()

    def indexer(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run `docker compose run --rm indexer WORDS` to its end."""
        service = self.compose["indexer"]
        command = [*service.said["entrypoint"], *(self.places.of(word) for word in words)]
        return self._run(service, _on_this_machine(command))

    def healthy(self, name: str, port: int) -> bool:
        """Run the health check of a service, against a port of this machine."""
        words = [self.places.of(word) for word in self.compose[name].check]
        words = [re.sub(r"(127\.0\.0\.1):\d+", rf"\1:{port}", word) for word in words]
        words = [word.replace("redis-cli", f"redis-cli -p {port}") for word in words]
        if words[0] == "pg_isready":
            words = [str(postgres.find_programs() / words[0]), "--port", str(port), *words[1:]]
        done = subprocess.run(_on_this_machine(words), capture_output=True, check=False)
        return done.returncode == 0

    def end(self) -> None:
        """End everything."""
        programs = (self.prometheus, self.nginx, self.worker, *self.replicas, self.redis)
        for program in programs:
            program.signal(signal.SIGTERM)
        for program in programs:
            program.end()
        self.postgres.end()

    def _start_postgres(self) -> None:
        self.postgres.start()
        self.postgres.make_database()
        _require_password(self.postgres, self._secret("postgres_password"))
        self._wait("postgres", self.ports["postgres"])

    def _start_redis(self) -> None:
        self.redis.start()
        self._wait("redis", self.ports["redis"])

    def _start_migrate(self) -> None:
        service = self.compose["migrate"]
        done = self._run(service, _on_this_machine(service.command))
        assert done.returncode == 0, done.stderr

    def _start_api(self) -> None:
        for program in self.replicas:
            program.start()
        for port in self.places.replicas:
            self._wait("api", port)

    def _start_worker(self) -> None:
        self.worker.start()

    def _start_nginx(self) -> None:
        self.nginx.start()
        self._wait("nginx", self.ports["nginx"])

    def _start_prometheus(self) -> None:
        self.prometheus.start()
        self._wait("prometheus", self.ports["prometheus"])

    def _wait(self, name: str, port: int) -> None:
        try:
            wait_until(lambda: self.healthy(name, port), name, step_s=0.3)
        except Late as error:
            raise Late(f"{error}; it said: {self._said(name)}") from error

    def _said(self, name: str) -> str:
        logs = sorted(self.root.glob(f"{name}*.log"))
        return "".join(log.read_text("utf-8", "replace")[-2000:] for log in logs)

    def _make_secrets(self) -> None:
        """Run the script that makes them, and name the ports of this machine in the URLs."""
        script = shutil.copy(ROOT / "docker" / "secrets.sh", self.root)
        subprocess.run(["sh", script], check=True, capture_output=True)

    def _name_servers(self) -> None:
        for name, server in (("database_url", "postgres"), ("redis_url", "redis")):
            url = re.sub(rf"{server}:\d+", f"127.0.0.1:{self.ports[server]}", self._secret(name))
            (self.places.folders["/run/secrets"] / name).write_text(url, "utf-8")

    def _secret(self, name: str) -> str:
        return (self.places.folders["/run/secrets"] / name).read_text("utf-8")

    def _settings(self, service: Service) -> dict[str, str]:
        return {name: self.places.of(value) for name, value in service.environment.items()}

    def _replica(self, number: int, port: int, *before: str) -> Program:
        service = self.compose["api"]
        settings = self._settings(service)
        # Three replicas share this machine: one address, a port of its own for each.
        settings |= {"CLIPSEEK_API_HOST": "127.0.0.1", "CLIPSEEK_API_PORT": str(port)}
        command = [*before, *_on_this_machine(service.command)]
        return self._program(f"api-{number}", command, settings)

    def locked_replica(self, port: int) -> Program:
        """Return another replica that may not write the volume and has no capabilities.

        It takes root to mount, and `unshare` and `setpriv` of util-linux.
        """
        data = str(self.places.folders["/var/lib/clipseek"])
        mounted = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'
        command = ["unshare", "--mount", "sh", "-c", mounted, data]
        command += ["setpriv", "--no-new-privs", "--bounding-set", "-all"]
        return self._replica(len(self.replicas), port, *command)

    def _redis_command(self) -> list[str]:
        *shell, text = self.compose["redis"].command
        place = f"--bind 127.0.0.1 --port {self.ports['redis']} --dir {self.root}"
        return [*shell, f"{self.places.of(text)} {place}"]

    def _nginx_command(self) -> list[str]:
        service = self.compose["nginx"]
        values = self._settings(service)
        values["NGINX_LISTEN"] = f"127.0.0.1:{self.ports['nginx']}"
        values["NGINX_SERVERS"] = self.places.servers(values["NGINX_SERVERS"])
        folder = self.root / "etc-nginx"
        main = nginx_files(folder, values)
        assert TEMPLATE.parent == (ROOT / _mounted(service, "/etc/nginx/templates")).resolve()
        program, *words = [self.places.of(word) for word in service.command]
        return [program, "-e", "stderr", "-p", str(folder), "-c", str(main), *words]

    def _prometheus_command(self) -> list[str]:
        service = self.compose["prometheus"]
        folder = self.places.folders["/etc/prometheus"]
        source = ROOT / _mounted(service, "/etc/prometheus")
        shutil.copy(source / "rules.yml", folder)
        said = yaml.safe_load((source / "prometheus.yml").read_text("utf-8"))
        for job in said["scrape_configs"]:
            self._name_targets(job)
        (folder / "prometheus.yml").write_text(yaml.safe_dump(said), "utf-8")
        listen = f"127.0.0.1:{self.ports['prometheus']}"
        words = [self.places.of(word) for word in service.command]
        return ["prometheus", *(re.sub(r"0\.0\.0\.0:\d+", listen, word) for word in words)]

    def _name_targets(self, job: dict[str, object]) -> None:
        """Put the ports of this machine in the place of names, found by DNS or written down."""
        found = job.pop("dns_sd_configs", None)
        names = found[0]["names"] if isinstance(found, list) else None
        # No service of a profile runs here, as none does that is not asked for.
        by_name = {"api": self.places.replicas, "recorder": [], "embedder": [], "milvus": []}
        ports = by_name[names[0]] if names else [self.ports["prometheus"]]
        job["static_configs"] = [{"targets": [f"127.0.0.1:{port}" for port in ports]}]

    def _program(self, name: str, command: Sequence[str], settings: Mapping[str, str]) -> Program:
        return Program(name, command, self.root / f"{name}.log", environment(settings))

    def _run(self, service: Service, command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
            env=environment(self._settings(service)),
        )


def _on_this_machine(command: Sequence[str]) -> list[str]:
    program, *words = command
    return [*PROGRAMS.get(program, [program]), *words]


def _mounted(service: Service, target: str) -> str:
    """Return what of the repository a service sees at a path."""
    return next(mount.source for mount in service.mounts if mount.target == target)


def _require_password(server: Postgres, password: str) -> None:
    """Let nobody in without the password, as the image of PostgreSQL does."""
    url = f"postgresql://{postgres.USER}@127.0.0.1:{server.port}/postgres"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"ALTER ROLE {postgres.USER} PASSWORD '{password}'".encode())
        row = connection.execute("SHOW hba_file").fetchone()
        assert row is not None
        Path(row[0]).write_text("host all all 127.0.0.1/32 scram-sha-256\n", "utf-8")
        connection.execute("SELECT pg_reload_conf()")


@contextmanager
def running(**variables: str) -> Iterator[Topology]:
    """Run the topology in a temporary folder; everything ends with it."""
    # Not pytest's own folder: the users of PostgreSQL and nginx may not enter it.
    with tempfile.TemporaryDirectory(prefix="clipseek-topology-") as folder:
        root = Path(folder)
        root.chmod(0o755)
        topology = Topology(root, **variables)
        try:
            topology.start()
            yield topology
        finally:
            topology.end()


def main() -> None:
    """Run the topology until Ctrl-C, and say how it is used."""
    with running(**os.environ) as topology:
        print(f"search:      http://127.0.0.1:{topology.ports['nginx']}/")
        print(f"Prometheus:  http://127.0.0.1:{topology.ports['prometheus']}/")
        print(f"videos:       put them into {shlex.quote(str(topology.videos))}, then type")
        while line := sys.stdin.readline():  # for example: ingest /videos
            done = topology.indexer(*shlex.split(line))
            print(done.stdout + done.stderr)


if __name__ == "__main__":
    main()
