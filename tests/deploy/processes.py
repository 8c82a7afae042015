"""Containers of kubernetes/ as processes: their commands and their environment, at other paths."""

import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.deploy.manifests import ROOT, Cluster, Pod

PROGRAMS = {"indexer": [sys.executable, "-m", "indexer"], "python": [sys.executable]}
LOCKED = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]
"""As the manifests do: without capabilities, which let root pass over the rights of files."""


@dataclass(frozen=True)
class Node:
    """The folders of pods' volumes on this machine, by the path that pods see them at."""

    cluster: Cluster
    folders: dict[str, Path]
    changed: dict[str, str] = field(default_factory=dict)
    """Variables that cannot be as they are: ports that may be taken, a model to be downloaded."""
    path: str = os.environ["PATH"]

    def command(self, pod: Pod) -> list[str]:
        """Return the command of a pod's container, as it is run here."""
        first, *rest = pod.container["command"]
        return [*PROGRAMS.get(first, [first]), *(self.here(each) for each in rest)]

    def here(self, text: str) -> str:
        """Return a text with the paths of pods replaced by ours."""
        paths = "|".join(re.escape(path) for path in self.folders)
        # In one pass: our own paths may have a pod's path in them.
        pattern = rf"(?<![\w./])({paths})(?=/|$|[\s)\"])"
        return re.sub(pattern, lambda match: str(self.folders[match[1]]), text)

    def environment(self, pod: Pod) -> dict[str, str]:
        """Return what the container's process is given, and what an image has itself."""
        given = {
            name: self.here(value) for name, value in self.cluster.environment(pod).items()
        } | {name: value for name, value in self.changed.items() if name in self._names(pod)}
        image = {"PATH": self.path, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "HOME": "/"}
        return image | given

    def run(self, component: str) -> subprocess.CompletedProcess[str]:
        """Run the pod of a component to its end."""
        pod = self.cluster.pod(component)
        return subprocess.run(
            [*_locked(), *self.command(pod)],
            env=self.environment(pod),
            cwd="/",
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def start(self, component: str, log: Path) -> subprocess.Popen[bytes]:
        """Start the pod of a component; what it says goes to a file."""
        pod = self.cluster.pod(component)
        with log.open("ab") as said:
            return subprocess.Popen(
                [*_locked(), *self.command(pod)],
                env=self.environment(pod),
                cwd="/",
                stdout=said,
                stderr=said,
            )

    def _names(self, pod: Pod) -> set[str]:
        return set(self.cluster.environment(pod))


def _locked() -> list[str]:
    """Return what starts a command without rights that others do not have either."""
    if os.getuid() != 0:
        return []
    if shutil.which(LOCKED[0]) is None:
        pytest.skip("rights of files do not hold for root, and there is no setpriv to drop that")
    return LOCKED


def end(process: subprocess.Popen[bytes]) -> int:
    """Tell a process to end as Kubernetes does, and return its exit code."""
    process.send_signal(signal.SIGTERM)
    return process.wait(timeout=30)
