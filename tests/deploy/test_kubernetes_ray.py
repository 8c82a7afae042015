"""The RayJob of kubernetes/overlays/ray: its fields, its pods, and who reaches them.

The schema of the kind belongs to KubeRay and is in no package, so its fields are compared with the
"API reference" of https://ray-project.github.io/kuberay/reference/api/ (RayJobSpec, RayClusterSpec,
HeadGroupSpec, WorkerGroupSpec); the pods in it are compared with the schemas of Kubernetes.
"""

import shlex
from collections.abc import Iterator
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]  # it has no types
import pytest
import yaml

from clipseek.config import PREFIX, Settings
from indexer.cli import parser
from tests.deploy.kustomize import Object
from tests.deploy.manifests import COMPONENT, ROOT, Cluster, rendered
from tests.deploy.reachability import Place, is_allowed
from tests.deploy.test_kubernetes_schema import VERSIONS
from tests.deploy.test_kubernetes_security import breaches

_JOB = {
    "suspend": bool,
    "entrypoint": str,
    "shutdownAfterJobFinishes": bool,
    "ttlSecondsAfterFinished": int,
    "submissionMode": str,
    "submitterPodTemplate": dict,
    "rayClusterSpec": dict,
}
_CLUSTER = {"rayVersion": str, "authOptions": dict, "headGroupSpec": dict, "workerGroupSpecs": list}
_HEAD = {"serviceType": str, "rayStartParams": dict, "template": dict}
_WORKERS = {
    "groupName": str,
    "replicas": int,
    "minReplicas": int,
    "maxReplicas": int,
    "rayStartParams": dict,
    "template": dict,
}
OPERATOR = Place("kuberay", {"app.kubernetes.io/name": "kuberay-operator"})
RAY = "clipseek/ray"
PORT_OF_JOBS = 8265


@pytest.fixture(scope="module")
def cluster() -> Cluster:
    """Return the overlay, rendered."""
    return rendered("ray")


@pytest.fixture(scope="module")
def job(cluster: Cluster) -> Object:
    """Return the specification of the RayJob."""
    spec: Object = cluster.one("RayJob", "index-ray")["spec"]
    return spec


@pytest.fixture(scope="module")
def head(job: Object) -> Object:
    """Return the group of the head."""
    found: Object = job["rayClusterSpec"]["headGroupSpec"]
    return found


@pytest.fixture(scope="module")
def workers(job: Object) -> Object:
    """Return the group of the workers."""
    (found,) = job["rayClusterSpec"]["workerGroupSpecs"]
    group: Object = found
    return group


@pytest.fixture(scope="module")
def templates(job: Object, head: Object, workers: Object) -> dict[str, Object]:
    """Return the pods by what they are for Ray."""
    pods = (job["submitterPodTemplate"], head["template"], workers["template"])
    return {pod["metadata"]["labels"][RAY]: pod for pod in pods}


@pytest.fixture(scope="module")
def places(cluster: Cluster, templates: dict[str, Object]) -> dict[str, Place]:
    """Return the pods of Ray, and one of each other component."""
    (namespace,) = cluster.names("Namespace")
    others = {pod.labels[COMPONENT]: Place(namespace, pod.labels) for pod in cluster.pods()}
    return others | {
        name: Place(namespace, pod["metadata"]["labels"]) for name, pod in templates.items()
    }


def types(found: Object) -> dict[str, type]:
    """Return the types of fields."""
    return {name: type(value) for name, value in found.items()}


def variables(pod: Object) -> dict[str, str]:
    """Return the variables that a pod's container is given by name."""
    (container,) = pod["spec"]["containers"]
    return {each["name"]: each["value"] for each in container.get("env", ())}


def test_the_job_has_documented_fields(
    cluster: Cluster, job: Object, head: Object, workers: Object
) -> None:
    """Of the types that the reference of KubeRay gives them, and values that it lists."""
    assert cluster.one("RayJob", "index-ray")["apiVersion"] == "ray.io/v1"
    assert types(job) == _JOB
    assert types(job["rayClusterSpec"]) == _CLUSTER
    assert types(head) == _HEAD
    assert types(workers) == _WORKERS
    assert job["submissionMode"] == "K8sJobMode"
    assert head["serviceType"] == "ClusterIP"
    assert job["rayClusterSpec"]["authOptions"] == {"mode": "token"}


def test_ray_knows_its_start_parameters(head: Object, workers: Object) -> None:
    """Each is an option of `ray start`; KubeRay passes them on as they are."""
    scripts = pytest.importorskip("ray.scripts.scripts", reason="the extra ray is not installed")
    known = {option.removeprefix("--") for each in scripts.start.params for option in each.opts}
    for group in (head, workers):
        assert set(types(group["rayStartParams"]).values()) == {str}
        assert group["rayStartParams"].keys() <= known


@pytest.mark.parametrize("version", VERSIONS)
def test_the_pods_have_their_schema(templates: dict[str, Object], version: str) -> None:
    """Strictly, as the pods of all other workloads."""
    for name, pod in templates.items():
        whole = {"apiVersion": "v1", "kind": "Pod", **pod}
        whole["metadata"] = {**pod["metadata"], "name": name}
        kubernetes_validate.validate(whole, version, strict=True)


def test_the_pods_keep_to_the_standard(templates: dict[str, Object]) -> None:
    """The restricted one; their root file systems are read-only, and volumes have limits."""
    for name, pod in templates.items():
        (container,) = pod["spec"]["containers"]
        assert breaches(pod["spec"]) == set(), name
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert {"cpu", "memory"} == container["resources"]["requests"].keys()
        assert "memory" in container["resources"]["limits"]
        assert pod["spec"]["automountServiceAccountToken"] is False
        assert pod["spec"]["enableServiceLinks"] is False
        empty = [each["emptyDir"] for each in pod["spec"]["volumes"] if "emptyDir" in each]
        assert all("sizeLimit" in each for each in empty)


def test_the_pods_are_of_the_image_that_indexes(
    cluster: Cluster, templates: dict[str, Object], job: Object
) -> None:
    """In its release, with the Ray that its lock has."""
    (index,) = cluster.pod("index").spec["containers"]
    images = {each["image"] for pod in templates.values() for each in pod["spec"]["containers"]}
    assert images == {index["image"]}
    lock = (ROOT / "docker" / "locks" / "indexer.txt").read_text("utf-8")
    assert f"\nray=={job['rayClusterSpec']['rayVersion']} " in lock
    assert "\naiohttp==" in lock, "the job server of Ray needs ray[default]"


def test_the_head_is_an_ingest(cluster: Cluster, job: Object, templates: dict[str, Object]) -> None:
    """With the settings, the secret and the volumes of the Job `index`, and Ray."""
    index, head = cluster.pod("index"), templates["head"]
    options = parser().parse_args(shlex.split(job["entrypoint"])[1:])
    assert (options.verb, options.runner, options.address) == ("ingest", "ray", "auto")
    assert shlex.split(job["entrypoint"])[:3] == index.container["command"]
    (container,) = head["spec"]["containers"]
    assert container["envFrom"] == index.container["envFrom"]
    mounts = container["volumeMounts"]
    assert [each for each in mounts if each["name"] != "shm"] == index.container["volumeMounts"]
    for name in ("data", "uploads", "videos", "store"):
        ours, theirs = (
            next(each for each in pod["volumes"] if each["name"] == name)
            for pod in (head["spec"], index.spec)
        )
        assert ours == theirs
    given = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in variables(head).items()
        if name.startswith(PREFIX)
    }
    assert given.keys() <= Settings.model_fields.keys()
    settings = Settings.load(**given)
    assert (settings.workers, settings.ray_embedders) == (4, 2)


def test_workers_see_the_videos_and_no_secret(templates: dict[str, Object]) -> None:
    """Where the head sees them; they write neither them nor the data."""
    (head,) = templates["head"]["spec"]["containers"]
    (worker,) = templates["worker"]["spec"]["containers"]
    there = {each["name"]: each["mountPath"] for each in head["volumeMounts"]}
    mounts = {each["name"]: each for each in worker["volumeMounts"]}
    assert mounts.keys() == {"data", "videos", "tmp", "shm"}
    assert {name: each["mountPath"] for name, each in mounts.items()}.items() <= there.items()
    assert mounts["data"]["readOnly"]
    assert mounts["videos"]["readOnly"]
    assert all("secret" not in each for each in templates["worker"]["spec"]["volumes"])
    assert "envFrom" not in worker


def test_the_workers_have_a_cpu_for_each_task(head: Object, workers: Object) -> None:
    """Those that read, and those that embed: less would wait for ever, more would be idle."""
    given = variables(head["template"])
    tasks = int(given[f"{PREFIX}WORKERS"]) + int(given[f"{PREFIX}RAY_EMBEDDERS"])
    cpus = int(workers["rayStartParams"]["num-cpus"])
    (container,) = workers["template"]["spec"]["containers"]
    assert container["resources"]["requests"]["cpu"] == str(cpus)
    assert workers["minReplicas"] == workers["replicas"] == workers["maxReplicas"]
    assert workers["replicas"] * cpus == tasks
    assert head["rayStartParams"]["num-cpus"] == "0"


def named(found: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the kind and the path of each name of a ConfigMap or a Secret."""
    if isinstance(found, list):
        for each in found:
            yield from named(each, path)
        return
    if not isinstance(found, dict):
        return
    for key, value in found.items():
        at = f"{path}/{key}".lstrip("/")
        if at.endswith(("configMapRef/name", "configMapKeyRef/name", "configMap/name")):
            yield "ConfigMap", at
        elif at.endswith(("secretName", "secretRef/name", "secretKeyRef/name")):
            yield "Secret", at
        yield from named(value, at)


def test_kustomize_is_told_where_the_job_names_what_gets_a_hash(job: Object) -> None:
    """It would else name a ConfigMap and a Secret that do not exist."""
    file = ROOT / "kubernetes" / "overlays" / "ray" / "names.yaml"
    told = {
        (each["kind"], field["path"])
        for each in yaml.safe_load(file.read_text("utf-8"))["nameReference"]
        for field in each["fieldSpecs"]
    }
    found = set(named(job, "spec"))
    assert {kind for kind, _ in found} == {"ConfigMap", "Secret"}
    assert found == told


def fixed(group: Object) -> set[int]:
    """Return the ports that a pod of a group listens on for others."""
    said = {name: int(value) for name, value in group["rayStartParams"].items() if "port" in name}
    first, last = said.pop("min-worker-port"), said.pop("max-worker-port")
    return {first, last, *said.values()}


def test_head_and_workers_reach_each_other(
    cluster: Cluster, places: dict[str, Place], head: Object, workers: Object
) -> None:
    """At each port that is fixed; nobody else does."""
    policies = cluster.of("NetworkPolicy")
    groups = {"head": head, "worker": workers}
    assert {len(fixed(group)) for group in groups.values()} == {8, 9}
    for target, group in groups.items():
        for port in fixed(group):
            reached = {
                source
                for source, place in places.items()
                if is_allowed(policies, place, places[target], port)
            }
            assert reached == ({"worker"} if target == "head" else {"head", "worker"}), port
            assert not is_allowed(policies, OPERATOR, places[target], port)
    assert not is_allowed(policies, places["worker"], places["head"], 11000)


def test_only_the_operator_and_the_submitter_ask_the_job_server(
    cluster: Cluster, places: dict[str, Place]
) -> None:
    """It runs what it is sent, so no Ingress, pod or address reaches it."""
    policies = cluster.of("NetworkPolicy")
    outside = {
        "operator": OPERATOR,
        "stranger": Place("elsewhere", OPERATOR.labels),
        "internet": Place(address="203.0.113.9"),
    }
    reached = {
        name
        for name, place in (places | outside).items()
        if is_allowed(policies, place, places["head"], PORT_OF_JOBS)
    }
    assert reached == {"operator", "submitter"}


def test_only_the_head_reaches_what_an_ingest_reaches(
    cluster: Cluster, places: dict[str, Place]
) -> None:
    """PostgreSQL, and the hub by HTTPS."""
    policies = cluster.of("NetworkPolicy")
    for address, port in (("192.0.2.10", 5432), ("203.0.113.9", 443)):
        reached = {
            name
            for name in ("head", "worker", "submitter")
            if is_allowed(policies, places[name], Place(address=address), port)
        }
        assert reached == {"head"}
