"""Which detections are kept: classes, thresholds by camera, and the rules of the clean-up. Pure."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from clipseek.detections import Detections, areas, overlaps
from clipseek.errors import ConfigError

THRESHOLD = 0.4
"""Confidence from which on an object is kept, unless its class has a threshold of its own."""
SMALLEST = 0.0003
"""Share of the frame that an object covers at least: 25 pixels square of 1920x1080."""
OVERLAP = 0.6
"""Of two boxes of one class that overlap by more, intersection over union, the surer one stays."""
MOST = 100
"""Objects of one frame that are kept, the surest ones."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What is kept of the detections of one camera, or of all videos that have no camera.

    classes: The threshold of each class that is wanted; None takes all by `threshold`.
    shortest_s: Seconds that an object is seen for at least. The others are explained above.
    """

    threshold: float = THRESHOLD
    classes: Mapping[str, float] | None = None
    smallest: float = SMALLEST
    overlap: float = OVERLAP
    shortest_s: float = 0.0

    def kept(self, found: Detections, names: tuple[str, ...]) -> Detections:
        """Return the detections of one frame that are kept, the surest first."""
        if self.classes is None:
            least = np.full(len(names), self.threshold)
        else:
            least = np.array([self.classes.get(name, np.inf) for name in names])
        sure = found.confidences.astype(np.float64) >= least[found.classes] - 1e-6
        found = found[sure & (areas(found.boxes) >= self.smallest)]
        found = found[np.argsort(-found.confidences, kind="stable")]
        return found[_apart(found, self.overlap)[:MOST]]


@dataclass(frozen=True, slots=True)
class RuleBook:
    """The rules of all videos, and those of some cameras, by name."""

    usual: Rules = field(default_factory=Rules)
    cameras: Mapping[str, Rules] = field(default_factory=dict)

    def of(self, stream: str) -> Rules:
        """Return the rules of a camera; "" is a video without one."""
        return self.cameras.get(stream, self.usual)

    def stamp(self, stream: str) -> str:
        """Return what changes with the rules of a camera, and with no others."""
        rules = self.of(stream)
        said = {each.name: getattr(rules, each.name) for each in fields(rules)}
        said["classes"] = None if rules.classes is None else dict(sorted(rules.classes.items()))
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]

    @classmethod
    def read(cls, path: Path, classes: tuple[str, ...]) -> Self:
        """Return the rules in a JSON file, for a detector of these classes.

        Raises:
            ConfigError: it cannot be read, or a name or a value is wrong.
        """
        try:
            said = json.loads(path.read_bytes())
        except OSError as error:
            raise ConfigError(
                f"the rules {path} cannot be read ({error.strerror}); name a JSON file"
            ) from error
        except ValueError as error:
            raise ConfigError(f"the rules {path} are not JSON: {error}; correct them") from error
        if not isinstance(said, dict):
            raise ConfigError(f"the rules {path} must be an object, got {type(said).__name__}")
        cameras = said.pop("cameras", {})
        if not isinstance(cameras, dict) or not all(
            isinstance(each, dict) for each in cameras.values()
        ):
            raise ConfigError(f'{path}: "cameras" must have an object of rules for each name')
        return cls(
            _rules(path, said, classes),
            # What a camera does not say is as for the others.
            {name: _rules(path, {**said, **own}, classes) for name, own in cameras.items()},
        )


_LIMITS = {
    "threshold": (0.05, 1.0),
    "smallest": (0.0, 1.0),
    "overlap": (0.0, 1.0),
    "shortest_s": (0.0, 3600.0),
}


def _rules(path: Path, said: Mapping[str, Any], names: tuple[str, ...]) -> Rules:
    if unknown := sorted(said.keys() - _LIMITS.keys() - {"classes"}):
        raise ConfigError(
            f"{path}: {unknown[0]!r} is not a rule; the rules are classes, {', '.join(_LIMITS)}"
        )
    found = Rules(classes=_classes(path, said.get("classes"), names))
    for name in _LIMITS & said.keys():
        # mypy knows no field by its name.
        found = replace(found, **{name: _number(path, name, said[name], *_LIMITS[name])})  # type: ignore[arg-type]
    return found


def _classes(path: Path, classes: Any, names: tuple[str, ...]) -> Mapping[str, float] | None:
    if classes is None:
        return None
    if not isinstance(classes, dict) or not classes:
        raise ConfigError(
            f'{path}: "classes" must have a threshold for each name, as {{"car": 0.5}}'
        )
    if strange := sorted(classes.keys() - set(names)):
        raise ConfigError(
            f"{path}: the detector has no class {strange[0]!r}; it has {', '.join(names)}"
        )
    return {name: _number(path, name, value, 0.05, 1.0) for name, value in classes.items()}


def _number(path: Path, name: str, value: Any, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise ConfigError(f"{path}: {name!r} must be {least:g} to {most:g}, got {value!r}")
    return float(value)


def _apart(found: Detections, most: float) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return the rows that no surer one of their class overlaps by more; the surest are first."""
    shared = overlaps(found.boxes, found.boxes)
    same = found.classes[:, None] == found.classes[None]
    hides = (shared > most) & same
    kept: list[int] = []
    for row in range(len(found)):
        if not hides[row, kept].any():
            kept.append(row)
    return np.array(kept, np.int64)
