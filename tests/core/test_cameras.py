"""What may be said of a camera, and how recorders share cameras."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipseek.cameras import (
    Camera,
    CameraState,
    address_of,
    camera_name,
    duration_s,
    shares,
    size_bytes,
)


@pytest.mark.parametrize(
    ("url", "seen"),
    [
        ("rtsp://ann:secret@cam.example:8554/live?token=x", "rtsp://cam.example:8554/live"),
        ("rtsp://cam.example", "rtsp://cam.example/"),
        ("rtsp://cam.example:554/a", "rtsp://cam.example/a"),
        ("https://ann:p%40ss@[2001:db8::1]:444/x.m3u8", "https://[2001:db8::1]:444/x.m3u8"),
        ("RTSP://CAM.example/A", "rtsp://cam.example/A"),
    ],
    ids=["all", "host", "port", "ipv6", "case"],
)
def test_people_see_no_password(url: str, seen: str) -> None:
    """Nor the user, nor the query, which may have a token."""
    assert address_of(url) == seen


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "1 to 2048 characters, got 0"),
        ("rtsp://a/" + "s" * 2048, "1 to 2048 characters, got 2057"),
        ("file:///secret", "begins with rtsp://"),
        ("/dev/video0", "begins with rtsp://"),
        ("rtsp:///secret", "a host"),
        ("rtsp://a/secret x", "without spaces"),
        ("rtsp://u:secret/x@a/", "cannot be read"),
        ("rtsp://u:secret@a:0/", "port above 0"),
        ("rtsp://a/#secret", "no fragment"),
        ("rtsp://[secret/", "cannot be read"),
    ],
    ids=[
        "empty",
        "long",
        "file",
        "device",
        "host",
        "space",
        "slash",
        "port",
        "fragment",
        "bracket",
    ],
)
def test_what_is_no_camera_is_refused(url: str, said: str) -> None:
    """In a sentence that does not repeat the URL, because a password may be in it."""
    with pytest.raises(ValueError, match=said) as refused:
        address_of(url)
    assert "secret" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_device_is_named_on_its_machine_alone() -> None:
    """And no other file is a device of video."""
    assert address_of("/dev/video0", devices=True) == "/dev/video0"
    for other in ("/dev/sda", "/dev/video0/../sda", "/dev/video"):
        with pytest.raises(ValueError, match="begins with"):
            address_of(other, devices=True)


@pytest.mark.parametrize("name", ["", "Yard", "a b", "../x", "a" * 65, "-a", "ä", "a\n"])
def test_a_name_is_plain(name: str) -> None:
    """It is part of uris and of metrics."""
    with pytest.raises(ValueError, match="the name of a camera has 1 to 64 of"):
        camera_name(name)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"fps": 0.0}, "fps must be > 0 and <= 30, got 0"),
        ({"fps": 31.0}, "got 31"),
        ({"fps": float("nan")}, "got nan"),
        ({"retain_s": 59.0}, "retain_s must be from 60"),
        ({"retain_bytes": 0}, "retain_bytes must be from 1"),
        ({"retain_bytes": 2**63}, "retain_bytes must be from 1"),
    ],
    ids=["zero", "fast", "nan", "short", "nothing", "huge"],
)
def test_limits_are_told(settings: dict[str, float], said: str) -> None:
    """With the name, the value and what is expected."""
    with pytest.raises(ValueError, match=said):
        Camera("yard", "default", "rtsp://a/", b"", **settings)  # type: ignore[arg-type]  # int or float


def test_a_url_is_in_no_text_of_a_camera() -> None:
    """What is logged by mistake shows nothing of it, not even encrypted."""
    assert "gAAAA" not in repr(Camera("yard", "default", "rtsp://a/", b"gAAAAsealed"))


def test_a_state_has_a_known_status() -> None:
    """The database and the answers have no other."""
    with pytest.raises(ValueError, match="one of waiting, connecting"):
        CameraState("asleep")  # type: ignore[arg-type]  # that is the point


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("7d", 604800), ("12h", 43200), ("30m", 1800), ("90s", 90), ("4w", 2419200)],
)
def test_a_time_is_a_number_with_a_unit(text: str, seconds: float) -> None:
    """As people write it."""
    assert duration_s(text) == seconds


@pytest.mark.parametrize(
    ("text", "count"), [("100G", 10**11), ("5", 5), ("3K", 3000), ("1T", 10**12)]
)
def test_a_size_is_a_number_of_bytes(text: str, count: int) -> None:
    """In powers of 1000."""
    assert size_bytes(text) == count


@pytest.mark.parametrize("text", ["", "7", "d", "-1d", "1.5d", "7 d", "0d", "7D"])
def test_another_time_is_refused(text: str) -> None:
    """It says what a time is."""
    with pytest.raises(ValueError, match="4w, 7d, 12h"):
        duration_s(text)


@pytest.mark.parametrize("text", ["", "G", "-1", "1.5G", "1 G", "0", "1g", "1GB"])
def test_another_size_is_refused(text: str) -> None:
    """It says what a size is."""
    with pytest.raises(ValueError, match="such as 100G"):
        size_bytes(text)


_RECORDERS = st.dictionaries(
    st.text("abcdef", min_size=1, max_size=3),
    st.tuples(st.integers(0, 20), st.integers(0, 20)),
    max_size=6,
)


@given(st.integers(0, 60), _RECORDERS)
def test_shares_are_equal_as_far_as_limits_allow(
    cameras: int, recorders: dict[str, tuple[int, int]]
) -> None:
    """Every camera is run, if one can; who has less than others is at its limit, or has 1 less."""
    given = shares(cameras, recorders)
    limits = {name: most for name, (most, _) in recorders.items()}
    assert sum(given.values()) == min(cameras, sum(limits.values()))
    assert all(0 <= given[name] <= limits[name] for name in limits)
    most = max(given.values(), default=0)
    assert all(given[name] >= min(limits[name], most - 1) for name in limits)


def test_no_camera_moves_needlessly() -> None:
    """Of 5 cameras, the recorder that holds 3 keeps 3."""
    assert shares(5, {"a": (9, 2), "b": (9, 3)}) == {"a": 2, "b": 3}
    assert shares(5, {"a": (9, 3), "b": (9, 2)}) == {"a": 3, "b": 2}
