"""The URL of a Milvus, and what is said if it is wrong."""

from pathlib import Path

import pytest

from clipseek.config import Settings
from clipseek.config.index_url import MilvusAddress
from clipseek.errors import ConfigError
from clipseek.indexes import open_indexes
from clipseek.milvus import server
from clipseek.publishing import FolderStore, MilvusStore


@pytest.mark.parametrize(
    ("url", "expected", "shown"),
    [
        ("milvus://vectors", MilvusAddress("vectors"), "vectors:19530"),
        ("milvus://10.0.0.7:1/", MilvusAddress("10.0.0.7", 1), "10.0.0.7:1"),
        (
            "milvus+tls://m.example/films",
            MilvusAddress("m.example", 19530, is_secure=True, database="films"),
            "m.example:19530/films",
        ),
        ("milvus:///data/a%20b.db", MilvusAddress(file=Path("/data/a b.db")), "/data/a b.db"),
    ],
)
def test_a_url_is_read(url: str, expected: MilvusAddress, shown: str) -> None:
    """A server, a port, TLS and a database, or a file."""
    assert MilvusAddress.parse(url) == expected
    assert str(expected) == shown


@pytest.mark.parametrize(
    ("url", "said"),
    [
        pytest.param("http://vectors", "milvus://HOST", id="scheme"),
        pytest.param("milvus://", "milvus://HOST", id="nothing"),
        pytest.param("milvus:///data/a.txt", "NAME.db", id="file"),
        pytest.param("milvus+tls:///data/a.db", "milvus://HOST", id="file with TLS"),
        pytest.param("milvus://vectors/a/b", "milvus://HOST", id="two databases"),
        pytest.param("milvus://vectors:99999", "cannot be read", id="port"),
        pytest.param("milvus://vectors?token=hush", "milvus://HOST", id="query"),
        pytest.param("milvus://[::1]", "IPv4", id="IPv6"),
        pytest.param("milvus://root:hush@vectors", "CLIPSEEK_INDEX_TOKEN", id="password"),
    ],
)
def test_a_wrong_url_is_refused(url: str, said: str) -> None:
    """One sentence says what is expected, and no password is in it."""
    with pytest.raises(ConfigError, match="CLIPSEEK_INDEX_URL") as refused:
        Settings.load(index_url=url)
    assert said in str(refused.value)
    assert "hush" not in str(refused.value)


def test_the_setting_chooses_the_store(tmp_path: Path) -> None:
    """Without it indexes are files; with it they are in Milvus, which is not asked before a use."""
    for nothing in (None, ""):
        unset = Settings.load(data_dir=tmp_path, index_url=nothing)
        assert isinstance(open_indexes(unset, identity=str), FolderStore)
    settings = Settings.load(data_dir=tmp_path, index_url="milvus://nowhere.invalid:1")
    assert isinstance(open_indexes(settings, identity=str), MilvusStore)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("module", ["pymilvus", "milvus_lite"])
def test_an_extra_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    """What to install is said at the start, not with the first search."""
    monkeypatch.setattr(server, "find_spec", lambda name: None if name == module else name)
    settings = Settings.load(data_dir=tmp_path, index_url="milvus:///data/a.db")
    with pytest.raises(ConfigError, match=rf"{module} is not installed.*clipseek\[milvus\]"):
        open_indexes(settings, identity=str)
