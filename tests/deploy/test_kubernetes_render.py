"""kubernetes/ can be rendered, and only with secrets."""

import base64
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from clipseek.config.index_url import MilvusAddress
from tests.deploy import kustomize
from tests.deploy.kustomize import Object
from tests.deploy.manifests import OVERLAYS, ROOT, Cluster, render, tree

_HASHED = re.compile(r"-[2456789bcdfghkmt]{10}$")  # the alphabet of kustomize's hashes


def _programs() -> list[str] | None:
    """Return a kustomize of version 5, alone or in kubectl."""
    if path := shutil.which("kustomize"):
        said = subprocess.run([path, "version"], capture_output=True, text=True, check=False)
        return [path, "build"] if "v5." in said.stdout else None
    if path := shutil.which("kubectl"):
        version = [path, "version", "--client"]
        said = subprocess.run(version, capture_output=True, text=True, check=False)
        return [path, "kustomize"] if "Kustomize Version: v5." in said.stdout else None
    return None


def _plain(objects: list[Object]) -> dict[tuple[str, str], Object]:
    """Return objects by kind and name, with generated names as they are without a hash."""
    generated = {
        each["metadata"]["name"] for each in objects if each["kind"] in ("ConfigMap", "Secret")
    }
    text = yaml.safe_dump_all(objects)
    for name in generated:
        text = re.sub(rf"\b{re.escape(name)}\b", _HASHED.sub("", name), text)
    plain = {}
    for each in yaml.safe_load_all(text):
        if each["kind"] == "Secret":
            # kustomize folds the lines of Base64.
            each["data"] = {key: base64.b64decode(value) for key, value in each["data"].items()}
        plain[each["kind"], each["metadata"]["name"]] = each
    return plain


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_kustomize_renders_the_same(overlay: str, tmp_path: Path) -> None:
    """What all the other tests look at is what a user applies."""
    program = _programs()
    if program is None:
        pytest.skip("no kustomize 5 here, neither alone nor in kubectl")
    kubernetes = tree(tmp_path)
    built = subprocess.run(
        [*program, str(kubernetes / "overlays" / overlay)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert built.stderr == ""
    real = _plain(list(yaml.safe_load_all(built.stdout)))
    ours = _plain(list(render(kubernetes, overlay).objects))
    assert real.keys() == ours.keys()
    for name, each in real.items():
        assert each == ours[name], name


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nothing_is_built_without_secrets(overlay: str, tmp_path: Path) -> None:
    """As it is in a fresh clone: no default password exists."""
    kubernetes = tree(tmp_path)
    for folder in ("minimal", "production"):
        (kubernetes / "overlays" / folder / "secrets" / "database-url").unlink()
    with pytest.raises(kustomize.BuildError, match="database-url is missing"):
        render(kubernetes, overlay)


def test_no_secret_is_committed() -> None:
    """Only the files that say what to do are in the repository."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "kubernetes"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert {name for name in listed if "/secrets/" in name} == {
        f"kubernetes/overlays/{name}/secrets/.gitignore"
        for name in ("buckets", "cameras", "minimal", "production", "shards")
    }


def test_the_renderer_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    """Rather than leave it out unseen."""
    (tmp_path / "kustomization.yaml").write_text("namePrefix: our-\n", "utf-8")
    with pytest.raises(kustomize.BuildError, match="namePrefix"):
        kustomize.build(tmp_path)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_nginx_gets_the_very_files(overlay: str, tmp_path: Path) -> None:
    """One source of truth: what nginx/ has is what the ConfigMaps hold."""
    cluster = render(tree(tmp_path), overlay)
    frame = cluster.one("ConfigMap", "nginx-frame")["data"]
    templates = cluster.one("ConfigMap", "nginx-templates")["data"]
    assert frame["nginx.conf"] == (ROOT / "nginx/nginx.conf").read_text("utf-8")
    name = "clipseek.conf.template"
    assert templates[name] == (ROOT / "nginx/templates" / name).read_text("utf-8")


def test_the_notes_on_milvus_reach_every_pod_with_the_settings(tmp_path: Path) -> None:
    """The token is mounted where they name it, and its address is one of a server."""
    program = _programs()
    if program is None:
        pytest.skip("no kustomize 5 here, neither alone nor in kubectl")
    notes = (ROOT / "kubernetes" / "README.md").read_text("utf-8").split("\n## Milvus\n")[1]
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", notes, re.MULTILINE | re.DOTALL)
    (settings, secret), (patches, policy) = (
        [text for kind, text in blocks if kind == wanted] for wanted in ("", "yaml")
    )
    production = tree(tmp_path) / "overlays" / "production"
    subprocess.run(["sh", "-euc", secret], cwd=tmp_path, check=True)
    with (production / "hosts.env").open("a") as file:
        file.write(settings)
    with (production / "network.yaml").open("a") as file:
        file.write(f"---\n{policy}")
    made = (production / "kustomization.yaml").read_text("utf-8")
    listed = "      - secrets/cache-secret\n"
    made = made.replace(listed, f"{listed}      - secrets/milvus-token\n") + patches
    (production / "kustomization.yaml").write_text(made, "utf-8")
    command = [*program, str(production)]
    built = subprocess.run(command, capture_output=True, text=True, check=True)
    cluster = Cluster(tuple(_plain(list(yaml.safe_load_all(built.stdout))).values()))
    given = dict(line.split("=", 1) for line in settings.split())
    folder, _, key = given["CLIPSEEK_INDEX_TOKEN_FILE"].rpartition("/")
    assert MilvusAddress.parse(given["CLIPSEEK_INDEX_URL"]).database
    asking = [pod for pod in cluster.pods() if "envFrom" in pod.container]
    assert {pod.name for pod in asking} >= {
        "Deployment/api",
        "Deployment/worker",
        "Job/index",
        "Job/migrate",
        "CronJob/index-nightly",
    }
    for pod in asking:
        (store,) = [each for each in pod.spec["volumes"] if each["name"] == "store"]
        assert key in {each["key"] for each in store["secret"].get("items", [{"key": key}])}
        mounts = {each["name"]: each["mountPath"] for each in pod.container["volumeMounts"]}
        assert mounts["store"] == folder
    assert cluster.one("NetworkPolicy", "to-milvus")


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_a_sync_finds_the_same_objects_again(overlay: str, tmp_path: Path) -> None:
    """Rendered from another copy, each has the same content and name; Jobs say what a sync does."""
    kubernetes = tree(tmp_path / "one")
    copy = Path(shutil.copytree(kubernetes.parent, tmp_path / "other")) / "kubernetes"
    cluster = render(kubernetes, overlay)
    assert cluster.objects == render(copy, overlay).objects
    assert all("generateName" not in each["metadata"] for each in cluster.objects)
    for job in cluster.of("Job"):
        said = {key.partition("/")[0] for key in job["metadata"]["annotations"]}
        assert said == {"argocd.argoproj.io", "kustomize.toolkit.fluxcd.io"}
    for scaler in cluster.of("HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        assert "replicas" not in cluster.one(target["kind"], target["name"])["spec"]
