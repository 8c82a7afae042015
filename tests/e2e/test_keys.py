"""The verb `keys`, and an open API that learns what it has done."""

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from clipseek.assembly import open_service
from clipseek.catalog import SqlKeys
from clipseek.catalog.database import Database
from clipseek.config import Settings
from clipseek.keys import digest_of
from indexer.cli import main
from tests.chaos.program import wait_until

Said = Callable[..., tuple[int, str, str]]


@pytest.fixture(params=["sqlite", "postgres"])
def indexer(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Said:
    """Return what runs the verb over an empty data folder, in each kind of database."""
    monkeypatch.setenv("CLIPSEEK_DATA_DIR", str(tmp_path / "data"))
    if request.param == "postgres":
        monkeypatch.setenv("CLIPSEEK_DATABASE_URL", request.getfixturevalue("bare_postgres_url"))

    def run(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(["keys", *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


ADD = ("add", "ann", "--scope", "search", "--collection", "default")


def test_a_key_is_shown_once_and_stored_as_its_hash(indexer: Said) -> None:
    """Its secret is the only line of the output; neither `list` nor the database has it."""
    code, out, err = indexer(*ADD, "--scope", "write", "--rate", "20/s", "--expires", "90d")
    assert code == 0
    (secret,) = out.split()
    assert secret not in err
    with closing(SqlKeys(Database.at(Settings.load().catalog_url))) as keys:
        (key,) = keys.keys()
    assert key.digest == digest_of(secret.encode())
    code, out, err = indexer("list", "--json")
    listed = json.loads(out)
    assert secret not in out
    assert key.digest not in out
    assert (listed["name"], listed["scopes"]) == ("ann", ["search", "write"])
    assert (listed["collections"], listed["expired"]) == (["default"], False)
    assert listed["rate"] == "20/s"
    assert listed["expires_at"] == key.expires_at


def test_a_key_for_all_collections_says_so(indexer: Said) -> None:
    """Both in the list and as null in its JSON."""
    indexer("add", "ops", "--scope", "admin", "--collection", "*")
    assert indexer("list")[1].splitlines()[1].split()[:3] == ["ops", "admin", "*"]
    assert json.loads(indexer("list", "--json")[1])["collections"] is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param((*ADD, "--collection", "*"), "leave the other names out", id="all-and-one"),
        pytest.param((*ADD, "--collection", "Ünder"), "a-z, 0-9", id="collection"),
        pytest.param((*ADD, "--rate", "20"), "such as 20/s, 600/m or 10000/h", id="rate"),
        pytest.param((*ADD, "--expires", "soon"), "such as 90d, 12h or 30m, got 'soon'", id="end"),
        pytest.param(
            ("add", "a b", "--scope", "search", "--collection", "*"), "got 'a b'", id="name"
        ),
        pytest.param(("revoke", "nobody"), "no key 'nobody'; `indexer keys list`", id="unknown"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    indexer: Said, arguments: tuple[str, ...], said: str
) -> None:
    """And no key is made."""
    code, out, err = indexer(*arguments)
    assert (code, out) == (2, "")
    assert said in err
    assert indexer("list")[1].startswith("there are no keys")


def test_a_name_is_taken_until_it_is_revoked(indexer: Said) -> None:
    """The sentence says what to do."""
    assert indexer(*ADD)[0] == 0
    code, _, err = indexer(*ADD)
    assert code == 2
    assert "indexer keys revoke ann" in err
    assert indexer("revoke", "ann")[:2] == (
        0,
        "revoked key ann; servers refuse it within two seconds\n",
    )
    assert indexer(*ADD)[0] == 0


def test_servers_learn_of_keys_by_themselves(indexer: Said) -> None:
    """A new one is taken and a revoked one refused without a restart."""
    settings = Settings.load(access="keys", allowed_hosts="testserver")
    with TestClient(create_app(open_service(settings))) as client:
        secret = indexer(*ADD)[1].strip()
        headers = {"Authorization": f"Bearer {secret}"}

        def status() -> int:
            return client.get("/v1/collections", headers=headers).status_code

        wait_until(lambda: status() == 200, "the key to be taken")
        indexer("revoke", "ann")
        wait_until(lambda: status() == 401, "the key to be refused")
