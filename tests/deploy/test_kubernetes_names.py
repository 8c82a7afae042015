"""What the objects of kubernetes/ name exists: pods, ports, volumes, settings, paths, images."""

import re

import pytest
import yaml

from api.excerpts import MAX_CLIP_S
from api.server import GRACE_S
from clipseek.catalog.database import POOL_OVERFLOW, POOL_SIZE
from clipseek.catalog.jobs import CONNECTIONS
from clipseek.config import PREFIX, Settings
from indexer.cli import parser
from tests.api.renew import document
from tests.deploy.manifests import COMPONENT, KEY, OVERLAYS, README, ROOT, Cluster, Pod, rendered

NGINX = (ROOT / "nginx" / "templates" / "clipseek.conf.template").read_text("utf-8")


@pytest.fixture(params=OVERLAYS)
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """Return an overlay, rendered."""
    return rendered(request.param)


def chosen(cluster: Cluster, labels: dict[str, str]) -> list[Pod]:
    """Return the pods that bear labels."""
    assert labels
    return [pod for pod in cluster.pods() if labels.items() <= pod.labels.items()]


def ports(pod: Pod) -> dict[str, int]:
    """Return the ports of a pod by name."""
    return {each["name"]: each["containerPort"] for each in pod.container.get("ports", ())}


def seconds_of_prestop(pod: Pod) -> int:
    """Return how long a pod works on after it is told to go."""
    seconds: int = pod.container["lifecycle"]["preStop"]["sleep"]["seconds"]
    return seconds


def test_workloads_select_their_own_pods(cluster: Cluster) -> None:
    """And no other workload's."""
    for kind in ("Deployment", "StatefulSet"):
        for each in cluster.of(kind):
            (pod,) = chosen(cluster, each["spec"]["selector"]["matchLabels"])
            assert pod.owner == each


def test_services_lead_to_ports_of_pods(cluster: Cluster) -> None:
    """By the name of a port."""
    for service in cluster.of("Service"):
        pods = chosen(cluster, service["spec"]["selector"])
        assert len({pod.labels[COMPONENT] for pod in pods}) == 1
        for pod in pods:
            for port in service["spec"]["ports"]:
                assert port["targetPort"] in ports(pod)


def test_stateful_sets_name_their_service(cluster: Cluster) -> None:
    """Which gives their pods names."""
    for each in cluster.of("StatefulSet"):
        assert each["spec"]["serviceName"] in cluster.names("Service")


def test_the_ingress_leads_to_nginx(cluster: Cluster) -> None:
    """To a port that the service has."""
    for ingress in cluster.of("Ingress"):
        (rule,) = ingress["spec"]["rules"]
        (path,) = rule["http"]["paths"]
        backend = path["backend"]["service"]
        service = cluster.one("Service", backend["name"])
        assert service["spec"]["selector"][COMPONENT] == "nginx"
        assert backend["port"]["name"] in {port["name"] for port in service["spec"]["ports"]}
        assert ingress["spec"]["tls"][0]["hosts"] == [rule["host"]]


def test_what_pods_mount_exists(cluster: Cluster) -> None:
    """ConfigMaps, Secrets and their keys, claims; and every volume is mounted."""
    for pod in cluster.pods():
        templates = pod.owner["spec"].get("volumeClaimTemplates", ())
        volumes = {each["name"] for each in pod.spec["volumes"]}
        volumes |= {each["metadata"]["name"] for each in templates}
        containers = [*pod.spec["containers"], *pod.spec.get("initContainers", ())]
        mounted = {mount["name"] for each in containers for mount in each["volumeMounts"]}
        assert mounted == volumes, pod.name
        for volume in pod.spec["volumes"]:
            if "configMap" in volume:
                assert volume["configMap"]["name"] in cluster.names("ConfigMap")
            if "persistentVolumeClaim" in volume:
                claim = volume["persistentVolumeClaim"]["claimName"]
                assert claim in cluster.names("PersistentVolumeClaim")
            if "secret" in volume:
                data = cluster.one("Secret", volume["secret"]["secretName"])["data"]
                keys = {item["key"] for item in volume["secret"].get("items", ())}
                assert keys <= data.keys()


def test_every_config_map_secret_and_claim_is_used(cluster: Cluster) -> None:
    """None is left over."""
    text = yaml.safe_dump_all([pod.template for pod in cluster.pods()])
    for kind in ("ConfigMap", "Secret", "PersistentVolumeClaim"):
        for name in cluster.names(kind):
            assert re.search(rf"(name|secretName|claimName): {re.escape(name)}\n", text), name


def test_service_accounts_exist_and_are_not_mounted(cluster: Cluster) -> None:
    """No pod speaks to Kubernetes."""
    for pod in cluster.pods():
        assert pod.spec.get("serviceAccountName", "default") == "default", pod.name
        assert pod.spec["automountServiceAccountToken"] is False, pod.name


def test_kubernetes_adds_no_variables(cluster: Cluster) -> None:
    """A service called clipseek-api would set CLIPSEEK_API_PORT to tcp://…."""
    assert all(pod.spec["enableServiceLinks"] is False for pod in cluster.pods())


def test_variables_are_settings(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """With values that they take."""
    seen = 0
    for pod in cluster.pods():
        found = cluster.environment(pod)
        ours = {name for name in found if name.startswith(PREFIX)}
        assert {name.removeprefix(PREFIX).lower() for name in ours} <= Settings.model_fields.keys()
        for name in ours:
            if name.endswith("_FILE"):
                folder, _, file = found[name].rpartition("/")
                (mount,) = [
                    mount["name"]
                    for mount in pod.container["volumeMounts"]
                    if mount["mountPath"] == folder
                ]
                (volume,) = [each for each in pod.spec["volumes"] if each["name"] == mount]
                items = {each["path"] for each in volume["secret"].get("items", ())}
                assert not items or file in items, (pod.name, name)
        plain = {name: found[name] for name in ours if not name.endswith("_FILE")}
        with monkeypatch.context() as patch:
            for name, value in plain.items():
                patch.setenv(name, value)
            Settings.load()
        seen += len(ours)
    assert seen > 20


def test_every_variable_of_nginx_is_set(cluster: Cluster) -> None:
    """Those of the template, and no others that it does not know."""
    given = {name for name in cluster.environment(cluster.pod("nginx")) if name.startswith("NGINX")}
    assert given - {"NGINX_ENVSUBST_FILTER"} == set(re.findall(r"\$\{(NGINX_\w+)\}", NGINX))


def test_nginx_asks_the_service_of_the_api(cluster: Cluster) -> None:
    """By its full name, at its port, and follows its pods."""
    servers = cluster.environment(cluster.pod("nginx"))["NGINX_SERVERS"]
    service = cluster.one("Service", "api")
    (port,) = service["spec"]["ports"]
    (namespace,) = cluster.names("Namespace")
    assert f"server api.{namespace}.svc.cluster.local:{port['port']} resolve" in servers
    assert service["spec"]["clusterIP"] == "None"


def test_api_and_nginx_see_the_same_videos(cluster: Cluster) -> None:
    """Where indexing sees them too: the catalog holds their paths."""
    api, nginx, index = (cluster.pod(name) for name in ("api", "nginx", "index"))
    path = cluster.environment(api)["CLIPSEEK_ACCEL_DIR"]
    assert path == cluster.environment(nginx)["NGINX_VIDEOS"] == index.container["command"][-1]
    for pod in (api, nginx, index):
        (mount,) = [each for each in pod.container["volumeMounts"] if each["name"] == "videos"]
        assert (mount["mountPath"], mount["readOnly"]) == (path, True)


def test_the_api_cannot_write_the_snapshots(cluster: Cluster) -> None:
    """Neither by its mount nor by its claim; indexing can."""
    api, index = cluster.pod("api"), cluster.pod("index")
    folder = cluster.environment(api)["CLIPSEEK_DATA_DIR"]
    for pod, is_read_only in ((api, True), (index, False)):
        (mount,) = [each for each in pod.container["volumeMounts"] if each["name"] == "data"]
        (volume,) = [each for each in pod.spec["volumes"] if each["name"] == "data"]
        assert mount["mountPath"] == folder
        assert mount.get("readOnly", False) is is_read_only
        assert volume["persistentVolumeClaim"].get("readOnly", False) is is_read_only


def test_api_and_indexing_write_the_uploads(cluster: Cluster) -> None:
    """The same claim, at the place that the setting names."""
    pods = [pod for pod in cluster.pods() if pod.labels[COMPONENT] in ("api", "index", "worker")]
    assert len(pods) == 4 + (cluster.names("Deployment") >= {"api-2"})
    for pod in pods:
        (mount,) = [each for each in pod.container["volumeMounts"] if each["name"] == "uploads"]
        assert mount["mountPath"] == cluster.environment(pod)["CLIPSEEK_UPLOAD_DIR"]
        assert not mount.get("readOnly", False)
        (volume,) = [each for each in pod.spec["volumes"] if each["name"] == "uploads"]
        assert volume["persistentVolumeClaim"] == {"claimName": "uploads"}


def test_the_api_writes_excerpts_to_a_folder_with_room_for_one_more(cluster: Cluster) -> None:
    """A pod that fills the folder is evicted, and an excerpt is whole before others are deleted."""
    api = cluster.pod("api")
    environment = cluster.environment(api)
    (mount,) = [each for each in api.container["volumeMounts"] if each["name"] == "excerpts"]
    assert mount == {"name": "excerpts", "mountPath": environment["CLIPSEEK_EXCERPT_DIR"]}
    (volume,) = [each for each in api.spec["volumes"] if each["name"] == "excerpts"]
    room = int(volume["emptyDir"]["sizeLimit"].removesuffix("Gi")) * 2**30
    longest = MAX_CLIP_S * 200e6 / 8  # of a camera that records 200 Mbit/s
    assert int(environment["CLIPSEEK_EXCERPT_BYTES"]) + longest <= room


def test_probes_ask_paths_of_the_api(cluster: Cluster) -> None:
    """At its port."""
    pod = cluster.pod("api")
    environment = cluster.environment(pod)
    assert ports(pod) == {"http": int(environment["CLIPSEEK_API_PORT"])}
    for name, path in (("startup", "/healthz"), ("liveness", "/healthz"), ("readiness", "/readyz")):
        asked = pod.container[f"{name}Probe"]["httpGet"]
        assert asked == {"path": path, "port": "http"}
        assert path in document()["paths"]


def test_the_monitor_asks_the_api_for_metrics(cluster: Cluster) -> None:
    """At a port of its service, by the labels that it has, at a path that is a route."""
    for monitor in cluster.of("ServiceMonitor"):
        labels = monitor["spec"]["selector"]["matchLabels"]
        (service,) = [
            each
            for each in cluster.of("Service")
            if labels.items() <= each["metadata"]["labels"].items()
        ]
        (endpoint,) = monitor["spec"]["endpoints"]
        assert endpoint["port"] in {port["name"] for port in service["spec"]["ports"]}
        assert endpoint["path"] in document()["paths"]


def test_the_autoscaler_scales_what_is_there(cluster: Cluster) -> None:
    """By a metric of the API, which the adapter knows; apply sets no number against it."""
    metrics = (ROOT / "src" / "clipseek" / "metrics.py").read_text("utf-8")
    adapter = yaml.safe_load(
        (ROOT / "kubernetes/overlays/production/adapter.yaml").read_text("utf-8")
    )
    for scaler in cluster.of("HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        assert "replicas" not in cluster.one(target["kind"], target["name"])["spec"]
        if target["name"] != "api":
            continue
        (name,) = [
            each["pods"]["metric"]["name"]
            for each in scaler["spec"]["metrics"]
            if each["type"] == "Pods"
        ]
        assert f'"{name}"' in metrics
        assert adapter["rules"]["custom"][0]["seriesQuery"].startswith(name)
        assert cluster.pod("api").container["resources"]["requests"]["cpu"]


def test_workers_are_scaled_by_the_jobs_that_wait(cluster: Cluster) -> None:
    """By an external metric that the adapter makes of a series of the API."""
    metrics = (ROOT / "src" / "clipseek" / "metrics.py").read_text("utf-8")
    (rule,) = yaml.safe_load(
        (ROOT / "kubernetes/overlays/production/adapter.yaml").read_text("utf-8")
    )["rules"]["external"]
    series, _, labels = rule["seriesQuery"].partition("{")
    assert f'"{series}"' in metrics
    assert 'state="waiting"' in labels
    assert 'state="waiting"' in rule["metricsQuery"]
    scalers = {each["metadata"]["name"]: each for each in cluster.of("HorizontalPodAutoscaler")}
    if not scalers:
        assert cluster.pod("worker").owner["spec"]["replicas"] == 1
        return
    (metric,) = scalers["worker"]["spec"]["metrics"]
    assert metric["external"]["metric"]["name"] == rule["name"]["as"]
    assert scalers["worker"]["spec"]["scaleTargetRef"]["name"] == "worker"


def test_the_embedder_is_scaled_by_how_long_requests_wait() -> None:
    """By a metric that the adapter makes of those of Triton, at a port that is scraped."""
    cluster = rendered("embedder")
    rules = yaml.safe_load(
        (ROOT / "kubernetes/overlays/production/adapter.yaml").read_text("utf-8")
    )["rules"]["custom"]
    (rule,) = [each for each in rules if each["seriesQuery"].startswith("nv_inference_queue")]
    scaler = cluster.one("HorizontalPodAutoscaler", "embedder")
    (metric,) = scaler["spec"]["metrics"]
    assert metric["pods"]["metric"]["name"] == rule["name"]["as"]
    assert "nv_inference_queue_duration_us{" in rule["metricsQuery"]
    assert "nv_inference_request_success{" in rule["metricsQuery"]
    pod = cluster.pod("embedder")
    assert f"--metrics-port={ports(pod)['metrics']}" in pod.container["command"]


def test_the_embedder_has_the_model_of_the_settings() -> None:
    """Its first container writes it where the server reads it; processes ask the server's port."""
    cluster = rendered("embedder")
    pod = cluster.pod("embedder")
    (export,) = pod.spec["initContainers"]
    options = parser().parse_args(export["command"][1:])
    assert (options.verb, options.action) == ("models", "export")
    assert f"--model-repository={options.triton}" in pod.container["command"]
    assert any(
        each.get("valueFrom", {}).get("configMapKeyRef", {}).get("key") == "CLIPSEEK_MODEL"
        for each in export["env"]
    )
    settings = cluster.environment(cluster.pod("api"))
    Settings.load(embedder_url=settings["CLIPSEEK_EMBEDDER_URL"])
    (service,) = [each for each in cluster.of("Service") if each["metadata"]["name"] == "embedder"]
    port = ports(pod)["grpc"]
    assert settings["CLIPSEEK_EMBEDDER_URL"] == f"grpc://embedder:{port}"
    assert {each["port"] for each in service["spec"]["ports"]} == set(ports(pod).values())
    assert f"--grpc-port={port}" in pod.container["command"]


def test_a_worker_runs_the_verb_and_sees_what_indexing_sees(cluster: Cluster) -> None:
    """The same volumes and settings; its rollout leaves no two releases at work.

    Beside cameras it has their key too, which encrypts the secrets that it signs alerts by.
    """
    worker, index = cluster.pod("worker"), cluster.pod("index")
    mounts = [m for m in worker.container["volumeMounts"] if m["name"] != "cameras"]
    volumes = [volume for volume in worker.spec["volumes"] if volume["name"] != "cameras"]
    settings = {**cluster.environment(worker)}
    assert (len(volumes) < len(worker.spec["volumes"])) == (
        "recorder" in cluster.names("StatefulSet")
    )
    assert (settings.pop("CLIPSEEK_CAMERA_KEY_FILE", None) is None) == (
        "recorder" not in cluster.names("StatefulSet")
    )
    assert worker.command == ["indexer", "work"]
    assert "work" in parser().verbs
    assert mounts == index.container["volumeMounts"]
    assert volumes == index.spec["volumes"]
    assert settings == cluster.environment(index)
    assert worker.owner["spec"]["strategy"] == {"type": "Recreate"}


def test_a_disruption_leaves_pods(cluster: Cluster) -> None:
    """Each budget is of one component, and smaller than the replicas of any Deployment of it."""
    scaled = {
        each["spec"]["scaleTargetRef"]["name"]: each["spec"]["minReplicas"]
        for each in cluster.of("HorizontalPodAutoscaler")
    }
    budgets = cluster.of("PodDisruptionBudget")
    assert {each["metadata"]["name"] for each in budgets} == {"api", "nginx"}
    for budget in budgets:
        pods = chosen(cluster, budget["spec"]["selector"]["matchLabels"])
        assert {pod.labels[COMPONENT] for pod in pods} == {budget["metadata"]["name"]}
        for pod in pods:
            replicas = scaled.get(pod.owner["metadata"]["name"]) or pod.owner["spec"]["replicas"]
            assert 0 < budget["spec"]["maxUnavailable"] < replicas


@pytest.mark.parametrize("component", ["api", "nginx"])
def test_a_rollout_takes_none_before_another_is_ready(cluster: Cluster, component: str) -> None:
    """Zero unavailable."""
    strategy = cluster.pod(component).owner["spec"]["strategy"]
    assert strategy["type"] == "RollingUpdate"
    assert strategy["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}


def test_a_replica_has_time_to_end(cluster: Cluster) -> None:
    """What it works on after the word, what requests in flight get, and some to close."""
    pod = cluster.pod("api")
    needed = seconds_of_prestop(pod) + GRACE_S
    assert pod.spec["terminationGracePeriodSeconds"] > needed


def test_a_replica_goes_after_nginx_has_seen_it(cluster: Cluster) -> None:
    """It asks for names as often as `valid` says, DNS servers keep them for 5 s."""
    servers = cluster.environment(cluster.pod("nginx"))["NGINX_SERVERS"]
    valid = re.search(r"valid=(\d+)s", servers)
    assert valid
    assert seconds_of_prestop(cluster.pod("api")) >= int(valid[1]) + 5


def test_nginx_has_time_to_end(cluster: Cluster) -> None:
    """Its longest wait for the API."""
    pod = cluster.pod("nginx")
    longest = max(int(each) for each in re.findall(r"proxy_read_timeout (\d+)s", NGINX))
    assert pod.spec["terminationGracePeriodSeconds"] > seconds_of_prestop(pod) + longest


def test_postgres_has_a_connection_for_everybody(cluster: Cluster) -> None:
    """All replicas, the surplus of a rollout, workers, indexing and the migration, each with all.

    A replica reads and writes jobs through two pools of their own, a worker through one.
    """
    scaled = {
        each["metadata"]["name"]: each["spec"]["maxReplicas"]
        for each in cluster.of("HorizontalPodAutoscaler")
    }
    replicas, workers = (
        scaled.get(name) or cluster.pod(name).owner["spec"]["replicas"]
        for name in ("api", "worker")
    )
    most = POOL_SIZE + POOL_OVERFLOW
    needed = (replicas + 1) * (most + 2 * CONNECTIONS) + workers * (most + CONNECTIONS) + 2 * most
    if "postgres" in cluster.names("StatefulSet"):
        said = " ".join(cluster.pod("postgres").container["args"])
        reserved = 3  # superuser_reserved_connections
    else:
        said, reserved = README.read_text("utf-8"), 0
    allowed = re.search(r"max_connections(?:=|` of )(\d+)", said)
    assert allowed
    assert int(allowed[1]) - reserved >= needed


def test_replicas_keep_apart(cluster: Cluster) -> None:
    """On different nodes where that can be."""
    for component in ("api", "nginx"):
        pod = cluster.pod(component)
        terms = pod.spec["affinity"]["podAntiAffinity"]
        (term,) = terms["preferredDuringSchedulingIgnoredDuringExecution"]
        labels = term["podAffinityTerm"]["labelSelector"]["matchLabels"]
        chosen_pods = chosen(cluster, labels)
        assert pod.name in {each.name for each in chosen_pods}
        assert {each.labels[COMPONENT] for each in chosen_pods} == {component}


def test_every_container_says_what_it_needs(cluster: Cluster) -> None:
    """And what it may take of the memory."""
    for pod in cluster.pods():
        resources = pod.container["resources"]
        assert resources["requests"].keys() == {"cpu", "memory"}, pod.name
        assert "memory" in resources["limits"], pod.name


def test_indexing_is_the_same_now_and_at_night(cluster: Cluster) -> None:
    """The Job and the CronJob make one pod."""
    job = cluster.one("Job", "index")["spec"]
    night = cluster.one("CronJob", "index-nightly")["spec"]["jobTemplate"]["spec"]
    assert job["template"] == night["template"]
    assert job["podFailurePolicy"] == night["podFailurePolicy"]


def test_only_jobs_for_the_gpu_ask_for_one() -> None:
    """In the overlays `gpu` and `embedder`; no other pod waits for such a node."""
    folder = ROOT / "kubernetes"
    for path in folder.rglob("*.yaml"):
        if "nvidia.com/gpu" in path.read_text("utf-8"):
            assert path.parent.name in ("gpu", "embedder")


def test_what_asks_a_bucket_has_its_key_and_address() -> None:
    """Each that reads or writes it, init containers too; replicas fetch into a folder they own."""
    cluster = rendered("buckets")
    asking = {"api", "worker", "index", "report"}
    for pod in cluster.pods():
        containers = [*pod.spec["containers"], *pod.spec.get("initContainers", ())]
        for container in containers:
            has_key = container.get("command", [])[:3] == ["sh", "-c", KEY]
            assert has_key == (pod.labels[COMPONENT] in asking), container["name"]
            if has_key:
                mounts = {each["mountPath"]: each["name"] for each in container["volumeMounts"]}
                assert mounts["/run/secrets/bucket"] == "bucket"
    api = cluster.pod("api")
    found = cluster.environment(api)
    assert found["CLIPSEEK_STORE_URL"].startswith("s3://")
    assert found["AWS_ENDPOINT"].startswith("https://")
    (mount,) = (each for each in api.container["volumeMounts"] if each["name"] == "fetched")
    assert mount == {"name": "fetched", "mountPath": found["CLIPSEEK_STORE_DIR"]}
