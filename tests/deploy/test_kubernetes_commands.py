"""The commands of kubernetes/ are run, with the environment that its manifests give them."""

import re
import shlex
import signal
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import redis

from api.__main__ import _parser as api_parser
from clipseek.catalog import SqlReader
from clipseek.demo.videos import make_videos
from indexer.cli import parser as indexer_parser
from tests.chaos.client import Client
from tests.chaos.conftest import require_programs
from tests.chaos.program import wait_until
from tests.chaos.proxy import nginx_command, nginx_files, own_folder, standing
from tests.contracts.postgres import Server, find_programs, free_port
from tests.deploy.manifests import OVERLAYS, README, ROOT, Cluster, rendered
from tests.deploy.processes import Node, end

REAL_IP = ROOT / "kubernetes/overlays/production/real-ip.conf.template"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Return a folder that every user may enter."""
    with own_folder() as made:
        yield made


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    """Return the overlay that has a database of its own."""
    return rendered("minimal")


@pytest.fixture(scope="module")
def bare(folder: Path, cluster: Cluster, postgres_server: Server) -> Node:
    """Return a node with volumes, an empty database, and nothing indexed."""
    names = ("data", "videos", "store", "backups")
    data, videos, store, backups = (folder / name for name in names)
    for each in (data, videos, store, backups):
        each.mkdir(mode=0o755)
    (store / "database-url").write_text(postgres_server.new_database("template0") + "\n", "utf-8")
    folders = {
        "/var/lib/clipseek": data,
        "/videos": videos,
        "/run/secrets/clipseek": store,
        "/backups": backups,
        "/scripts": ROOT / "kubernetes" / "base",
    }
    return Node(cluster, folders, {"CLIPSEEK_MODEL": "demo"})


@pytest.fixture(scope="module")
def indexed(bare: Node) -> Node:
    """Return the node after `migrate` and `index` have run."""
    migrated = bare.run("migrate")
    assert migrated.returncode == 0, migrated.stderr
    empty = bare.run("index")
    assert (empty.returncode, "contains no video" in empty.stderr) == (2, True)
    make_videos(1, 7, bare.folders["/videos"])
    done = bare.run("index")
    assert done.returncode == 0, done.stderr
    return bare


def may_be_written(data: Path, may: bool) -> None:
    """Give or take the right to write in a folder and in those below."""
    for each in (data, *(path for path in data.rglob("*") if path.is_dir())):
        each.chmod(0o755 if may else 0o555)


def url(node: Node) -> str:
    """Return the URL of the node's database."""
    return (node.folders["/run/secrets/clipseek"] / "database-url").read_text("utf-8").strip()


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_commands_are_those_of_our_programs(overlay: str) -> None:
    """Read by their own parsers."""
    seen = set()
    for pod in rendered(overlay).pods():
        command = pod.command
        if command[:1] == ["indexer"]:
            seen.add(indexer_parser().parse_args(command[1:]).verb)
        elif command[:3] == ["python", "-m", "api"]:
            seen.add("api")
            api_parser().parse_args(command[3:])
        else:
            assert not pod.container["image"].startswith("clipseek/") or command[0] == "sleep"
    cameras = {"record"} if overlay == "cameras" else set()
    assert seen == {"api", "ingest", "migrate", "report", "work"} | cameras


def test_a_migration_makes_the_schema(bare: Node, postgres_server: Server) -> None:
    """On an empty database; once more, it changes nothing."""
    store = bare.folders["/run/secrets/clipseek"].parent / "other-store"
    store.mkdir(mode=0o755)
    (store / "database-url").write_text(postgres_server.new_database("template0"), "utf-8")
    data = store.parent / "other-data"  # a data folder belongs to one database
    data.mkdir()
    data.chmod(0o777)
    own = {"/run/secrets/clipseek": store, "/var/lib/clipseek": data}
    node = replace(bare, folders={**bare.folders, **own})
    done = [node.run("migrate") for _ in range(2)]
    assert [each.returncode for each in done] == [0, 0], done[0].stderr
    SqlReader.open(url(node)).close()


def test_a_missing_secret_is_one_sentence(bare: Node, tmp_path: Path) -> None:
    """And the exit code on which the Job gives up."""
    node = replace(bare, folders={**bare.folders, "/run/secrets/clipseek": tmp_path})
    done = node.run("migrate")
    assert done.returncode == 2
    assert done.stderr.startswith("indexer: CLIPSEEK_DATABASE_URL_FILE: ")
    assert "Traceback" not in done.stderr


def test_indexing_once_more_does_nothing_anew(indexed: Node) -> None:
    """As every night; the snapshot is there."""
    done = indexed.run("index")
    assert (done.returncode, "1 unchanged" in done.stdout) == (0, True)
    assert (indexed.folders["/var/lib/clipseek"] / "snapshots" / "default" / "current").exists()


Replica = tuple[int, subprocess.Popen[bytes]]
"""The port of a replica on this machine, and its process."""


@contextmanager
def replicas(node: Node, folder: Path, count: int) -> Iterator[list[Replica]]:
    """Run replicas of the API that are ready, with Redis, on a data folder they cannot write."""
    require_programs()
    folder.mkdir(mode=0o755)
    data, store = (node.folders[path] for path in ("/var/lib/clipseek", "/run/secrets/clipseek"))
    ports = [free_port() for _ in range(count)]
    with redis_of_the_manifest(node.cluster, folder / "redis") as redis_url:
        (store / "redis-url").write_text(redis_url, "utf-8")
        (store / "cache-secret").write_text("known to every replica", "utf-8")
        may_be_written(data, False)
        started = [_replica(node, port, folder / f"{port}.log") for port in ports]
        try:
            for port, process in zip(ports, started, strict=True):
                wait_until(partial(_is_settled, port, process), f"replica {port}")
            yield list(zip(ports, started, strict=True))
        finally:
            codes = {end(process) for process in started}
            may_be_written(data, True)
    assert codes <= {0, -signal.SIGTERM}


def _replica(node: Node, port: int, log: Path) -> subprocess.Popen[bytes]:
    changed = {**node.changed, "CLIPSEEK_API_PORT": str(port)}
    return replace(node, changed=changed).start("api", log)


def _is_settled(port: int, process: subprocess.Popen[bytes]) -> bool:
    """Whether a replica is ready, or has ended."""
    if process.poll() is not None:
        return True
    client = Client(port)
    try:
        return client.ask("GET", "/readyz").status == 200
    finally:
        client.close()


def test_a_replica_searches_on_a_volume_it_cannot_write(indexed: Node, folder: Path) -> None:
    """With Redis as its manifest starts it; told to end, it does so in time."""
    with replicas(indexed, folder / "one", 1) as [(port, _process)]:
        client = Client(port)
        answer = client.search("a red car")
        client.close()
    assert answer.status == 200
    assert answer.body["hits"]


def test_no_search_fails_when_a_replica_is_told_to_end(indexed: Node, folder: Path) -> None:
    """Behind nginx, as in a rollout; here it goes without the word in the DNS before."""
    over = threading.Event()

    def search(port: int) -> list[int]:
        client = Client(port)
        statuses: list[int] = []
        while not over.is_set():
            statuses.append(client.search(f"a red car {len(statuses)}").status)
        client.close()
        return statuses

    with (
        replicas(indexed, folder / "two", 2) as [(first, leaving), (second, _staying)],
        own_folder() as proxy,
        standing(proxy, [first, second]) as client,
        ThreadPoolExecutor() as pool,
    ):
        asking = [pool.submit(search, client.port) for _ in range(3)]
        try:
            assert client.search("a blue car").status == 200
            end(leaving)
            assert client.search("a green car").status == 200
        finally:
            over.set()
        statuses = [status for each in asking for status in each.result()]
    assert len(statuses) > 3
    assert set(statuses) == {200}


@contextmanager
def redis_of_the_manifest(cluster: Cluster, folder: Path) -> Iterator[str]:
    """Run a Redis as the StatefulSet starts it, on a free port; yield its URL."""
    folder.mkdir()
    port = free_port()
    config = cluster.one("ConfigMap", "redis-config")["data"]["redis.conf"]
    (folder / "etc").mkdir()
    (folder / "etc" / "redis.conf").write_text(
        config.replace("port 6379", f"port {port}").replace("dir /tmp", f"dir {folder}"), "utf-8"
    )
    (folder / "redis-password").write_text("hush\n", "utf-8")
    node = Node(
        cluster,
        {"/etc/redis": folder / "etc", "/run/secrets/redis": folder, "/tmp": folder},  # noqa: S108
    )
    process = node.start("redis", folder / "log")

    def answers() -> bool:
        with redis.Redis(port=port, password="hush") as client:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False

    try:
        wait_until(lambda: process.poll() is not None or answers(), "redis")
        yield f"redis://:hush@127.0.0.1:{port}/0"
    finally:
        # The process of the pod is Redis itself, or the signal would not reach it.
        assert end(process) == 0


def test_redis_asks_for_its_password(cluster: Cluster, tmp_path: Path) -> None:
    """And does not show it among its arguments."""
    require_programs()
    with redis_of_the_manifest(cluster, tmp_path / "redis") as address:
        port = int(address.rsplit(":", 1)[1].split("/")[0])
        with redis.Redis(port=port) as client, pytest.raises(redis.AuthenticationError):
            client.ping()
        with redis.Redis.from_url(address, decode_responses=True) as client:
            assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "allkeys-lru"}
    assert "hush" not in " ".join(cluster.pod("redis").container["command"])


def test_the_probe_of_postgres_tells_whether_it_answers(
    cluster: Cluster, postgres_server: Server
) -> None:
    """By the exit code of its program."""
    program, *options = cluster.pod("postgres").container["readinessProbe"]["exec"]["command"]
    command = [str(find_programs() / program), *options]
    codes = [
        subprocess.run(
            command, env={"PGPORT": str(port)}, stdout=subprocess.DEVNULL, check=False
        ).returncode
        for port in (postgres_server.port, free_port())
    ]
    assert codes == [0, 2]


def with_postgres_programs(node: Node) -> Node:
    """Return the node with pg_dump on its path, as the image has it."""
    return replace(node, path=f"{find_programs()}:{node.path}")


def test_a_backup_can_be_brought_back(indexed: Node, postgres_server: Server) -> None:
    """Into an empty database, as the README says; the videos are in it."""
    node = with_postgres_programs(indexed)
    done = node.run("backup")
    assert done.returncode == 0, done.stderr
    dump = max(node.folders["/backups"].glob("clipseek-*.dump"))
    target = postgres_server.new_database("template0")
    restore = re.search(r"^pg_restore .*$", README.read_text("utf-8"), re.MULTILINE)
    assert restore
    said = restore[0].replace("postgresql://…", target).replace("clipseek-….dump", str(dump))
    command = [str(find_programs() / "pg_restore"), *shlex.split(said)[1:]]
    subprocess.run(command, check=True, capture_output=True)
    before, after = (SqlReader.open(each) for each in (url(node), target))
    try:
        (video,) = before.videos("default", after="", limit=10)
        assert after.videos("default", after="", limit=10) == [video]
        assert after.counts("default") == before.counts("default")
    finally:
        before.close()
        after.close()


def test_old_dumps_go_when_a_new_one_is_there(indexed: Node) -> None:
    """The newest BACKUP_KEEP dumps and other files stay, interrupted dumps are deleted."""
    node = with_postgres_programs(indexed)
    backups = node.folders["/backups"]
    for each in backups.glob("clipseek-*"):
        each.unlink()
    for day in range(1, 21):
        (backups / f"clipseek-202501{day:02}T014500Z.dump").touch()
    (backups / "clipseek-20250121T014500Z.dump.part").touch()
    (backups / "notes.txt").touch()
    assert node.run("backup").returncode == 0
    left = sorted(each.name for each in backups.iterdir())
    dumps = [name for name in left if name.endswith(".dump")]
    keep = int(node.cluster.environment(node.cluster.pod("backup"))["BACKUP_KEEP"])
    assert len(dumps) == keep
    assert dumps[0] == f"clipseek-202501{20 - keep + 2:02}T014500Z.dump"
    assert [name for name in left if not name.endswith(".dump")] == ["notes.txt"]


def test_a_backup_that_fails_takes_nothing_away(indexed: Node) -> None:
    """The Job fails, and the dumps that are there stay."""
    node = with_postgres_programs(indexed)
    store = node.folders["/backups"].parent / "wrong-store"
    store.mkdir(mode=0o755)
    nobody = f"postgresql://clipseek@127.0.0.1:{free_port()}/clipseek"
    (store / "database-url").write_text(nobody, "utf-8")
    backups = node.folders["/backups"]
    for day in range(1, 21):
        (backups / f"clipseek-202502{day:02}T014500Z.dump").touch()
    before = sorted(backups.glob("*.dump"))
    wrong = replace(node, folders={**node.folders, "/run/secrets/clipseek": store})
    assert wrong.run("backup").returncode != 0
    assert sorted(backups.glob("*.dump")) == before


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nginx_takes_its_configuration(overlay: str, tmp_path: Path) -> None:
    """With the variables of the Deployment; a name is an address here, which is not followed."""
    require_programs()
    cluster = rendered(overlay)
    values = cluster.environment(cluster.pod("nginx"))
    servers = values["NGINX_SERVERS"].split(";", 1)[1].replace(" resolve", "")
    values["NGINX_SERVERS"] = re.sub(r"server \S+:", "server 127.0.0.1:", servers)
    values["NGINX_LISTEN"] = f"127.0.0.1:{free_port()}"
    values["NGINX_TEMP"] = str(tmp_path)
    made = cluster.one("ConfigMap", "nginx-templates")["data"]
    others = [REAL_IP] if REAL_IP.name in made else []
    assert bool(others) is (overlay != "minimal")
    main = nginx_files(tmp_path / "nginx", values, *others)
    done = subprocess.run(nginx_command(main, "-t"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_readme_names_what_exists(cluster: Cluster) -> None:
    """Workloads, services and their ports, and commands of our programs."""
    text = README.read_text("utf-8").split("## Before `production`")[0]
    kinds = {"deployment": "Deployment", "job": "Job", "cronjob": "CronJob", "service": "Service"}
    named = set(re.findall(r"\b(deployment|job|cronjob|service)/([a-z-]+)", text))
    assert len(named) >= 5
    for kind, name in named:
        assert name in cluster.names(kinds[kind])
    (port,) = cluster.one("Service", "nginx")["spec"]["ports"]
    assert f"port-forward service/nginx 8080:{port['port']}" in text
    for line in re.findall(r"-- indexer (.*)$", text, re.MULTILINE):
        indexer_parser().parse_args(shlex.split(line))
