"""docker/store.compose.yml: an object store with a bucket, and what our programs need to ask it."""

import re
import subprocess
from pathlib import Path

import pytest

from clipseek.config import PREFIX, Settings
from tests.deploy.compose import ROOT, Compose, Service, interpolated, overlay

COMPOSE = Compose()
SAID = overlay("store")
STORE = Service("store", SAID["services"]["store"])
OURS = ("api", "worker", "recorder", "indexer", "migrate")
KEY = 'AWS_SECRET_ACCESS_KEY="$(cat /run/secrets/store_secret)" exec "$0" "$@"'


def test_the_store_is_locked_up_and_its_version_is_named() -> None:
    """As every other service, and nobody outside reaches it."""
    for name in ("read_only", "cap_drop", "security_opt", "init", "restart"):
        assert STORE.said[name] == COMPOSE["postgres"].said[name]
    assert re.search(r":v\d+\.\d+\.\d+$", STORE.said["image"])
    assert STORE.said["networks"] == ["inside"]
    assert "ports" not in STORE.said
    assert set(STORE.said["deploy"]["resources"]["limits"]) == {"cpus", "memory"}


def test_the_bucket_is_there_from_the_first_start() -> None:
    """It is a folder below that of the store, and its volume belongs to the user of the store."""
    (mount,) = STORE.mounts
    folder, _, bucket = mount.target.rpartition("/")
    assert STORE.command[-1].endswith(f" posix {folder}")
    assert _address()["CLIPSEEK_STORE_URL"].startswith(f"s3://{bucket}/")
    volumes = dict(each.split(":") for each in SAID["services"]["migrate"]["volumes"])
    (line,) = re.findall(
        r"install --directory --owner=10001 --group=10001 .*", (ROOT / "Dockerfile").read_text()
    )
    assert {volumes[mount.source], volumes["fetched"]} <= set(line.split())
    assert STORE.said["user"] == "10001:10001"
    assert STORE.depends_on == {"migrate": "service_completed_successfully"}


@pytest.mark.parametrize("name", OURS)
def test_our_programs_ask_the_store(name: str) -> None:
    """By its name and port, and with the key in a variable of the process alone."""
    service = SAID["services"][name]
    address = _address(name)
    assert address["AWS_ENDPOINT"] == f"http://{STORE.name}:{STORE.said['expose'][0]}"
    assert address["AWS_ACCESS_KEY_ID"] == STORE.environment["ROOT_ACCESS_KEY"]
    shell, option, script, *program = [interpolated(word, {}) for word in service["entrypoint"]]
    assert [shell, option, script] == ["sh", "-c", KEY]
    assert program == COMPOSE[name].said["entrypoint"]
    assert service["secrets"] == STORE.secrets == ["store_secret"]
    assert name == "migrate" or service["depends_on"]["store"] == {"condition": "service_healthy"}
    given = {
        each.removeprefix(PREFIX).lower(): value
        for each, value in address.items()
        if each.startswith(PREFIX)
    }
    assert Settings.load(**given).store_url == "s3://clipseek/index"


def test_replicas_fetch_into_a_volume_that_they_may_write() -> None:
    """Their root and the folder of data are read-only."""
    api = SAID["services"]["api"]
    assert f"fetched:{api['environment']['CLIPSEEK_STORE_DIR']}" in api["volumes"]


def test_the_key_reaches_the_program_and_not_its_arguments(tmp_path: Path) -> None:
    """The shell is replaced by the program, which gets the words that follow."""
    secret = tmp_path / "store_secret"
    secret.write_text("a b$c", "utf-8")
    script = KEY.replace("/run/secrets/store_secret", str(secret))
    shown = 'printf "%s|%s" "$AWS_SECRET_ACCESS_KEY" "$*"'
    done = subprocess.run(
        ["sh", "-c", script, "sh", "-c", shown, "-", "ingest", "/videos"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "a b$c|ingest /videos"


def _address(name: str = "api") -> dict[str, str]:
    return {
        key: interpolated(value, {}) for key, value in SAID["services"][name]["environment"].items()
    }
