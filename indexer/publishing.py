"""Publishing a collection after its catalog has changed."""

from dataclasses import asdict

from clipseek.assembly import build_snapshot
from clipseek.errors import ServiceUnavailable
from clipseek.publishing import few_beside, none_beside
from clipseek.service import Service, WritingService
from indexer.output import counted, note


def _published(service: Service, name: str) -> str | None:
    """Return the name of the snapshot in use; one that is damaged is about to be replaced."""
    try:
        return service.indexes.pointer(name)
    except ServiceUnavailable:
        return None


def publish(
    service: WritingService, *, quiet: bool, sweep: bool = False, collection: str | None = None
) -> dict[str, object]:
    """Publish a snapshot of the last version, if the one that is published is not that.

    A large one stays while little was added (`publishing.few_beside`), except with `sweep`.
    Without a collection, that of the settings is published.

    Thumbnails that no row names are deleted with a new snapshot, or with `sweep`, because listing
    all of them takes long, and if nothing changed there are no more of them than before.
    """
    found = service.catalog.collection(collection or service.settings.collection)
    before = _published(service, found.key)
    beside = none_beside if sweep else few_beside
    manifest = build_snapshot(service, found.name, beside=beside)
    is_new = _published(service, found.key) != before
    if is_new or sweep:
        # One moment, because a name may be switched to another collection meanwhile.
        with service.catalog.consistent(found.name) as now:
            key, named = now.collection(found.name).key, set(now.thumbnails(found.name))
        service.thumbnails.sweep(key, named)
    if not quiet and is_new:
        about = f"{counted(manifest.count, 'segment')}, {manifest.kind}"
        note(f"snapshot of version {manifest.version}: {about}")
    return asdict(manifest)
