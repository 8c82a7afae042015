"""docker-compose.yml as Compose reads it: variables replaced, services in their order."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FILE = ROOT / "docker-compose.yml"

_VARIABLE = re.compile(r"\$\$|\$\{(\w+):-([^}]*)\}")


def interpolated(text: str, variables: Mapping[str, str]) -> str:
    """Replace `${NAME:-default}` and `$$`, the only forms that our files use.

    Source: https://github.com/compose-spec/compose-spec/blob/main/12-interpolation.md
    """

    def value(found: re.Match[str]) -> str:
        return "$" if found[0] == "$$" else variables.get(found[1]) or found[2]

    return _VARIABLE.sub(value, text)


@dataclass(frozen=True, slots=True)
class Mount:
    """Where a container sees a folder, a file or a volume."""

    source: str
    target: str
    read_only: bool


class Service:
    """One service of the file."""

    def __init__(self, name: str, said: Mapping[str, Any]) -> None:
        self.name = name
        self.said = said

    @property
    def command(self) -> list[str]:
        """The words that are run: entry point and command."""
        return [*self.said.get("entrypoint", []), *self.said.get("command", [])]

    @property
    def environment(self) -> dict[str, str]:
        """The variables of its processes."""
        return {name: str(value) for name, value in self.said.get("environment", {}).items()}

    @property
    def mounts(self) -> list[Mount]:
        """Its folders, files and volumes."""
        return [_mount(said) for said in self.said.get("volumes", [])]

    @property
    def secrets(self) -> list[str]:
        """Names of the files in its /run/secrets."""
        return list(self.said.get("secrets", []))

    @property
    def depends_on(self) -> dict[str, str]:
        """Services that come before it, and in which state."""
        return {name: how["condition"] for name, how in self.said.get("depends_on", {}).items()}

    @property
    def check(self) -> list[str]:
        """The health check as words of a command."""
        kind, *words = self.said["healthcheck"]["test"]
        return ["sh", "-c", *words] if kind == "CMD-SHELL" else words


class Compose:
    """The whole file, with the defaults of its variables or with those given."""

    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        said = yaml.safe_load(FILE.read_text("utf-8"))
        self.said: dict[str, Any] = _each_text(said, variables or {})

    def __getitem__(self, name: str) -> Service:
        """Return a service."""
        return Service(name, self.said["services"][name])

    def __iter__(self) -> Iterator[Service]:
        """Return the services, each behind those that it depends on."""
        services = {name: Service(name, said) for name, said in self.said["services"].items()}
        graph = {name: set(service.depends_on) for name, service in services.items()}
        return (services[name] for name in TopologicalSorter(graph).static_order())


def overlay(name: str) -> dict[str, Any]:
    """Return what docker/NAME.compose.yml says, its variables as they are written."""
    said = yaml.safe_load((ROOT / "docker" / f"{name}.compose.yml").read_text("utf-8"))
    return dict(said)


def _each_text(value: Any, variables: Mapping[str, str]) -> Any:
    """Replace the variables in each text of what YAML gave."""
    if isinstance(value, str):
        return interpolated(value, variables)
    if isinstance(value, list):
        return [_each_text(item, variables) for item in value]
    if isinstance(value, dict):
        return {name: _each_text(item, variables) for name, item in value.items()}
    return value


def _mount(said: str | Mapping[str, Any]) -> Mount:
    if isinstance(said, str):
        source, target, *mode = said.split(":")
        return Mount(source, target, read_only=mode == ["ro"])
    return Mount(said["source"], said["target"], read_only=said.get("read_only", False))
