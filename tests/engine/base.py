"""Replacements of images of a registry, made of Debian's packages by debootstrap.

They show what our files do with such a system. They do not show what the official images do.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.deploy.image import debian
from tests.engine.engine import Engine

BASE = "localhost/python:3.11-slim-bookworm"
"""In place of the base image that the Dockerfile pins by a digest, which nothing else can have."""


SERVERS = Path(__file__).parent / "servers"
PROFILES = SERVERS / "profiles"
INFERENCE = Path(__file__).parents[1] / "inference"
SUITE = "forky"
"""The Debian whose nginx resolves names again (`resolve` is free since 1.27.3)."""
PACKAGES = (
    *("ca-certificates", "gettext-base", "nginx", "postgresql", "prometheus"),
    *("redis-server", "redis-tools", "wget"),
)
ROOT_OF_SERVERS = "localhost/clipseek-test-servers"


def local(name: str) -> str:
    """Return the name under which podman finds an image that was built here.

    A name without a registry is looked for here first; one that begins with the host of a registry
    is the name of the image itself.
    """
    host, slash, _ = name.partition("/")
    return name if slash and "." in host else f"localhost/{name}"


def servers(engine: Engine, images: Mapping[str, str]) -> None:
    """Make replacements of servers, each under the name of the official image.

    `images` has the name of each by that of a stage of tests/engine/servers/Containerfile.
    """
    if not engine.has_image(ROOT_OF_SERVERS):
        import_root(engine, _servers_root(engine), ROOT_OF_SERVERS)
    for stage, name in images.items():
        tag = local(name)
        if not engine.has_image(tag):
            file = ("--file", SERVERS / "Containerfile", "--target", stage, "--tag", tag)
            engine.run("build", "--network", "none", "--format", "docker", *file, SERVERS)


def profiles(engine: Engine, images: Mapping[str, str]) -> None:
    """Make replacements of the servers of profiles, each under the name of the official image.

    `images` has the name of each by that of a stage of tests/engine/servers/profiles/Containerfile.
    """
    with tempfile.TemporaryDirectory() as folder:
        context = Path(folder)
        shutil.copytree(PROFILES, context, dirs_exist_ok=True)
        for name in ("requirements.txt", "runtime.py"):
            shutil.copy(INFERENCE / name, context)
        for stage, name in images.items():
            if not engine.has_image(tag := local(name)):
                engine.build(stage, tag, base=python_base(engine), context=context)


def _servers_root(engine: Engine) -> Path:
    """Return a Debian with the programs of all servers."""
    root = engine.folder / "roots" / "servers"
    if not root.exists():
        part = root.with_name("servers.part")
        shutil.rmtree(part, ignore_errors=True)
        part.parent.mkdir(exist_ok=True)
        mirror = engine.build_arguments.get("APT_MIRROR")
        words = [f"--include={','.join(PACKAGES)}", SUITE, str(part)]
        # The scripts of debootstrap may be older than the suite; that of `sid` fits each one.
        script = "/usr/share/debootstrap/scripts/sid"
        archive = f"{mirror}/debian" if mirror else ""
        subprocess.run(
            ["debootstrap", "--variant=minbase", *words, archive, script],
            stdout=subprocess.DEVNULL,
            check=True,
        )
        part.rename(root)
    return root


def python_base(engine: Engine) -> str:
    """Return the name of the base image, made if it is not there yet."""
    if not engine.has_image(BASE):
        roots = engine.folder / "roots"
        roots.mkdir(exist_ok=True)
        import_root(engine, debian(roots, engine.build_arguments.get("APT_MIRROR", "")), BASE)
    return BASE


def import_root(engine: Engine, root: Path, name: str, *changes: str) -> None:
    """Make an image of one layer of a root file system, with instructions such as ENTRYPOINT."""
    archive = engine.folder / "root.tar"
    subprocess.run(["tar", "-C", root, "-cf", archive, "."], check=True)
    words = [word for change in changes for word in ("--change", change)]
    try:
        engine.run("import", *words, archive, name)
    finally:
        archive.unlink()
    shutil.rmtree(root)
