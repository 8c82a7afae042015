"""Pods of kubernetes/overlays/minimal in the engine, as far as `podman kube play` goes.

    python -m tests.engine.pods      part of `make compose-test`

Each workload is played as a pod with its own specification: its users, read-only roots,
capabilities, limits, probes, volumes, ConfigMaps and Secrets. Differences are in `playable`.
Policies of networks, autoscalers, rolling updates and storage classes need a cluster.
"""

import base64
import copy
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.chaos.client import Client
from tests.chaos.program import wait_until
from tests.contracts.postgres import free_port
from tests.deploy.manifests import Cluster, Pod, rendered
from tests.deploy.trial import QUESTION
from tests.engine.base import local, python_base, servers
from tests.engine.engine import ROOT, Engine
from tests.engine.images import ABOVE_BASE, opened, parser, show, tag
from tests.engine.stack import COMPOSE_IMAGES
from tests.engine.tried import PATIENCE_S

NETWORK = "kubernetes"
NAMESPACE = "clipseek.svc.cluster.local"
PROBES = ("startupProbe", "livenessProbe", "readinessProbe")
Object = dict[str, Any]


def playable(
    pod: Pod, name: str, images: dict[str, str], resolver: str, *, encoded: bool = False
) -> Object:
    """Return a pod of a workload, changed where podman 4.3 knows less than a cluster.

    It needs `optional` of volumes to be written, makes no volumes of a StatefulSet by itself, and
    its name server is at another address. It would ask probes by `curl` and `nc` inside the
    container, where a kubelet asks from outside: `Pods.ready` does that.
    """
    spec = copy.deepcopy(pod.spec)
    for volume in spec.setdefault("volumes", []):
        if encoded and (secret := volume.pop("secret", None)):
            name_of = secret.pop("secretName")
            volume["configMap"] = {**secret, "name": f"secret-{name_of}"}
        for kind in ("secret", "configMap"):
            if kind in volume:
                volume[kind].setdefault("optional", False)
    for claim in pod.owner["spec"].get("volumeClaimTemplates", ()):
        made = {"claimName": f"{claim['metadata']['name']}-{name}-0"}
        spec["volumes"].append({"name": claim["metadata"]["name"], "persistentVolumeClaim": made})
    for container in spec["containers"]:
        # podman 4.3 would publish each port of a container on this machine.
        for name_of in (*PROBES, "ports"):
            container.pop(name_of, None)
        container["image"] = images[container["image"].rpartition(":")[0]]
        for variable in container.get("env", ()):
            if variable["name"] == "NGINX_SERVERS":
                cluster = f"kube-dns.kube-system.svc.{NAMESPACE.partition('.svc.')[2]}"
                variable["value"] = variable["value"].replace(cluster, resolver)
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": pod.labels},
        "spec": spec,
    }


def given_to_pods(given: Object, *, encoded: bool) -> Object:
    """Return a ConfigMap or Secret; the model is that of the demo, which needs no weights.

    `encoded`: the engine writes the base64 of a Secret to its files, as podman 4.3 does. A
    ConfigMap takes its place.
    """
    changed = copy.deepcopy(given)
    if encoded and changed["kind"] == "Secret":
        decoded = {key: base64.b64decode(value).decode() for key, value in changed["data"].items()}
        named = {"name": f"secret-{changed['metadata']['name']}"}
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": named, "data": decoded}
    if changed["metadata"]["name"] == "settings":
        changed["data"]["CLIPSEEK_MODEL"] = "demo"
        changed["data"]["CLIPSEEK_ALLOWED_HOSTS"] = ""
    return changed


class Pods:
    """Plays pods of the rendered overlay, each in the same network."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.cluster: Cluster = rendered("minimal")
        self.images = {
            "clipseek/api": tag("api"),
            "clipseek/indexer": tag("indexer"),
            **{name.rpartition(":")[0]: local(name) for name in COMPOSE_IMAGES.values()},
        }
        self._resolver = ""
        version = engine.run("version", "--format", "{{.Client.Version}}").split(".")
        self._encoded = (int(version[0]), int(version[1])) <= (4, 3)

    def prepare(self) -> None:
        """Make the images of servers, the network, what pods are given, and the claims."""
        servers(self.engine, COMPOSE_IMAGES)
        # A run that was killed has left its network, and its pods with it.
        self.engine.run("pod", "rm", "--all", "--force", check=False)
        self.engine.run("network", "rm", NETWORK, check=False)
        self.engine.run("network", "create", NETWORK)
        network = self.engine.inspect("network", NETWORK)
        self._resolver = network["subnets"][0]["gateway"]

    def play(self, component: str, number: int = 0, *, port: int | None = None) -> str:
        """Start the pod of a workload, at a port of this machine if given; return its name."""
        pod = self.cluster.pod(component)
        name = f"{component}-{number}" if number else component
        made = playable(pod, component, self.images, self._resolver, encoded=self._encoded)
        made["metadata"]["name"] = name
        if port is not None:
            ours = {"containerPort": 8080, "hostPort": port, "hostIP": "127.0.0.1"}
            made["spec"]["containers"][0]["ports"] = [ours]
        self._as_files(made)
        group = int(pod.spec["securityContext"]["fsGroup"])
        volumes = made["spec"]["volumes"]
        empty = [each["name"] for each in volumes if "emptyDir" in each]
        claims = [each.get("persistentVolumeClaim") for each in volumes]
        self._make([*empty, *(each["claimName"] for each in claims if each)], group)
        given = [each for kind in ("ConfigMap", "Secret") for each in self.cluster.of(kind)]
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            changed = [given_to_pods(each, encoded=self._encoded) for each in given]
            yaml.safe_dump_all([*changed, made], file)
            file.flush()
            aliases = f"alias={component},alias={component}.{NAMESPACE}"
            self.engine.run("kube", "play", "--network", f"{NETWORK}:{aliases}", file.name)
        return name

    def _as_files(self, made: Object) -> None:
        """Mount files of this machine where a pod mounts one file of a ConfigMap: `subPath`.

        podman 4.3 mounts the folder of the ConfigMap in the place of the file.
        """
        data = {each["metadata"]["name"]: each["data"] for each in self.cluster.of("ConfigMap")}
        volumes = made["spec"]["volumes"]
        by_name = {each["name"]: each for each in volumes}
        for container in made["spec"]["containers"]:
            for mount in container["volumeMounts"]:
                if (wanted := mount.pop("subPath", None)) is None:
                    continue
                name = by_name[mount["name"]]["configMap"]["name"]
                file = self.engine.folder / "files" / name / wanted
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(data[name][wanted], "utf-8")
                mount["name"] = f"file-{len(volumes)}"
                path = {"path": str(file), "type": "File"}
                volumes.append({"name": mount["name"], "hostPath": path})

    def _make(self, names: list[str], group: int) -> None:
        """Make volumes that a group may write, as a kubelet does for `fsGroup`."""
        missing = [name for name in names if not self.engine.succeeds("volume", "exists", name)]
        if not missing:
            return
        # At its first use podman gives a volume the owner and the mode of the image's folder at
        # that path. There is none at the paths of this one.
        words = [word for name in missing for word in ("--volume", f"{name}:/made/{name}")]
        self.engine.run(
            "run", "--rm", "--network", "none", *words, python_base(self.engine), "true"
        )
        for name in missing:
            place = Path(self.engine.inspect("volume", name)["Mountpoint"])
            os.chown(place, -1, group)
            place.chmod(0o2777)

    def container(self, name: str) -> str:
        """Return the container of a pod."""
        listed = self.engine.run("ps", "--all", "--filter", f"pod={name}", "--format", "{{.Names}}")
        (found,) = [each for each in listed.split() if not each.endswith("-infra")]
        return found

    def ready(self, name: str) -> bool:
        """Ask the readiness probe of a pod, or the one of its start, from outside as a kubelet."""
        (spec,) = self.cluster.pod(name.partition("-")[0]).spec["containers"]
        probe = spec.get("readinessProbe") or spec["startupProbe"]
        if "exec" in probe:
            return self.engine.succeeds("exec", self.container(name), *probe["exec"]["command"])
        ports = {each["name"]: each["containerPort"] for each in spec["ports"]}
        if "httpGet" in probe:
            asked = Client(ports[probe["httpGet"]["port"]], host=self.address(name))
            return asked.ask("GET", probe["httpGet"]["path"]).status == 200
        with socket.socket() as one:
            one.settimeout(probe.get("timeoutSeconds", 1))
            return one.connect_ex((self.address(name), ports[probe["tcpSocket"]["port"]])) == 0

    def address(self, name: str) -> str:
        """Return the address of a pod in the network."""
        # Older versions of podman describe a pod by an object, newer ones by a list of one.
        infra = self.engine.run("pod", "inspect", "--format", "{{.InfraContainerID}}", name)
        networks = self.engine.inspect("container", infra)["NetworkSettings"]["Networks"]
        return str(networks[NETWORK]["IPAddress"])

    def done(self, name: str) -> None:
        """Wait for a pod that ends; AssertionError with what it said if that is not with 0."""
        container = self.container(name)
        wait_until(
            lambda: self.engine.inspect("container", container)["State"]["Status"] == "exited",
            f"{name} to end",
            deadline_s=PATIENCE_S,
            step_s=0.5,
        )
        code = self.engine.inspect("container", container)["State"]["ExitCode"]
        assert code == 0, (code, self.said(name))

    def said(self, name: str) -> str:
        """Return the last lines that the container of a pod has written."""
        log = self.engine.folder / "pod.log"
        self.engine.run("logs", "--tail", "20", self.container(name), log=log)
        return log.read_text("utf-8")


def check(engine: Engine) -> Iterator[str]:
    """Play the pods in the order in which they need each other; remove them in the end."""
    for target in ABOVE_BASE:
        if not engine.has_image(tag(target)):
            engine.build(target, tag(target), base=python_base(engine))
    try:
        yield from _played(engine)
    finally:
        engine.run("pod", "rm", "--all", "--force", check=False)
        engine.run("volume", "prune", "--force", check=False)
        engine.run("network", "rm", NETWORK, check=False)


def _played(engine: Engine) -> Iterator[str]:
    pods = Pods(engine)
    pods.prepare()
    for name in ("postgres", "redis"):
        pods.play(name)
        _ready(pods, name)
    yield "postgres and redis are ready by their own probes"
    pods.play("migrate")
    pods.done("migrate")
    yield "the Job `migrate` has ended with 0"
    _videos(engine)
    pods.play("index")
    pods.done("index")
    yield "the Job `index` has indexed the videos of the claim"
    for number in (1, 2):
        pods.play("api", number)
        _ready(pods, f"api-{number}")
    pods.play("worker")
    port = free_port()
    pods.play("nginx", port=port)
    client = Client(port)
    wait_until(
        lambda: client.search(QUESTION).status == 200,
        "a search through nginx",
        deadline_s=PATIENCE_S,
        step_s=0.2,
    )
    hits = client.search(QUESTION).body["hits"]
    assert hits
    yield f"two pods of `api` behind nginx found {len(hits)} moments"
    yield from _locked(pods)
    yield from _stopped(pods, client)
    client.close()


def _ready(pods: Pods, name: str) -> None:
    wait_until(lambda: pods.ready(name), f"{name} is ready", deadline_s=PATIENCE_S, step_s=0.5)


def _videos(engine: Engine) -> None:
    """Draw videos into the claim, as the pod `loader` would get them by `kubectl cp`."""
    if not engine.succeeds("volume", "exists", "videos"):
        engine.run("volume", "create", "videos")
    place = Path(engine.inspect("volume", "videos")["Mountpoint"])
    words = ["demo", "--videos", "2", "--seed", "7", "--out", str(place)]
    subprocess.run([sys.executable, "-m", "indexer", *words], check=True, cwd=ROOT)
    place.chmod(0o755)
    for folder in place.iterdir():
        if folder.is_dir():
            shutil.rmtree(folder)


def _locked(pods: Pods) -> Iterator[str]:
    """Compare users, roots, rights and limits with the manifests."""
    for name in ("postgres", "redis", "api-1", "worker", "nginx"):
        said = pods.engine.inspect("container", pods.container(name))
        spec = pods.cluster.pod(name.partition("-")[0]).spec
        security = spec["securityContext"]
        assert said["Config"]["User"] == f"{security['runAsUser']}:{security['runAsGroup']}", name
        assert said["HostConfig"]["ReadonlyRootfs"], name
        assert said["HostConfig"]["Memory"] == _bytes(spec["containers"][0]), name
        status = Path(f"/proc/{said['State']['Pid']}/status").read_text("utf-8")
        assert "CapEff:\t0000000000000000" in status, name
        assert "NoNewPrivs:\t1" in status, name
    yield "users, read-only roots, capabilities and limits are those of the manifests"


def _bytes(container: Object) -> int:
    text = container["resources"]["limits"]["memory"]
    return int(text[:-2]) * {"Mi": 2**20, "Gi": 2**30}[text[-2:]]


def _stopped(pods: Pods, client: Client) -> Iterator[str]:
    """Stop a pod of the API: its container, as a kubelet does, and then its network."""
    started, container = time.monotonic(), pods.container("api-1")
    pods.engine.run("stop", "--time", "40", container)
    code = pods.engine.inspect("container", container)["State"]["ExitCode"]
    assert code in (0, 143), (code, pods.said("api-1"))
    yield f"a pod of `api` has ended with {code} after {time.monotonic() - started:.1f} s"
    for when in ("refuses connections", "is gone"):
        answers = [client.search(f"{QUESTION} {number} {when}") for number in range(50)]
        failed = [answer.body["request_id"] for answer in answers if answer.status != 200]
        said = pods.engine.run("logs", pods.container("nginx")).splitlines()
        assert not failed, [line for line in said if any(each in line for each in failed)]
        yield f"50 searches were answered by the other one, while the address of this one {when}"
        pods.engine.run("pod", "rm", "--force", "api-1", check=False)


def main() -> None:
    """Play the pods, and build images that are not there."""
    options = parser("pods", __doc__).parse_args()
    engine = opened(options)
    try:
        show(check(engine))
    finally:
        if not options.keep:
            engine.remove_all()


if __name__ == "__main__":
    main()
