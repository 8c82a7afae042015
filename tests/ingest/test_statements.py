"""How many statements an ingest of one more video costs: much of what a short one costs."""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import Engine

from clipseek.catalog import SqlCatalog
from tests.ingest.test_threads import _file, _run, _tools

VIDEOS = 6


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Yield how often statements begin with what, and how often something is committed."""
    counts: Counter[str] = Counter()

    def executed(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        counts[" ".join(statement.split()[:3])] += 1

    def committed(_connection: Any) -> None:
        counts["COMMIT"] += 1

    event.listen(Engine, "before_cursor_execute", executed)
    event.listen(Engine, "commit", committed)
    try:
        yield counts
    finally:
        event.remove(Engine, "before_cursor_execute", executed)
        event.remove(Engine, "commit", committed)


def test_claims_of_a_video_end_in_one_statement(tmp_path: Path) -> None:
    """It is claimed by its uri and by its content, and stored with both claims: three commits."""
    paths = [_file(tmp_path, f"{number}.mp4", f"r{number + 1}") for number in range(VIDEOS)]
    with closing(SqlCatalog.open(f"sqlite:///{tmp_path}/catalog.db")) as catalog:
        tools = _tools(tmp_path, catalog)
        with counted() as counts:
            reports = _run(tools, paths)
    assert {report.state for report in reports} == {"indexed"}
    assert counts["INSERT INTO claims"] == 2 * VIDEOS
    assert counts["DELETE FROM claims"] == VIDEOS + 1  # and once, what a run leaves
    assert counts["COMMIT"] <= 3 * VIDEOS + 2  # and a sign of life
