"""The rendered overlays of kubernetes/, and what the tests look for in them."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.deploy import kustomize
from tests.deploy.kustomize import Object

ROOT = Path(__file__).parents[2]
README = ROOT / "kubernetes" / "README.md"
OVERLAYS = ("minimal", "production", "gpu", "embedder", "ray", "shards", "cameras", "buckets")
COMPONENT = "app.kubernetes.io/component"
KEY = 'AWS_SECRET_ACCESS_KEY="$(cat /run/secrets/bucket/bucket-key)" exec "$0" "$@"'
"""The script of a shell that gives a program the key of a bucket, and becomes the program."""
WORKLOADS = ("Deployment", "StatefulSet", "Job", "CronJob")


@dataclass(frozen=True)
class Pod:
    """A pod that a workload makes."""

    owner: Object
    template: Object

    @property
    def name(self) -> str:
        """Kind and name of what makes it."""
        return f"{self.owner['kind']}/{self.owner['metadata']['name']}"

    @property
    def labels(self) -> dict[str, str]:
        """Its labels."""
        labels: dict[str, str] = self.template["metadata"]["labels"]
        return labels

    @property
    def spec(self) -> Object:
        """Its specification."""
        spec: Object = self.template["spec"]
        return spec

    @property
    def container(self) -> Object:
        """Its only container."""
        (container,) = self.spec["containers"]
        found: Object = container
        return found

    @property
    def command(self) -> list[str]:
        """The words of its program, without the shell that reads the key of a bucket."""
        words: list[str] = self.container.get("command", [])
        return words[3:] if words[:3] == ["sh", "-c", KEY] else words


@dataclass(frozen=True)
class Cluster:
    """What one overlay makes."""

    objects: tuple[Object, ...]

    def of(self, kind: str) -> list[Object]:
        """Return the objects of a kind."""
        return [each for each in self.objects if each["kind"] == kind]

    def one(self, kind: str, name: str) -> Object:
        """Return the object of a kind and a name."""
        (found,) = [each for each in self.of(kind) if each["metadata"]["name"] == name]
        return found

    def names(self, kind: str) -> set[str]:
        """Return the names of the objects of a kind."""
        return {each["metadata"]["name"] for each in self.of(kind)}

    def pods(self) -> Iterator[Pod]:
        """Yield a pod for each workload."""
        for kind in WORKLOADS:
            for owner in self.of(kind):
                spec = owner["spec"]
                job = spec["jobTemplate"]["spec"] if kind == "CronJob" else spec
                yield Pod(owner, job["template"])

    def pod(self, component: str) -> Pod:
        """Return the pod of a component; where a Job and a CronJob make it, that of the Job."""
        return next(pod for pod in self.pods() if pod.labels[COMPONENT] == component)

    def environment(self, pod: Pod) -> dict[str, str]:
        """Return the variables of a pod's container, ConfigMaps included."""
        found: dict[str, str] = {}
        for source in pod.container.get("envFrom", ()):
            found |= self.one("ConfigMap", source["configMapRef"]["name"])["data"]
        return found | {each["name"]: each["value"] for each in pod.container.get("env", ())}


def command_lines(heading: str) -> str:
    """Return the shell commands of the first block under a heading of kubernetes/README.md."""
    section = README.read_text("utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    found = re.search(r"^ *```\n(.*?)^ *```", section, re.DOTALL | re.MULTILINE)
    assert found
    return found[1]


def tree(folder: Path) -> Path:
    """Copy what kustomize reads to a folder, make the secrets as the README says, return it."""
    for name in ("kubernetes", "nginx"):
        ignored = shutil.ignore_patterns(
            "database-url",
            "redis-url",
            "cache-secret",
            "shard-secret",
            "camera-key",
            "bucket-key",
            "*-password",
        )
        shutil.copytree(ROOT / name, folder / name, ignore=ignored)
    for overlay in ("minimal", "production", "shards", "cameras", "buckets"):
        script = command_lines(f"Secrets of `{overlay}`")
        subprocess.run(["sh", "-euc", script], cwd=folder, check=True, capture_output=True)
    return folder / "kubernetes"


@cache
def rendered(overlay: str) -> Cluster:
    """Render an overlay once for all tests, which leave it as it is."""
    with tempfile.TemporaryDirectory(prefix="clipseek-kubernetes-") as folder:
        return render(tree(Path(folder)), overlay)


def render(kubernetes: Path, overlay: str) -> Cluster:
    """Render an overlay of a copy of kubernetes/."""
    return Cluster(tuple(kustomize.build(kubernetes / "overlays" / overlay)))
