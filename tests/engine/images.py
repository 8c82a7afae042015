"""Builds the images with a container engine and tries each one: `make images`.

    python -m tests.engine.images [--build-arg NAME=VALUE] [--lend PATH] [api indexer gpu]

docker/README.md says what is tried, and which machines can run it.
"""

import argparse
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.engine import contents, sbom
from tests.engine.base import python_base
from tests.engine.context import copied
from tests.engine.engine import Engine, Unavailable, give_up
from tests.engine.tried import tried

ABOVE_BASE = {"api": 500_000_000, "indexer": 1_500_000_000}
"""The bytes that an image may add to its base; `indexer` with a torch for the CPU."""
LABELS = {
    "org.opencontainers.image.title": "clipseek",
    "org.opencontainers.image.licenses": "Apache-2.0",
}
SECRETS = ("PIP_CERT", "PIP_INDEX_URL", "APT_MIRROR", "TORCH_INDEX_URL")
"""Arguments of a build that an image must not have as variables."""


WORK = Path("/var/tmp/clipseek-engine")  # noqa: S108  a folder for GB that nobody keeps


def tag(target: str) -> str:
    """Return the name of our image of a target, that of docker-compose.yml."""
    return f"localhost/clipseek-{target}:local"


def examined(engine: Engine, target: str, out: Path) -> Iterator[str]:
    """Examine a built image; yield what is so, AssertionError for what is not."""
    image = tag(target)
    said = engine.inspect("image", image)
    config = said["Config"]
    above = int(said["Size"]) - int(engine.inspect("image", python_base(engine))["Size"])
    yield f"{above / 1e6:.0f} MB above a base of {(said['Size'] - above) / 1e6:.0f} MB"
    for layer in contents.layers(engine, image):
        if layer.size > 1_000_000:
            yield f"  {layer.size / 1e6:6.1f} MB  {layer.shown}"
    assert above < ABOVE_BASE.get(target, above + 1), f"{target} has grown"
    assert config["User"] == "10001:10001"
    assert LABELS.items() <= config["Labels"].items(), config["Labels"]
    names = {pair.partition("=")[0] for pair in config["Env"]}
    assert not names & set(SECRETS), names
    with contents.mounted(engine, image) as root:
        assert (found := contents.not_wanted(root)) == [], found[:20]
        yield f"uid 10001, labels, {sum(1 for _ in contents.files(root))} files, no cache or secret"
        yield _bill(sbom.packages(root), target, out)


def _bill(found: list[sbom.Package], target: str, out: Path) -> str:
    """Write the bill of materials and the list of licences of an image."""
    refused = [each for each in found if sbom.REFUSED.search(each.licence) and each.kind == "pypi"]
    assert refused == [], refused
    (out / f"{target}.cdx.json").write_text(
        sbom.bill(f"clipseek-{target}", "local", found), "utf-8"
    )
    lines = [f"{each.kind}\t{each.name}\t{each.version}\t{each.licence}" for each in found]
    (out / f"{target}.licences.tsv").write_text("\n".join([*lines, ""]), "utf-8")
    silent = [each.name for each in found if each.licence == sbom.UNKNOWN and each.kind == "pypi"]
    kinds = [sum(each.kind == kind for each in found) for kind in ("pypi", "deb")]
    return (
        f"{kinds[0]} packages of Python and {kinds[1]} of Debian in {target}.cdx.json; "
        f"packages of Python without a licence in their metadata: {', '.join(silent) or 'none'}"
    )


def equal(engine: Engine, context: Path, target: str, base: str) -> str:
    """Build a target again, from another copy and without a cache, and compare all files."""
    again = f"localhost/clipseek-{target}:again"
    engine.build(target, again, base=base, context=context, cached=False)
    with contents.mounted(engine, tag(target)) as one, contents.mounted(engine, again) as other:
        first, second = contents.digests(one), contents.digests(other)
    engine.run("rmi", again)
    different = sorted(
        name for name in first.keys() | second.keys() if first.get(name) != second.get(name)
    )
    assert different == [], different[:20]
    return f"built again from another copy: all {len(first)} files are equal"


def check(engine: Engine, targets: Sequence[str], out: Path, *, rebuild: bool) -> Iterator[str]:
    """Build and try targets; yield a line for each thing that is so."""
    base = python_base(engine)
    # Both copies are made now, because the tree may change while the images are built.
    context = copied(_fresh(engine.folder / "context"))
    again = copied(_fresh(engine.folder / "context-again"))
    for target in targets:
        started = time.monotonic()
        engine.build(target, tag(target), base=base, context=context)
        yield f"{target}: built in {time.monotonic() - started:.0f} s"
        yield from examined(engine, target, out)
        yield from tried(engine, target, tag(target))
    if rebuild and "api" in targets:
        yield equal(engine, again, "api", base)


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def parser(program: str, about: str | None) -> argparse.ArgumentParser:
    """Return the options that every program here has."""
    made = argparse.ArgumentParser(prog=f"python -m tests.engine.{program}", description=about)
    made.add_argument("--work", type=Path, default=WORK)
    made.add_argument("--build-arg", action="append", default=[], metavar="NAME=VALUE")
    made.add_argument(
        "--lend",
        action="append",
        default=[],
        metavar="PATH[:TARGET]",
        help="file or folder of this machine that builds may read, such as one of certificates",
    )
    made.add_argument("--keep", action="store_true", help="leave images for the next run")
    return made


def opened(options: argparse.Namespace) -> Engine:
    """Return the engine that options ask for, or end with the reason why there is none."""
    arguments = dict(each.split("=", 1) for each in options.build_arg)
    try:
        return Engine.open(options.work, arguments, options.lend)
    except Unavailable as error:
        give_up(str(error))


def show(lines: Iterator[str]) -> None:
    """Print each line as soon as it is known."""
    for line in lines:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


def main() -> None:
    """Build and try the targets that are named; all but `gpu` if none is."""
    options = parser("images", __doc__)
    options.add_argument("--out", type=Path, help="folder for bills of materials and licences")
    options.add_argument("--no-rebuild", action="store_true", help="build `api` once")
    options.add_argument("targets", nargs="*", metavar="TARGET", help="api, indexer, gpu")
    given = options.parse_args()
    engine = opened(given)
    out = given.out or engine.folder
    out.mkdir(parents=True, exist_ok=True)
    targets = given.targets or [*ABOVE_BASE]
    try:
        show(check(engine, targets, out, rebuild=not given.no_rebuild))
    finally:
        if not given.keep:
            engine.remove_all()


if __name__ == "__main__":
    main()
