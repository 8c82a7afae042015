"""Who reaches whom in kubernetes/, computed from its NetworkPolicies."""

import pytest

from tests.deploy.manifests import COMPONENT, Cluster, rendered
from tests.deploy.reachability import Place, is_allowed

PROMETHEUS = Place("monitoring", {"app.kubernetes.io/name": "prometheus"})
STRANGER = Place("elsewhere", {"app": "other"})
INTERNET = Place(address="203.0.113.9")
METADATA = Place(address="169.254.169.254")
DNS = Place("kube-system", {"k8s-app": "kube-dns"}, {"dns": 53})
POSTGRES_OUTSIDE = Place(address="192.0.2.10")
REDIS_OUTSIDE = Place(address="192.0.2.20")
INSIDE = {
    "minimal": {
        "api",
        "nginx",
        "index",
        "worker",
        "migrate",
        "backup",
        "report",
        "loader",
        "postgres",
        "redis",
    },
    "production": {"api", "nginx", "index", "worker", "migrate", "backup", "report"},
    "embedder": {"api", "nginx", "index", "worker", "migrate", "backup", "report", "embedder"},
    "ray": {"api", "nginx", "index", "worker", "migrate", "backup", "report"},
    "shards": {"api", "nginx", "index", "worker", "migrate", "backup", "report"},
    "cameras": {"api", "nginx", "index", "worker", "migrate", "backup", "report", "recorder"},
    "buckets": {"api", "nginx", "index", "worker", "migrate", "backup", "report"},
}
CATALOG = {"api", "index", "worker", "migrate", "backup", "report"}
"""Who speaks to the database."""


@pytest.fixture(params=list(INSIDE))
def overlay(request: pytest.FixtureRequest) -> str:
    """Return the name of an overlay; `gpu` has the policies of `production`."""
    return str(request.param)


@pytest.fixture
def cluster(overlay: str) -> Cluster:
    """Return the overlay, rendered."""
    return rendered(overlay)


@pytest.fixture
def places(cluster: Cluster) -> dict[str, Place]:
    """Return the pods by component."""
    (namespace,) = cluster.names("Namespace")
    return {
        pod.labels[COMPONENT]: Place(
            namespace,
            pod.labels,
            {each["name"]: each["containerPort"] for each in pod.container.get("ports", ())},
        )
        for pod in cluster.pods()
    }


def test_the_pods_are_those_of_the_matrix(overlay: str, places: dict[str, Place]) -> None:
    """A new one must be thought of here."""
    assert places.keys() == INSIDE[overlay]


def test_pods_reach_only_whom_they_must(cluster: Cluster, places: dict[str, Place]) -> None:
    """Every pair of pods, at every port that a pod opens."""
    policies = cluster.of("NetworkPolicy")
    reached = {
        (source, target)
        for source, ours in places.items()
        for target, theirs in places.items()
        for port in theirs.ports.values()
        if is_allowed(policies, ours, theirs, port)
    }
    expected = {("nginx", "api")}
    if "postgres" in places:
        expected |= {(source, "postgres") for source in CATALOG} | {("api", "redis")}
    if "embedder" in places:
        expected |= {(source, "embedder") for source in ("api", "index", "worker")}
    if "recorder" in places:  # which reads what browsers send of their webcams
        expected.add(("recorder", "api"))
    if any(policy["metadata"]["name"] == "shards" for policy in policies):
        expected.add(("api", "api"))
    assert reached == expected


def test_from_outside_only_nginx_is_reached(cluster: Cluster, places: dict[str, Place]) -> None:
    """By pods of other namespaces and by addresses alike."""
    policies = cluster.of("NetworkPolicy")
    for stranger in (
        STRANGER,
        INTERNET,
        Place("elsewhere", {"app.kubernetes.io/name": "clipseek"}),
    ):
        reached = {
            name
            for name, place in places.items()
            for port in place.ports.values()
            if is_allowed(policies, stranger, place, port)
        }
        assert reached == {"nginx"}


def test_prometheus_reaches_the_api(cluster: Cluster, places: dict[str, Place]) -> None:
    """And only the one of the namespace for monitoring; nginx is open to all anyway."""
    policies = cluster.of("NetworkPolicy")
    api = places["api"]
    (port,) = api.ports.values()
    assert is_allowed(policies, PROMETHEUS, api, port)
    assert not is_allowed(policies, Place("elsewhere", PROMETHEUS.labels), api, port)
    assert not is_allowed(policies, Place("monitoring", {"app": "other"}), api, port)
    assert not is_allowed(policies, PROMETHEUS, api, port + 1)


def test_only_prometheus_reads_the_metrics_of_the_embedder() -> None:
    """And those who embed reach the other port alone."""
    cluster = rendered("embedder")
    policies = cluster.of("NetworkPolicy")
    (namespace,) = cluster.names("Namespace")
    pods = {pod.labels[COMPONENT]: Place(namespace, pod.labels) for pod in cluster.pods()}
    for name in ("api", "index", "worker"):
        assert is_allowed(policies, pods[name], pods["embedder"], 8001)
        assert not is_allowed(policies, pods[name], pods["embedder"], 8002)
    assert is_allowed(policies, PROMETHEUS, pods["embedder"], 8002)
    assert not is_allowed(policies, PROMETHEUS, pods["embedder"], 8001)


def test_recorders_reach_cameras_and_only_prometheus_reaches_them() -> None:
    """By RTSP and HTTP in the network of the cameras; no other pod has a way there."""
    cluster = rendered("cameras")
    policies = cluster.of("NetworkPolicy")
    (namespace,) = cluster.names("Namespace")
    camera = Place(address="198.51.100.7")
    pods = {pod.labels[COMPONENT]: Place(namespace, pod.labels) for pod in cluster.pods()}
    for port in (554, 322, 80):
        reached = {name for name, pod in pods.items() if is_allowed(policies, pod, camera, port)}
        assert reached == {"recorder"}
    assert not is_allowed(policies, pods["recorder"], camera, 22)
    assert is_allowed(policies, PROMETHEUS, pods["recorder"], 9100)
    assert not is_allowed(policies, pods["nginx"], pods["recorder"], 9100)


def test_every_pod_can_ask_for_names(cluster: Cluster, places: dict[str, Place]) -> None:
    """Of the cluster's DNS and its cache on the node, by both protocols, and nothing else there."""
    policies = cluster.of("NetworkPolicy")
    for place in places.values():
        for protocol in ("UDP", "TCP"):
            assert is_allowed(policies, place, DNS, 53, protocol)
            assert is_allowed(policies, place, Place(address="169.254.20.10"), 53, protocol)
        assert not is_allowed(policies, place, DNS, 443)
        assert not is_allowed(policies, place, INTERNET, 53)


def test_only_indexing_reaches_the_internet(
    overlay: str, cluster: Cluster, places: dict[str, Place]
) -> None:
    """By HTTPS, for weights of models and for videos, and so do readers of a bucket.

    Nobody reaches the metadata of the cloud.
    """
    policies = cluster.of("NetworkPolicy")
    reached = {name for name, place in places.items() if is_allowed(policies, place, INTERNET, 443)}
    reading = {"api", "report"} if overlay == "buckets" else set()
    assert reached == {"index", "worker", "recorder"} & places.keys() | reading
    for place in places.values():
        assert not is_allowed(policies, place, INTERNET, 80)
        assert not is_allowed(policies, place, Place(address="10.1.2.3"), 443)
        assert not is_allowed(policies, place, METADATA, 80)
        assert not is_allowed(policies, place, METADATA, 443)


def test_a_bucket_is_reached_without_the_hub() -> None:
    """That policy may be deleted by those who have a model of their own."""
    cluster = rendered("buckets")
    policies = [
        each for each in cluster.of("NetworkPolicy") if each["metadata"]["name"] != "index-hub"
    ]
    (namespace,) = cluster.names("Namespace")
    reached = {
        pod.labels[COMPONENT]
        for pod in cluster.pods()
        if is_allowed(policies, Place(namespace, pod.labels), INTERNET, 443)
    }
    assert reached == {"api", "report", "index", "worker"}


def test_the_databases_outside(overlay: str, cluster: Cluster, places: dict[str, Place]) -> None:
    """In `production`: the catalog by those who read or write it, Redis by the API."""
    policies = cluster.of("NetworkPolicy")
    postgres = {
        name
        for name, place in places.items()
        if is_allowed(policies, place, POSTGRES_OUTSIDE, 5432)
    }
    redis = {
        name for name, place in places.items() if is_allowed(policies, place, REDIS_OUTSIDE, 6379)
    }
    is_outside = overlay != "minimal"
    recorder = {"recorder"} & places.keys()
    assert postgres == (CATALOG | recorder if is_outside else set())
    assert redis == ({"api"} if is_outside else set())


def test_without_policies_everybody_reaches_everybody(places: dict[str, Place]) -> None:
    """What is computed comes from the policies."""
    (port,) = places["api"].ports.values()
    assert is_allowed([], INTERNET, places["api"], port)
    assert is_allowed([], places["api"], INTERNET, port)
