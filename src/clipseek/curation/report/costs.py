"""What a library costs a month: measured bytes and rates times the prices of a file."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from math import isfinite
from pathlib import Path
from typing import Any

from clipseek.errors import ConfigError

STORES = ("catalog", "snapshots", "thumbnails", "videos")
"""What bytes are stored as, each with a price of its own."""

EXAMPLE = (
    '{"currency": "USD", "date": "2026-11-01", "source": "https://…", "gb_month": {"catalog": …}}'
)
_KEYS = frozenset({"currency", "date", "source", "gb_month", "compute_hour", "monthly"})


@dataclass(frozen=True, slots=True)
class Prices:
    """What things cost, from when and from where.

    gb_month: Of 10^9 bytes for a month, by `STORES`. compute_hour: Of the machine that indexes.
    monthly: What is paid each month whatever is stored, by name.
    """

    currency: str
    date: str
    source: str
    gb_month: Mapping[str, float]
    compute_hour: float
    monthly: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Use:
    """What was measured.

    bytes: Of each of `STORES`. hours: Of video. hours_a_month: Those that come.
    compute_s_per_hour: Seconds that an ingest takes for an hour of video, or None.
    """

    bytes: Mapping[str, int]
    hours: float
    hours_a_month: float
    compute_s_per_hour: float | None


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that costs: how much of it there is now and in twelve months, and both prices."""

    what: str
    unit: str
    price: float
    now: float
    later: float

    @property
    def costs(self) -> tuple[float, float]:
        """A month, now and in twelve months."""
        return self.now * self.price, self.later * self.price


def read_prices(path: Path) -> Prices:
    """Read a price file in JSON; raise ConfigError with what is wrong and where."""
    try:
        said = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ConfigError(f"--prices {path}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"--prices {path}: is not JSON ({error}); write {EXAMPLE}") from error
    try:
        return _prices(said)
    except ValueError as error:
        raise ConfigError(f"--prices {path}: {error}") from error


def _prices(said: Any) -> Prices:
    if not isinstance(said, dict):
        raise ValueError(f"must be an object, got {type(said).__name__}; write {EXAMPLE}")
    if unknown := sorted(set(said) - _KEYS):
        raise ValueError(f"has unknown keys {unknown}; there are {sorted(_KEYS)}")
    for name in ("currency", "date", "source"):
        if not isinstance(said.get(name), str) or not said[name]:
            raise ValueError(f"{name} must be a text, got {said.get(name)!r}")
    try:
        date.fromisoformat(said["date"])
    except ValueError:
        raise ValueError(
            f"date must be the day of the prices, such as 2026-11-01, got {said['date']!r}"
        ) from None
    gb_month = _numbers("gb_month", said.get("gb_month", {}))
    if unknown := sorted(set(gb_month) - set(STORES)):
        raise ValueError(f"gb_month has unknown keys {unknown}; there are {list(STORES)}")
    hour = _numbers("compute_hour", {"compute_hour": said.get("compute_hour", 0)})
    monthly = _numbers("monthly", said.get("monthly", {}))
    names = (said["currency"], said["date"], said["source"])
    return Prices(*names, gb_month, hour["compute_hour"], monthly)


def _numbers(name: str, said: Any) -> dict[str, float]:
    if not isinstance(said, dict):
        raise ValueError(f"{name} must be an object of numbers, got {said!r}")
    for key, value in said.items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not isfinite(value) or value < 0:
            raise ValueError(f"{name}: {key} must be a number of 0 or more, got {value!r}")
    return {str(key): float(value) for key, value in said.items()}


def project(use: Use, prices: Prices) -> list[Line]:
    """Return what costs, now and in twelve months, if as many hours come each month as now.

    Bytes grow with the hours: an hour that comes takes as many as one that is there.
    """
    later = 1 + 12 * use.hours_a_month / use.hours if use.hours else 1.0
    lines = [
        Line(f"{name} stored", "GB", prices.gb_month[name], size / 1e9, size / 1e9 * later)
        for name, size in use.bytes.items()
        if name in prices.gb_month
    ]
    if use.compute_s_per_hour is not None and prices.compute_hour:
        hours = use.hours_a_month * use.compute_s_per_hour / 3600
        lines.append(Line("indexing what comes", "h", prices.compute_hour, hours, hours))
    lines += [Line(name, "month", price, 1, 1) for name, price in prices.monthly.items()]
    return lines


def total(lines: Sequence[Line]) -> tuple[float, float]:
    """Return what all cost a month, now and in twelve months."""
    return sum(line.costs[0] for line in lines), sum(line.costs[1] for line in lines)
