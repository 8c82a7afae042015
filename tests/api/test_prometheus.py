"""`indexer report --prometheus` reads a real Prometheus that scrapes the API."""

import json
import shutil
from pathlib import Path
from urllib.parse import quote

from api.app import create_app
from clipseek.testing import MemoryCatalog
from indexer import prometheus
from tests.api.library import Library
from tests.api.server import serving
from tests.chaos.client import Client
from tests.chaos.program import Program, wait_until
from tests.contracts.postgres import free_port
from tests.lacking import lacking

SEARCHES = 4


def test_a_report_reads_what_prometheus_has_counted(tmp_path: Path) -> None:
    """Each search is counted with its time; what nobody has published is not known."""
    program = shutil.which("prometheus")
    if program is None:
        lacking("no prometheus on PATH; `make servers` installs it")
    library, port = Library(tmp_path, MemoryCatalog()), free_port()
    library.add("sea.mp4", ["blue"])
    with serving(create_app(library.service())) as api:
        client, asked = Client(int(api.rpartition(":")[2])), Client(port)
        server = Program(
            "prometheus", [str(program), *_options(tmp_path, api, port)], tmp_path / "log", {}
        )
        server.start()
        try:
            # What is there with the first scrape has not increased.
            wait_until(lambda: _asked(asked, "clipseek_http_requests_total") > 0, "a first scrape")
            for number in range(SEARCHES):
                assert client.search(f"blue {number}").status == 200
            count = 'clipseek_http_request_seconds_count{route="/v1/search"}'
            wait_until(lambda: _asked(asked, count) == SEARCHES, "all searches")
            assert client.search("red").status == 200
            wait_until(lambda: _asked(asked, count) == SEARCHES + 1, "one more")
            found = dict(prometheus.figures(f"http://127.0.0.1:{port}", days=1, target_s=0.5))
        finally:
            server.end()
            client.close()
            asked.close()
    assert int(found["searches in 1 days"].replace(",", "")) >= 1
    assert 0 <= float(found["of them within 0.5 s"].rstrip("%")) <= 100
    assert found["requests without an error of the server"] == "100.000%"
    assert found["freshness: the oldest view in use, 95 % of the time at most"].endswith(" s")
    assert found["the newest snapshot is at most this old"] == "not known"


def _options(folder: Path, api: str, port: int) -> list[str]:
    """Return the options of a Prometheus that scrapes an API five times a second."""
    target = {"targets": [api.removeprefix("http://")]}
    scrape = {"job_name": "clipseek-api", "scrape_interval": "200ms", "static_configs": [target]}
    config = folder / "prometheus.yml"
    config.write_text(json.dumps({"scrape_configs": [scrape]}), "utf-8")  # JSON is YAML
    return [
        f"--config.file={config}",
        f"--storage.tsdb.path={folder / 'series'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]


def _asked(client: Client, query: str) -> float:
    """Return the sum of what is found; 0 of nothing, and before it listens."""
    answer = client.ask("GET", f"/api/v1/query?query={quote(f'sum({query})')}")
    found = answer.body["data"]["result"] if answer.status == 200 else []
    return float(found[0]["value"][1]) if found else 0.0
