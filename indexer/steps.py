"""The steps of a switch: prepare, compare, cut, roll back and finish, for a command or a job."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial

from clipseek.assembly import build_snapshot
from clipseek.caches import open_recent
from clipseek.catalog.switches import SqlSwitches
from clipseek.errors import ClipseekError
from clipseek.model import Model
from clipseek.service import WritingService
from clipseek.switches import Step, Switch, SwitchRefused, refusal
from clipseek.types import Collection
from indexer import leftovers, reserve
from indexer.agreement import Agreement, agreement
from indexer.following import Following
from indexer.holding import Holding
from indexer.output import counted, note
from indexer.rescoring import rescore
from indexer.switching import Attending, Switching, stored_model


class Stopped(Exception):
    """The step was told to stop; asked for again, it continues."""


class VideosMissing(ClipseekError):
    """Videos could not be embedded, so the collection answers as before."""

    def __init__(self, collection: str, count: int) -> None:
        self.collection = collection
        self.count = count
        super().__init__(
            f"{counted(count, 'video')} could not be read, so collection {collection!r} answers as "
            "before; correct or remove what is listed above and run the same command again, or add "
            "--without-missing to go on without them"
        )

    @property
    def told(self) -> str:
        """The message without the option."""
        return (
            f"{counted(self.count, 'video')} could not be read, so collection {self.collection!r} "
            "answers as before; correct or remove them, or go on without them"
        )


@dataclass
class Brought:
    """A collection that has all that another one has, up to a version, and may take its place.

    to: Its key.
    """

    switch: Switch
    to: str
    switching: Switching
    following: Following
    version: int

    @property
    def left_out(self) -> list[str]:
        """The ids of the videos that could not be read."""
        return sorted(self.following.failed)


@dataclass(frozen=True)
class Steps:
    """Takes the steps of the switch of one collection, given by its own name."""

    service: WritingService
    switches: SqlSwitches
    holding: Holding
    attending: Attending
    name: str
    without_missing: bool

    def require(self, step: Step, wanted: str = "") -> Switch | None:
        """Return the switch that is under way, or None; raise SwitchRefused for a wrong step."""
        catalog, found = self.service.catalog, self.switches.get(self.name)
        other = "" if found is None else catalog.collection(found.other).model
        models = (catalog.collection(self.name).model, other)
        if said := refusal(step, self.name, found, models, wanted):
            raise SwitchRefused(said)
        return found

    def prepare(self, model: Model, refused: Callable[[Model], Exception]) -> Brought:
        """Embed into the new collection, and publish its index.

        Args:
            model: The one to change to.
            refused: Returns the error for a collection that has this model already.

        Raises:
            Stopped: it was told to stop.
            VideosMissing: some videos could not be embedded, and that is not allowed.
        """
        embedder, present = model.embedder, self.service.catalog.collection(self.name)
        if present.fingerprint == embedder.fingerprint:
            raise refused(model)
        found = self.switches.begin(
            self.name,
            model.name,
            dim=embedder.dim,
            fingerprint=embedder.fingerprint,
            scoring=model.scoring,
        )
        self.holding.take()
        if self.service.catalog.collection(found.other).fingerprint != embedder.fingerprint:
            raise refused(model)
        rescore(self.service.catalog, found.other, model, note)
        brought = self._brought(found, found.new, lambda: model)
        self.switches.ready(self.name, brought.left_out)
        return brought

    def prepared(self, found: Switch) -> Brought:
        """Bring the new collection, which was ready, up to date. Raises as `prepare`."""
        return self._brought(found, found.new, self._stored(found))

    def former(self, found: Switch) -> Brought:
        """Bring the collection that answered before up to date. Raises as `prepare`."""
        return self._brought(
            found,
            found.old,
            self._stored(found),
            changed_at=found.cut_at,
            kept=found.left_out,
            after=found.cut_version,
        )

    def _stored(self, found: Switch) -> Callable[[], Model]:
        other = self.service.catalog.collection(found.other)
        return partial(stored_model, self.service, other)

    def _brought(
        self,
        found: Switch,
        to: str,
        model: Callable[[], Model],
        *,
        changed_at: str = "",
        kept: Sequence[str] = (),
        after: int | None = None,
    ) -> Brought:
        catalog = self.service.catalog
        source, target = (catalog.collection(each) for each in (self.name, found.other))
        switching = Switching(self.service, source, target, self.holding, model, self.attending)
        following = switching.following(changed_at, kept)
        version = following.catch_up(after)
        if version is None:
            raise Stopped
        self._stop_for(following)
        build_snapshot(self.service, found.other)
        return Brought(found, to, switching, following, version)

    def compare(self, brought: Brought, queries: Sequence[str]) -> Agreement:
        """Ask both collections the same."""
        return agreement(self.service.search, self.name, brought.switch.other, queries)

    def cut(self, brought: Brought) -> None:
        """Exchange both collections as soon as nothing is missing. Raises as `prepare`."""
        following, version = brought.following, brought.version
        left_out = set(following.failed)
        while True:
            caught_up = following.catch_up(version)
            if caught_up is None:
                raise Stopped
            version = caught_up
            if following.failed.keys() != left_out:
                left_out = set(following.failed)
                self._stop_for(following)
            self._note_left_out(brought)
            if self.switches.cut(self.name, version, to=brought.to):
                return

    def finish(self, found: Switch) -> Collection:
        """Remove the collection that does not answer, and return it."""
        service = self.service
        removed = service.catalog.collection(found.other)
        # SQLite first logs what is removed, and a full disk has no space for that.
        reserve.give_back(service.settings)
        with closing(open_recent(service.settings)) as recent:
            recent.forget(removed)
        try:
            self.switches.end(self.name)
        finally:
            reserve.keep(service.settings)
        leftovers.delete(service)
        return removed

    def _stop_for(self, following: Following) -> None:
        """Raise VideosMissing if some videos could not be embedded and that is not allowed."""
        if not following.failed:
            return
        if not self.without_missing:
            raise VideosMissing(self.name, len(following.failed))
        missing = counted(len(following.failed), "video")
        note(f"{missing} could not be read and will not be in the collection")

    def _note_left_out(self, brought: Brought) -> None:
        found = self.switches.get(self.name)
        if (
            found is not None
            and found.state == "ready"
            and list(found.left_out) != brought.left_out
        ):
            self.switches.ready(self.name, brought.left_out)
