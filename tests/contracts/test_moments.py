"""Reads that take two statements see one moment, whatever is committed between them."""

from collections.abc import Callable

import pytest

from clipseek.catalog import SqlCatalog, SqlReader
from clipseek.errors import VideoNotFound
from clipseek.types import Video
from tests.contracts.catalogs import a_video


def test_segments_of_a_video_that_comes_meanwhile(
    sql_catalog: SqlCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has its segments or is not there: never is it there without them."""
    look: Callable[[SqlReader, str, str], Video] = SqlReader.video

    def late(catalog: SqlReader, collection: str, video_id: str) -> Video:
        a_video("new").put_into(sql_catalog)
        return look(catalog, collection, video_id)

    monkeypatch.setattr(SqlReader, "video", late)
    with pytest.raises(VideoNotFound):
        sql_catalog.segments("default", "new")
    assert len(sql_catalog.segments("default", "new")) == 3
