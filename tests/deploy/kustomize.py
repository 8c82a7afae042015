"""Renders a kustomization as `kustomize build` does, limited to what our files use.

`kustomize` is in no package registry that the tests may use, so checks run over this; where the
real one is on the machine, a test compares both. Generated names have no hash of their content.
"""

import base64
import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

Object = dict[str, Any]
KNOWN = {"apiVersion", "kind", "namespace", "resources", "components", "configMapGenerator"} | {
    "secretGenerator",
    "replicas",
    "patches",
    "images",
    # Says where our own kinds name what gets a hash; names have none here.
    "configurations",
}
CLUSTER_WIDE = frozenset({"Namespace"})
_MERGE_KEYS = ("name", "mountPath", "containerPort")
_TEXT = "utf-8"


class BuildError(Exception):
    """What `kustomize build` refuses, or what this renderer does not know."""


def documents(path: Path) -> list[Object]:
    """Return the objects of a file."""
    read = yaml.safe_load_all(path.read_text(_TEXT))
    return [_apart(each) for each in read if each is not None]


def _apart(value: Any) -> Any:
    """Copy what an alias of YAML shares, so that a patch of one place changes no other."""
    if isinstance(value, dict):
        return {name: _apart(item) for name, item in value.items()}
    return [_apart(item) for item in value] if isinstance(value, list) else value


def build(folder: Path) -> list[Object]:
    """Return the objects that the kustomization of a folder stands for.

    Raises:
        BuildError: a file is missing, or the kustomization uses what is not known here.
    """
    return _apply(folder, [], _kustomization(folder))


def _kustomization(folder: Path) -> Object:
    path = folder / "kustomization.yaml"
    if not path.is_file():
        raise BuildError(f"{folder} has no kustomization.yaml")
    (kustomization,) = documents(path)
    if unknown := kustomization.keys() - KNOWN:
        raise BuildError(f"{path} uses {sorted(unknown)}")
    return kustomization


def _apply(folder: Path, objects: list[Object], kustomization: Object) -> list[Object]:
    """Go through a kustomization in the order of kustomize: components, then transformers."""
    for name in kustomization.get("resources", ()):
        objects += _resource(folder, name)
    for name in kustomization.get("components", ()):
        component = folder / name
        objects = _apply(component, objects, _kustomization(component))
    for generator, encode in (("configMapGenerator", _config_map), ("secretGenerator", _secret)):
        for arguments in kustomization.get(generator, ()):
            _generate(objects, arguments, encode(folder, arguments))
    for patch in kustomization.get("patches", ()):
        _patch(folder, objects, patch)
    if namespace := kustomization.get("namespace"):
        for each in objects:
            if each["kind"] not in CLUSTER_WIDE:
                each["metadata"]["namespace"] = namespace
    for replicas in kustomization.get("replicas", ()):
        for each in _named(objects, replicas["name"], kinds=("Deployment", "StatefulSet")):
            each["spec"]["replicas"] = replicas["count"]
    for image in kustomization.get("images", ()):
        _replace_image(objects, image)
    return objects


def _resource(folder: Path, name: str) -> list[Object]:
    path = folder / name
    if path.is_dir():
        return build(path)
    if not path.resolve().is_relative_to(folder.resolve()):
        raise BuildError(f"{path} lies outside {folder}")
    if not path.is_file():
        raise BuildError(f"{path} is missing")
    return documents(path)


def _values(folder: Path, arguments: Object) -> Iterator[tuple[str, bytes]]:
    for name in [*arguments.get("files", ()), *arguments.get("envs", ())]:
        path = folder / name
        if not path.is_file() or not path.resolve().is_relative_to(folder.resolve()):
            raise BuildError(f"{path} is missing, or lies outside {folder}")
    for name in arguments.get("files", ()):
        yield Path(name).name, (folder / name).read_bytes()
    for name in arguments.get("envs", ()):
        for line in (folder / name).read_text(_TEXT).splitlines():
            if line and not line.startswith("#"):
                key, _, value = line.partition("=")
                yield key, value.encode()


def _config_map(folder: Path, arguments: Object) -> Object:
    data = {key: value.decode() for key, value in _values(folder, arguments)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "data": data}


def _secret(folder: Path, arguments: Object) -> Object:
    data = {key: base64.b64encode(value).decode() for key, value in _values(folder, arguments)}
    return {"apiVersion": "v1", "kind": "Secret", "type": "Opaque", "data": data}


def _generate(objects: list[Object], arguments: Object, made: Object) -> None:
    there = _named(objects, arguments["name"], kinds=(made["kind"],))
    if arguments.get("behavior") == "merge":
        if not there:
            raise BuildError(f"there is no {made['kind']} {arguments['name']} to merge into")
        there[0]["data"].update(made["data"])
        return
    if there:
        raise BuildError(f"there is a {made['kind']} {arguments['name']} already")
    objects.append({**made, "metadata": {"name": arguments["name"]}})


def _named(objects: list[Object], name: str, *, kinds: tuple[str, ...]) -> list[Object]:
    return [each for each in objects if each["kind"] in kinds and each["metadata"]["name"] == name]


def _patch(folder: Path, objects: list[Object], patch: Object) -> None:
    """Apply a file of partial objects (strategic merge), or operations on a target (RFC 6902)."""
    if "path" in patch:
        for partial in documents(folder / patch["path"]):
            name = partial["metadata"]["name"]
            _merge(_target(objects, name, partial["kind"]), partial)
        return
    target = _target(objects, patch["target"]["name"], patch["target"]["kind"])
    for operation in yaml.safe_load(patch["patch"]):
        _operate(target, operation)


def _target(objects: list[Object], name: str, kind: str) -> Object:
    found = _named(objects, name, kinds=(kind,))
    if not found:
        raise BuildError(f"no {kind} {name} to patch")
    return found[0]


def _merge(into: Object, partial: Object) -> None:
    for key, value in partial.items():
        if isinstance(value, dict):
            _merge(into.setdefault(key, {}), value)
        elif isinstance(value, list) and (by := _merge_key(value)):
            _merge_list(into.setdefault(key, []), value, by)
        else:
            into[key] = copy.deepcopy(value)


def _merge_key(items: list[Any]) -> str | None:
    """Return what names the items of a list; others (tolerations, access modes) are replaced."""
    if not all(isinstance(item, dict) for item in items):
        return None
    return next((key for key in _MERGE_KEYS if all(key in item for item in items)), None)


def _merge_list(into: list[Object], partials: list[Object], key: str) -> None:
    """Merge items of one name; new ones come first, as kustomize puts them."""
    known = {item.get(key): item for item in into}
    for partial in partials:
        if partial[key] in known:
            _merge(known[partial[key]], partial)
    into[:0] = [copy.deepcopy(partial) for partial in partials if partial[key] not in known]


def _operate(target: Object, operation: Object) -> None:
    if operation["op"] != "remove":
        raise BuildError(f"the operation {operation['op']} is not known here")
    *parents, last = operation["path"].lstrip("/").split("/")
    for key in parents:
        target = target[key]
    del target[last]


def _replace_image(objects: list[Object], image: Object) -> None:
    def replace(container: Object) -> None:
        name, _, tag = container["image"].partition(":")
        if name == image["name"]:
            tag = image.get("newTag", tag)
            container["image"] = f"{image.get('newName', name)}:{tag}"

    for each in objects:
        _each_container(each, replace)


def _each_container(value: Any, act: Callable[[Object], None]) -> None:
    if isinstance(value, dict):
        for container in [*value.get("containers", ()), *value.get("initContainers", ())]:
            act(container)
        value = list(value.values())
    if isinstance(value, list):
        for child in value:
            _each_container(child, act)
