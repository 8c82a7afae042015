"""The same videos at home and far away; the long form is `make test-scale`."""

from pathlib import Path

import pytest

from clipseek.demo.videos import make_videos
from tests.e2e import scale


@pytest.mark.long
def test_nothing_differs_far_away(tmp_path: Path) -> None:
    """S3, Ray, an inference server and Milvus give what one process gives."""
    make_videos(3, 6161, tmp_path / "videos")
    found = scale.compare(tmp_path / "videos", tmp_path)
    assert found["differences"] == []
    assert found["videos"] == 3
    assert found["hits"] > 100
