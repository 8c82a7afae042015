"""The rules, tags, lists and decisions of the tenants in `tenants`."""

from fastapi import FastAPI

from clipseek.curating import Sample, SegmentTag, Tagging, tag_id
from clipseek.decisions import Decision
from clipseek.rules import Rule
from clipseek.testing import MemoryCurating


class QuietCurating(MemoryCurating):
    """A store whose decisions make no version, because views follow each at its own time."""

    def _note(self, collection: str, video_id: str | None = None) -> None:
        """Do nothing."""


_VIDEOS = {"mine": "sea", "theirs": "secret", "default": "secret", "min": "night"}


def sample(collection: str, start: float, rule: str = "red") -> str:
    """Return the id of a sample of a tenant."""
    return tag_id(_VIDEOS[collection], rule, start, start + 1)


def tag(app: FastAPI, collection: str) -> None:
    """Give a collection a rule, two tags, a list and a decision."""
    store, rule = app.state.curating, Rule("red", (f"the red of {collection}",))
    store.put_rules(collection, [rule, Rule(f"of {collection}", ("blue",))], "rival")
    video = _VIDEOS[collection]
    tags = [
        SegmentTag(sample(collection, start), video, start, start + 1, "red", rule.version, 0.7)
        for start in (0.0, 1.0)
    ]
    store.apply(collection, [Tagging(video, "red", rule.version, "stamp", tags)])
    listed = Sample(sample(collection, 3.0), video, 3.0, 4.0, "red", 0.4)
    store.put_samples(collection, f"list of {collection}", [listed])
    said = Decision(sample(collection, 0.0), video, 0.0, 1.0, "red", "accept", "rival")
    store.decide(collection, said)
