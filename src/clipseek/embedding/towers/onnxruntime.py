"""OnnxTower: one tower of a bundle, loaded by the first thread that runs it, on onnxruntime."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from threading import Lock, Thread
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipseek.embedding.bundle import ANY_LENGTH
from clipseek.errors import ConfigError
from clipseek.protocols import Intake
from clipseek.sessions import FAILURES, VERSION, Session, opened

# Rows that go through a tower at once. More does not run faster on a CPU and costs memory: the
# activations of one picture of a base-sized tower take some 10 MB.
_BLOCK = 32


class OnnxTower:
    """Runs a file whose input is "pixels" or "tokens" and whose output is "vectors"."""

    def __init__(
        self,
        file: Callable[[], Path],
        name: str,
        shape: list[int],
        dim: int,
        *,
        threads: int | None = None,
        alone: bool = False,
        packs: bool = True,
        ahead: bool = False,
    ) -> None:
        """Keep what is needed.

        Args:
            file: Checks the file and returns its path; it is called when the tower is loaded.
            name: Of the input.
            shape: Of a row of the input.
            dim: Length of a vector.
            threads: None uses all cores for a run.
            alone: Whether each row needs its own run.
            packs: As in `sessions.opened`.
            ahead: Whether a thread loads the tower as soon as it is checked, because rows will
                follow: onnxruntime does it without the GIL.
        """
        self._find = file
        self._name = name
        self._layout = [(name, shape), ("vectors", [dim])]
        self._threads = threads
        self._packs = packs
        self._ahead = ahead
        self._most = 1 if alone else _BLOCK
        self._lock = Lock()
        self._session: Session | None = None

    @property
    def intake(self) -> Intake:
        """How rows are wanted; whether token rows may be cut is known once the file is loaded."""
        if self._name == "pixels":
            return Intake(self._most, normalised=True)
        shape = self._loaded().get_inputs()[0].shape
        return Intake(self._most, any_length=bool(shape[1] == ANY_LENGTH))

    def run(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """Return float32 (N, dim), not normalised.

        Raises:
            ConfigError: the file is damaged, onnxruntime cannot load it, or it is of other sizes.
        """
        (vectors,) = self._loaded().run(["vectors"], {self._name: rows})
        return np.asarray(vectors, np.float32)

    def check(self) -> None:
        """Make sure that the file is what the bundle describes; raise ConfigError."""
        self._find()
        if self._ahead:
            Thread(target=self._load_ahead, name="tower").start()

    def _load_ahead(self) -> None:
        with suppress(ConfigError):  # the first run says it
            self._loaded()

    def _loaded(self) -> Session:
        with self._lock:
            if self._session is None:
                self._session = self._load()
            return self._session

    def _load(self) -> Session:
        file = self._find()
        session = _session(file, self._threads, packs=self._packs)
        found = [
            (one.name, one.shape[1:]) for one in (*session.get_inputs(), *session.get_outputs())
        ]
        if found not in (self._layout, [("tokens", [ANY_LENGTH]), self._layout[1]]):
            raise ConfigError(
                f"{file} must take and give {self._layout} for each row, but has {found}; "
                "export the model again"
            )
        return session


class OnnxPatches:
    """Runs a file whose input is "pixels" and whose output is "patches": see `bundle`."""

    def __init__(
        self, file: Callable[[], Path], side: int, dim: int, *, threads: int | None = None
    ) -> None:
        """Keep what is needed, as `OnnxTower` does; `side` is that of a picture."""
        self._find = file
        self._side = side
        self._dim = dim
        self._threads = threads
        self._lock = Lock()
        self._session: Session | None = None

    def run(self, rows: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return float32 (N, R, C, dim).

        Raises:
            ConfigError: the file is damaged, onnxruntime cannot load it, or it is of other sizes.
        """
        with self._lock:
            session = self._session = self._session or self._load()
        (vectors,) = session.run(["patches"], {"pixels": rows})
        return np.asarray(vectors, np.float32)

    def _load(self) -> Session:
        file = self._find()
        session = _session(file, self._threads)
        taken, given = session.get_inputs(), session.get_outputs()
        is_right = (
            [(one.name, one.shape[1:]) for one in taken]
            == [("pixels", [3, self._side, self._side])]
            and [one.name for one in given] == ["patches"]
            and len(given[0].shape) == 4
            and given[0].shape[3] == self._dim
        )
        if not is_right:
            raise ConfigError(
                f"{file} must take pixels of {[3, self._side, self._side]} and give patches of "
                f"(R, C, {self._dim}) for each, but has {[one.shape for one in (*taken, *given)]}; "
                "export the model again"
            )
        return session


def _session(file: Path, threads: int | None, *, packs: bool = True) -> Session:
    """Load a file; raise ConfigError."""
    try:
        return opened(file, threads=threads, packs=packs)
    except FAILURES as error:
        raise ConfigError(
            f"onnxruntime {VERSION} cannot load {file}: {error}; "
            "export the model again, or install a newer onnxruntime"
        ) from error
