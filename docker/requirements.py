"""Print what the images install: the dependencies of pyproject.toml with those of the extras named.

`python requirements.py models` prints one requirement per line. Packages are installed separately
from the code, so that a change of the code does not rebuild their layer. It uses only the standard
library.
"""

import re
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path

REPLACED = {"faiss-gpu-cu12": "faiss-cpu", "onnxruntime-gpu": "onnxruntime"}
"""Packages that contain the same modules as another one, which must then not be installed."""
LEFT_OUT = {"decord"}
"""The second reader of videos: the images use only PyAV, which keeps `api` below its limit."""
WITHOUT_EXTRAS = {"pymilvus"}
"""Packages whose own extras the images leave out: with pymilvus, Milvus Lite and its pyarrow.

They have 170 MB, and a file of Milvus Lite is opened by one process at a time: not for replicas.
"""


def requirements(project: dict[str, object], extras: Sequence[str]) -> list[str]:
    """Return the requirements of a project table and of its extras, without those left out.

    Raises:
        KeyError: the project has no such extra.
    """
    dependencies = project["dependencies"]
    optional = project["optional-dependencies"]
    assert isinstance(dependencies, list)
    assert isinstance(optional, dict)
    found = [*dependencies, *(each for extra in extras for each in optional[extra])]
    replaced = {REPLACED[name] for name in map(_name, found) if name in REPLACED}
    return [_plain(each) for each in found if _name(each) not in replaced | LEFT_OUT]


def _name(requirement: str) -> str:
    """Return the name of the package that a requirement is about."""
    return re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]


def _plain(requirement: str) -> str:
    """Return a requirement without the extras that the images leave out."""
    is_plain = _name(requirement) in WITHOUT_EXTRAS
    return re.sub(r"\[[^\]]*\]", "", requirement) if is_plain else requirement


if __name__ == "__main__":
    document = tomllib.loads(Path("pyproject.toml").read_text("utf-8"))
    sys.stdout.write("\n".join([*requirements(document["project"], sys.argv[1:]), ""]))
