"""Asks all the time, through nginx and each replica, and judges every answer by the ledger.

What is held against the answers:

- A video whose put was acknowledged `BOUND_S` ago is found, in every search that looks into it; one
  whose removal was is not; none is found twice, and the moments of a video cover it.
- A search that was answered without the database says so and how old its view is, no more than
  `OLDEST_S`; then changes count only if they are older than that. When it no longer says so, all
  is as above.
- The version of the answers of one replica never goes back.
- Two answers of the same version, of whichever replica, have the same hits, but for videos that are
  changing just then: scores, links and order included.
- Only 502, 503, 504 and a lost connection count as a failure; any other status is wrong.
"""

import json
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.chaos.client import Answer, Client
from tests.chaos.judge import Fault, judge_age, judge_hits, judge_list
from tests.chaos.ledger import Ledger
from tests.chaos.videos import QUERIES, some_query

BOUND_S = 2.0
"""Seconds after which a committed change must show, as the README promises."""
SETTLED_S = 6.0
"""Seconds after which a video counts as at rest, on every replica, where answers are compared."""
OLDEST_S = 32.0
"""Seconds that a view may be late (two refreshes), and then stale (`CLIPSEEK_STALE_S`)."""
PERIOD_S = 0.1
NOTHING: dict[str, Any] = {"hits": [], "stale": False, "age_s": None}
"""What a collection without a video says."""
_COMPARED = QUERIES[0]


@dataclass
class Findings:
    """What was seen. Thread-safe. waits: per video and replica, acknowledged to first found."""

    requests: int = 0
    stale: int = 0
    failures: Counter[str] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)
    waits_s: list[float] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, answer: Answer, where: str) -> None:
        """Count a request through nginx."""
        with self._lock:
            self.requests += 1
            if answer.failed:
                self.failures[f"{where}: {_reason(answer)}"] += 1

    def went_on(self) -> None:
        """Count a search that was answered without the database."""
        with self._lock:
            self.stale += 1

    @property
    def failed(self) -> int:
        """How many requests through nginx failed."""
        return self.failures.total()

    def add(self, faults: Iterable[Fault], where: str) -> None:
        """Keep faults, and where they were seen."""
        found = [Fault(fault.kind, f"{where}: {fault.what}") for fault in faults]
        with self._lock:
            self.faults += found

    def waited(self, seconds: float) -> None:
        """Keep how long a change took to show."""
        with self._lock:
            self.waits_s.append(seconds)

    def number(self, kind: str) -> int:
        """Count the faults of a kind."""
        with self._lock:
            return sum(fault.kind == kind for fault in self.faults)

    def p99_s(self) -> float:
        """Return the 99th percentile of the waits, 0 where there are none."""
        with self._lock:
            ordered = sorted(self.waits_s)
        return ordered[min(len(ordered) - 1, int(0.99 * len(ordered)))] if ordered else 0.0


class Checker:
    """Judges answers by a ledger."""

    def __init__(self, ledger: Ledger, findings: Findings) -> None:
        self._ledger, self.findings = ledger, findings

    def search(self, client: Client, query: str, videos: list[str] | None, where: str) -> Answer:
        """Search all videos or some, and judge the answer."""
        answer = client.search(query, videos=videos)
        if self.answered(answer, where, empty_is_409=True):
            self.hits(answer, answer.body if answer.status == 200 else NOTHING, videos, where)
        return answer

    def hits(
        self, answer: Answer, result: dict[str, Any], videos: list[str] | None, where: str
    ) -> None:
        """Judge the result of one search."""
        asked = self._ledger.videos() if videos is None else videos
        bound_s = BOUND_S + (result["age_s"] or 0)
        expected = self._ledger.all_expected(asked, answer.sent, answer.received, bound_s)
        counts = {video: self._ledger.segments(video) for video in asked}
        known = {video: count for video, count in counts.items() if count is not None}
        seen = f"{where}, version {result.get('version')} at {answer.sent:.2f}"
        self.findings.add(judge_hits(result["hits"], expected, known), seen)
        self.findings.add(judge_age(result, OLDEST_S), seen)
        if result["stale"]:
            self.findings.went_on()

    def listing(self, client: Client, where: str) -> None:
        """List all videos, and judge the list: it is read from the catalog, so it is never late."""
        answer = client.ask("GET", "/v1/videos?limit=1000")
        if self.answered(answer, where):
            videos = self._ledger.videos()
            expected = self._ledger.all_expected(videos, answer.sent, answer.received, 0)
            self.findings.add(judge_list(answer.body["videos"], expected), where)

    def segments(self, client: Client, video: str, where: str) -> None:
        """Count the segments of a video, where it is there."""
        answer = client.ask("GET", f"/v1/videos/{video}/segments")
        expected = self._ledger.expected(video, answer.sent, answer.received, 0)
        if answer.status == 404 and expected != "present":
            return
        wanted = self._ledger.segments(video)
        if self.answered(answer, where) and wanted not in (None, len(answer.body["segments"])):
            found = len(answer.body["segments"])
            self.findings.add(
                [Fault("wrong", f"{video} has {found} of {wanted} segments: half a video")], where
            )

    def answered(self, answer: Answer, where: str, *, empty_is_409: bool = False) -> bool:
        """Count a request; return whether its answer can be judged, and say so if it is wrong."""
        self.findings.count(answer, where)
        if answer.failed:
            return False
        if answer.status == 200 or (empty_is_409 and answer.status == 409):
            return True
        self.findings.add([Fault("wrong", f"status {answer.status}: {answer.body}")], where)
        return False


class Visitor:
    """A user: asks one thing after the other through nginx."""

    def __init__(self, checker: Checker, ledger: Ledger, port: int, seed: int) -> None:
        self._checker, self._ledger = checker, ledger
        self.client = Client(port)
        self._chance = Random(seed)

    def visit(self) -> None:
        """Ask one thing."""
        kinds: list[Callable[[], object]] = [self._all, self._some, self._batch, self._library]
        self._chance.choices(kinds, weights=(4, 3, 2, 2))[0]()

    def _all(self) -> None:
        self._checker.search(self.client, some_query(self._chance), None, "search")

    def _some(self) -> None:
        self._checker.search(
            self.client, some_query(self._chance), self._videos(), "search of some"
        )

    def _batch(self) -> None:
        videos = self._videos()
        searches = [
            {"query": some_query(self._chance), "limit": 100},
            {"query": some_query(self._chance), "limit": 100, "filter": {"video_ids": videos}},
        ]
        answer = self.client.ask("POST", "/v1/search/batch", {"searches": searches})
        if not self._checker.answered(answer, "batch"):
            return
        for result, asked in zip(answer.body["results"], (None, videos), strict=True):
            if "hits" in result:
                self._checker.hits(answer, result, asked, "batch")

    def _library(self) -> None:
        self._checker.listing(self.client, "list")
        for video in self._videos()[:1]:
            self._checker.segments(self.client, video, "segments")

    def _videos(self) -> list[str]:
        """Choose some videos, of those that are there and those that were."""
        videos = self._ledger.videos()
        return self._chance.sample(videos, min(len(videos), 5)) or ["none"]


class Prober:
    """Watches one replica: its version, how soon a change shows, and that it agrees with others."""

    def __init__(self, checker: Checker, ledger: Ledger, port: int, same: "SameAnswers") -> None:
        self._checker, self._ledger, self._same = checker, ledger, same
        self._port = port
        self.client = Client(port)
        self._version = 0
        self._shown: dict[str, float] = {}

    def look(self, disturbed: Callable[[float, float], bool]) -> None:
        """Ask once. `disturbed` says whether something was done to the replica in between."""
        answer = self.client.search(_COMPARED)
        if answer.status != 200:
            return
        body, where = answer.body, f"replica {self._port}"
        if body["version"] < self._version:
            back = f"version {body['version']} after {self._version}"
            self._checker.findings.add([Fault("wrong", back)], where)
        self._version = max(self._version, body["version"])
        self._checker.hits(answer, body, None, where)
        self._checker.findings.add(self._same.compare(answer, self._ledger), where)
        self._time({hit["video"]["id"] for hit in body["hits"]}, answer, disturbed)

    def _time(
        self, found: set[str], answer: Answer, disturbed: Callable[[float, float], bool]
    ) -> None:
        """Note how long each change took to show that shows for the first time."""
        for video, change in self._ledger.acknowledged():
            if change.acked is None or self._shown.get(video) == change.acked:
                continue
            if (video in found) == (change.kind == "put") and answer.sent > change.begun:
                self._shown[video] = change.acked
                if not disturbed(change.begun, answer.received):
                    self._checker.findings.waited(max(0.0, answer.received - change.acked))


def _reason(answer: Answer) -> str:
    """Say in a few words why a request failed, without what differs each time."""
    detail = answer.body.get("detail", "") if isinstance(answer.body, dict) else ""
    return f"{answer.status} {re.sub('[0-9]+', '0', detail)[:160]}"


class SameAnswers:
    """Remembers what was answered of each version. Thread-safe."""

    def __init__(self) -> None:
        self._hits: dict[tuple[int, str], str] = {}
        self._lock = threading.Lock()

    def compare(self, answer: Answer, ledger: Ledger) -> list[Fault]:
        """Return where an answer to the one query differs from those of the same version before."""
        version = answer.body["version"]
        videos: dict[str, list[object]] = {}
        for hit in answer.body["hits"]:
            videos.setdefault(hit["video"]["id"], []).append(hit)
        faults = []
        for video, hits in videos.items():
            if ledger.expected(video, answer.sent, answer.received, SETTLED_S) == "either":
                continue
            text = json.dumps(hits, sort_keys=True)
            with self._lock:
                before = self._hits.setdefault((version, video), text)
            if text != before:
                faults.append(Fault("wrong", f"version {version} has {text} and {before}"))
        return faults


def use(client: Client, work: Callable[[], object], stop: threading.Event) -> None:
    """Begin something every `PERIOD_S`, or when it is done, until told to stop."""
    begun = time.monotonic()
    while not stop.wait(max(0.01, begun + PERIOD_S - time.monotonic())):
        begun = time.monotonic()
        work()
    client.close()


def audit(checker: Checker, ports: Iterable[int]) -> None:
    """Judge what each port answers when all is at rest, a while after the last change."""
    time.sleep(BOUND_S + 0.1)
    for port in ports:
        client = Client(port)
        for query in QUERIES:
            checker.search(client, query, None, f"audit of {port}")
        checker.listing(client, f"audit of {port}")
        client.close()
