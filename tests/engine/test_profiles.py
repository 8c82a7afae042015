"""What the containers of profiles and of an upgrade are made of, where no engine runs."""

import os
import re
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

from tests.deploy.compose import Compose, overlay
from tests.deploy.manifests import rendered
from tests.engine import pods, upgrade
from tests.engine.base import PROFILES
from tests.engine.context import PLANTED
from tests.engine.engine import ROOT
from tests.engine.stack import BIN, PROFILE_IMAGES
from tests.engine.stack import PROFILES as STARTED

COMPOSE = Compose()


def test_there_is_a_stand_in_for_each_server_of_a_profile() -> None:
    """Under the name of its image; our own programs need none, and Grafana has no package."""
    stages = set(
        re.findall(r"^FROM base AS (\w+)$", (PROFILES / "Containerfile").read_text(), re.MULTILINE)
    )
    assert stages == set(PROFILE_IMAGES)
    of_profiles = {
        service.name
        for service in COMPOSE
        if set(service.said.get("profiles", ())) & set(STARTED) and "build" not in service.said
    }
    added = overlay("store")["services"].keys() - COMPOSE.said["services"].keys()
    assert (of_profiles | added) - {"prometheus", "grafana"} == stages - {"camera"}


@pytest.mark.parametrize("name", ["embedder", "milvus"])
def test_a_stand_in_answers_to_the_name_of_the_program(name: str) -> None:
    """Which the command of the service starts."""
    text = (PROFILES / "Containerfile").read_text("utf-8").split(f"AS {name}\n")[1].split("FROM")[0]
    programs = re.findall(r" /usr/local/bin/(\w+)$", text, re.MULTILINE)
    words = " ".join(COMPOSE[name].command)
    assert re.search(rf"\b{programs[0]}\b", words)


def test_each_stage_that_installs_has_the_arguments_of_pip() -> None:
    """Buildah does not pass those of another stage on, and a company's certificates are needed."""
    for stage in (PROFILES / "Containerfile").read_text("utf-8").split("\nFROM ")[1:]:
        if " install --no-cache-dir" in stage:
            before = stage.split("RUN")[0]
            assert "\nARG PIP_CERT=\n" in before, stage
            assert "\nARG PIP_INDEX_URL=\n" in before, stage


def test_the_stand_in_of_milvus_has_what_its_server_imports() -> None:
    """Milvus Lite serves by the messages of pymilvus, and does not require it."""
    stage = (PROFILES / "Containerfile").read_text("utf-8").split("AS milvus\n")[1].split("FROM")[0]
    pinned = dict(re.findall(r"'([a-z-]+)==([\d.]+)'", stage))
    assert pinned.keys() == {"milvus-lite", "pymilvus"}
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    assert {f"{name}=={version}" for name, version in pinned.items()} <= set(lines)


def test_a_config_map_takes_the_place_of_a_secret_that_is_not_decoded() -> None:
    """Podman 4.3 gave `indexer migrate` the base64 of its URL, and it ended with 2."""
    secret = {"kind": "Secret", "metadata": {"name": "store"}, "data": {"url": "aGVsbG8="}}
    assert pods.given_to_pods(secret, encoded=False) == secret
    made = pods.given_to_pods(secret, encoded=True)
    assert (made["kind"], made["data"]) == ("ConfigMap", {"url": "hello"})
    pod = rendered("minimal").pod("migrate")
    images: dict[str, str] = defaultdict(str)
    volumes = pods.playable(pod, "migrate", images, "", encoded=True)["spec"]["volumes"]
    (given,) = [each["configMap"] for each in volumes if "configMap" in each]
    assert given["name"] == made["metadata"]["name"]
    assert "secretName" not in given
    assert not any("secret" in each for each in volumes)


def test_two_pods_of_the_api_do_not_take_the_same_port() -> None:
    """Podman 4.3 publishes the ports of a container; the second pod could not start."""
    images: dict[str, str] = defaultdict(str)
    made = pods.playable(rendered("minimal").pod("api"), "api", images, "")
    assert not any("ports" in container for container in made["spec"]["containers"])


def test_the_copy_for_an_upgrade_leaves_the_installation_alone(tmp_path: Path) -> None:
    """Its passwords and its `.env` are those of the person who installed it.

    A file that is in the repository no more is gone.
    """
    for name in PLANTED:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("mine", "utf-8")
    (tmp_path / "nginx").mkdir()
    (tmp_path / "nginx/old.conf").write_text("old", "utf-8")
    upgrade.pull(tmp_path, ["nginx", "nginx/old.conf"])
    assert (tmp_path / "Dockerfile").read_bytes() == (ROOT / "Dockerfile").read_bytes()
    assert not (tmp_path / "nginx/old.conf").exists()
    assert all((tmp_path / name).read_text("utf-8") == "mine" for name in PLANTED)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """Return a repository of three commits, of which the second changes the schema."""
    folder = tmp_path / "clone"
    (folder / upgrade.SCHEMA).mkdir(parents=True)
    _git(tmp_path, "init", "--quiet", str(folder))
    for number, name in enumerate(
        [f"{upgrade.SCHEMA}/one.py", f"{upgrade.SCHEMA}/one.py", "other"]
    ):
        (folder / name).write_text(str(number), "utf-8")
        _git(folder, "add", ".")
        _git(folder, "commit", "--quiet", "--message", f"Write {number}")
    return folder


def test_before_a_release_the_last_change_of_the_schema_is_upgraded(clone: Path) -> None:
    """A release takes its place, the newest that the clone comes from."""
    assert (ROOT / upgrade.SCHEMA).is_dir()
    assert upgrade.since(clone) == _git(clone, "rev-parse", "HEAD~1")
    elsewhere = _git(clone, "commit-tree", "HEAD^{tree}", "-m", "Write elsewhere")
    tags = {"v0.1.0": "HEAD~2", "v0.9.0": "HEAD~1", "v0.10.0": "HEAD", "x": "HEAD"}
    for tag, commit in {**tags, "v1.0.0": elsewhere}.items():
        _git(clone, "tag", tag, commit)
    assert upgrade.since(clone) == "v0.10.0"


def test_a_clone_without_its_history_is_not_upgraded(
    clone: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its only commit would be taken for the last change, and be upgraded to itself."""
    shallow = tmp_path / "shallow"
    _git(tmp_path, "clone", "--quiet", "--depth=1", f"file://{clone}", str(shallow))
    with pytest.raises(SystemExit):
        upgrade.since(shallow)
    assert "git fetch --unshallow --tags" in capsys.readouterr().err


def _git(folder: Path, *words: str) -> str:
    """Run git as nobody in particular, without the settings of this machine."""
    who = {
        f"GIT_{part}_{key}": "somebody@example.com"
        for part in ("AUTHOR", "COMMITTER")
        for key in ("NAME", "EMAIL")
    }
    done = subprocess.run(
        ["git", "-C", folder, *words],
        env={"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, **who},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


def test_files_of_compose_come_before_the_profile(tmp_path: Path) -> None:
    """As podman-compose reads them, for `run` and for the other commands."""
    composer = tmp_path / "composer"
    composer.write_text('#!/bin/sh\necho "$@"\n', "utf-8")
    composer.chmod(0o755)

    def said(*words: str) -> str:
        done = subprocess.run(
            [BIN / "docker", "compose", *words],
            env={"PATH": os.environ["PATH"], "CLIPSEEK_TEST_COMPOSER": str(composer)},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    assert said("-f", "a", "-f", "b", "run", "--rm", "indexer", "a b") == (
        "-f a -f b --profile indexer run --no-deps --rm indexer a b"
    )
    assert said("-f", "a", "up") == "-f a up"
    assert said("--profile", "x", "up", "--detach") == "--profile x up --detach"
