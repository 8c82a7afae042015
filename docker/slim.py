"""Make a layer of packages small, and the same at each build. The Dockerfile calls it after pip.

    python slim.py [--layer FOLDER --since FILE] /opt/venv [MODULE ...]

It deletes tests and headers, and removes symbols that nothing links to (with `strip`, if that is
there). Then it compiles the modules that the named ones import. The compiled files name a hash, not
a time, so that a build of the same packages makes the same bytes. With `--layer`, what has changed
since the time of a file is copied to a folder: a layer on top of the packages from before. It uses
only the standard library.
"""

import argparse
import os
import py_compile
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from importlib.util import cache_from_source
from pathlib import Path

DELETED = ("tests", "__pycache__")
"""Folders that nothing imports; what a start needs is compiled again."""
NOT_NEEDED = (
    *(f"**/*.{ending}" for ending in ("c", "cc", "h", "proto", "pxd", "pyi", "pyx")),
    "onnx/backend/test",
    "onnx/reference",
    "onnxruntime/tools",
    "onnxruntime/transformers",
    # Without these, rich shows code without colours, and it shows no code here.
    "pygments/lexers/[a-z]*.py",
    "pygments/lexers/_*_builtins.py",
    "sqlalchemy/testing",
    "torch/bin/protoc*",
    "torch/include",
    "torch/lib/*.a",
    "torch/share",
)
"""What only compilers, checkers of types, converters of models and tests of others use."""

IMPORTED = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
for module in list(sys.modules.values()):
    print(getattr(module, "__file__", None) or "")
"""


def main(arguments: Sequence[str]) -> None:
    """Slim the environment in a folder, whose modules are then imported to compile them."""
    options = _parser().parse_args(arguments)
    site = packages(options.environment)
    since = options.since.stat().st_ctime_ns if options.since else 0
    delete(site, since)
    if shutil.which("strip"):
        strip(site, since)
    # It also proves that the stripped libraries can be loaded.
    compile_all(imported(options.environment / "bin" / "python", options.modules), site)
    if options.layer:
        copy_layer(options.environment, options.layer, since)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layer", type=Path)
    parser.add_argument("--since", type=Path)
    parser.add_argument("environment", type=Path)
    parser.add_argument("modules", nargs="*")
    return parser


def packages(environment: Path) -> Path:
    """Return the folder with the packages of a virtual environment."""
    (site,) = environment.glob("lib/python3.*/site-packages")
    return site


def changed(path: Path, since: int) -> bool:
    """Whether a file was made or changed after a time in nanoseconds, whatever date it has."""
    return path.lstat().st_ctime_ns > since


def delete(site: Path, since: int) -> None:
    """Delete what is not needed, and the folders of tests and of compiled files that are new."""
    for pattern in NOT_NEEDED:
        for path in list(site.glob(pattern)):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for folder, names, _ in os.walk(site):
        for name in [each for each in names if each in DELETED]:
            names.remove(name)
            if changed(path := Path(folder, name), since):
                shutil.rmtree(path)


def strip(site: Path, since: int) -> None:
    """Remove the symbols of new extension modules that nothing links to.

    Not those of the libraries in `*.libs` and `lib`: wheels moved parts of these files, which
    `strip` can damage, and they have few symbols.
    """
    found = [path for path in site.rglob("*.so") if not path.parent.name.endswith((".libs", "lib"))]
    if found := [path for path in found if changed(path, since)]:
        subprocess.run(["strip", "--strip-unneeded", *found], check=True)


def imported(python: Path, modules: Sequence[str]) -> list[Path]:
    """Return the files of all modules that are there after these were imported."""
    # -B: the interpreter writes no compiled files of its own, which would name times.
    done = subprocess.run(
        [python, "-B", "-c", IMPORTED, *modules], stdout=subprocess.PIPE, text=True, check=True
    )
    return [Path(line) for line in sorted(set(done.stdout.splitlines())) if line.endswith(".py")]


def compile_all(files: Iterable[Path], site: Path) -> None:
    """Compile the files that are below a folder, and were not compiled before."""
    for path in files:
        if path.is_relative_to(site) and not Path(cache_from_source(str(path))).exists():
            py_compile.compile(
                str(path),
                doraise=True,
                invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
            )


def copy_layer(environment: Path, layer: Path, since: int) -> None:
    """Copy the files that are new to the same path below a folder."""
    for path in environment.rglob("*"):
        if (path.is_symlink() or path.is_file()) and changed(path, since):
            target = layer / path.relative_to("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target, follow_symlinks=False)


if __name__ == "__main__":
    main(sys.argv[1:])
