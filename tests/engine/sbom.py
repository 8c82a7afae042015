"""The bill of materials of an image, in CycloneDX, from what its packages say of themselves."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, distributions
from pathlib import Path

from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output.json import JsonV1Dot6
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL

UNKNOWN = "not said"
REFUSED = re.compile(r"\bAGPL|Affero|Non-?Commercial|CC-BY-NC", re.IGNORECASE)


@dataclass(frozen=True, order=True)
class Package:
    """A package in an image and what it says its licence is."""

    kind: str
    name: str
    version: str
    licence: str


def packages(root: Path) -> list[Package]:
    """Return what an image contains: packages of Python and of Debian."""
    return sorted({*_python(root), *_debian(root)})


def bill(name: str, version: str, found: list[Package]) -> str:
    """Return the bill of materials as JSON, checked against the schema of CycloneDX 1.6."""
    bom = Bom()
    bom.metadata.component = Component(name=name, version=version, type=ComponentType.CONTAINER)
    components = [_component(each) for each in found]
    bom.components.update(components)
    bom.register_dependency(bom.metadata.component, components)
    text = str(JsonV1Dot6(bom).output_as_string(indent=1))
    if (wrong := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)) is not None:
        raise ValueError(f"the bill of {name} does not have the form of CycloneDX: {wrong}")
    return text


def _component(package: Package) -> Component:
    known = package.licence != UNKNOWN
    namespace = "debian" if package.kind == "deb" else None
    return Component(
        type=ComponentType.LIBRARY,
        name=package.name,
        version=package.version,
        purl=PackageURL(package.kind, namespace, package.name, package.version),
        licenses=[DisjunctiveLicense(name=package.licence)] if known else [],
    )


def _python(root: Path) -> Iterator[Package]:
    places = [*root.glob("opt/venv/lib/python3.*/site-packages"), root / "app"]
    for each in distributions(path=[str(place) for place in places]):
        yield Package("pypi", each.metadata["Name"].lower(), each.version, _licence(each))


def _licence(distribution: Distribution) -> str:
    """Return the licence expression, or else the classifiers, or else the first line of text."""
    said = distribution.metadata
    if "License-Expression" in said:
        return str(said["License-Expression"])
    classifiers = [
        each.rpartition(" :: ")[2]
        for each in said.get_all("Classifier", [])
        if each.startswith("License :: ") and each != "License :: OSI Approved"
    ]
    if classifiers:
        return " AND ".join(sorted(classifiers))
    text = str(said["License"]).strip() if "License" in said else ""
    return text.splitlines()[0][:80] if text else UNKNOWN


def _debian(root: Path) -> Iterator[Package]:
    text = (root / "var/lib/dpkg/status").read_text("utf-8")
    for entry in text.split("\n\n"):
        said = dict(re.findall(r"^([\w-]+): (.*)$", entry, re.MULTILINE))
        if said.get("Status", "").endswith(" installed"):
            name = said["Package"]
            yield Package("deb", name, said["Version"], _copyright(root, name))


def _copyright(root: Path, name: str) -> str:
    path = root / "usr/share/doc" / name / "copyright"
    text = path.read_text("utf-8", "replace") if path.is_file() else ""
    names = sorted(set(re.findall(r"^License: (\S.*)$", text, re.MULTILINE)))
    return " AND ".join(names)[:300] or UNKNOWN
