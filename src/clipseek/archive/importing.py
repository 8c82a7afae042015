"""Reading an archive into a catalog: everything is checked first, and then stored, part by part."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from clipseek import files
from clipseek.archive import parts, saying
from clipseek.archive.manifest import MANIFEST, UNFINISHED, Manifest
from clipseek.archive.parts import Content, Picture
from clipseek.curating import Said
from clipseek.errors import CollectionNotFound, ConfigError
from clipseek.protocols import CatalogWriter
from clipseek.stored import VideoRows
from clipseek.thumbnails import Thumbnails
from clipseek.types import Collection


class Import:
    """Imports one archive as a new collection.

    Nothing is written before every part was checked. `mark` is a file that says which archive is
    being imported as which collection, so that the same call continues after an interruption;
    without it, an existing collection is never written to.
    """

    def __init__(
        self,
        catalog: CatalogWriter,
        thumbnails: Thumbnails,
        folder: Path,
        *,
        mark: Path,
        on_part: Callable[[str, Manifest, int], None] = lambda _step, _manifest, _videos: None,
        say: Callable[[str, Said], None] | None = None,
        redact: Callable[[str, Sequence[str]], None] | None = None,
    ) -> None:
        """Keep what is read and where it goes; `on_part` is told "check" or "store" and videos.

        `say` and `redact` store, of a collection, what people have said of it, and what is blurred;
        an archive that has these is refused without them.
        """
        self._say = say
        self._redact = redact
        self._catalog = catalog
        self._thumbnails = thumbnails
        self._folder = folder
        self._mark = mark
        self._on_part = on_part

    def checked(self) -> Manifest:
        """Read and check every part; return the manifest.

        Raises:
            ConfigError: there is no archive, or it is not complete, damaged or not one of ours.
        """
        manifest = self.manifest()
        uris: set[int] = set()
        last, videos = "", 0
        for part in manifest.parts:
            content = parts.read(self._folder / part.name, part, dim=manifest.dim)
            ids = [rows.video.id for rows in content.rows]
            if ids[0] <= last:
                raise ConfigError(f"{self._folder} is damaged: its parts are not in order")
            fresh = {hash(rows.video.uri) for rows in content.rows}
            if len(fresh) != len(ids) or fresh & uris:
                raise ConfigError(f"{self._folder} is damaged: two videos have the same uri")
            uris |= fresh
            last, videos = ids[-1], videos + len(ids)
            self._on_part("check", manifest, videos)
        saying.read(self._folder, manifest.curation)
        if (manifest.redact and not self._redact) or (manifest.curation and not self._say):
            raise ConfigError(f"{self._folder} has more than videos, which is not stored here")
        return manifest

    def run(self, collection: str) -> Manifest:
        """Check the archive, store its videos under the name of a new collection, and return it.

        Raises:
            ConfigError: as `checked` does, or there is a collection or an alias of this name.
            ServiceUnavailable: the catalog or the disk failed; the next call continues.
        """
        manifest = self.checked()
        made = self._collection(collection, manifest)
        if manifest.redact and self._redact is not None:
            self._redact(collection, manifest.redact)  # before there is a picture to see
        if manifest.relevance is not None and made.relevance is None:
            self._catalog.set_relevance(collection, manifest.relevance.value)
        videos = 0
        for part in manifest.parts:
            content = parts.read(self._folder / part.name, part, dim=manifest.dim)
            self._store(made, content)
            videos += part.videos
            self._on_part("store", manifest, videos)
        if manifest.curation and self._say is not None:
            self._say(collection, saying.read(self._folder, manifest.curation))
        return manifest

    def finish(self) -> None:
        """Forget that it is under way; until then, the same call stores what is missing."""
        self._mark.unlink(missing_ok=True)

    def manifest(self) -> Manifest:
        """Return the manifest of the archive; raise ConfigError if there is none."""
        try:
            return Manifest.read(self._folder / MANIFEST)
        except FileNotFoundError as error:
            if (self._folder / UNFINISHED).exists():
                raise ConfigError(
                    f"the export in {self._folder} is not complete; run `indexer export` again"
                ) from error
            raise ConfigError(
                f"{self._folder} has no {MANIFEST}, so it is not what `indexer export` writes"
            ) from error
        except OSError as error:
            raise ConfigError(
                f"{self._folder / MANIFEST} cannot be read: {error.strerror}"
            ) from error

    def _collection(self, name: str, manifest: Manifest) -> Collection:
        """Return the collection to fill: a new or empty one, or that of an interrupted import."""
        if (behind := self._catalog.aliases().get(name)) is not None:
            raise ConfigError(
                f"{name!r} is an alias of collection {behind!r}; give the imported collection "
                "another name with --collection"
            )
        try:
            found = self._catalog.collection(name)
        except CollectionNotFound:
            found = None
        if found is not None and found.version and not self._is_marked(found, manifest):
            raise ConfigError(
                f"there is a collection {name!r} already; give the imported one another name with "
                f"--collection, or remove it with `indexer collections remove {name}`"
            )
        made = self._catalog.ensure_collection(
            name,
            manifest.model,
            manifest.dim,
            manifest.fingerprint,
            None if manifest.scoring is None else manifest.scoring.value,
        )
        self._write_mark(made, manifest)
        return made

    def _is_marked(self, found: Collection, manifest: Manifest) -> bool:
        try:
            said = json.loads(self._mark.read_text("utf-8"))
        except (OSError, ValueError):
            return False
        return bool(said == _mark_of(found, manifest))

    def _write_mark(self, made: Collection, manifest: Manifest) -> None:
        self._mark.parent.mkdir(parents=True, exist_ok=True)
        files.replace(self._mark, json.dumps(_mark_of(made, manifest)).encode())

    def _store(self, made: Collection, content: Content) -> None:
        """Store the pictures and then the videos of a part, without those that are there."""
        there = self._catalog.videos_by_id(made.name, [rows.video.id for rows in content.rows])
        fresh = []
        for rows, pictures in zip(content.rows, content.pictures, strict=True):
            if rows.video.id in there:
                continue
            fresh.append(moved(rows, made.key))
            self._thumbnails.store_all(named(made.key, rows.video.id, pictures))
        if fresh:
            self._catalog.restore(made.name, fresh)


def _mark_of(collection: Collection, manifest: Manifest) -> dict[str, str]:
    return {
        "collection": collection.name,
        "epoch": collection.epoch,
        "archive": manifest.sha256,
    }


def moved(rows: VideoRows, key: str) -> VideoRows:
    """Return a video whose pictures are in the folder of another collection."""
    return replace(
        rows,
        segments=tuple(
            replace(row, thumbnail=_picture(key, rows.video.id, row.thumbnail))
            for row in rows.segments
        ),
    )


def named(key: str, video_id: str, pictures: Sequence[Picture]) -> dict[str, bytes]:
    """Return those pictures of a video that there are, by their names in another collection."""
    return {
        _picture(key, video_id, each.tail): each.jpeg for each in pictures if each.jpeg is not None
    }


def _picture(key: str, video_id: str, tail: str) -> str:
    """Return the name of a picture, as `thumbnails.name_of` gives it."""
    return f"{key}/{video_id[:2]}/{video_id}/{tail}"
