"""The Dockerfile agrees with the code, keeps data out, and reinstalls nothing for a code change."""

import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest

from clipseek.config import PREFIX, Settings
from tests.api.renew import document
from tests.deploy.dockerfile import Dockerfile, Instruction
from tests.deploy.ignored import Ignored

ROOT = Path(__file__).parents[2]
IMAGES = ["api", "indexer", "gpu"]
SERVING = ["api", "gpu"]
CODE = {"src", "indexer", "api"}
README = (ROOT / "docker" / "README.md").read_text("utf-8")


@pytest.fixture(scope="module")
def dockerfile() -> Dockerfile:
    """Return the Dockerfile of the project."""
    return Dockerfile.read((ROOT / "Dockerfile").read_text("utf-8"))


@pytest.fixture(scope="module")
def ignored() -> Ignored:
    """Return what the build does not get."""
    return Ignored((ROOT / ".dockerignore").read_text("utf-8"))


@pytest.fixture(scope="module")
def context(ignored: Ignored) -> set[str]:
    """Return the files that the build gets."""
    return ignored.context(ROOT)


def in_force(dockerfile: Dockerfile, image: str, word: str) -> Instruction:
    """Return an instruction that an image must have."""
    found = dockerfile.in_force(image, word)
    assert found is not None, f"{image} has no {word}"
    return found


def test_hadolint_finds_nothing() -> None:
    """It reads the file with Docker's own grammar, and the commands with ShellCheck."""
    hadolint = Path(sys.executable).with_name("hadolint")
    done = subprocess.run(
        [hadolint, "--no-color", ROOT / "Dockerfile"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_images_are_there(dockerfile: Dockerfile) -> None:
    """The targets that compose, Kubernetes and the README build."""
    assert set(IMAGES) <= set(dockerfile.stages)


def test_the_base_image_is_pinned(dockerfile: Dockerfile) -> None:
    """By version and digest; every other stage is made of a stage before it."""
    outside = [s.base for s in dockerfile.stages.values() if s.base not in dockerfile.stages]
    assert len(outside) == 1
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+@sha256:[0-9a-f]{64}", outside[0])


def test_what_is_copied_exists(dockerfile: Dockerfile, context: set[str]) -> None:
    """And the build gets it, or a stage before has made it."""
    for stage in dockerfile.stages.values():
        for copy in stage.all("COPY"):
            if "from" in copy.options:
                assert copy.options["from"] in dockerfile.stages
                continue
            for source in copy.paths[0]:
                assert any(f == source or f.startswith(f"{source}/") for f in context), source


@pytest.mark.parametrize(
    "path",
    [
        ".git/config",
        ".venv/lib/python3.11/site-packages/torch/lib/libtorch.so",
        "tests/deploy/test_dockerfile.py",
        "demo-data/videos/video-001.mp4",
        "demo-data/catalog.db",
        "data/video.mp4",
        "videos/holiday.mp4",
        "docker/secrets/database_url",
        ".env",
        "api/.env",
        "kubernetes/overlays/minimal/secrets/password",
        "src/clipseek/__pycache__/config.cpython-311.pyc",
        "src/clipseek.egg-info/PKG-INFO",
    ],
)
def test_data_and_secrets_stay_out(ignored: Ignored, path: str) -> None:
    """What is not named does not get in."""
    assert path in ignored


def test_all_of_the_packages_gets_in(context: set[str]) -> None:
    """Files of the demo model, the bank and the page are needed as much as the code."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    folders = {"clipseek": ROOT / "src" / "clipseek", "api": ROOT / "api"}
    for package, patterns in project["tool"]["setuptools"]["package-data"].items():
        folder = folders.get(package, ROOT / package)
        for pattern in patterns:
            files = filter(Path.is_file, folder.glob(pattern))
            found = {path.relative_to(ROOT).as_posix() for path in files}
            assert found, f"{package}: {pattern}"
            assert found <= context


def test_the_build_gets_less_than_25_mb(context: set[str]) -> None:
    """A context that grows has caught something that it should not have."""
    assert sum((ROOT / name).stat().st_size for name in context) < 25_000_000


@pytest.mark.parametrize("image", IMAGES)
def test_a_code_change_reinstalls_nothing(dockerfile: Dockerfile, image: str) -> None:
    """No layer that installs packages comes after a copy of the code, nor holds what it makes."""
    installs = 0
    assert below(dockerfile, image) >= {image, "app"}
    for name in below(dockerfile, image) - {"app"}:
        seen: set[str] = set()
        for each in [each for stage in dockerfile.line(name) for each in stage.instructions]:
            if each.word == "COPY":
                seen |= sources(dockerfile, each)
            if each.word == "RUN" and "pip" in each.rest:
                installs += 1
                assert not seen & CODE
    assert installs
    copies = [each for stage in dockerfile.line(image) for each in stage.all("COPY")]
    assert set().union(*(sources(dockerfile, each) for each in copies)) >= CODE


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_has_no_tools_of_its_build(dockerfile: Dockerfile, image: str) -> None:
    """What strips and compiles is in stages that it copies from, and pip is that of the base."""
    runs = [each.rest for stage in dockerfile.line(image) for each in stage.all("RUN")]
    assert "tools" in below(dockerfile, image)
    assert "tools" not in {stage.name for stage in dockerfile.line(image)}
    assert not [run for run in runs if "pip" in run or "slim.py" in run]


def below(dockerfile: Dockerfile, name: str) -> set[str]:
    """Return the stages that a stage is made of or copies from, through others too."""
    line = dockerfile.line(name)
    copies = [each for stage in line for each in stage.all("COPY") if "from" in each.options]
    found = {stage.name for stage in line}
    return found.union(*(below(dockerfile, each.options["from"]) for each in copies))


def sources(dockerfile: Dockerfile, copy: Instruction) -> set[str]:
    """Return the paths of the context that a COPY depends on, through other stages too."""
    if "from" not in copy.options:
        return {path.split("/")[0] for path in copy.paths[0]}
    stages = dockerfile.line(copy.options["from"])
    return {path for s in stages for each in s.all("COPY") for path in sources(dockerfile, each)}


@pytest.mark.parametrize("image", IMAGES)
def test_it_runs_as_a_user_without_rights(dockerfile: Dockerfile, image: str) -> None:
    """By number, so that Kubernetes can see that it is not root."""
    assert in_force(dockerfile, image, "USER").rest == "10001:10001"


@pytest.mark.parametrize("image", IMAGES)
def test_its_volume_is_the_data_folder(dockerfile: Dockerfile, image: str) -> None:
    """It writes nowhere else: the root file system may be read-only."""
    environment = dockerfile.environment(image)
    (volume,) = in_force(dockerfile, image, "VOLUME").words
    assert environment["CLIPSEEK_DATA_DIR"] == volume == "/var/lib/clipseek"
    if "HF_HOME" in environment:
        assert environment["HF_HOME"].startswith(volume)
    assert in_force(dockerfile, image, "WORKDIR").rest == environment["PYTHONPATH"] == "/app"


@pytest.mark.parametrize("image", IMAGES)
def test_its_variables_are_settings(
    dockerfile: Dockerfile, image: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which take the values given."""
    environment = dockerfile.environment(image)
    named = {name for name in environment if name.startswith(PREFIX)}
    assert {name.removeprefix(PREFIX).lower() for name in named} <= set(Settings.model_fields)
    for name in named:
        monkeypatch.setenv(name, environment[name])
    settings = Settings.load()
    assert settings.api_host == "0.0.0.0"  # noqa: S104  the container's own network
    assert settings.log_format == "json"


@pytest.mark.parametrize("image", SERVING)
def test_it_exposes_the_port_of_the_api(dockerfile: Dockerfile, image: str) -> None:
    """The default one."""
    port = str(Settings.model_fields["api_port"].default)
    assert in_force(dockerfile, image, "EXPOSE").rest == port
    assert dockerfile.environment(image)["CLIPSEEK_API_PORT"] == port


def test_the_health_check_asks_what_the_api_answers(dockerfile: Dockerfile) -> None:
    """Whether the process runs; an unreachable database is not a reason to restart it."""
    check = in_force(dockerfile, "api", "HEALTHCHECK")
    words = json.loads(check.rest.removeprefix("CMD"))
    (path,) = re.findall(r"'GET', '([^']+)'", words[-1])
    assert path == "/healthz"
    assert path in document()["paths"]


@pytest.mark.parametrize("image", ["indexer", "gpu"])
def test_what_may_run_once_has_no_health_check(dockerfile: Dockerfile, image: str) -> None:
    """An ingest answers no requests."""
    check = dockerfile.in_force(image, "HEALTHCHECK")
    assert check is None or check.rest == "NONE"


@pytest.mark.parametrize(
    ("image", "words"),
    [
        pytest.param("api", ["python", "-m", "api"], id="api"),
        pytest.param("indexer", ["python", "-m", "indexer"], id="indexer"),
        pytest.param("gpu", ["python", "-m"], id="gpu"),
    ],
)
def test_it_begins_with_a_program(dockerfile: Dockerfile, image: str, words: Sequence[str]) -> None:
    """In the exec form, so that the program itself gets the signals."""
    assert in_force(dockerfile, image, "ENTRYPOINT").words == words
    module = [*words, "api"][2]
    assert (ROOT / module / "__main__.py").is_file()


def test_build_arguments_are_documented(dockerfile: Dockerfile) -> None:
    """Each has a row, with its default, and no other has."""
    defaults = dict(dockerfile.arguments)
    for stage in dockerfile.stages.values():
        for each in stage.all("ARG"):
            defaults.update({f"{name}@{stage.name}": d for name, d in each.pairs.items()})
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (.*?) \|", README, re.MULTILINE))
    assert set(rows) == {name.partition("@")[0] for name in defaults}
    for name, default in defaults.items():
        assert (f"`{default}`" if default else "none: ") in rows[name.partition("@")[0]]


def listing(name: str = "requirements") -> ModuleType:
    """Return a program of docker/: the one that lists what images install, or that locks it."""
    path = ROOT / "docker" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def packages(*extras: str) -> set[str]:
    """Return the names of the packages that an image with these extras is made of."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    found = listing().requirements(project, extras)
    return {re.split(r"[^\w.-]", each)[0].lower().replace("_", "-") for each in found}


def test_the_api_has_no_torch() -> None:
    """Nor what else only an export needs."""
    assert not packages() & {"torch", "open-clip-torch", "onnx"}
    assert {"onnxruntime", "faiss-cpu"} <= packages()


def test_the_indexer_has_open_clip() -> None:
    """It exports models."""
    assert {"torch", "open-clip-torch", "onnxruntime", "faiss-cpu"} <= packages("models")


def test_the_gpu_image_has_one_faiss() -> None:
    """Both packages bring the module `faiss`, and one would overwrite the other."""
    found = packages("gpu", "models")
    assert "faiss-gpu-cu12" in found
    assert "faiss-cpu" not in found


def test_the_images_have_pymilvus_without_milvus_lite() -> None:
    """A server is asked by the one; a file of the other is opened by one process at a time."""
    for image in ("api", "indexer", "gpu"):
        found = locked(image)[1]
        assert "pymilvus" in found
        assert not {"milvus-lite", "pyarrow"} & found.keys()


def test_an_unknown_extra_is_an_error() -> None:
    """It is not left out in silence."""
    with pytest.raises(KeyError):
        packages("gpus")


def test_what_the_images_install_is_pinned() -> None:
    """Each package that pyproject.toml names has one version in constraints.txt."""
    pins = re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text("utf-8"), re.MULTILINE)
    pinned = {name.lower().replace("_", "-") for name in pins}
    wanted = {name.partition("[")[0] for name in packages("gpu", "models", "tracing")}
    assert wanted <= pinned


PINS = {
    name.lower().replace("_", "-"): version
    for name, version in re.findall(
        r"^([\w.-]+)==(\S+)", (ROOT / "constraints.txt").read_text("utf-8"), re.MULTILINE
    )
}
LOCKS = ["build", "torch", "api", "indexer", "gpu"]


def locked(name: str) -> tuple[str, dict[str, tuple[str, list[str]]]]:
    """Return what a lock was made from, and the version and the hashes of each package."""
    first, _, rest = (ROOT / "docker" / "locks" / f"{name}.txt").read_text("utf-8").partition("\n")
    entries = re.findall(
        r"^([\w.-]+)==(\S+)((?: \\\n +--hash=sha256:[0-9a-f]{64})+)$", rest, re.MULTILINE
    )
    assert rest.count("==") == len(entries)
    return first.partition(" from: ")[2], {
        each: (version, re.findall(r"sha256:\w+", hashes)) for each, version, hashes in entries
    }


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_is_in_step(name: str) -> None:
    """`python docker/lock.py` was run since pyproject.toml and constraints.txt changed."""
    said, found = locked(name)
    assert said == ", ".join(listing("lock").wanted(name))
    assert {each: version for each, (version, _) in found.items() if each in PINS} == {
        each: PINS[each] for each in found if each in PINS
    }
    asked = {re.split(r"[^\w.-]", each)[0].lower().replace("_", "-") for each in said.split(", ")}
    torch = set(locked("torch")[1]) if name in ("indexer", "gpu") else set()
    assert asked <= found.keys() | torch
    assert all(hashes for _, hashes in found.values())


def test_torch_is_in_no_lock_but_its_own() -> None:
    """Another index may have it, with other hashes."""
    torch = set(locked("torch")[1])
    assert {"torch", "torchvision"} <= torch
    assert [name for name in ("api", "indexer", "gpu") if torch & locked(name)[1].keys()] == []


def test_images_install_nothing_without_its_hash(dockerfile: Dockerfile) -> None:
    """But torch of another index, and the code itself, which comes from no index."""
    runs = [each.rest for stage in dockerfile.stages.values() for each in stage.all("RUN")]
    installs = [
        part
        for run in runs
        for part in re.split(r"&&|;|\bthen\b", run)
        if re.search(r"pip( --python=\S+)? install", part)
    ]
    assert len(installs) >= 6
    for install in installs:
        assert (
            "--require-hashes" in install
            or "--no-index" in install
            or "torch torchvision" in install
        )
