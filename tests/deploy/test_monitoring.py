"""Prometheus' rules and Grafana's dashboard: valid, tested, and about metrics that there are."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml
from fastapi.testclient import TestClient
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard
from prometheus_client import CollectorRegistry, generate_latest

from api.app import create_app
from clipseek.cache import LocalCache
from clipseek.cameras import CameraState
from clipseek.live.metering import CameraCollector, ObjectCollector
from clipseek.live.spotting import Spotted
from clipseek.testing import MemoryCatalog
from tests.api.library import Library
from tests.deploy.compose import ROOT, Compose
from tests.lacking import lacking

PROMETHEUS = ROOT / "docker" / "prometheus"
GRAFANA = ROOT / "docker" / "grafana"
BOARD: dict[str, Any] = json.loads((GRAFANA / "dashboards" / "clipseek.json").read_text("utf-8"))
RULES: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((PROMETHEUS / "rules.yml").read_text("utf-8"))["groups"]
    for rule in group["rules"]
]
OF_PROMETHEUS = {"up", "ALERTS"}
"""Series that Prometheus makes itself."""
OF_TRITON = {"nv_inference_queue_duration_us", "nv_inference_request_success"}
"""Counters of Triton: docs/user_guide/metrics.md of its server."""


def promtool(*arguments: str | Path, folder: Path = PROMETHEUS) -> str:
    """Run promtool and return what it says; skip without it, or fail where CI is "true"."""
    if shutil.which("promtool") is None:
        reason = "no promtool on PATH; `make servers` installs it (package prometheus)"
        lacking(reason)
    done = subprocess.run(
        ["promtool", *arguments], capture_output=True, text=True, check=False, cwd=folder
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def expressions() -> Iterator[tuple[str, str]]:
    """Yield the place of each PromQL expression, and the expression."""
    for rule in RULES:
        yield rule["alert"], rule["expr"]
    for panel in BOARD["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"]


@pytest.fixture
def exported(tmp_path: Path) -> set[str]:
    """Names of all series that a replica or a recorder shows, with the endings of histograms."""
    library = Library(tmp_path, MemoryCatalog())
    client = TestClient(create_app(library.service(cache=LocalCache(100, 1 << 20))))
    registry = CollectorRegistry()
    registry.register(CameraCollector(lambda: {"door": CameraState(delay_p95_s=1.0)}, dict))
    registry.register(ObjectCollector(lambda: {"door": Spotted(chunks=1)}))
    shown = client.get("/metrics").text + generate_latest(registry).decode()
    kinds = re.findall(r"^# TYPE (\S+) (\S+)", shown, re.MULTILINE)
    endings = {"histogram": ("_bucket", "_sum", "_count")}
    return {name + ending for name, kind in kinds for ending in endings.get(kind, ("",))}


def test_the_configuration_is_valid() -> None:
    """Prometheus' own checker finds nothing wrong, in the rules neither."""
    said = promtool("check", "config", "prometheus.yml")
    assert f"{len(RULES)} rules found" in said


def test_alerts_come_when_they_should(tmp_path: Path) -> None:
    """Each one comes for series that show its trouble, and not for others."""
    shutil.copy(PROMETHEUS / "rules.yml", tmp_path)
    cases = Path(__file__).parent / "alerts.yml"
    shutil.copy(cases, tmp_path)
    promtool("test", "rules", "alerts.yml", folder=tmp_path)
    tested = set(re.findall(r"alertname: (\w+)\n\s+exp_alerts", cases.read_text("utf-8")))
    assert tested == {rule["alert"] for rule in RULES}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    """In a sentence, and how urgent it is."""
    assert set(rule["annotations"]) == {"summary", "action"}
    assert all(text.endswith(".") for text in rule["annotations"].values())
    assert rule["labels"]["severity"] in ("warning", "critical")


@pytest.mark.parametrize(
    ("place", "expression"),
    [pytest.param(place, said, id=f"{place}-{i}") for i, (place, said) in enumerate(expressions())],
)
def test_expressions_name_metrics_that_there_are(
    exported: set[str], place: str, expression: str
) -> None:
    """Those of the API and of the recorder, and the few that Prometheus adds."""
    named = set(re.findall(r"\b(?:(?:clipseek|process|nv)_\w+|up|ALERTS)\b", expression))
    assert named
    assert named <= exported | OF_PROMETHEUS | OF_TRITON, place


def test_every_replica_is_asked() -> None:
    """At the port of the service that Compose runs."""
    jobs = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text("utf-8"))["scrape_configs"]
    found = {job["job_name"]: job for job in jobs}
    (discovery,) = found["clipseek-api"]["dns_sd_configs"]
    api = Compose()["api"]
    assert discovery["names"] == [api.name]
    assert discovery["port"] == int(api.environment["CLIPSEEK_API_PORT"])


def test_every_recorder_is_asked() -> None:
    """At the port that its command serves, and that its health check asks."""
    jobs = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text("utf-8"))["scrape_configs"]
    (discovery,) = {job["job_name"]: job for job in jobs}["clipseek-recorder"]["dns_sd_configs"]
    recorder = Compose()["recorder"]
    assert discovery["names"] == [recorder.name]
    port = str(discovery["port"])
    assert f"0.0.0.0:{port}" in recorder.command
    assert recorder.said["expose"] == [port]
    assert f":{port}/metrics" in " ".join(recorder.check)


@pytest.mark.parametrize("name", ["embedder", "milvus"])
def test_servers_of_profiles_are_asked(name: str) -> None:
    """At a port of their service, by its name."""
    jobs = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text("utf-8"))["scrape_configs"]
    (discovery,) = {job["job_name"]: job for job in jobs}[f"clipseek-{name}"]["dns_sd_configs"]
    service = Compose()[name]
    assert discovery["names"] == [service.name]
    assert str(discovery["port"]) in service.said["expose"]


def test_grafana_knows_each_field_of_the_dashboard() -> None:
    """Read and written by Grafana's own models, nothing is lost and nothing has another value."""
    plugins.register_default_plugins()
    written = json.loads(JSONEncoder(sort_keys=True).encode(Dashboard.from_json(BOARD)))
    assert list(_lost(BOARD, written)) == []


def _lost(before: Any, after: Any, place: str = "") -> Iterator[str]:
    """Yield where something of `before` is missing or other in `after`."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name, value in before.items():
            yield from _lost(value, after.get(name), f"{place}/{name}")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for i, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _lost(one, other, f"{place}/{i}")
    elif before != after:
        yield f"{place}: {before!r} became {after!r}"


@pytest.mark.parametrize(
    "title",
    [
        "Request rate",
        "Duration of searches",
        "Error rate",
        "Cache hit rate",
        "Index size",
        "Freshness: delta",
        "Freshness: age of the snapshot",
        "Ingest rate",
        "Recall@10",
        "CPU",
        "Memory",
        "Jobs",
        "Failed jobs",
        "Oldest job",
        "Uploads",
        "Bytes of uploads",
        "Parts received",
        "Frames of cameras",
        "Delay of cameras",
        "Cameras that send",
        "Alerts of watches",
        "Delay of watches",
        "Alerts that are sent",
        "Oldest alert that waits",
        "Servers that answer",
        "Queue of the embedder",
        "Faults of cameras and folders",
    ],
)
def test_a_panel_is_there(title: str) -> None:
    """With a sentence on what it shows, and each of its series has a name."""
    (panel,) = [
        panel for panel in BOARD["panels"] if panel["title"] == title and panel["type"] != "row"
    ]
    assert panel["description"].endswith(".")
    assert all(target["legendFormat"] for target in panel["targets"])


def test_panels_do_not_overlap() -> None:
    """Each has its own number and its own place in the grid of 24 columns."""
    panels = BOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for one, other in combinations([panel["gridPos"] for panel in panels], 2):
        apart = (
            one["x"] + one["w"] <= other["x"]
            or other["x"] + other["w"] <= one["x"]
            or one["y"] + one["h"] <= other["y"]
            or other["y"] + other["h"] <= one["y"]
        )
        assert apart
        assert one["x"] + one["w"] <= 24


def test_grafana_is_provisioned_from_what_is_mounted() -> None:
    """The source is Compose's Prometheus; the dashboards lie where the provider looks."""
    compose = Compose()
    places = {mount.target: ROOT / mount.source for mount in compose["grafana"].mounts}
    folder = places["/etc/grafana/provisioning"]
    sources = yaml.safe_load((folder / "datasources" / "prometheus.yml").read_text("utf-8"))
    (source,) = sources["datasources"]
    listen = next(word for word in compose["prometheus"].command if "listen-address" in word)
    assert source["url"] == f"http://prometheus:{listen.rpartition(':')[2]}"
    variables = {each["name"]: each for each in BOARD["templating"]["list"]}
    assert variables["datasource"]["current"]["value"] == source["uid"]
    providers = yaml.safe_load((folder / "dashboards" / "clipseek.yml").read_text("utf-8"))
    (provider,) = providers["providers"]
    home = Path(compose["grafana"].environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"])
    assert home.parent == Path(provider["options"]["path"])
    assert (places[str(home.parent)] / home.name).is_file()
