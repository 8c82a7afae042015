"""Every object of kubernetes/ is one that Kubernetes takes, by its own schemas."""

import re
import subprocess
from pathlib import Path

import kubernetes_validate  # type: ignore[import-untyped]  # it has no types
import pytest
import yaml

from clipseek import __version__
from tests.deploy.kustomize import Object
from tests.deploy.manifests import OVERLAYS, ROOT, Cluster, rendered

VERSIONS = ("1.32", "1.37")
"""The oldest and the newest that kubernetes/README.md names."""

# The operator's documentation, "API reference", ServiceMonitorSpec and Endpoint: what ours has.
_MONITOR = {"selector": dict, "endpoints": list}
_ENDPOINT = {"port": str, "path": str, "interval": str, "scrapeTimeout": str}


@pytest.fixture(params=OVERLAYS)
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """Return an overlay, rendered."""
    return rendered(request.param)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_has_its_schema(cluster: Cluster, version: str) -> None:
    """Strictly: no field that the version does not know."""
    for each in cluster.objects:
        if each["kind"] not in ("ServiceMonitor", "RayJob"):
            kubernetes_validate.validate(each, version, strict=True)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_schemas_refuse_what_is_wrong(cluster: Cluster, version: str) -> None:
    """A misspelt field is found."""
    pod = cluster.one("Deployment", "api")["spec"]["template"]["spec"]
    broken: Object = {**cluster.one("Deployment", "api"), "spec": {"template": {"spec": pod}}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(broken, version, strict=True)


def test_the_monitor_has_documented_fields(cluster: Cluster) -> None:
    """Its schema belongs to the operator and is in no package."""
    for monitor in cluster.of("ServiceMonitor"):
        assert monitor["apiVersion"] == "monitoring.coreos.com/v1"
        assert {key: type(value) for key, value in monitor["spec"].items()} == _MONITOR
        (endpoint,) = monitor["spec"]["endpoints"]
        assert {key: type(value) for key, value in endpoint.items()} == _ENDPOINT


def test_names_are_unique(cluster: Cluster) -> None:
    """No object replaces another."""
    names = [(each["kind"], each["metadata"]["name"]) for each in cluster.objects]
    assert len(names) == len(set(names))


def test_all_is_in_one_namespace(cluster: Cluster) -> None:
    """The one that the manifests make."""
    (namespace,) = cluster.names("Namespace")
    others = [each for each in cluster.objects if each["kind"] != "Namespace"]
    assert {each["metadata"].get("namespace") for each in others} == {namespace}


def test_our_images_are_of_this_release(cluster: Cluster) -> None:
    """And the others are named by a version."""
    for pod in cluster.pods():
        name, _, tag = pod.container["image"].partition(":")
        if name.startswith("clipseek/"):
            assert tag == __version__, pod.name
        assert tag not in ("", "latest"), pod.name


def test_other_images_are_those_of_compose(cluster: Cluster) -> None:
    """One version of each server in the whole project."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    known = {service["image"] for service in compose["services"].values()}
    used = {pod.container["image"] for pod in cluster.pods()}
    assert {image for image in used if not image.startswith("clipseek/")} <= known


def test_our_images_are_targets_of_the_dockerfile(cluster: Cluster) -> None:
    """`clipseek/api` is the target `api`."""
    stages = {
        line.split()[-1]
        for line in (ROOT / "Dockerfile").read_text("utf-8").splitlines()
        if line.upper().startswith("FROM ")
    }
    images = {pod.container["image"].partition(":")[0] for pod in cluster.pods()}
    assert {name.removeprefix("clipseek/") for name in images if "clipseek/" in name} <= stages


def test_the_versions_tested_are_those_promised() -> None:
    """In the README."""
    readme = (ROOT / "kubernetes" / "README.md").read_text("utf-8")
    assert f"Kubernetes {VERSIONS[0]} to {VERSIONS[1]}" in readme


def test_readme_links_lead_to_files() -> None:
    """And the files that its table says to edit exist."""
    folder: Path = ROOT / "kubernetes"
    readme = (folder / "README.md").read_text("utf-8")
    named = {word for line in readme.splitlines() for word in line.split("`")[1::2]}
    paths = {name for name in named if name.startswith(("base/", "overlays/", "versions/"))}
    assert len(paths) >= 7
    assert {name for name in paths if not (folder / name).exists()} == set()


def test_alerts_are_made_of_the_rules() -> None:
    """The README's command wraps the file of docker/prometheus and changes nothing in it."""
    readme = (ROOT / "kubernetes" / "README.md").read_text("utf-8")
    (command,) = re.findall(r"^(\{ printf .*\}) \| kubectl apply -f -$", readme, re.MULTILINE)
    made = subprocess.run(["sh", "-euc", command], cwd=ROOT, capture_output=True, check=True)
    rule = yaml.safe_load(made.stdout)
    rules = yaml.safe_load((ROOT / "docker" / "prometheus" / "rules.yml").read_text("utf-8"))
    assert (rule["kind"], rule["spec"]) == ("PrometheusRule", rules)
