"""Which cameras may be added over HTTP."""

import pytest

from clipseek.errors import UrlNotAllowed
from clipseek.live.hosts import require_listed

HOSTS = ("cam.example", "*.lan:8554", "192.168.7.0/24", "fd00::/8")


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://ann:p@cam.example/live",
        "rtsp://cam.example:554/live",
        "http://cam.example./mjpeg",
        "rtsp://a.b.lan:8554/",
        "rtsp://192.168.7.9:9999/",
        "https://[fd00::7]/x.m3u8",
    ],
)
def test_a_host_that_is_listed_is_allowed(url: str) -> None:
    """By its name with the port of the scheme or its own, or in a network with any."""
    require_listed(url, HOSTS)
    require_listed(url, ("*",))


@pytest.mark.parametrize(
    "url",
    [
        "rtsp://cam.example:8554/live",
        "rtsp://other.example/",
        "rtsp://evil-cam.example/",
        "rtsp://lan:8554/",
        "rtsp://evillan:8554/",
        "rtsp://192.168.8.9/",
        "rtsp://3232237321/",
        "rtsp://[::ffff:192.168.7.9]/",
        "rtsp://cam.example@169.254.169.254/",
    ],
)
def test_another_host_is_refused(url: str) -> None:
    """It is said what an operator can do; only the host is repeated."""
    with pytest.raises(UrlNotAllowed, match="CLIPSEEK_CAMERA_HOSTS"):
        require_listed(url, HOSTS)
    with pytest.raises(UrlNotAllowed):
        require_listed(url, ())
