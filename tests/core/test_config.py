"""Settings: where they come from, and what a wrong one says."""

from pathlib import Path

import pytest

from clipseek.config import Settings
from clipseek.errors import ConfigError


def test_an_option_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """And None means that the option was not given."""
    monkeypatch.setenv("CLIPSEEK_WORKERS", "3")
    assert Settings.load().workers == 3
    assert Settings.load(workers=4).workers == 4
    assert Settings.load(workers=None).workers == 3


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        pytest.param("sample_fps", -1.0, "greater than 0, got -1.0", id="fps"),
        pytest.param("collection", "Über", "a-z", id="collection"),
        pytest.param("collection", "../up", "'../up'", id="traversal"),
        pytest.param("decoder", "vlc", "'pyav' or 'decord'", id="decoder"),
        pytest.param("api_port", 99999, "65535", id="port"),
        pytest.param("embedder_url", "embedder:8001", "got 'embedder:8001'", id="no-scheme"),
        pytest.param("embedder_url", "ftp://embedder:8001", "grpc://HOST:PORT", id="scheme"),
        pytest.param("embedder_url", "grpc://embedder", "grpc://HOST:PORT", id="no-port"),
        pytest.param("embedder_url", "grpc://embedder:8001/v2", "grpc://HOST:PORT", id="path"),
        pytest.param("embedder_url", "http://embedder:port", "http://HOST:PORT", id="no-number"),
        pytest.param("embedder_url", "http://embedder/?a=b", "without user, ?", id="query"),
        pytest.param("embedder_url", "http://embedder/a\r\nb", "HOST:PORT", id="lines"),
        pytest.param("embedder_sends", "pictures,sounds", "'pictures,sounds'", id="sends"),
        pytest.param("embedder_sends", " , ", "pictures, sentences or one of them", id="nothing"),
        pytest.param("embedder_batch", 0, "got 0", id="batch"),
    ],
)
def test_a_wrong_value_names_setting_value_and_expectation(
    name: str, value: object, expected: str
) -> None:
    """One sentence per wrong setting."""
    with pytest.raises(ConfigError, match=rf"CLIPSEEK_{name.upper()}: .*") as caught:
        Settings.load(**{name: value})
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_address_of_a_server_may_have_a_path_over_http() -> None:
    """A proxy may serve it below one; the slash at the end does not count."""
    for url in ("grpc://[::1]:8001", "grpcs://a.example:443", "https://a.example/models/x"):
        assert Settings.load(embedder_url=f"{url}/").embedder_url == url


def test_an_empty_address_names_no_server() -> None:
    """As a file of Compose sets it for a variable that is missing."""
    assert Settings.load(embedder_url="").embedder_url is None


def test_the_password_in_an_address_is_not_repeated() -> None:
    """The sentence says that there must be none."""
    with pytest.raises(ConfigError, match=r"CLIPSEEK_EMBEDDER_URL: .* without user") as caught:
        Settings.load(embedder_url="https://me:hush@a.example")
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("url", ["s3://me:hush@videos/a", "https://me:hush@a.example", "s3://a b"])
def test_the_password_in_the_url_of_a_bucket_is_not_repeated(url: str) -> None:
    """A wrong URL is refused, and what may be a password is not repeated."""
    with pytest.raises(ConfigError, match="it must be s3://BUCKET/PREFIX") as raised:
        Settings.load(store_url=url)
    assert "hush" not in str(raised.value)


def test_the_token_of_a_server_is_a_secret(tmp_path: Path) -> None:
    """It may be in a file, and no representation shows it."""
    (tmp_path / "token").write_text("hush\n")
    settings = Settings.load(embedder_token_file=tmp_path / "token")
    assert settings.embedder_token is not None
    assert settings.embedder_token.get_secret_value() == "hush"
    assert "hush" not in repr(settings)


def test_the_database_url_is_a_secret() -> None:
    """Its password shows in no representation."""
    settings = Settings.load(database_url="postgresql://me:hush@db/x")
    assert "hush" not in repr(settings)
    assert settings.catalog_url == "postgresql://me:hush@db/x"


def test_the_catalog_lies_in_the_data_folder_by_default(tmp_path: Path) -> None:
    """One folder holds everything."""
    assert Settings.load(data_dir=tmp_path).catalog_url == f"sqlite:///{tmp_path / 'catalog.db'}"


def test_a_secret_is_read_from_its_file(tmp_path: Path) -> None:
    """The end of the line is not a part of it, and no representation shows it."""
    (tmp_path / "url").write_text("postgresql://me:hush@db/x\n")
    settings = Settings.load(database_url_file=tmp_path / "url")
    assert settings.catalog_url == "postgresql://me:hush@db/x"
    assert "hush" not in repr(settings)


def test_a_variable_names_the_file_of_a_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As compose and Kubernetes mount them."""
    (tmp_path / "url").write_text("redis://:hush@cache/0")
    monkeypatch.setenv("CLIPSEEK_REDIS_URL_FILE", str(tmp_path / "url"))
    url = Settings.load().redis_url
    assert url is not None
    assert url.get_secret_value() == "redis://:hush@cache/0"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(None, "cannot be read (No such file or directory)", id="missing"),
        pytest.param(b" \n", "is empty", id="empty"),
        pytest.param(b"\xff\xfehush", "is not UTF-8 text", id="binary"),
    ],
)
def test_a_secret_that_cannot_be_had_is_one_sentence(
    tmp_path: Path, content: bytes | None, expected: str
) -> None:
    """It names the setting and the file, and never what the file holds."""
    file = tmp_path / "url"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"^CLIPSEEK_DATABASE_URL_FILE: ") as caught:
        Settings.load(database_url_file=file)
    assert f"the file {file} {expected}" in str(caught.value)
    assert "hush" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_secret_from_two_places_is_refused(tmp_path: Path) -> None:
    """Which one is meant cannot be known."""
    (tmp_path / "url").write_text("postgresql://me:hush@db/x")
    with pytest.raises(ConfigError, match=r"DATABASE_URL and .*_FILE are both set"):
        Settings.load(database_url="sqlite:///a", database_url_file=tmp_path / "url")


@pytest.mark.parametrize("name", ["data_dir", "accel_dir"])
def test_a_home_folder_is_expanded(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shell expands `~` in neither `NAME="~/x"` nor an environment file."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(f"CLIPSEEK_{name.upper()}", "~/x")
    assert getattr(Settings.load(), name) == tmp_path / "x"


def test_a_home_folder_is_expanded_for_a_secret_and_a_bundle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every setting that is a path."""
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "url").write_text("redis://cache/0")
    assert Settings.load(redis_url_file="~/url").redis_url is not None
    assert Settings.load(model="~/bundle").model == str(tmp_path / "bundle")
    assert Settings.load(model="ViT-B-32/openai").model == "ViT-B-32/openai"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("", "a path must not be empty", id="empty"),
        pytest.param("~nobody-at-all/x", "home folder", id="no such user"),
        pytest.param("/data\udcff", "UTF-8 text", id="bytes"),
    ],
)
def test_a_path_that_is_none_is_refused(path: str, expected: str) -> None:
    """An unset variable in a script must not put a library into the current folder."""
    with pytest.raises(ConfigError, match=f"CLIPSEEK_DATA_DIR: .*{expected}"):
        Settings.load(data_dir=path)


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Containers run as numbers that no one gave a home."""

    def nowhere() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nowhere)
    with pytest.raises(ConfigError, match="CLIPSEEK_DATA_DIR"):
        Settings.load()
    assert Settings.load(data_dir="/srv/x").data_dir == Path("/srv/x")


def test_what_is_skipped_is_a_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """With commas; an empty one is none."""
    monkeypatch.setenv("CLIPSEEK_SKIP", "hidden, *-proxy.mp4")
    assert Settings.load().skip == ("hidden", "*-proxy.mp4")
    monkeypatch.setenv("CLIPSEEK_SKIP", "")
    assert Settings.load().skip == ()


def test_a_mistyped_kind_is_not_taken_for_a_name() -> None:
    """It would leave nothing out, in silence."""
    with pytest.raises(ConfigError, match="'hiden' is not a kind, did you mean 'hidden'\\?"):
        Settings.load(skip="hiden,system")
    assert Settings.load(skip="@archive,raw").skip == ("@archive", "raw")


def test_fields_are_known_and_have_pictures() -> None:
    """A video without pictures could not be shown."""
    assert Settings.load(fields="subtitle, picture").fields == ("subtitle", "picture")
    assert Settings.load(fields="picture").fields == ("picture",)
    with pytest.raises(ConfigError, match="'subtitles' is not a field; the fields are picture, su"):
        Settings.load(fields="picture,subtitles")
    with pytest.raises(ConfigError, match="picture must be among the fields, got 'subtitle'"):
        Settings.load(fields="subtitle")


@pytest.mark.parametrize(
    ("given", "read"),
    [
        pytest.param("/clips", "/clips", id="plain"),
        pytest.param("/clips/", "/clips", id="slash at the end"),
        pytest.param("/a.b/c_d-e", "/a.b/c_d-e", id="two parts"),
        pytest.param("/", "", id="slash"),
        pytest.param("", "", id="empty"),
    ],
)
def test_a_root_path_has_no_slash_at_its_end(given: str, read: str) -> None:
    """So that a path can be put after it."""
    assert Settings.load(root_path=given).root == read


@pytest.mark.parametrize(
    "given",
    [
        "clips",
        "//evil.example",
        "/a//b",
        "/..",
        "/a/../b",
        "/.",
        "/a?b",
        "/a#b",
        "/a b",
        "/a%2e",
        "https://a",
    ],
)
def test_a_root_path_that_is_none_is_refused(given: str) -> None:
    """It is the prefix of every link, so it must lead nowhere else."""
    with pytest.raises(ConfigError, match="CLIPSEEK_ROOT_PATH: a path begins with /"):
        Settings.load(root_path=given)


def test_allowed_hosts_are_names() -> None:
    """Lower case, without the dot at their end; empty parts are left out."""
    loaded = Settings.load(allowed_hosts=" Videos.Example. ,,box, * ")
    assert loaded.allowed_hosts == ("videos.example", "box", "*")
    with pytest.raises(ConfigError, match="a name without scheme and port"):
        Settings.load(allowed_hosts="http://videos.example")
    with pytest.raises(ConfigError, match="a name without scheme and port"):
        Settings.load(allowed_hosts="videos.example:80")


def test_hosts_of_urls_are_names_with_ports() -> None:
    """In lower case; a scheme or a path is refused, and so is a star alone."""
    loaded = Settings.load(fetch_hosts="Videos.Example, *.b.example:8443,")
    assert loaded.fetch_hosts == ("videos.example", "*.b.example:8443")
    for wrong in ("https://a.example", "a.example/v", "*", "a.*.example", "a.example:0"):
        with pytest.raises(ConfigError, match="a host is a name such as"):
            Settings.load(fetch_hosts=wrong)
