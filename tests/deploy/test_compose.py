"""docker-compose.yml against its schema, and against the code, the Dockerfile and nginx."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from api.keyring import Keyring
from api.oidc import opened
from api.server import GRACE_S
from clipseek.catalog.database import POOL_OVERFLOW, POOL_SIZE
from clipseek.catalog.jobs import CONNECTIONS
from clipseek.config import PREFIX, Settings
from clipseek.live.sealing import Seal
from clipseek.testing import MemoryKeys
from tests.chaos.proxy import NGINX, TEMPLATE
from tests.deploy.compose import FILE, ROOT, Compose, Service, interpolated

COMPOSE = Compose()
OVERLAYS = [ROOT / "docker" / f"{name}.compose.yml" for name in ("gpu", "oidc", "store", "tls")]
OURS = ("api", "indexer", "migrate", "recorder", "worker")
DATA = "/var/lib/clipseek"
SERVICES = list(COMPOSE)
SECRETS = ("_url_file", "_secret_file", "_token_file", "_key_file")
EACH = pytest.mark.parametrize("service", SERVICES, ids=[service.name for service in SERVICES])


def _dockerfile() -> str:
    return (ROOT / "Dockerfile").read_text("utf-8")


def _has_folder(path: str) -> bool:
    """Whether the images have a folder that belongs to our user, so that a new volume does too."""
    (line,) = re.findall(r"install --directory --owner=10001 .*", _dockerfile())
    return path in line.split()


@pytest.mark.parametrize("file", [FILE, *OVERLAYS], ids=lambda file: file.name)
def test_the_file_is_valid(file: Path) -> None:
    """By the schema of the Compose specification."""
    done = subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", file],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("file", [FILE, *OVERLAYS], ids=lambda file: file.name)
def test_every_variable_is_explained(file: Path) -> None:
    """At the top of the file, with its default."""
    text = file.read_text("utf-8")
    head = "".join(re.findall(r"^#.*\n", text + FILE.read_text("utf-8"), re.MULTILINE))
    for name, default in re.findall(r"\$\{(\w+):-([^}]*)\}", text):
        assert re.search(rf"{name}\b", head), name
        assert default in head, (name, default)


def test_all_services_are_there() -> None:
    """Those that `up` starts, and those of a profile."""
    profiles = {service.name: service.said.get("profiles") for service in SERVICES}
    assert profiles == {
        "postgres": None,
        "redis": None,
        "migrate": None,
        "api": None,
        "worker": None,
        "nginx": None,
        "indexer": ["indexer"],
        "recorder": ["cameras"],
        "embedder": ["embedder"],
        "milvus": ["milvus"],
        "prometheus": ["monitoring"],
        "grafana": ["monitoring"],
    }
    assert COMPOSE["api"].said["deploy"]["replicas"] == "3"


@EACH
def test_a_service_is_locked_up(service: Service) -> None:
    """It works as a user of its own, without capabilities, on a file system it cannot write."""
    said = service.said
    assert said["read_only"] is True
    assert said["cap_drop"] == ["ALL"]
    assert said["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"[1-9]\d*:\d+", said["user"])
    assert "/tmp" in said["tmpfs"] or service.name == "redis"  # noqa: S108  a path in a container


@EACH
def test_a_service_has_limits(service: Service) -> None:
    """Of memory and of CPU."""
    assert set(service.said["deploy"]["resources"]["limits"]) == {"cpus", "memory"}


@EACH
def test_images_are_pinned(service: Service) -> None:
    """To a version; our own are built from a stage of the Dockerfile."""
    image, _, tag = service.said["image"].rpartition(":")
    assert image
    assert tag not in ("", "latest")
    if service.name in OURS:
        target = service.said["build"]["target"]
        assert re.search(rf"^FROM .* AS {target}$", _dockerfile(), re.MULTILINE)
    else:
        assert re.search(r"\d+\.\d+|\d+-", tag)


@EACH
def test_what_is_waited_for_is_checked(service: Service) -> None:
    """A service that another wants healthy says how to tell; every one that stays does."""
    for name, condition in service.depends_on.items():
        assert condition != "service_healthy" or COMPOSE[name].check
    assert service.name in ("migrate", "indexer", "worker") or service.check


@EACH
def test_only_the_proxy_and_the_monitors_are_published(service: Service) -> None:
    """On the loopback address by default; databases and replicas are not."""
    ports = service.said.get("ports", [])
    assert bool(ports) == (service.name in ("nginx", "prometheus", "grafana"))
    assert all(port.startswith("127.0.0.1:") for port in ports)
    outside = "edge" in service.said["networks"]
    assert outside == (bool(ports) or service.name in ("indexer", "recorder", "worker"))


def test_the_network_of_the_databases_leads_nowhere() -> None:
    """So nobody but our services asks them."""
    assert COMPOSE.said["networks"]["inside"] == {"internal": True}


@EACH
def test_every_setting_exists(service: Service) -> None:
    """And its value is one that the settings take."""
    given = {
        name.removeprefix(PREFIX).lower(): value
        for name, value in service.environment.items()
        if name.startswith(PREFIX)
    }
    assert set(given) <= set(Settings.model_fields)
    secret = {name for name in given if name.endswith(SECRETS)}
    Settings.load(**{name: value for name, value in given.items() if name not in secret})


@EACH
def test_secrets_come_from_files(service: Service) -> None:
    """Each that is used is mounted, each that is mounted is used, and no text holds one."""
    text = "\n".join([*service.command, *service.environment.values(), *_checks(service)])
    used = set(re.findall(r"/run/secrets/(\w+)", text))
    assert used == set(service.secrets)
    assert used <= set(COMPOSE.said["secrets"])
    assert not re.search(r"://[^\s/]*:[^\s/]*@", text)


def _checks(service: Service) -> list[str]:
    return service.check if "healthcheck" in service.said else []


def test_secrets_are_made_once(tmp_path: Path) -> None:
    """The script makes each file that is mounted, and leaves alone what is there."""
    script = tmp_path / "secrets.sh"
    script.write_bytes((ROOT / "docker" / "secrets.sh").read_bytes())
    subprocess.run(["sh", script], check=True, capture_output=True)
    folder = tmp_path / "secrets"
    made = {path.name: path.read_text("utf-8") for path in folder.iterdir()}
    files = {Path(said["file"]).name for said in COMPOSE.said["secrets"].values()}
    assert set(made) == files | {"oidc_session_secret", "store_secret"}
    assert len(made["postgres_password"]) == 48
    assert made["postgres_password"] in made["database_url"]
    assert made["redis_password"] in made["redis_url"]
    assert made["milvus_token"] == f"root:{made['milvus_password']}"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert re.fullmatch(r"[\w-]{43}=", made["camera_key"])
    Seal(made["camera_key"])
    subprocess.run(["sh", script], check=True, capture_output=True)
    assert {path.name: path.read_text("utf-8") for path in folder.iterdir()} == made


def test_secrets_are_not_part_of_the_repository() -> None:
    """Nor of what is sent to a build."""
    assert "/docker/secrets/" in (ROOT / ".gitignore").read_text("utf-8").splitlines()
    ignored = (ROOT / ".dockerignore").read_text("utf-8")
    assert "\n*\n" in ignored or "docker/secrets" in ignored
    assert "!docker\n" not in ignored


@EACH
def test_mounted_files_exist(service: Service) -> None:
    """Every file and folder of the repository, read only."""
    for mount in service.mounts:
        if mount.source.startswith("./") and mount.target != "/videos":
            assert (ROOT / mount.source).exists(), mount.source
            assert mount.read_only


def test_replicas_read_what_the_indexer_writes() -> None:
    """The same volume at the place that the images have for it, and the same videos."""
    api = {mount.target: mount for mount in COMPOSE["api"].mounts}
    indexer = {mount.target: mount for mount in COMPOSE["indexer"].mounts}
    assert COMPOSE["worker"].mounts == COMPOSE["indexer"].mounts
    assert api[DATA].source == indexer[DATA].source == "data"
    assert (api[DATA].read_only, indexer[DATA].read_only) == (True, False)
    assert api["/videos"] == indexer["/videos"]
    assert api["/videos"].read_only
    assert f"CLIPSEEK_DATA_DIR={DATA}" in _dockerfile()


def test_replicas_and_the_indexer_write_the_uploads() -> None:
    """One volume at the place that the setting names and the images have."""
    for name in ("api", "indexer", "worker"):
        service = COMPOSE[name]
        (mount,) = [each for each in service.mounts if each.source == "uploads"]
        assert mount.target == service.environment["CLIPSEEK_UPLOAD_DIR"]
        assert not mount.read_only
        assert _has_folder(mount.target)


def test_replicas_write_excerpts() -> None:
    """They alone, to a volume at the place that the setting names and the image has."""
    ((name, mount),) = [
        (service.name, mount)
        for service in SERVICES
        for mount in service.mounts
        if mount.source == "excerpts"
    ]
    assert name == "api"
    assert mount.target == COMPOSE["api"].environment["CLIPSEEK_EXCERPT_DIR"]
    assert not mount.read_only
    assert _has_folder(mount.target)


@pytest.mark.parametrize("name", OURS)
def test_our_user_is_that_of_the_images(name: str) -> None:
    """Whom the volume belongs to."""
    user, group = COMPOSE[name].said["user"].split(":")
    assert f"--uid {user}" in _dockerfile()
    assert f"--gid {group}" in _dockerfile()


def test_nginx_gets_its_files_and_variables() -> None:
    """Every variable of the template has a value, and videos lie where the API names them."""
    nginx = COMPOSE["nginx"]
    wanted = set(re.findall(r"\$\{(NGINX_\w+)\}", TEMPLATE.read_text("utf-8")))
    assert set(nginx.environment) == wanted | {"NGINX_ENVSUBST_FILTER"}
    places = {mount.source: mount.target for mount in nginx.mounts}
    assert (ROOT / "nginx").samefile(NGINX)
    assert places["./nginx/nginx.conf"] == "/etc/nginx/nginx.conf"
    assert places["./nginx/templates"] == "/etc/nginx/templates"
    assert nginx.environment["NGINX_TEMP"] in places.values()
    assert nginx.environment["NGINX_VIDEOS"] in places.values()
    assert nginx.environment["NGINX_VIDEOS"] == COMPOSE["api"].environment["CLIPSEEK_ACCEL_DIR"]


def test_nginx_finds_every_replica() -> None:
    """By the name and the port of the service, asked for again and again, and none is given up."""
    servers = COMPOSE["nginx"].environment["NGINX_SERVERS"]
    port = COMPOSE["api"].environment["CLIPSEEK_API_PORT"]
    assert f"server api:{port} max_fails=0 resolve;" in servers
    assert "resolver 127.0.0.11 " in servers
    # `resolve` is free software since 1.27.3.
    version = re.search(r":(\d+)\.(\d+)", COMPOSE["nginx"].said["image"])
    assert version is not None
    assert (int(version[1]), int(version[2])) >= (1, 28)


def test_ports_agree() -> None:
    """What is published, listened on and asked for health is one port."""
    for name in ("nginx", "prometheus", "grafana"):
        service = COMPOSE[name]
        inside = service.said["ports"][0].rpartition(":")[2]
        assert f":{inside}/" in " ".join(service.check)
    port = COMPOSE["api"].environment["CLIPSEEK_API_PORT"]
    assert f":{port}/readyz" in " ".join(COMPOSE["api"].check)
    assert COMPOSE["api"].said["expose"] == [port]


def test_a_replica_may_finish_what_it_has() -> None:
    """It is not killed before the API's own grace is over."""
    assert int(COMPOSE["api"].said["stop_grace_period"].removesuffix("s")) > GRACE_S


def test_the_database_has_connections_for_all() -> None:
    """The whole pools of every replica, worker, recorder and indexer, and some for a person.

    A replica reads and writes jobs through two pools of their own, a worker through one, as a
    recorder does with its cameras.
    """
    setting = next(word for word in COMPOSE["postgres"].command if "max_connections" in word)
    replicas = int(COMPOSE["api"].said["deploy"]["replicas"])
    most = POOL_SIZE + POOL_OVERFLOW
    needed = replicas * (most + 2 * CONNECTIONS) + 2 * (most + CONNECTIONS) + most
    assert int(setting.partition("=")[2]) > needed + 10


def test_the_readme_uses_what_there_is() -> None:
    """Its five lines name the script, the variable, the service and the port of the files."""
    section = (ROOT / "README.md").read_text("utf-8").split("## With Docker")[1].split("\n## ")[0]
    lines = section.split("```")[1].strip().splitlines()
    assert lines[0].startswith("sh docker/secrets.sh")
    assert "CLIPSEEK_VIDEOS=" in lines[1]
    assert COMPOSE["indexer"].said["entrypoint"] == ["indexer"]
    assert "run --rm indexer ingest /videos" in lines[3]
    address = COMPOSE["nginx"].said["ports"][0].rpartition(":")[0]
    assert f"http://{address}/v1/search" in lines[4]
    assert f"http://{COMPOSE['grafana'].said['ports'][0].rpartition(':')[0]}/" in section


def test_addresses_name_services() -> None:
    """The URLs that the script writes lead to services and their ports."""
    script = (ROOT / "docker" / "secrets.sh").read_text("utf-8")
    hosts = dict(re.findall(r"@(\w+):(\d+)/", script))
    assert hosts == {"postgres": "5432", "redis": "6379"}
    environment = COMPOSE["postgres"].environment
    assert f"postgresql://{environment['POSTGRES_USER']}:" in script
    assert f":5432/{environment['POSTGRES_DB']}'" in script


@pytest.mark.parametrize("file", OVERLAYS, ids=lambda file: file.name)
def test_an_overlay_changes_services_that_there_are(file: Path) -> None:
    """And stages of the Dockerfile that there are; one adds a service, `store`."""
    said = yaml.safe_load(file.read_text("utf-8"))
    assert set(said["services"]) <= {*COMPOSE.said["services"], "store"}
    for service in said["services"].values():
        if "build" in service:
            assert re.search(rf" AS {service['build']['target']}$", _dockerfile(), re.MULTILINE)


def test_the_tls_overlay_has_every_variable_of_the_example() -> None:
    """And certificates where it says that they are mounted."""
    said = yaml.safe_load((ROOT / "docker" / "tls.compose.yml").read_text("utf-8"))
    nginx = said["services"]["nginx"]
    example = (NGINX / "tls.conf.template").read_text("utf-8")
    wanted = set(re.findall(r"\$\{(NGINX_\w+)\}", example)) | {"NGINX_LISTEN"}
    assert set(nginx["environment"]) == wanted
    assert set(nginx["secrets"]) == set(said["secrets"])
    for name in nginx["secrets"]:
        assert f"/run/secrets/{name}" in nginx["environment"].values()


def test_the_overlay_of_single_sign_on_sets_what_the_api_needs(tmp_path: Path) -> None:
    """Its secrets are mounted, the issuer can be reached, and the API takes the settings."""
    said = yaml.safe_load((ROOT / "docker" / "oidc.compose.yml").read_text("utf-8"))
    api = said["services"]["api"]
    assert set(api["secrets"]) == set(said["secrets"])
    assert "edge" in api["networks"]
    given = {
        "CLIPSEEK_OIDC_ISSUER": "https://login.example",
        "CLIPSEEK_OIDC_CLIENT_ID": "clipseek",
        "CLIPSEEK_OIDC_GROUPS": "staff: search on *",
    }
    settings = {}
    for name, text in api["environment"].items():
        value = interpolated(str(text), given)
        if name.endswith("_FILE"):
            assert value.removeprefix("/run/secrets/") in said["secrets"]
            (tmp_path / name).write_text("x" * 48)
            value = str(tmp_path / name)
        settings[name.removeprefix(PREFIX).lower()] = value
    keyring = Keyring(MemoryKeys(), dict, refresh_s=1.0, stale_s=0.0)
    assert opened(Settings.load(**settings), keyring) is not None


def _compose() -> list[str]:
    """Return the command of Docker Compose, or skip where there is none of version 2 or newer."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]):
            asked = [*command, "version", "--short"]
            done = subprocess.run(asked, capture_output=True, text=True, check=False)
            if re.match(r"v?([2-9]|\d\d)\.", done.stdout):
                return command
    pytest.skip("no Docker Compose of version 2 on PATH")


def _of_compose(*arguments: str) -> dict[str, Any]:
    """Return what Docker Compose itself makes of the files."""
    command = [*_compose(), *arguments, "config", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    read: dict[str, Any] = json.loads(done.stdout)
    return read


def test_compose_itself_reads_the_file_as_these_tests_do() -> None:
    """Commands, variables, mounts and what is waited for; it needs no engine for that."""
    read = _of_compose("--profile", "*")["services"]
    assert set(read) == {service.name for service in SERVICES}
    for service in SERVICES:
        said = read[service.name]
        words = [*(said.get("entrypoint") or []), *(said.get("command") or [])]
        assert [word.replace("$$", "$") for word in words] == service.command
        assert said.get("environment", {}) == service.environment
        targets = {
            mount["target"]: mount.get("read_only", False) for mount in said.get("volumes", [])
        }
        assert targets == {mount.target: mount.read_only for mount in service.mounts}
        waits = said.get("depends_on", {})
        assert {name: how["condition"] for name, how in waits.items()} == service.depends_on


@pytest.mark.parametrize("file", OVERLAYS, ids=lambda file: file.name)
def test_compose_itself_takes_an_overlay(file: Path) -> None:
    """What the overlay says is there afterwards, and so are the limits."""
    services = _of_compose("--file", str(FILE), "--file", str(file), "--profile", "*")["services"]
    for name, said in yaml.safe_load(file.read_text("utf-8"))["services"].items():
        assert services[name]["deploy"]["resources"]["limits"]
        variables = services[name].get("environment", {})
        wanted = said.get("environment", {}).items()
        assert {name: interpolated(text, os.environ) for name, text in wanted}.items() <= (
            variables.items()
        )
        if "build" in said:
            assert services[name]["build"]["target"] == said["build"]["target"]
        if "deploy" in said:
            assert services[name]["deploy"]["resources"]["reservations"]["devices"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("${A:-1}", "1", id="default"),
        pytest.param("${B:-1}", "2", id="given"),
        pytest.param("$$(cat x)", "$(cat x)", id="dollar"),
    ],
)
def test_variables_are_read_as_compose_reads_them(text: str, expected: str) -> None:
    """The forms that our files use."""
    assert interpolated(text, {"B": "2"}) == expected
