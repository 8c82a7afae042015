"""The overlay `shards`: two groups of replicas that differ in nothing but their shards."""

import copy

import pytest

from clipseek.config import PREFIX, Settings
from clipseek.indexes import open_serving
from tests.deploy.kustomize import Object
from tests.deploy.manifests import COMPONENT, Cluster, Pod, rendered

SHARD = "clipseek/shard"
SECRET = "/run/secrets/shards/shard-secret"


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    """Return the overlay, rendered."""
    return rendered("shards")


@pytest.fixture(scope="module")
def groups(cluster: Cluster) -> dict[str, Pod]:
    """Return the pods of the replicas by the label of their group."""
    return {pod.labels[SHARD]: pod for pod in cluster.pods() if SHARD in pod.labels}


def settings(cluster: Cluster, pod: Pod) -> Settings:
    """Return what a replica says of shards, with a secret in the place of its file."""
    given = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in cluster.environment(pod).items()
        if name.startswith(f"{PREFIX}SHARD")
    }
    assert given.pop("shard_secret_file") == SECRET
    return Settings.load(**given, shard_secret="x" * 16)


def test_each_shard_has_one_group(cluster: Cluster, groups: dict[str, Pod]) -> None:
    """That searches it; the others are asked for at the Service of their group."""
    every = {number: settings(cluster, pod) for number, pod in groups.items()}
    shards = next(iter(every.values())).shards
    served = [number for each in every.values() for number in each.shard or ()]
    assert sorted(served) == list(range(1, shards + 1))
    for ours in every.values():
        open_serving(ours).close()
        peers = dict(ours.shard_peers or ())
        assert sorted([*(ours.shard or ()), *peers]) == list(range(1, shards + 1))
        for number, url in peers.items():
            service = cluster.one("Service", url.removeprefix("http://").partition(":")[0])
            selected = service["spec"]["selector"]
            (theirs,) = [pod for pod in groups.values() if selected.items() <= pod.labels.items()]
            assert number in (settings(cluster, theirs).shard or ())
            (port,) = service["spec"]["ports"]
            assert url.endswith(f":{port['port']}")
            assert port["targetPort"] in {each["name"] for each in theirs.container["ports"]}


def test_the_groups_differ_in_their_shards_alone(groups: dict[str, Pod]) -> None:
    """The second is a copy of the first, which stays one."""
    one, two = (_without_shards(groups[number].template) for number in ("1", "2"))
    assert one == two


def _without_shards(template: Object) -> Object:
    """Return a template without labels of shards, selectors by them, and variables for them."""
    left: Object = copy.deepcopy(template)
    del left["metadata"]["labels"][SHARD]
    spec = left["spec"]
    del spec["affinity"], spec["topologySpreadConstraints"]
    (container,) = spec["containers"]
    container["env"] = [each for each in container["env"] if "SHARD" not in each["name"]]
    return left


def test_no_deployment_selects_the_pods_of_the_other(
    cluster: Cluster, groups: dict[str, Pod]
) -> None:
    """And nginx, the budget and the metrics find both, by the component."""
    for name, number in (("api", "1"), ("api-2", "2")):
        selector = cluster.one("Deployment", name)["spec"]["selector"]["matchLabels"]
        assert selector.items() <= groups[number].labels.items()
        assert selector[SHARD] == number
    assert {pod.labels[COMPONENT] for pod in groups.values()} == {"api"}
    for kind, name in (("Service", "api"), ("PodDisruptionBudget", "api")):
        found = cluster.one(kind, name)["spec"]["selector"]
        assert SHARD not in found.get("matchLabels", found)


def test_both_groups_are_scaled(cluster: Cluster) -> None:
    """Alike, because each search asks both."""
    one, two = (cluster.one("HorizontalPodAutoscaler", name)["spec"] for name in ("api", "api-2"))
    targets = [each.pop("scaleTargetRef")["name"] for each in map(copy.deepcopy, (one, two))]
    assert targets == ["api", "api-2"]
    assert {k: v for k, v in one.items() if k != "scaleTargetRef"} == {
        k: v for k, v in two.items() if k != "scaleTargetRef"
    }
