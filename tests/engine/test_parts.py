"""What `make images` and `make compose-test` are made of, where no container engine runs.

The long form builds and runs containers: docker/README.md.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.compose import Compose
from tests.deploy.dockerfile import Dockerfile
from tests.engine import composed, contents, sbom
from tests.engine.base import SERVERS, local
from tests.engine.context import MARK, PLANTED, copied
from tests.engine.engine import give_up
from tests.engine.stack import BIN, STAND_INS, readme_commands

COMPOSE = Compose()
SHIM_LOG = """#!/bin/sh
echo "$@" >>"$(dirname "$0")/log"
[ "$1" != healthcheck ] || [ "$(grep -c healthcheck "$(dirname "$0")/log")" -ge 3 ]
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a root file system with a package of each kind."""
    info = tmp_path / "opt/venv/lib/python3.11/site-packages/seen-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: Seen\nVersion: 1.2\n"
        "Classifier: License :: OSI Approved :: MIT License\n",
        "utf-8",
    )
    (tmp_path / "var/lib/dpkg").mkdir(parents=True)
    (tmp_path / "var/lib/dpkg/status").write_text(
        "Package: bash\nStatus: install ok installed\nVersion: 5.2-1\n\n"
        "Package: gone\nStatus: deinstall ok config-files\nVersion: 1\n",
        "utf-8",
    )
    (tmp_path / "usr/share/doc/bash").mkdir(parents=True)
    (tmp_path / "usr/share/doc/bash/copyright").write_text("Files: *\nLicense: GPL-3+\n", "utf-8")
    return tmp_path


def test_a_bill_lists_packages_of_both_kinds(root: Path) -> None:
    """With version and licence, and not what was removed; the form is that of CycloneDX."""
    found = sbom.packages(root)
    assert found == [
        sbom.Package("deb", "bash", "5.2-1", "GPL-3+"),
        sbom.Package("pypi", "seen", "1.2", "MIT License"),
    ]
    bill = json.loads(sbom.bill("clipseek-api", "local", found))
    assert bill["bomFormat"] == "CycloneDX"
    assert {each["purl"] for each in bill["components"]} == {
        "pkg:deb/debian/bash@5.2-1",
        "pkg:pypi/seen@1.2",
    }


@pytest.mark.parametrize("licence", ["AGPL-3.0-only", "GNU Affero General Public License v3"])
def test_a_licence_that_the_project_may_not_use_is_refused(licence: str) -> None:
    """Under both of its names; the lesser ones are not."""
    assert sbom.REFUSED.search(licence)
    assert not sbom.REFUSED.search("LGPL-2.1-or-later AND GPL-3.0")


@pytest.mark.parametrize(
    "name",
    [
        "app/indexer/secret.txt",
        "root/.cache/pip/x",
        "var/lib/apt/lists/archive",
        "opt/venv/lib/python3.11/site-packages/pip/__init__.py",
        "build/slim.py",
        "tmp/x",
    ],
)
def test_what_an_image_should_not_have_is_found(root: Path, name: str) -> None:
    """A file with the mark of what stays outside, and what only a build needs."""
    assert contents.not_wanted(root) == []
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(MARK if name.startswith("app/") else "", "utf-8")
    assert contents.not_wanted(root) == [name]


def test_a_changed_file_has_another_digest(root: Path) -> None:
    """Also if its mode alone has changed, but not for its date."""
    path = root / "usr/share/doc/bash/copyright"
    before = contents.digests(root)
    os.utime(path, (0, 0))
    assert contents.digests(root) == before
    path.chmod(0o600)
    assert contents.digests(root) != before


def test_the_copy_of_the_tree_has_the_code_and_marked_files(tmp_path: Path) -> None:
    """What is planted takes the place of no file of the project."""
    folder = copied(tmp_path)
    assert (folder / "Dockerfile").is_file()
    for name in PLANTED:
        assert (folder / name).read_text("utf-8") == MARK


def test_a_layer_is_shown_by_its_command() -> None:
    """Without what the engine writes before it."""
    made_by = "|1 PIP_INDEX_URL= /bin/sh -c pip   install x"
    assert contents.Layer(1, made_by).shown == "pip install x"
    assert contents.Layer(1, "/bin/sh -c #(nop) COPY dir:1 in /app").shown == "COPY dir:1 in /app"


def test_there_is_a_stand_in_for_each_server_that_up_starts() -> None:
    """And its folders and user are those that docker-compose.yml relies on."""
    text = (SERVERS / "Containerfile").read_text("utf-8")
    stages = set(re.findall(r"^FROM base AS (\w+)$", text, re.MULTILINE))
    assert stages == set(STAND_INS)
    started = {service.name for service in COMPOSE if not service.said.get("profiles")}
    assert started - {"api", "worker", "migrate"} <= stages
    for name in STAND_INS:
        uid, gid = COMPOSE[name].said["user"].split(":")
        for mount in COMPOSE[name].mounts:
            if mount.source in COMPOSE.said["volumes"]:
                (line,) = [
                    line
                    for line in text.splitlines()
                    if f" {mount.target}" in line and "install --directory" in line
                ]
                assert f"--owner={uid} --group={gid}" in line


def test_the_commands_of_the_readme_are_those_of_its_block() -> None:
    """But the ingest of real videos, whose model needs weights: the text below names another."""
    commands = readme_commands()
    assert commands[0].startswith("sh docker/secrets.sh")
    assert "docker compose run --rm indexer ingest" in commands[3]
    assert commands[3].startswith("CLIPSEEK_MODEL=demo ")
    assert commands[4].startswith("curl -s http://127.0.0.1:8080/")


@pytest.fixture
def podman(tmp_path: Path) -> Path:
    """Return a program in place of podman, whose third health check succeeds."""
    program = tmp_path / "real"
    program.write_text(SHIM_LOG, "utf-8")
    program.chmod(0o755)
    return program


def _shim(program: Path, *words: str) -> list[str]:
    subprocess.run(
        [BIN / "podman", *words],
        env={
            "PATH": os.environ["PATH"],
            "CLIPSEEK_TEST_PODMAN": str(program),
            "CLIPSEEK_TEST_BUILD": "--build-arg A=1",
        },
        check=True,
    )
    return (program.parent / "log").read_text("utf-8").splitlines()


def test_the_shim_runs_health_checks_until_one_succeeds(podman: Path) -> None:
    """As `podman wait` of newer versions does, with a timer of systemd."""
    log = _shim(podman, "wait", "--condition=healthy", "clipseek_api_1")
    assert log == ["healthcheck run clipseek_api_1"] * 3


def test_the_shim_makes_the_temporary_folders_of_docker(podman: Path) -> None:
    """Those that are named, without an owner, which podman 4.3 refuses."""
    words = [
        "run",
        "--requires=a,b",
        "--read-only",
        "--tmpfs",
        "/x:uid=1,gid=1,mode=0755",
        "image",
        "a b",
    ]
    assert _shim(podman, *words) == [
        "--log-level=error run --read-only-tmpfs=false --read-only --tmpfs /x image a b"
    ]


def test_the_shim_leaves_other_commands_alone(podman: Path) -> None:
    """And adds the options of this machine to a build."""
    assert _shim(podman, "wait", "--condition=stopped", "x")[-1] == "wait --condition=stopped x"
    built = _shim(podman, "build", "--target", "api", ".")[-1]
    assert "build --network host --format docker --build-arg A=1 --target api ." in built


@pytest.mark.parametrize(("ci", "code"), [("true", 1), ("", 0)])
def test_a_missing_engine_fails_only_where_all_is_tested(
    ci: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On a laptop, the reason is printed and nothing fails."""
    monkeypatch.setenv("CI", ci)
    with pytest.raises(SystemExit) as ended:
        give_up("podman cannot be installed here")
    assert ended.value.code == code
    assert "podman cannot be installed here" in capsys.readouterr().err


def test_parts_of_the_compose_test_run_in_their_order() -> None:
    """Whatever the order of the words; all run if none is named."""
    assert composed.chosen(["pods", "milvus", "kill"]) == ["kill", "milvus", "pods"]
    assert composed.chosen([]) == [*composed.AFTER_README, *composed.ALONE]


def test_a_part_that_fails_is_named_and_the_others_run() -> None:
    """A whole run takes long, so each part is looked at; the run fails in the end."""

    def part(*lines: str, ends: Exception | None = None) -> Iterator[str]:
        yield from lines
        if ends:
            raise ends

    said: list[str] = []
    parts = [("kill", part("a", ends=AssertionError("one was lost"))), ("pods", part("b"))]
    with pytest.raises(ExceptionGroup, match="parts have failed") as failed:
        said.extend(composed.each(parts))
    assert [said[0], said[1], *said[3:]] == ["-- kill", "a", "-- pods", "b"]
    assert "one was lost" in said[2]
    assert "PARTS=kill" in said[2]
    assert len(failed.value.exceptions) == 1


def test_a_part_that_is_not_there_is_refused_with_those_that_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is installed or built."""
    monkeypatch.setattr(sys, "argv", ["composed", "kill", "lunch"])
    with pytest.raises(SystemExit) as ended:
        composed.main()
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "there is no part lunch" in said
    assert "kill, database" in said


def test_the_images_are_tried_that_the_dockerfile_builds() -> None:
    """Each target has its limit, or is the one whose CUDA has none."""
    from tests.engine.images import ABOVE_BASE

    stages = Dockerfile.read((SERVERS.parents[2] / "Dockerfile").read_text("utf-8")).stages
    assert set(ABOVE_BASE) | {"gpu"} <= set(stages)


SLIM = SERVERS.parents[2] / "docker" / "slim.py"


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """Return an environment with one package, which has tests and compiled files."""
    made = tmp_path / "venv"
    site = made / "lib/python3.11/site-packages"
    for name in ("seen/tests", "seen/__pycache__", "torch/include"):
        (site / name).mkdir(parents=True)
        (site / name / "x.py").write_text("", "utf-8")
    (site / "seen/__init__.py").write_text("import seen.part\n", "utf-8")
    (site / "seen/part.py").write_text("VALUE = 1\n", "utf-8")
    (site / "seen/other.py").write_text("", "utf-8")
    (made / "bin").mkdir()
    program = made / "bin/python"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={site} exec {sys.executable} "$@"\n', "utf-8")
    program.chmod(0o755)
    return made


def _slim(*words: str | Path) -> None:
    subprocess.run([sys.executable, SLIM, *words], check=True)


def test_slim_deletes_and_compiles_what_is_imported(environment: Path) -> None:
    """Tests and headers go; a module that nothing imports is not compiled."""
    _slim(environment, "seen")
    site = environment / "lib/python3.11/site-packages"
    assert {path.name for path in (site / "seen").iterdir()} == {
        "__init__.py",
        "__pycache__",
        "other.py",
        "part.py",
    }
    assert not (site / "torch/include").exists()
    compiled = {path.name.split(".")[0] for path in (site / "seen/__pycache__").iterdir()}
    assert compiled == {"__init__", "part"}


def test_slim_writes_the_same_bytes_whatever_the_date(environment: Path) -> None:
    """Compiled files have a hash of the source in place of its date."""
    site = environment / "lib/python3.11/site-packages/seen"
    _slim(environment, "seen")
    (compiled,) = (site / "__pycache__").glob("part.*")
    first = compiled.read_bytes()
    # Flags of the file: bit 0 says that a hash follows, bit 1 that it is compared (PEP 552).
    assert first[4:8] == b"\x01\x00\x00\x00"
    os.utime(site / "part.py", (0, 0))
    compiled.unlink()
    _slim(environment, "seen")
    assert compiled.read_bytes() == first


def test_slim_copies_what_is_new_to_a_layer(environment: Path, tmp_path: Path) -> None:
    """By when a file was made, not by its date, and at its whole path."""
    mark, layer = tmp_path / "mark", tmp_path / "layer"
    _slim(environment, "seen")
    mark.write_text("", "utf-8")
    site = environment / "lib/python3.11/site-packages"
    # The clock of a file system may be coarse: the file is written until it is newer.
    while (site / "new.py").exists() is False or (
        (site / "new.py").stat().st_ctime_ns <= mark.stat().st_ctime_ns
    ):
        (site / "new.py").write_text("", "utf-8")
    os.utime(site / "new.py", (0, 0))
    _slim("--layer", layer, "--since", mark, environment, "new")
    found = {path.name.split(".")[0] for path in layer.rglob("*") if path.is_file()}
    assert found == {"new"}
    assert (layer / site.relative_to("/") / "new.py").is_file()


def test_slim_fails_if_a_module_cannot_be_imported(environment: Path) -> None:
    """Else a library that was damaged would be found when an image starts."""
    done = subprocess.run(
        [sys.executable, SLIM, environment, "missing_module"], capture_output=True, check=False
    )
    assert done.returncode != 0
    assert b"missing_module" in done.stderr


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("redis:7.2-alpine", "localhost/redis:7.2-alpine"),
        ("prom/prometheus:v3.5.0", "localhost/prom/prometheus:v3.5.0"),
        ("registry.example.com/a/b:1", "registry.example.com/a/b:1"),
    ],
)
def test_an_image_has_the_name_that_podman_looks_for(name: str, found: str) -> None:
    """Of a name with a registry podman would ask that registry, if it was built under another."""
    assert local(name) == found
