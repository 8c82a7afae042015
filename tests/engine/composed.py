"""Runs the README's "With Docker" in containers, and breaks what runs: `make compose-test`.

    python -m tests.engine.composed [--build-arg NAME=VALUE] [--lend PATH] [PART ...]

docker/README.md says what is tried, and which machines can run it.
"""

import json
import os
import signal
import socket
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from pathlib import Path

from tests.chaos.client import Client
from tests.chaos.program import wait_until
from tests.deploy.compose import Service
from tests.deploy.trial import QUESTION
from tests.engine import pods, services, upgrade
from tests.engine.engine import give_up
from tests.engine.images import parser, show
from tests.engine.load import Load
from tests.engine.measures import starts, used
from tests.engine.stack import PORT, VIDEOS, Stack, readme_commands, running
from tests.engine.tried import GRACE_S, PATIENCE_S

STARTED = ("postgres", "redis", "api", "worker", "nginx")


def check(stack: Stack, wanted: Collection[str] = ()) -> Iterator[str]:
    """Run the parts, all if none is named; yield a line for each thing that is so.

    A part that fails says why, and the others run; ExceptionGroup in the end.
    """
    names = chosen(wanted)
    before = upgrade.since() if "upgrade" in names else ""
    if set(names) & set(AFTER_README):
        stack.prepare()
        yield from _readme(stack)
    yield from each(
        (name, AFTER_README[name](stack) if name in AFTER_README else _alone(stack, name, before))
        for name in names
    )


def each(parts: Iterable[tuple[str, Iterator[str]]]) -> Iterator[str]:
    """Run parts by their names, also those after one that fails; ExceptionGroup in the end."""
    failed = []
    for name, part in parts:
        yield f"-- {name}"
        try:
            yield from part
        except Exception as error:  # noqa: BLE001  it is raised in the end
            failed.append(error)
            yield f"failed: {error!r}\nrun it alone: make compose-test PARTS={name} ENGINE=--keep"
    if failed:
        raise ExceptionGroup("parts have failed", failed)


def _alone(stack: Stack, name: str, before: str) -> Iterator[str]:
    stack.down("--volumes")
    yield from ALONE[name](stack, before)


def chosen(wanted: Collection[str]) -> list[str]:
    """Return the parts that are wanted in the order in which they run, all if none is named."""
    return [name for name in (*AFTER_README, *ALONE) if not wanted or name in wanted]


def _readme(stack: Stack) -> Iterator[str]:
    """Run the commands of the README, one after the other, as they are written."""
    for command in readme_commands():
        started = time.monotonic()
        said = stack.shell(command)
        yield f"{time.monotonic() - started:5.0f} s  $ {command}"
    hits = json.loads(said)["hits"]
    assert hits, said
    assert f"{VIDEOS} videos" in (stack.engine.folder / "shell.log").read_text("utf-8")
    yield f"the last one found {len(hits)} moments, the best in {hits[0]['video']['title']}"
    page = stack.client().ask("GET", "/")
    assert page.status == 200
    assert b"<title>clipseek" in page.body


def _rights(stack: Stack) -> Iterator[str]:
    """Compare what runs with what the file says: users, rights, memory."""
    for service in stack.compose:
        if service.name in STARTED:
            for number in range(1, _replicas(service) + 1):
                _is_locked(stack, service, stack.container(service.name, number))
    yield "each container has its user, a read-only root, no capabilities and its limit of memory"
    yield _apart(stack)


def _replicas(service: Service) -> int:
    return int(service.said["deploy"].get("replicas", 1))


def _is_locked(stack: Stack, service: Service, name: str) -> None:
    said = stack.inspect(name)
    (pid, host) = said["State"]["Pid"], said["HostConfig"]
    assert said["Config"]["User"] == service.said["user"], name
    assert host["ReadonlyRootfs"], name
    assert host["Memory"] == _bytes(service.said["deploy"]["resources"]["limits"]["memory"]), name
    status = dict(
        line.split(":\t", 1)
        for line in Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
        if ":\t" in line
    )
    assert int(status["CapEff"], 16) == int(status["CapBnd"], 16) == 0, name
    assert status["NoNewPrivs"] == "1", name


def _bytes(text: str) -> int:
    return int(text[:-1]) * {"m": 2**20, "g": 2**30}[text[-1]]


def _apart(stack: Stack) -> str:
    """Only nginx has an address of the outside, and replicas cannot reach it."""
    for name in ("postgres", "redis", "api"):
        ports = stack.inspect(stack.container(name))["NetworkSettings"]["Ports"]
        assert not any(ports.values()), ports
    program = "import socket; socket.create_connection(('192.0.2.1', 80), 3)"
    for name in ("api", "nginx"):
        route = stack.engine.run("exec", stack.container(name), "cat", "/proc/net/route")
        leads_out = any(line.split()[1] == "00000000" for line in route.splitlines()[1:])
        assert leads_out == (name == "nginx"), route
    assert not stack.engine.succeeds("exec", stack.container("api"), "python", "-c", program)
    return "replicas have no way out of their network, and only nginx is published"


def _memory(stack: Stack, when: str) -> Iterator[str]:
    for name in STARTED:
        yield f"memory of {name} {when}: {used(stack, name):.0f} MB"


def _killed(stack: Stack) -> Iterator[str]:
    """Kill a replica with a signal while it is searched; its restart policy brings it back."""
    yield from _memory(stack, "at rest")
    name = stack.container("api", 2)
    first = stack.inspect(name)["State"]["Pid"]
    with Load(stack.client) as load:
        # Its first process is that of `init`; all others end with it.
        os.kill(first, signal.SIGKILL)
        load.wait_for(300)
        wait_until(
            lambda: stack.healthy(name), "the replica to be back", deadline_s=PATIENCE_S, step_s=0.5
        )
        load.wait_for(50)
    assert stack.inspect(name)["State"]["Pid"] != first
    assert load.failed == 0, str(load)
    yield f"a replica was killed, and came back by itself: {load}"
    yield from _memory(stack, "after the searches")


def _rolled(stack: Stack) -> Iterator[str]:
    """Restart one replica after the other while they are searched."""
    replicas = _replicas(stack.compose["api"])
    started = time.monotonic()
    with Load(stack.client) as load:
        for number in range(1, replicas + 1):
            name = stack.container("api", number)
            stack.engine.run("restart", "--time", str(GRACE_S), name)
            before = _searches(stack, name)
            # It may have another address now. The next one is restarted when nginx has seen that,
            # which takes as long as the name server of the engine needs to tell it.
            wait_until(
                lambda: stack.healthy(name) and _searches(stack, name) > before,  # noqa: B023  called here
                "the replica to be searched",
                deadline_s=PATIENCE_S,
                step_s=0.5,
            )
            load.wait_for(50)
    assert load.failed == 0, str(load)
    took = time.monotonic() - started
    yield f"{replicas} replicas were restarted one by one in {took:.0f} s: {load}"


def _searches(stack: Stack, name: str) -> int:
    """Return how many searches a replica has told of in its log."""
    log = stack.engine.folder / "searches.log"
    stack.engine.run("logs", name, log=log)
    return log.read_text("utf-8").count('"/v1/search"')


def _database(stack: Stack) -> Iterator[str]:
    """Restart PostgreSQL while it is searched; what has been read is answered meanwhile."""
    with Load(stack.client) as load:
        stack.engine.run("restart", "--time", "60", stack.container("postgres"))
        load.wait_for(100)
        wait_until(lambda: stack.healthy(stack.container("postgres")), "PostgreSQL", step_s=0.5)
    yield f"PostgreSQL was restarted: {load}"
    assert load.failed == 0, str(load)
    yield _changed(stack)


def _changed(stack: Stack) -> str:
    """Let the worker change a title, which takes a job, the database and a new version."""
    client = stack.client()
    hit = client.search(QUESTION).body["hits"][0]
    path = f"/v1/videos/{hit['video']['id']}"

    def accepted() -> bool:
        return client.ask("PATCH", path, {"title": "A red car"}).status == 202

    wait_until(accepted, "a job to be taken", deadline_s=PATIENCE_S, step_s=0.5)
    wait_until(
        lambda: client.ask("GET", path).body.get("title") == "A red car",
        "the worker to change the title",
        deadline_s=PATIENCE_S,
        step_s=0.5,
    )
    client.close()
    return "the worker changed a title after it"


def _watched(stack: Stack) -> Iterator[str]:
    """Add Prometheus; it finds every replica by the name of the service."""
    stack.shell("docker compose --profile monitoring up --detach prometheus")
    address = ("127.0.0.1", 9090)
    wanted = _replicas(stack.compose["api"]) + 1

    def up() -> bool:
        answer = Client(address[1]).ask("GET", "/api/v1/targets")
        targets = answer.body["data"]["activeTargets"] if answer.status == 200 else []
        return [target["health"] for target in targets] == ["up"] * wanted

    wait_until(up, "every target to be up", deadline_s=PATIENCE_S, step_s=1)
    yield f"Prometheus scrapes all {wanted} targets"


def _again(stack: Stack) -> Iterator[str]:
    """Remove all containers, and start again with the volumes that are left."""
    before = stack.moments()
    stack.down()
    assert stack.containers() == []
    started = time.monotonic()
    stack.shell("docker compose up --detach")
    assert stack.moments() == before
    took = time.monotonic() - started
    yield f"`up` again with the old volumes: the same moments after {took:.0f} s"


AFTER_README: Mapping[str, Callable[[Stack], Iterator[str]]] = {
    "rights": _rights,
    "kill": _killed,
    "database": _database,
    "monitoring": _watched,
    "again": _again,
    "rolling": _rolled,
    "starts": starts,
    **services.PARTS,
}
"""What is done to the installation of the README, in this order."""
ALONE: Mapping[str, Callable[[Stack, str], Iterator[str]]] = {
    "upgrade": upgrade.check,
    "pods": lambda stack, _: pods.check(stack.engine),
}
"""What makes an installation of its own, when that of the README is gone."""


def taken(port: int) -> bool:
    """Whether another program listens on a port that the README names."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def main() -> None:
    """Run the whole test."""
    made = parser("composed", __doc__)
    names = [*AFTER_README, *ALONE]
    made.add_argument(
        "parts", nargs="*", metavar="PART", help=f"all, or some of {', '.join(names)}"
    )
    options = made.parse_args()
    if unknown := set(options.parts) - set(names):
        made.error(f"there is no part {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    if busy := [port for port in (PORT, 9090) if taken(port)]:
        give_up(f"the README's commands use the ports {busy}, which another program has")
    with running(options) as stack:
        show(check(stack, options.parts))


if __name__ == "__main__":
    main()
