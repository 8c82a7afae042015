"""What the containers of profiles and of an upgrade are made of, where no engine runs."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.deploy.compose import Compose, overlay
from tests.engine import upgrade
from tests.engine.base import PROFILES
from tests.engine.context import PLANTED, copy_files
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


def test_the_copy_for_an_upgrade_leaves_the_installation_alone(tmp_path: Path) -> None:
    """Its passwords and its `.env` are those of the person who installed it."""
    for name in PLANTED:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("mine", "utf-8")
    copy_files(tmp_path)
    assert (tmp_path / "Dockerfile").read_bytes() == (ROOT / "Dockerfile").read_bytes()
    assert all((tmp_path / name).read_text("utf-8") == "mine" for name in PLANTED)


def test_the_commit_that_is_upgraded_has_the_schema_of_this_one() -> None:
    """Before the first release; a tag of a release takes its place."""
    git = ["git", "-C", str(ROOT)]
    if subprocess.run([*git, "rev-parse", "-q", "HEAD~1"], capture_output=True).returncode:
        pytest.skip("this clone has one commit; fetch its history")
    commit = upgrade.since()
    if not commit.startswith("v"):
        changed = [*git, "diff", "--quiet", commit, "HEAD", "--", *upgrade.SCHEMA]
        assert subprocess.run(changed, check=False).returncode == 0


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
