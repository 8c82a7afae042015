"""The profile `milvus` of docker-compose.yml, and what our programs need to ask that server."""

import re
from pathlib import Path

import pytest

from clipseek.config import Settings
from clipseek.config.index_url import MilvusAddress
from tests.deploy.compose import FILE, ROOT, Compose

COMPOSE = Compose()


def test_a_new_volume_of_milvus_belongs_to_its_user() -> None:
    """Our image has the folder, `migrate` mounts it first, and nothing is copied over it."""
    milvus = COMPOSE["milvus"]
    assert milvus.depends_on == {"migrate": "service_completed_successfully"}
    ((mount, said),) = zip(milvus.mounts, milvus.said["volumes"], strict=True)
    assert said["volume"] == {"nocopy": True}
    assert mount in COMPOSE["migrate"].mounts
    user, group = milvus.said["user"].split(":")
    (line,) = re.findall(
        rf"install --directory --owner={user} --group={group} .*",
        (ROOT / "Dockerfile").read_text("utf-8"),
    )
    assert line.split()[-1] == mount.target
    assert milvus.environment["ETCD_DATA_DIR"].startswith(f"{mount.target}/")


@pytest.mark.parametrize("name", ["api", "indexer", "worker"])
def test_our_programs_ask_the_milvus_of_the_profile(name: str, tmp_path: Path) -> None:
    """If the address at the top of the file is given; its token is of the user who is made."""
    (url,) = re.findall(r"CLIPSEEK_INDEX_URL +.*; (\S+) is that of", FILE.read_text("utf-8"))
    environment = Compose({"CLIPSEEK_INDEX_URL": url})[name].environment
    token = tmp_path / "token"
    token.write_text("root:x", "utf-8")
    settings = Settings.load(
        index_url=environment["CLIPSEEK_INDEX_URL"], index_token_file=str(token)
    )
    assert settings.index_url is not None
    address = MilvusAddress.parse(settings.index_url)
    assert address.host == "milvus"
    assert str(address.port) in COMPOSE["milvus"].said["expose"]
    assert not address.database, "a new Milvus has no database but its own"
    assert environment["CLIPSEEK_INDEX_TOKEN_FILE"] == "/run/secrets/milvus_token"
    assert set(COMPOSE[name].said["networks"]) & set(COMPOSE["milvus"].said["networks"])


def test_milvus_asks_for_the_password() -> None:
    """That of the file, which its command reads; without the switch it would let everybody in."""
    milvus = COMPOSE["milvus"]
    assert milvus.environment["COMMON_SECURITY_AUTHORIZATIONENABLED"] == "true"
    password = (
        'COMMON_SECURITY_DEFAULTROOTPASSWORD="$(cat /run/secrets/milvus_password)" exec milvus'
    )
    assert password in milvus.command[-1]
