"""The wheel has everything that clipseek needs, nothing else, and works without torch."""

import sys
import zipfile
from pathlib import Path

import pytest

from tests.e2e.wheel import BESIDE, PACKAGES, ROOT, Installed, build, environment, use

BLOCK = '''"""Make torch and what is made for it impossible to import, in every process."""

import sys
from importlib.abc import MetaPathFinder


class Blocked(MetaPathFinder):
    """Finds no module of these packages, and asks no other finder."""

    def find_spec(self, name, path=None, target=None):
        """Raise as Python does of a package that is not installed."""
        if name.partition(".")[0] in {"torch", "torchvision", "open_clip", "onnx"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Blocked())
'''


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this repository."""
    return build(tmp_path_factory.mktemp("wheel"), isolated=False)


def test_the_wheel_has_all_files_of_the_packages_and_no_others(wheel: Path) -> None:
    """Code, migrations, bank, demo model, page; no test, no benchmark, nothing built before."""
    expected = {
        f"{package}/{path.relative_to(folder).as_posix()}"
        for package, folder in PACKAGES.items()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".md"
    }
    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert found == expected
    assert not {name.split("/")[0] for name in found} & set(BESIDE)


def test_the_wheel_works_outside_the_repository_without_torch(wheel: Path, tmp_path: Path) -> None:
    """It draws, ingests and searches the demo, and serves the page and answers."""
    site, work = tmp_path / "site", tmp_path / "work"
    work.mkdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    (site / "sitecustomize.py").write_text(BLOCK, "utf-8")
    # -P keeps the working folder out of the path, where `python -m` would put it.
    command = [sys.executable, "-P", "-m", "clipseek"]
    installed = Installed(command, work, environment(PYTHONPATH=str(site)))
    use(installed)
    probe = "import importlib, sys; print(importlib.import_module(sys.argv[1]).__file__)"
    asking = Installed([sys.executable, "-P", "-c", probe], work, installed.environment)
    for package in PACKAGES:
        assert Path(asking.run(package).strip()).is_relative_to(site)
    with pytest.raises(AssertionError, match="No module named 'torch'"):
        asking.run("torch")
    assert not work.is_relative_to(ROOT)
