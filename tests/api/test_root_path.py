"""The API below a path: its links, its page and its documentation lead to what is there."""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx2 as httpx
import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.pages import STATIC
from clipseek.testing import DictCache
from tests.api.library import Library
from tests.api.server import serving
from tests.chaos.conftest import require_programs
from tests.chaos.program import wait_until
from tests.contracts.postgres import free_port

Fetch = Callable[..., httpx.Response]
ROOT = "/clips"
NGINX = """
daemon off; pid nginx.pid; error_log stderr warn;
events {{}}
http {{
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy;
    fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    server {{
        listen 127.0.0.1:{port};
        location /clips/ {{ proxy_pass {passed}; }}
        location = /clips {{ proxy_pass {bare}; }}
    }}
}}
"""


def everything_is_below(ask: Fetch, base: str) -> None:
    """Follow every link there is, from the page at `base` on."""
    page = ask("GET", base)
    assert page.status_code == 200
    docs = ask("GET", urljoin(base, "docs"))
    links = [
        urljoin(where, link)
        for where, text in ((base, page.text), (urljoin(base, "docs"), docs.text))
        for link in re.findall(r'(?:src|href)="([^"#]+)"', text)
    ]
    asked = re.findall(
        r'(?:ask|fetch)\("([^"]+)"', "".join(p.read_text() for p in STATIC.glob("*.js"))
    )
    assert {"v1/search", "v1/collections", "openapi.json"} <= set(asked)
    links += [
        urljoin(base, path)
        for path in asked
        if path not in ("v1/search", "v1/session", "v1/edit-lists")
    ]
    found = ask("POST", urljoin(base, "v1/search"), json={"query": "red"}).json()["hits"][0]
    videos = ask("GET", urljoin(base, "v1/videos")).json()["videos"]
    links += [urljoin(base, found[name]) for name in ("thumbnail_url", "play_url")]
    links += [urljoin(base, video["file_url"]) for video in videos]
    refused = ask("POST", urljoin(base, "v1/search"), json={}).json()
    links.append(urljoin(base, refused["type"]))
    (item,) = ask("POST", urljoin(base, "v1/search/batch"), json={"searches": [{}]}).json()[
        "results"
    ]
    links.append(urljoin(base, item["problem"]["type"]))
    document = ask("GET", urljoin(base, "openapi.json")).json()
    assert document["servers"] == [{"url": ROOT}]
    assert len(links) > 15
    assert {link for link in links if not urlsplit(link).path.startswith(f"{ROOT}/")} == set()
    assert {link: status for link in links if (status := ask("GET", link).status_code) != 200} == {}


def test_everything_is_below_the_path(library: Library) -> None:
    """Where the proxy leaves the path as it is."""
    client = TestClient(create_app(library.service(root_path="/clips/")))
    everything_is_below(client.request, f"http://testserver{ROOT}/")


def test_the_path_alone_leads_to_the_page(library: Library) -> None:
    """With the slash that its relative links need."""
    client = TestClient(create_app(library.service(root_path=ROOT)), follow_redirects=False)
    answer = client.get(ROOT)
    assert (answer.status_code, answer.headers["Location"]) == (308, f"{ROOT}/")


def test_methods_are_told_below_the_path(library: Library) -> None:
    """The header Allow of 405, too."""
    client = TestClient(create_app(library.service(root_path=ROOT)))
    answer = client.delete(f"{ROOT}/v1/videos")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, POST")
    assert client.head(f"{ROOT}/v1/videos").status_code == 200


@pytest.mark.parametrize(
    "header",
    ["X-Forwarded-Prefix", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Script-Name", "Forwarded"],
)
def test_a_header_of_the_client_moves_nothing(client: TestClient, header: str) -> None:
    """Links lead where the settings say, whatever headers a client sends."""
    forged = {header: "//evil.example/x"}
    answer = client.post("/v1/search", headers=forged, json={"query": "red"})
    assert "evil" not in answer.text
    assert answer.json()["hits"][0]["thumbnail_url"].startswith("/v1/segments/")


def test_cached_answers_of_another_path_are_not_taken(library: Library) -> None:
    """Replicas below different paths may share a cache; links are part of an answer."""
    cache = DictCache()
    for root in ("", ROOT):
        client = TestClient(create_app(library.service(root_path=root, cache=cache)))
        for _ in range(2):
            hit = client.post("/v1/search", json={"query": "red"}).json()["hits"][0]
            assert hit["thumbnail_url"].startswith(f"{root}/v1/segments/")


@contextmanager
def _proxy(folder: Path, passed: str, bare: str) -> Iterator[str]:
    """Run an nginx that passes /clips/ on, and yield its address."""
    port = free_port()
    folder.joinpath("nginx.conf").write_text(NGINX.format(port=port, passed=passed, bare=bare))
    nginx = shutil.which("nginx")
    assert nginx is not None
    command = [nginx, "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        try:
            address = f"http://127.0.0.1:{port}"
            wait_until(lambda: _answers(address), "nginx")
            yield address
        finally:
            process.terminate()


def _answers(address: str) -> bool:
    try:
        return httpx.get(f"{address}/clips/healthz").status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("strips", [False, True], ids=["path kept", "path taken away"])
def test_everything_is_below_the_path_behind_nginx(
    library: Library, tmp_path: Path, strips: bool
) -> None:
    """Both ways of passing requests on are in use."""
    require_programs()
    with serving(create_app(library.service(root_path=ROOT))) as server:
        passed = f"{server}/" if strips else server
        with _proxy(tmp_path, passed, server) as proxy, httpx.Client(timeout=60) as client:
            everything_is_below(client.request, f"{proxy}{ROOT}/")
            assert client.get(f"{proxy}{ROOT}").status_code == 308
