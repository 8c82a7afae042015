"""Every pod of kubernetes/ keeps to the restricted Pod Security Standard, rule by rule.

https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

import copy
from collections.abc import Callable

import pytest

from tests.deploy.kustomize import Object
from tests.deploy.manifests import OVERLAYS, Cluster, rendered

_VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "projected", "secret"}
_VOLUMES |= {"persistentVolumeClaim"}
_PROFILES = ("RuntimeDefault", "Localhost")


def breaches(spec: Object) -> set[str]:
    """Return the rules that a pod's specification breaks."""
    pod = spec.get("securityContext", {})
    found = {key for key in ("hostNetwork", "hostPID", "hostIPC", "hostUsers") if spec.get(key)}
    for volume in spec.get("volumes", ()):
        if not volume.keys() - {"name"} <= _VOLUMES:
            found.add("volume types")
    if pod.get("sysctls"):
        found.add("sysctls")
    containers = [*spec["containers"], *spec.get("initContainers", ())]
    return found.union(*(_of_container(each, pod) for each in containers))


def _of_container(container: Object, pod: Object) -> set[str]:
    context = {**pod, **container.get("securityContext", {})}
    capabilities = context.get("capabilities", {})
    rules = {
        "privileged": not context.get("privileged", False),
        "allowPrivilegeEscalation": context.get("allowPrivilegeEscalation") is False,
        "capabilities": "ALL" in capabilities.get("drop", ())
        and set(capabilities.get("add", ())) <= {"NET_BIND_SERVICE"},
        "runAsNonRoot": context.get("runAsNonRoot") is True,
        "runAsUser": context.get("runAsUser") != 0,
        "seccompProfile": context.get("seccompProfile", {}).get("type") in _PROFILES,
        "hostPort": not any("hostPort" in port for port in container.get("ports", ())),
        "procMount": context.get("procMount", "Default") == "Default",
        "seLinuxOptions": not context.get("seLinuxOptions"),
        "appArmorProfile": context.get("appArmorProfile", {}).get("type") != "Unconfined",
        "windowsOptions": not context.get("windowsOptions", {}).get("hostProcess"),
    }
    return {rule for rule, is_kept in rules.items() if not is_kept}


@pytest.fixture(params=OVERLAYS)
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """Return an overlay, rendered."""
    return rendered(request.param)


def test_every_pod_keeps_to_the_standard(cluster: Cluster) -> None:
    """None is refused by the namespace."""
    assert {pod.name: found for pod in cluster.pods() if (found := breaches(pod.spec))} == {}


def _escalate(spec: Object) -> None:
    del spec["containers"][0]["securityContext"]["allowPrivilegeEscalation"]


def _add_capability(spec: Object) -> None:
    spec["containers"][0]["securityContext"]["capabilities"]["add"] = ["NET_ADMIN"]


def _be_root(spec: Object) -> None:
    spec["securityContext"]["runAsUser"] = 0


def _mount_host(spec: Object) -> None:
    spec["volumes"].append({"name": "host", "hostPath": {"path": "/"}})


def _drop_profile(spec: Object) -> None:
    del spec["securityContext"]["seccompProfile"]


@pytest.mark.parametrize(
    ("spoil", "rule"),
    [
        pytest.param(_escalate, "allowPrivilegeEscalation", id="escalation"),
        pytest.param(_add_capability, "capabilities", id="capability"),
        pytest.param(_be_root, "runAsUser", id="root"),
        pytest.param(_mount_host, "volume types", id="host-path"),
        pytest.param(_drop_profile, "seccompProfile", id="seccomp"),
    ],
)
def test_a_breach_is_found(cluster: Cluster, spoil: Callable[[Object], None], rule: str) -> None:
    """The rules above are not empty."""
    spec = copy.deepcopy(cluster.pod("api").spec)
    spoil(spec)
    assert breaches(spec) == {rule}


def test_the_namespace_enforces_the_standard(cluster: Cluster) -> None:
    """And warns and records."""
    (namespace,) = cluster.of("Namespace")
    labels = namespace["metadata"]["labels"]
    for mode in ("enforce", "audit", "warn"):
        assert labels[f"pod-security.kubernetes.io/{mode}"] == "restricted"


def test_no_pod_writes_its_root_file_system(cluster: Cluster) -> None:
    """Stricter than the standard; what must be written is a volume with a limit."""
    for pod in cluster.pods():
        assert pod.container["securityContext"]["readOnlyRootFilesystem"] is True, pod.name
        for volume in pod.spec["volumes"]:
            if "emptyDir" in volume:
                assert "sizeLimit" in volume["emptyDir"], pod.name


def test_our_programs_run_as_the_user_of_the_image(cluster: Cluster) -> None:
    """10001, as the Dockerfile makes it; volumes are given to its group."""
    for pod in cluster.pods():
        if pod.container["image"].startswith("clipseek/"):
            context = pod.spec["securityContext"]
            assert {context[key] for key in ("runAsUser", "runAsGroup", "fsGroup")} == {10001}


def test_secrets_are_files_that_others_cannot_read(cluster: Cluster) -> None:
    """And never variables."""
    for pod in cluster.pods():
        for volume in pod.spec["volumes"]:
            if "secret" in volume:
                assert volume["secret"]["defaultMode"] == 0o440
        for variable in pod.container.get("env", ()):
            assert "valueFrom" not in variable, pod.name
        assert all("secretRef" not in each for each in pod.container.get("envFrom", ()))


def test_a_pod_gets_only_the_secrets_it_needs(cluster: Cluster) -> None:
    """Redis is the API's alone; a worker beside cameras signs alerts by their key.

    What reads or writes a bucket has its key, and nothing else has.
    """
    for component in ("index", "worker", "migrate", "backup", "report"):
        found = [
            each["secret"] for each in cluster.pod(component).spec["volumes"] if "secret" in each
        ]
        if component == "worker" and "recorder" in cluster.names("StatefulSet"):
            (cameras,) = (each for each in found if each["secretName"].startswith("cameras"))
            found.remove(cameras)
        reading = component not in ("migrate", "backup")
        if reading and "bucket" in cluster.names("Secret"):
            (bucket,) = (each for each in found if each["secretName"] == "bucket")
            found.remove(bucket)
        (store,) = found
        assert [item["key"] for item in store["items"]] == ["database-url"]
