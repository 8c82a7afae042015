"""Who reaches whom under NetworkPolicies, as Kubernetes defines them.

https://kubernetes.io/docs/concepts/services-networking/network-policies/
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network

from tests.deploy.kustomize import Object

NAMESPACE_LABEL = "kubernetes.io/metadata.name"


@dataclass(frozen=True)
class Place:
    """A pod, by its namespace and labels, or an address outside the cluster."""

    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)
    address: str = ""


def is_allowed(
    policies: Iterable[Object], source: Place, target: Place, port: int, protocol: str = "TCP"
) -> bool:
    """Whether a connection is let out of its source and into its target.

    A pod that no policy of a direction chooses is open in it; else one of them must allow it.
    """
    policies = list(policies)
    return _passes(policies, "Egress", source, target, target, port, protocol) and _passes(
        policies, "Ingress", target, source, target, port, protocol
    )


def _passes(
    policies: list[Object],
    direction: str,
    ours: Place,
    peer: Place,
    target: Place,
    port: int,
    protocol: str,
) -> bool:
    choosing = [
        each
        for each in policies
        if direction in each["spec"]["policyTypes"]
        and not ours.address
        and each["metadata"]["namespace"] == ours.namespace
        and matches(each["spec"]["podSelector"], ours.labels)
    ]
    if not choosing:
        return True
    side = "to" if direction == "Egress" else "from"
    return any(
        _meets_peer(rule.get(side, ()), ours, peer)
        and _meets_port(rule.get("ports", ()), target, port, protocol)
        for policy in choosing
        for rule in policy["spec"].get(direction.lower(), ())
    )


def matches(selector: Object, labels: Mapping[str, str]) -> bool:
    """Whether labels meet a selector; an empty one takes all."""
    if not selector.get("matchLabels", {}).items() <= labels.items():
        return False
    for each in selector.get("matchExpressions", ()):
        if each["operator"] != "In":
            raise NotImplementedError(each["operator"])
        if labels.get(each["key"]) not in each["values"]:
            return False
    return True


def _meets_peer(peers: Iterable[Object], ours: Place, peer: Place) -> bool:
    """Whether one of the peers is meant; none at all means everybody."""
    peers = list(peers)
    return not peers or any(_is_meant(each, ours, peer) for each in peers)


def _is_meant(meant: Object, ours: Place, peer: Place) -> bool:
    if "ipBlock" in meant:
        block = meant["ipBlock"]
        address = ip_address(peer.address) if peer.address else None
        return (
            address is not None
            and address in ip_network(block["cidr"])
            and not any(address in ip_network(each) for each in block.get("except", ()))
        )
    if peer.address:
        return False
    if "namespaceSelector" in meant:
        is_there = matches(meant["namespaceSelector"], {NAMESPACE_LABEL: peer.namespace})
    else:
        is_there = peer.namespace == ours.namespace
    return is_there and matches(meant.get("podSelector", {}), peer.labels)


def _meets_port(ports: Iterable[Object], target: Place, port: int, protocol: str) -> bool:
    """Whether one of the ports is meant, by number or by its name in the target."""
    ports = list(ports)
    return not ports or any(
        each["protocol"] == protocol and first <= port <= each.get("endPort", first)
        for each in ports
        if (first := _number(each["port"], target)) is not None
    )


def _number(port: int | str, target: Place) -> int | None:
    """Return the number of a port that a policy names."""
    return port if isinstance(port, int) else target.ports.get(port)
