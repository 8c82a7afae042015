"""SqlCameras: the cameras in the database of the catalog, and the recorders that run them."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, Self

from sqlalchemy import (
    Connection,
    RowMapping,
    Select,
    and_,
    delete,
    func,
    or_,
    select,
    update,
)

from clipseek.cameras import (
    Camera,
    CameraNotFound,
    CameraState,
    CameraTaken,
    Held,
    shares,
)
from clipseek.catalog import leases, upserts
from clipseek.catalog.database import WAIT_S, Database
from clipseek.catalog.ledger import Ledger
from clipseek.catalog.rows import cleaned, now, storable
from clipseek.catalog.tables import among, cameras, recorders

CONNECTIONS = 4
"""The most connections: each transaction takes milliseconds."""

_SETTINGS = ("address", "sealed", "fps", "records", "retain_s", "retain_bytes", "paused")
"""What `change` stores."""
_LOCK = int.from_bytes(b"recorder", "big")
"""The advisory lock of PostgreSQL under which recorders share cameras, one after the other."""


class SqlCameraReader(Ledger):
    """A `CameraReader`; the right to SELECT is enough. Thread-safe."""

    @classmethod
    def open(cls, url: str, *, wait_s: float = WAIT_S) -> Self:
        """Open the catalog at a URL, which need not exist yet; nothing is made or written."""
        return cls(Database.at(url, read_only=True, wait_s=wait_s, most=CONNECTIONS))

    def get(self, name: str) -> Camera:
        """Return a camera; raise CameraNotFound."""
        found = self._cameras(_all(self._database.dialect).where(cameras.c.name == name))
        if not found:
            raise CameraNotFound(name)
        return found[0]

    def cameras(self, *, collections: Sequence[str] | None = None) -> list[Camera]:
        """Return all cameras by name, or those of some collections."""
        query = _all(self._database.dialect).order_by(cameras.c.name)
        if collections is not None:
            query = query.where(among(cameras.c.collection, collections, self._database.dialect))
        return self._cameras(query)

    def _cameras(self, query: Select[Any]) -> list[Camera]:
        return [_camera(row._mapping) for row in self._rows(query)]


class SqlCameras(SqlCameraReader):
    """A `CameraStore` in a SQL database. Thread-safe.

    The leases of PostgreSQL are compared with the clock of the server, so that the clocks of its
    clients may differ. The clients of a SQLite file are on one machine.
    """

    @classmethod
    def open(cls, url: str, *, wait_s: float = WAIT_S) -> Self:
        """Open the catalog at a URL, which must exist when a camera is added."""
        return cls(Database.at(url, create=False, wait_s=wait_s, most=CONNECTIONS))

    def add(self, camera: Camera) -> Camera:
        """Add a camera and return it as it is stored; raise CameraTaken."""
        storable(collection=camera.collection, address=camera.address)
        values = {
            "name": camera.name,
            "collection": camera.collection,
            **{name: getattr(camera, name) for name in _SETTINGS},
            "epoch": camera.epoch,
            "created_at": now(),
            "owner": "",
            "due": 0.0,
            "state": asdict(CameraState()),
            "state_at": "",
        }
        with self._writing() as connection:
            made = upserts.into(connection, cameras).values(values).on_conflict_do_nothing()
            if connection.execute(made.returning(cameras.c.name)).one_or_none() is None:
                raise CameraTaken(camera.name)
            return _one(connection, camera.name)

    def change(self, camera: Camera) -> Camera:
        """Store the settings of a camera that is there; raise CameraNotFound."""
        storable(address=camera.address)
        values = {name: getattr(camera, name) for name in _SETTINGS}
        with self._writing() as connection:
            this = update(cameras).where(cameras.c.name == camera.name)
            if not connection.execute(this.values(values)).rowcount:
                raise CameraNotFound(camera.name)
            return _one(connection, camera.name)

    def remove(self, name: str) -> Camera:
        """Remove a camera and return it; raise CameraNotFound."""
        with self._writing() as connection:
            found = _one(connection, name)
            connection.execute(delete(cameras).where(cameras.c.name == name))
        return found

    def take(self, owner: str, lease_s: float, most: int) -> list[Camera]:
        """Take cameras that are free and not paused, up to the share of the recorder."""
        with self._sharing() as connection:
            _sign(connection, owner, most, lease_s)
            clock = leases.clock(connection.dialect.name)
            wanted = (_share(connection, owner) or 0) - _held_by(connection).get(owner, 0)
            if wanted <= 0:
                return []
            free = (
                select(cameras.c.name)
                .where(~cameras.c.paused, cameras.c.due <= clock)
                .order_by(cameras.c.due, cameras.c.name)
                .limit(wanted)
                .with_for_update()
            )
            names = list(connection.scalars(free))
            mine = {"owner": owner, "due": clock + float(lease_s)}
            this = among(cameras.c.name, names, connection.dialect.name)
            fresh = {"state": asdict(CameraState("connecting")), "state_at": now()}
            connection.execute(update(cameras).where(this).values(**mine, **fresh))
            query = _all(connection.dialect.name).where(this).order_by(cameras.c.name)
            return [_camera(row) for row in connection.execute(query).mappings()]

    def beat(self, owner: str, lease_s: float, states: Mapping[str, CameraState]) -> Held:
        """Renew the leases of a recorder, and store how its cameras do, by name."""
        with self._sharing() as connection:
            dialect = connection.dialect.name
            clock = leases.clock(dialect)
            mine = and_(cameras.c.owner == owner, ~cameras.c.paused)
            due = {"due": clock + float(lease_s)}
            connection.execute(update(recorders).where(recorders.c.owner == owner).values(due))
            connection.execute(update(cameras).where(mine).values(due))
            off = and_(cameras.c.owner == owner, cameras.c.paused)
            connection.execute(update(cameras).where(off).values(owner="", due=0.0))
            for name, state in sorted(states.items()):
                told = {"state": _plain(state), "state_at": now()}
                connection.execute(
                    update(cameras).where(mine, cameras.c.name == cleaned(name)).values(told)
                )
            query = _all(dialect).where(mine).order_by(cameras.c.name)
            kept = tuple(_camera(row) for row in connection.execute(query).mappings())
            share = _share(connection, owner)
        spare = () if share is None else kept[share:]
        return Held(kept, frozenset(camera.name for camera in spare))

    def release(self, owner: str, names: Sequence[str] | None = None) -> None:
        """Let others take cameras of a recorder, or all of them; then it counts no more."""
        with self._sharing() as connection:
            mine = cameras.c.owner == owner
            if names is None:
                connection.execute(delete(recorders).where(recorders.c.owner == owner))
            else:
                mine = and_(mine, among(cameras.c.name, names, connection.dialect.name))
            connection.execute(update(cameras).where(mine).values(owner="", due=0.0))

    @contextmanager
    def _sharing(self) -> Iterator[Connection]:
        """Open a writing transaction in which no other recorder takes or gives cameras."""
        with self._writing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
            yield connection


def _sign(connection: Connection, owner: str, most: int, lease_s: float) -> None:
    """Note that a recorder lives; forget those that do not."""
    clock = leases.clock(connection.dialect.name)
    connection.execute(delete(recorders).where(recorders.c.due <= clock))
    values = {"most": int(most), "due": clock + float(lease_s)}
    made = upserts.into(connection, recorders).values(owner=owner, **values)
    connection.execute(made.on_conflict_do_update(index_elements=[recorders.c.owner], set_=values))


def _share(connection: Connection, owner: str) -> int | None:
    """Return how many cameras a recorder should hold; None if it has to sign by `take` again."""
    clock = leases.clock(connection.dialect.name)
    held = _held_by(connection)
    alive = select(recorders.c.owner, recorders.c.most).where(
        or_(recorders.c.due > clock, recorders.c.owner == owner)
    )
    limits = {row.owner: (row.most, held.get(row.owner, 0)) for row in connection.execute(alive)}
    count = select(func.count()).select_from(cameras).where(~cameras.c.paused)
    return shares(connection.scalar(count) or 0, limits).get(owner)


def _held_by(connection: Connection) -> dict[str, int]:
    """Return how many cameras each recorder holds now."""
    clock = leases.clock(connection.dialect.name)
    query = select(cameras.c.owner, func.count().label("held")).where(
        ~cameras.c.paused, cameras.c.due > clock
    )
    rows = connection.execute(query.group_by(cameras.c.owner))
    return {row.owner: row.held for row in rows}


def _all(dialect: str) -> Select[Any]:
    held = (cameras.c.due > leases.clock(dialect)).label("is_held")
    return select(cameras, held)


def _one(connection: Connection, name: str) -> Camera:
    query = _all(connection.dialect.name).where(cameras.c.name == name)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise CameraNotFound(name)
    return _camera(row)


def _plain(state: CameraState) -> dict[str, object]:
    return {
        name: cleaned(value) if isinstance(value, str) else value
        for name, value in asdict(state).items()
    }


def _camera(row: RowMapping) -> Camera:
    state = CameraState(**row["state"])
    return Camera(
        name=row["name"],
        collection=row["collection"],
        epoch=row["epoch"],
        created_at=row["created_at"],
        state=state.seen(is_held=row["is_held"], paused=row["paused"]),
        state_at=row["state_at"],
        **{name: row[name] for name in _SETTINGS},
    )
