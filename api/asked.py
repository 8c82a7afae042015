"""Which collection a request is about, and what its principal may do there."""

from api.principal import Permission, Principal, permit
from api.schemas import InCollection
from clipseek.errors import CollectionNotFound
from clipseek.service import Service
from clipseek.types import Collection, Segment


def readable(asking: Principal, service: Service, asked: InCollection) -> str:
    """Return the name of the collection that a request is about; raise unless it may be read."""
    return _permitted(asking, "search", service, asked)


def writable(asking: Principal, service: Service, asked: InCollection) -> str:
    """Return the name of the collection that a request is about; raise unless it may be changed."""
    return _permitted(asking, "write", service, asked)


def reviewable(
    asking: Principal,
    service: Service,
    asked: InCollection,
    *,
    permission: Permission = "annotator",
) -> tuple[str, bool]:
    """Return the collection that a request is about, and whether it is asked as a reviewer.

    A reviewer may do what an annotator may, in the collections that they may review.
    """
    if "reviewer" in asking.scopes:
        within = asking.within("reviewer")
        name = asked.named(within.default(service.settings.collection))
        allowed = allowed_collections(within, service)
        if allowed is None or name in allowed:
            return name, True
    return _permitted(asking, permission, service, asked), False


def administered(asking: Principal, service: Service, name: str) -> Collection:
    """Return the collection of a name; raise unless the principal may administer it."""
    asking = permit(asking, "admin")
    allowed = allowed_collections(asking, service)
    if allowed is not None and name not in allowed:
        raise CollectionNotFound(name)
    return service.catalog.collection(name)


def _permitted(
    asking: Principal, permission: Permission, service: Service, asked: InCollection
) -> str:
    asking = permit(asking, permission)
    collection = asked.named(asking.default(service.settings.collection))
    allowed = allowed_collections(asking, service)
    if allowed is not None and collection not in allowed:
        raise CollectionNotFound(collection)
    return collection


def readable_segment(asking: Principal, service: Service, segment_id: int) -> tuple[str, Segment]:
    """Return the collection's name and the segment; raise SegmentNotFound unless it may be read."""
    asking = permit(asking, "search")
    allowed = allowed_collections(asking, service)
    # A moment that was found before a switch of models can be looked at until that is finished.
    within = None if allowed is None else sorted(allowed)
    return service.catalog.segment(segment_id, within=within)


def allowed_collections(asking: Principal, service: Service) -> frozenset[str] | None:
    """Return the collections, aliases resolved, that somebody may use, or None for all."""
    if asking.collections is None:
        return None
    return asking.behind(service.catalog.aliases(sorted(asking.collections)))
