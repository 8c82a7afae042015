"""The wheel of the client has the client and nothing else, and imports nothing of clipseek."""

import sys
import zipfile
from pathlib import Path

import pytest

from tests.e2e.client_wheel import CLIENT, NEEDED, build
from tests.e2e.wheel import Installed, environment

LOADED = """
import pkgutil, sys
import clipseek_client
for module in pkgutil.iter_modules(clipseek_client.__path__):
    __import__(f"clipseek_client.{module.name}")
ours = {name.partition(".")[0] for name in sys.modules} & {"clipseek", "indexer", "api", "numpy"}
print(clipseek_client.__file__, sorted(ours))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this repository."""
    return build(tmp_path_factory.mktemp("wheel"), isolated=False)


def test_the_wheel_has_the_client_its_types_and_its_needs(wheel: Path) -> None:
    """No test, and nothing of clipseek; the command and the license are named."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        said = {name.rpartition("/")[2]: archive.read(name).decode() for name in names}
    code = {name for name in names if ".dist-info/" not in name}
    files = (CLIENT / "clipseek_client").glob("*")
    assert code == {f"clipseek_client/{path.name}" for path in files if path.is_file()}
    assert "clipseek_client/py.typed" in code
    assert "clipseek-mcp = clipseek_client.mcp_command:main" in said["entry_points.txt"]
    assert "Apache License" in said["LICENSE"]
    needs = [
        line.split(": ")[1] for line in said["METADATA"].splitlines() if "Requires-Dist" in line
    ]
    assert {need.split(">")[0] for need in needs} == NEEDED - {"clipseek-client"} | {"mcp<3,"}


def test_the_client_stands_alone(wheel: Path, tmp_path: Path) -> None:
    """None of its modules imports anything of clipseek."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    asking = Installed(
        [sys.executable, "-P", "-c"], tmp_path, environment(PYTHONPATH=str(tmp_path))
    )
    assert asking.run(LOADED).split() == [str(tmp_path / "clipseek_client" / "__init__.py"), "[]"]
