"""Executes the stages of the Dockerfile where no container engine runs.

`python -m tests.deploy.image --stage api` makes a Debian with debootstrap in place of the base
image, executes the instructions of each stage in order, starts what an image of the stage would
start, as its user on a read-only root file system, and searches videos that it has ingested. It
needs root, `debootstrap` and `unshare`. docker/README.md says what that proves and what not.
"""

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.deploy.dockerfile import Dockerfile, Instruction, Stage, expand
from tests.deploy.ignored import Ignored

ROOT = Path(__file__).parents[2]
SUITE = "bookworm"
PYTHON = "ca-certificates,python3,python3-pip,python3-venv"
"""What the official image of Python has and Debian's smallest system has not."""

SLIM = """
cd "$0"
rm -rf var/cache/apt/archives/*.deb var/lib/apt/lists/*
find usr/share/doc ! -type d ! -name copyright -delete
rm -rf usr/share/info/* usr/share/locale/* usr/share/man/*
"""
"""What Debian's slim images leave out; they keep the licences (https://hub.docker.com/_/debian)."""

SOURCES = """\
Types: deb
URIs: {mirror}/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
"""


@dataclass
class Builder:
    """Makes the root file systems of stages, each in a folder of its name under `work`."""

    dockerfile: Dockerfile
    context: Path
    work: Path
    arguments: Mapping[str, str]
    lent: Sequence[Path] = ()

    def __post_init__(self) -> None:
        ignored = Ignored((self.context / ".dockerignore").read_text("utf-8"))
        self._allowed = ignored.context(self.context)

    def root(self, name: str) -> Path:
        """Return the root of a stage, executed if it is not there yet."""
        folder = self.work / name
        if not folder.exists():
            stage = self.dockerfile.stages[name]
            below = stage.base in self.dockerfile.stages
            base = self.root(stage.base) if below else debian(self.work, self._mirror)
            part = self.work / f"{name}.part"
            _run("rm", "-rf", part)
            _run("cp", "--archive", "--reflink=auto", base, part)
            self._execute(stage, part)
            part.rename(folder)
        return folder

    @property
    def _mirror(self) -> str:
        return self.arguments.get("APT_MIRROR", "")

    def _execute(self, stage: Stage, root: Path) -> None:
        below = self.dockerfile.environment(stage.base) if stage.base in self._stages else {}
        variables, environment, folder = dict[str, str](), dict(below), "/"
        for each in stage.instructions:
            started = time.monotonic()
            known = {**variables, **environment}
            if each.word == "ARG":
                variables |= {
                    name: self.arguments.get(name, expand(default, known))
                    for name, default in each.pairs.items()
                }
            elif each.word == "ENV":
                environment |= each.pairs
            elif each.word == "WORKDIR":
                folder = each.rest
                (root / folder.lstrip("/")).mkdir(parents=True, exist_ok=True)
            elif each.word == "COPY":
                self._copy(each, root, folder)
            elif each.word == "RUN":
                command = ["/bin/sh", "-c", each.rest]
                done = _chroot(root, command, env=known, folder=folder, lent=self.lent)
                subprocess.run(done, check=True)
            if each.word in ("RUN", "COPY"):
                took = time.monotonic() - started
                _say(f"{stage.name}: {each.word} {' '.join(each.rest.split())[:60]}: {took:.1f} s")

    @property
    def _stages(self) -> Mapping[str, Stage]:
        return self.dockerfile.stages

    def _copy(self, each: Instruction, root: Path, folder: str) -> None:
        sources, destination = each.paths
        target = root / Path(folder, destination).relative_to("/")
        origin = self.root(each.options["from"]) if "from" in each.options else None
        for source in sources:
            if origin is not None:
                copy_into(
                    origin / source.lstrip("/"), target, like_folder=destination.endswith("/")
                )
            else:
                self._copy_context(source, target, like_folder=destination.endswith(("/", ".")))

    def _copy_context(self, source: str, target: Path, *, like_folder: bool) -> None:
        """Copy what the build gets of a file or folder of the context."""
        names = [name for name in self._allowed if name == source or name.startswith(f"{source}/")]
        if not names:
            raise FileNotFoundError(f"COPY {source}: no such file in the context")
        for name in names:
            inside = Path(name).relative_to(source) if name != source else Path()
            goal = target / Path(source).name if name == source and like_folder else target / inside
            goal.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.context / name, goal)


def copy_into(source: Path, target: Path, *, like_folder: bool) -> None:
    """Copy a file, or what a folder holds, as COPY does; what is there is kept or replaced."""
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
        return
    goal = target / source.name if like_folder else target
    goal.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(source, goal)


def debian(work: Path, mirror: str) -> Path:
    """Return a Debian with Python, made if it is not there yet; it stands for the base image."""
    folder = work / "debian"
    if not folder.exists():
        part = work / "debian.part"
        _run("rm", "-rf", part)
        _run(
            "debootstrap",
            "--variant=minbase",
            f"--include={PYTHON}",
            SUITE,
            part,
            *([f"{mirror}/debian"] if mirror else []),
        )
        # As debootstrap wrote it: "deb URI SUITE ...".
        written = part / "etc/apt/sources.list"
        uri = written.read_text("utf-8").split()[1].removesuffix("/").removesuffix("/debian")
        written.unlink()
        sources = part / "etc/apt/sources.list.d/debian.sources"
        sources.write_text(SOURCES.format(mirror=uri), "utf-8")
        (part / "usr/local/bin/python").symlink_to("/usr/bin/python3")
        for mark in part.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
            mark.unlink()
        _run("sh", "-c", SLIM, part)
        part.rename(folder)
    return folder


def container(
    root: Path,
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    user: str,
    folder: str,
    data: Path,
    mount: str,
) -> list[str]:
    """Return what runs a command as a container would: read-only root, a volume, a /tmp.

    The command is the first process of its own process table, as in a container; the network is
    the machine's. `data` is the folder behind the volume at `mount`.
    """
    script = """
        set -e
        root=$1 data=$2 mount=$3; shift 3
        mount --bind "$root" "$root"
        mount -o remount,bind,ro "$root"
        mount -t proc proc "$root/proc"
        mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
        mount --bind "$data" "$root$mount"
        exec "$@"
    """
    inside = _inside(root, command, env=env, user=user, folder=folder)
    return [*_UNSHARE, "sh", "-c", script, "sh", str(root), str(data), mount, *inside]


_UNSHARE = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]


def _chroot(
    root: Path, command: Sequence[str], *, env: Mapping[str, str], folder: str, lent: Sequence[Path]
) -> list[str]:
    """Return what runs a command of the build, as root, with the network's files lent to it."""
    script = """
        set -e
        root=$1; shift
        mount -t proc proc "$root/proc"
        mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
        while [ "$1" != -- ]; do
            if [ -d "$1" ]; then mkdir -p "$root$1"
            else mkdir -p "$root$(dirname "$1")"; [ -e "$root$1" ] || : > "$root$1"; fi
            mount --bind -o ro "$1" "$root$1"
            shift
        done
        shift
        exec "$@"
    """
    inside = _inside(root, command, env={"HOME": "/root", **env}, user="0:0", folder=folder)
    files = [str(path) for path in (Path("/etc/resolv.conf"), *lent)]
    return [*_UNSHARE, "sh", "-c", script, "sh", str(root), *files, "--", *inside]


def _inside(
    root: Path, command: Sequence[str], *, env: Mapping[str, str], user: str, folder: str
) -> list[str]:
    """Return what runs a command below a root, as a user, with these variables and no others."""
    pairs = [f"{name}={value}" for name, value in env.items()]
    enter = ["chroot", f"--userspec={user}", "--groups=", str(root), "/usr/bin/env", "-i", *pairs]
    return [*enter, "/bin/sh", "-c", 'cd "$0" && exec "$@"', folder, *command]


def size(root: Path) -> int:
    """Return the bytes of all files below a folder, those with several names once."""
    files = {(s.st_dev, s.st_ino): s.st_size for path in _files(root) for s in [path.lstat()]}
    return sum(files.values())


def _files(root: Path) -> Iterable[Path]:
    return (path for path in root.rglob("*") if path.is_file() or path.is_symlink())


def _run(*command: str | Path) -> None:
    subprocess.run([str(each) for each in command], check=True, stdout=subprocess.DEVNULL)


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Execute a stage and try what it makes; return the exit code."""
    # Imported here: it imports this file.
    from tests.deploy.trial import trial

    options = _parser().parse_args(arguments)
    lacking = [name for name in ("debootstrap", "unshare", "chroot") if not shutil.which(name)]
    if needed := [*(["root"] if os.getuid() != 0 else []), *lacking]:
        _say(f"this needs {' and '.join(needed)}")
        return 2
    given = dict(each.partition("=")[::2] for each in options.build_arg)
    dockerfile = Dockerfile.read((ROOT / "Dockerfile").read_text("utf-8"))
    options.work.mkdir(parents=True, exist_ok=True)
    builder = Builder(dockerfile, ROOT, options.work.resolve(), given, options.lend)
    root = builder.root(options.stage)
    for line in trial(dockerfile, options.stage, root):
        sys.stdout.write(f"{line}\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.deploy.image", description=__doc__)
    parser.add_argument("--stage", choices=["api", "indexer", "gpu"], default="api")
    parser.add_argument(
        "--work", type=Path, required=True, help="folder for the roots (2 GB and more)"
    )
    parser.add_argument("--build-arg", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument(
        "--lend",
        action="append",
        type=Path,
        default=[],
        help="file or folder of this machine that builds may read, such as /etc/pip.conf",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
