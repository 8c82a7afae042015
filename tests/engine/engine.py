"""A container engine: podman with runc, with images, volumes and settings in a folder of its own.

Images of the user are neither seen nor changed. docker/README.md says on which machines it runs.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

ROOT = Path(__file__).parents[2]
INSTALL = ROOT / "tests" / "engine" / "install.sh"

STORAGE = """\
[storage]
driver = "{driver}"
graphroot = "{folder}/storage"
runroot = "{folder}/run"
"""
CONTAINERS = """\
[containers]
default_ulimits = ["nofile={files}:{files}", "nproc={processes}:{processes}"]
[engine]
runtime = "runc"
[network]
network_config_dir = "{folder}/networks"
"""


class Unavailable(Exception):
    """No container engine can be installed on this machine; the message says why."""


@dataclass(frozen=True)
class Engine:
    """Runs podman. `folder` has its images, containers, volumes and networks."""

    folder: Path
    composer: Path
    build_arguments: Mapping[str, str] = field(default_factory=dict)
    lent: Sequence[str] = ()

    @classmethod
    def open(
        cls, folder: Path, arguments: Mapping[str, str] | None = None, lent: Sequence[str] = ()
    ) -> "Engine":
        """Install what is missing and write the settings; Unavailable if that cannot be."""
        if sys.platform != "linux":
            raise Unavailable("podman runs containers on Linux only")
        if os.getuid() != 0:
            raise Unavailable("this needs root, for debootstrap and networks of containers")
        done = subprocess.run(["sh", INSTALL], stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            raise Unavailable("podman cannot be installed here; the lines above say why")
        folder.mkdir(parents=True, exist_ok=True)
        _write_settings(folder.resolve())
        composer = Path(done.stdout.splitlines()[-1]) / "bin" / "podman-compose"
        return cls(folder.resolve(), composer, arguments or {}, lent)

    @property
    def mounts(self) -> list[str]:
        """What builds may read, as SOURCE:TARGET."""
        return [_mount(path) for path in self.lent]

    @property
    def environment(self) -> dict[str, str]:
        """The variables that name the settings, for podman and for what calls it."""
        return {
            **os.environ,
            "CONTAINERS_CONF": str(self.folder / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.folder / "storage.conf"),
            # Unix sockets have short paths, and podman makes some below this folder.
            "TMPDIR": "/tmp",  # noqa: S108  short
        }

    def run(self, *words: str | Path, check: bool = True, log: Path | None = None) -> str:
        """Run `podman WORDS` and return what it prints, without the last line break."""
        done = subprocess.run(
            ["podman", "--log-level=error", *map(str, words)],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        if log:
            log.write_text(done.stdout + done.stderr, "utf-8")
        if check and done.returncode != 0:
            said = "\n".join(done.stderr.splitlines()[-30:])
            raise RuntimeError(f"podman {' '.join(map(str, words))[:300]}: {said}")
        return done.stdout.rstrip("\n")

    def succeeds(self, *words: str | Path) -> bool:
        """Whether `podman WORDS` ends with 0."""
        done = subprocess.run(
            ["podman", *map(str, words)],
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        return done.returncode == 0

    def inspect(self, kind: str, name: str) -> dict[str, Any]:
        """Return what the engine knows about an image, container, network or volume."""
        (found,) = json.loads(self.run(kind, "inspect", name))
        return dict(found)

    def has_image(self, name: str) -> bool:
        """Whether there is an image of this name."""
        return self.succeeds("image", "exists", name)

    def build(
        self, target: str, tag: str, *, base: str, context: Path = ROOT, cached: bool = True
    ) -> None:
        """Build a target of the Dockerfile."""
        given = {"BASE_IMAGE": base, **self.build_arguments}
        words = [word for pair in given.items() for word in ("--build-arg", "=".join(pair))]
        mounts = [word for mount in self.mounts for word in ("--volume", f"{mount}:ro")]
        self.run(
            "build",
            *("--network", "host", "--format", "docker", "--target", target, "--tag", tag),
            *words,
            *mounts,
            *([] if cached else ["--no-cache"]),
            context,
            log=self.folder / f"build-{target}.log",
        )

    def remove_all(self) -> None:
        """Remove every container, image, volume and network, and the folder."""
        self.run("rm", "--all", "--force", "--volumes", check=False)
        self.run("volume", "prune", "--force", check=False)
        self.run("network", "prune", "--force", check=False)
        self.run("rmi", "--all", "--force", check=False)
        shutil.rmtree(self.folder, ignore_errors=True)


def _write_settings(folder: Path) -> None:
    _, files = resource.getrlimit(resource.RLIMIT_NOFILE)
    _, processes = resource.getrlimit(resource.RLIMIT_NPROC)
    limits = {"files": _most(files, 10_000), "processes": _most(processes, 20_000)}
    driver = "overlay" if "overlay" in Path("/proc/filesystems").read_text("utf-8") else "vfs"
    storage = STORAGE.format(driver=driver, folder=folder)
    (folder / "storage.conf").write_text(storage, "utf-8")
    (folder / "containers.conf").write_text(CONTAINERS.format(folder=folder, **limits), "utf-8")


def _mount(lent: str) -> str:
    """Return source and target of what is lent; they are the same path if one is named."""
    source, _, target = lent.partition(":")
    return f"{source}:{target or source}"


def _most(hard: int, wanted: int) -> int:
    """Return a limit that a process without further rights may set."""
    return wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)


def give_up(reason: str) -> NoReturn:
    """End: without an error on a laptop, with one where all must be tested."""
    sys.stderr.write(f"skipped: {reason}\n")
    sys.exit(1 if os.environ.get("CI") == "true" else 0)
