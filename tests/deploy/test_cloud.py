"""The examples for three clouds are what the clouds accept, and what the code knows."""

import copy
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from clipseek.config import PREFIX, Settings
from indexer.cli import parser
from tests.deploy.cloud_schemas import Schema, amazon, azure, google

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "cloud.md"
EXAMPLES = ROOT / "docs" / "cloud"
SCHEMAS: dict[str, Callable[[], Schema]] = {
    "aws/api.task.json": lambda: amazon("ecs", "RegisterTaskDefinition"),
    "aws/indexer.task.json": lambda: amazon("ecs", "RegisterTaskDefinition"),
    "aws/api.service.json": lambda: amazon("ecs", "CreateService"),
    "aws/worker.task.json": lambda: amazon("ecs", "RegisterTaskDefinition"),
    "aws/worker.service.json": lambda: amazon("ecs", "CreateService"),
    "aws/indexer.run.json": lambda: amazon("ecs", "RunTask"),
    "aws/api.target-group.json": lambda: amazon("elbv2", "CreateTargetGroup"),
    "google/api.service.yaml": lambda: google("run.v1", "Service"),
    "google/worker.pool.yaml": lambda: google("run.v1", "WorkerPool"),
    "google/indexer.job.yaml": lambda: google("run.v1", "Job"),
    "azure/api.containerapp.yaml": lambda: azure("ContainerApp"),
    "azure/worker.containerapp.yaml": lambda: azure("ContainerApp"),
    "azure/indexer.job.yaml": lambda: azure("Job"),
}
APIS = ["aws/api.task.json", "google/api.service.yaml", "azure/api.containerapp.yaml"]
INDEXERS = ["aws/indexer.task.json", "google/indexer.job.yaml", "azure/indexer.job.yaml"]
WORKERS = ["aws/worker.task.json", "google/worker.pool.yaml", "azure/worker.containerapp.yaml"]
PROGRAMS = APIS + INDEXERS + WORKERS
DATA_DIR, VIDEOS, PORT, USER = "/var/lib/clipseek", "/videos", 8000, 10001
SECRET = {"CLIPSEEK_DATABASE_URL", "CLIPSEEK_REDIS_URL"}


def _read(name: str) -> Any:
    text = (EXAMPLES / name).read_text("utf-8")
    return json.loads(text) if name.endswith(".json") else yaml.safe_load(text)


def _container(name: str) -> Any:
    """Return the one container of an example, whichever cloud it is of."""
    found = [
        inside
        for each in _within(_read(name))
        for key in ("containers", "containerDefinitions")
        for inside in each.get(key, [])
    ]
    assert len(found) == 1
    return found[0]


def _within(value: Any) -> Iterator[dict[str, Any]]:
    """Yield every object in a document."""
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value:
        if isinstance(each, dict | list):
            yield from _within(each)


def _mounts(name: str) -> set[str]:
    container = _container(name)
    mounts = container.get("volumeMounts") or container["mountPoints"]
    return {each.get("mountPath") or each["containerPath"] for each in mounts}


def _environment(name: str) -> dict[str, str | None]:
    """Return the variables and their values; None where a secret is named instead."""
    container = _container(name)
    given = container.get("env") or container["environment"]
    return {each["name"]: each.get("value") for each in given}


def _problems(name: str, document: object) -> list[str]:
    validator = jsonschema_rs.validator_for(SCHEMAS[name]())
    return [str(error) for error in validator.iter_errors(document)]


def test_every_example_is_judged() -> None:
    """No file without a schema."""
    files = {path.relative_to(EXAMPLES).as_posix() for path in EXAMPLES.rglob("*.*")}
    assert files == set(SCHEMAS)


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_cloud_accepts_the_example(name: str) -> None:
    """By the description of its interface that its own client uses."""
    assert _problems(name, _read(name)) == []


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_misspelt_property_is_refused(name: str) -> None:
    """At every object whose properties the cloud defines: so the schemas are not a formality."""
    document = copy.deepcopy(_read(name))
    key = next(key for key, value in document.items() if isinstance(value, dict | list | str))
    document[f"{key}x"] = document.pop(key)
    assert _problems(name, document)
    if name in PROGRAMS:
        inner = copy.deepcopy(_read(name))
        next(each for each in _within(inner) if "image" in each)["imagePull"] = 1
        assert _problems(name, inner)


@pytest.mark.parametrize(
    ("name", "path", "value"),
    [
        pytest.param(INDEXERS[0], ["networkMode"], "overlay", id="amazon"),
        pytest.param(INDEXERS[1], ["spec", "template", "spec", "taskCount"], "one", id="google"),
        pytest.param(
            INDEXERS[2], ["properties", "configuration", "triggerType"], "Nightly", id="azure"
        ),
    ],
)
def test_a_wrong_value_is_refused(name: str, path: list[str], value: str) -> None:
    """Enumerations and types count."""
    document = _read(name)
    inner = document
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    assert _problems(name, document)


@pytest.mark.parametrize("name", PROGRAMS)
def test_variables_are_settings(name: str) -> None:
    """Each has a value that the code accepts; URLs with passwords come from the secret store."""
    given = _environment(name)
    secrets = {each["name"] for each in _container(name).get("secrets", [])}
    secrets |= {variable for variable, value in given.items() if value is None}
    plain = {variable: value for variable, value in given.items() if value is not None}
    assert secrets <= SECRET
    assert not plain.keys() & SECRET
    names = {variable.removeprefix(PREFIX).lower() for variable in plain.keys() | secrets}
    assert names <= Settings.model_fields.keys()
    Settings.load(**{key.removeprefix(PREFIX).lower(): value for key, value in plain.items()})


@pytest.mark.parametrize("name", APIS)
def test_the_api_listens_where_the_cloud_asks(name: str) -> None:
    """On every address, at the port that probes, balancer and settings agree on."""
    given = _environment(name)
    assert given["CLIPSEEK_API_HOST"] == "0.0.0.0"  # noqa: S104
    ports = {int(given["CLIPSEEK_API_PORT"] or 0)}
    for each in _within(_read(name)):
        ports |= {each[key] for key in ("containerPort", "targetPort", "port") if key in each}
    assert ports == {PORT}


def test_amazons_balancer_asks_the_port_of_the_task() -> None:
    """The service, the target group and the task are three documents."""
    service, group = _read("aws/api.service.json"), _read("aws/api.target-group.json")
    (balancer,) = service["loadBalancers"]
    assert (balancer["containerName"], balancer["containerPort"]) == ("api", PORT)
    assert group["Port"] == PORT
    assert service["taskDefinition"] == _read("aws/api.task.json")["family"]
    assert _read("aws/indexer.run.json")["taskDefinition"] == _read(INDEXERS[0])["family"]


def test_health_urls_exist() -> None:
    """`/readyz` decides about requests, `/healthz` about the process."""
    routes = (ROOT / "api" / "probes.py").read_text("utf-8")
    asked = set[str]()
    for name in (*APIS, "aws/api.target-group.json"):
        text = (EXAMPLES / name).read_text("utf-8")
        asked |= set(re.findall(r"/[a-z]+z\b", text))
    assert asked == {"/readyz", "/healthz"}
    assert all(f'"{path}"' in routes for path in asked)


@pytest.mark.parametrize("name", PROGRAMS)
def test_data_and_videos_are_mounted_where_the_settings_say(name: str) -> None:
    """The catalog remembers paths of videos, so that both roles see them at the same place."""
    given = _environment(name)
    assert given["CLIPSEEK_DATA_DIR"] == DATA_DIR
    assert _mounts(name) == {DATA_DIR, VIDEOS}


@pytest.mark.parametrize("name", PROGRAMS)
def test_images_are_targets_of_the_dockerfile(name: str) -> None:
    """Each is named after its target."""
    target = _container(name)["image"].rpartition(":")[0].rpartition("/clipseek-")[2]
    assert target == ("api" if name in APIS else "indexer")
    stages = re.findall(r"(?mi)^FROM .* AS (\S+)", (ROOT / "Dockerfile").read_text("utf-8"))
    assert target in stages


@pytest.mark.parametrize("name", INDEXERS + WORKERS)
def test_commands_of_jobs_are_verbs(name: str) -> None:
    """The image says which program, the job what it does; a worker gets no paths."""
    container = _container(name)
    given = container["command"] if name.startswith("aws/") else container["args"]
    assert not {"entryPoint", "command" if "args" in container else ""} & container.keys()
    stage = (ROOT / "Dockerfile").read_text("utf-8").partition(" AS indexer\n")[2]
    assert re.search(r"ENTRYPOINT (.*)", stage)[1] == '["python", "-m", "indexer"]'  # type: ignore[index]  # it is there
    options = parser().parse_args(given)
    expected = ("ingest", [VIDEOS]) if name in INDEXERS else ("work", None)
    assert (options.verb, getattr(options, "paths", None)) == expected


def test_a_worker_never_stops_and_has_no_port() -> None:
    """One instance, which nothing asks: a request would not start it again."""
    service, pool = _read("aws/worker.service.json"), _read("google/worker.pool.yaml")
    assert service["taskDefinition"] == _read(WORKERS[0])["family"]
    assert service["desiredCount"] == 1
    assert pool["metadata"]["annotations"]["run.googleapis.com/manualInstanceCount"] == "1"
    azure = _read(WORKERS[2])["properties"]
    assert azure["template"]["scale"]["minReplicas"] == 1
    assert "ingress" not in azure["configuration"]
    for name in WORKERS:
        assert not {"ports", "portMappings"} & _container(name).keys()


def test_the_overriding_command_of_ecs_is_a_verb() -> None:
    """RunTask may say what to do this time."""
    (override,) = _read("aws/indexer.run.json")["overrides"]["containerOverrides"]
    assert parser().parse_args(override["command"]).verb == "ingest"
    assert override["name"] == _container(INDEXERS[0])["name"]


def test_the_user_is_that_of_the_image() -> None:
    """Where a cloud lets us say it."""
    for name in (APIS[0], INDEXERS[0], WORKERS[0]):
        assert _container(name)["user"] == f"{USER}:{USER}"
    assert re.search(rf"\b{USER}\b", (ROOT / "Dockerfile").read_text("utf-8"))


def test_the_pages_links_and_commands_lead_to_files() -> None:
    """Every example is named, and every name is an example."""
    text = PAGE.read_text("utf-8")
    linked = set(re.findall(r"\]\(cloud/([^)]+)\)", text))
    typed = set(re.findall(r"docs/cloud/(\S+\.(?:json|yaml))", text))
    assert linked | typed == set(SCHEMAS)
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (PAGE.parent / target).exists(), target


def _bills() -> list[str]:
    return re.split(r"\n### ", PAGE.read_text("utf-8").split("## What it costs")[1])[1:]


@pytest.mark.parametrize("bill", _bills(), ids=lambda bill: bill.split(",")[0].lower())
def test_the_bill_adds_up(bill: str) -> None:
    """Amounts times prices, and their sum."""
    lines = [line for line in bill.splitlines() if line.startswith("|")][2:]
    *pieces, total = [[cell.strip(" *") for cell in line.split("|")[1:-1]] for line in lines]
    for piece, amount, _unit, price, month in pieces:
        assert float(amount) * float(price) == pytest.approx(float(month), abs=0.006), piece
    assert sum(float(row[4]) for row in pieces) == pytest.approx(float(total[4]), abs=0.006)
