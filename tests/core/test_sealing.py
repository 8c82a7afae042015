"""URLs of cameras are encrypted, by a key that can be replaced."""

import pytest

from clipseek.config import Settings
from clipseek.errors import ConfigError
from clipseek.live.sealing import Seal, new_key

URL = "rtsp://ann:secret@cam.example/live"


def test_a_sealed_url_is_read_with_its_key() -> None:
    """And nothing of it can be read without."""
    seal = Seal(new_key())
    sealed = seal.seal(URL, epoch="e1")
    assert b"secret" not in sealed
    assert seal.unseal(sealed, camera="yard", epoch="e1") == URL


def test_another_key_does_not_open_it() -> None:
    """The error says what to do, and nothing of the URL."""
    sealed = Seal(new_key()).seal(URL, epoch="e1")
    with pytest.raises(ConfigError, match="'yard' was encrypted by another key") as refused:
        Seal(new_key()).unseal(sealed, camera="yard", epoch="e1")
    assert "secret" not in str(refused.value)


def test_the_url_of_another_camera_is_not_opened() -> None:
    """Who can write rows cannot send the password of one camera to the host of another."""
    seal = Seal(new_key())
    with pytest.raises(ConfigError, match="another key"):
        seal.unseal(seal.seal(URL, epoch="e1"), camera="yard", epoch="e2")


def test_keys_rotate() -> None:
    """The new one encrypts; the former one still opens what it has sealed."""
    old, new = new_key(), new_key()
    before = Seal(old).seal(URL, epoch="e1")
    both = Seal(f"{new},\n{old}\n")
    assert both.unseal(before, camera="yard", epoch="e1") == URL
    after = both.seal(URL, epoch="e1")
    assert Seal(new).unseal(after, camera="yard", epoch="e1") == URL


@pytest.mark.parametrize("key", ["hunter2", "s" * 44, ",", "€" * 43 + "="])
def test_what_is_no_key_is_refused(key: str) -> None:
    """It is not repeated."""
    with pytest.raises(ConfigError, match="CLIPSEEK_CAMERA_KEY must be keys") as refused:
        Seal(key)
    assert key == "," or key not in str(refused.value)


def test_without_a_key_it_is_said_how_to_make_one() -> None:
    """Because any URL may contain a password, there are no cameras without a key."""
    with pytest.raises(ConfigError, match="`indexer cameras key` prints a new key"):
        Seal.of(Settings.load())
    assert Seal.of(Settings.load(camera_key=new_key())).seal(URL, epoch="e")


@pytest.mark.parametrize(
    ("listed", "hosts"),
    [
        ("", ()),
        ("*", ("*",)),
        ("Cam.example, *.lan:8554", ("cam.example", "*.lan:8554")),
        ("192.168.7.0/24,fd00::/8", ("192.168.7.0/24", "fd00::/8")),
    ],
    ids=["none", "all", "names", "networks"],
)
def test_hosts_of_cameras_are_names_and_networks(listed: str, hosts: tuple[str, ...]) -> None:
    """As the setting is written."""
    assert Settings.load(camera_hosts=listed).camera_hosts == hosts


@pytest.mark.parametrize("listed", ["192.168.7.1/24", "rtsp://cam", "a b", "10.0.0.0/99"])
def test_another_host_of_cameras_is_refused(listed: str) -> None:
    """With the value and what is expected."""
    with pytest.raises(ConfigError, match=r"CLIPSEEK_CAMERA_HOSTS: .*such as"):
        Settings.load(camera_hosts=listed)
