"""Writing an archive: one moment of a collection, part after part; an interrupted one continues."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from itertools import takewhile
from pathlib import Path

from clipseek.archive import parts, saying
from clipseek.archive.manifest import CURATION, MANIFEST, UNFINISHED, Manifest, Part
from clipseek.curating import Said
from clipseek.errors import ConfigError, ServiceUnavailable
from clipseek.files import sync
from clipseek.protocols import CatalogReader
from clipseek.stored import VideoRows
from clipseek.thumbnails import Thumbnails

PART_BYTES = 32 * 2**20
"""A part is closed once it has so many bytes; it is in memory as a whole when it is read."""
PART_VIDEOS = 4096
_PAGE = 16


class Export:
    """Exports one collection to a folder.

    The folder has a list of the complete parts, `unfinished.json`, until it has a manifest. Parts
    of another version of the collection are replaced, so all of them are of one version.
    """

    def __init__(
        self,
        catalog: CatalogReader,
        thumbnails: Thumbnails,
        folder: Path,
        *,
        part_bytes: int = PART_BYTES,
        on_part: Callable[[Manifest], None] = lambda _manifest: None,
        said: Callable[[str], Said] = lambda _collection: Said(),
        redacts: Callable[[str], Sequence[str]] = lambda _collection: (),
    ) -> None:
        """Keep what is read and where it goes; `on_part` is told of each complete part.

        `said` and `redacts` say, of a collection, what people have said of it, and what is blurred.
        """
        self._said = said
        self._redacts = redacts
        self._catalog = catalog
        self._thumbnails = thumbnails
        self._folder = folder
        self._part_bytes = part_bytes
        self._on_part = on_part

    def run(self, collection: str) -> Manifest:
        """Write the archive and return its manifest.

        Raises:
            CollectionNotFound: there is no such collection.
            ConfigError: the folder has something else in it, or is not a folder.
            ServiceUnavailable: the folder cannot be written, or the catalog not be read. What is
                complete stays, and the next call continues.
        """
        with self._catalog.consistent(collection) as view:
            begun = Manifest.of(view.collection(collection))
            try:
                return self._finished(self._written(view, self._continued(begun)))
            except OSError as error:
                raise ServiceUnavailable(
                    f"{self._folder} cannot be written: {error.strerror}; free some space or "
                    "correct the permissions, then run the same command again"
                ) from error

    def _continued(self, begun: Manifest) -> Manifest:
        """Return the manifest with the parts that are complete already; delete the others."""
        if self._folder.exists() and not self._folder.is_dir():
            raise ConfigError(f"{self._folder} is a file; name a folder that is empty or new")
        self._folder.mkdir(parents=True, exist_ok=True)
        if (self._folder / MANIFEST).exists():
            found = Manifest.read(self._folder / MANIFEST)
            if found.continues(begun):
                return self._whole(found)
            raise ConfigError(
                f"{self._folder} has an export of collection {found.collection!r} at version "
                f"{found.version} already; name a new folder"
            )
        found = begun
        with suppress(FileNotFoundError):
            found = Manifest.read(self._folder / UNFINISHED)
        if others := self._others(found):
            raise ConfigError(
                f"{self._folder} is not empty: it has {others[0]}; name a folder that is empty or "
                "that does not exist"
            )
        if found.collection != begun.collection:
            raise ConfigError(
                f"{self._folder} has a part of an export of collection {found.collection!r}; name "
                "a new folder, or delete this one"
            )
        done = found.parts if found.continues(begun) else ()
        kept = tuple(takewhile(partial(parts.is_whole, self._folder), done))
        names = {part.name for part in kept}
        for path in self._folder.iterdir():
            if path.name not in names and path.name != UNFINISHED:
                path.unlink()
        continued = begun.model_copy(update={"parts": kept})
        continued.write(self._folder, UNFINISHED)
        return continued

    def _whole(self, found: Manifest) -> Manifest:
        """Return a complete export; raise ConfigError if a part of it is not as it was."""
        for part in found.parts:
            if not parts.is_whole(self._folder, part):
                raise ConfigError(
                    f"{self._folder} has a complete export, and its {part.name} is missing or "
                    "damaged; name a new folder, or delete this one"
                )
        return found

    def _others(self, found: Manifest) -> list[str]:
        """Return names in the folder that an export does not write."""
        ours = {UNFINISHED, f"{UNFINISHED}.tmp", f"{MANIFEST}.tmp"}
        if (self._folder / UNFINISHED).exists():
            ours |= {part.name for part in found.parts}
            ours |= {found.next_name, f"{found.next_name}.tmp", CURATION, f"{CURATION}.tmp"}
        return sorted(path.name for path in self._folder.iterdir() if path.name not in ours)

    def _written(self, view: CatalogReader, manifest: Manifest) -> Manifest:
        if (self._folder / MANIFEST).exists():
            return manifest
        after = manifest.parts[-1].last if manifest.parts else ""
        waiting = _all(view, manifest.collection, after)
        while (part := self._part(manifest, waiting)) is not None:
            manifest = manifest.model_copy(update={"parts": (*manifest.parts, part)})
            manifest.write(self._folder, UNFINISHED)
            self._on_part(manifest)
        return manifest

    def _finished(self, manifest: Manifest) -> Manifest:
        """Write the manifest, with what people have said and what is blurred by now."""
        later = {
            "redact": tuple(self._redacts(manifest.collection)),
            "curation": saying.write(self._folder, self._said(manifest.collection)),
        }
        finished = manifest.model_copy(update=later)
        finished.write(self._folder, MANIFEST)
        (self._folder / UNFINISHED).unlink(missing_ok=True)
        sync(self._folder)
        return finished

    def _part(self, manifest: Manifest, waiting: Iterator[VideoRows]) -> Part | None:
        """Write the next part, if videos are left."""
        first = next(waiting, None)
        if first is None:
            return None
        path = self._folder / f"{manifest.next_name}.tmp"
        writing = parts.Writing(path)
        try:
            writing.add(first, self._pictures(first))
            while writing.size < self._part_bytes and len(writing.lines) < PART_VIDEOS:
                rows = next(waiting, None)
                if rows is None:
                    break
                writing.add(rows, self._pictures(rows))
            part = writing.finish(manifest.dim)
        except BaseException:
            writing.abandon()
            raise
        path.replace(self._folder / part.name)
        sync(self._folder)
        return part

    def _pictures(self, rows: VideoRows) -> Sequence[bytes | None]:
        """Read the picture of each segment; one that is gone is left out, and counted."""
        return [self._picture(row.thumbnail) for row in rows.segments]

    def _picture(self, name: str) -> bytes | None:
        try:
            jpeg = self._thumbnails.read(name)
        except ServiceUnavailable:
            return None
        return jpeg if parts.is_picture(name, jpeg) else None


def _all(view: CatalogReader, collection: str, after: str) -> Iterator[VideoRows]:
    while page := view.stored(collection, after=after, limit=_PAGE):
        yield from page
        after = page[-1].video.id
