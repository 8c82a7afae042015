"""The one who indexes: it puts and removes videos all the time, and writes down what was told."""

import json
import subprocess
import threading
import time
from pathlib import Path
from random import Random

from tests.chaos.cluster import Cluster
from tests.chaos.ledger import Change, Ledger
from tests.chaos.program import Late
from tests.chaos.videos import make_video, video_id

KEPT = 16
"""Videos in the library, about: with two segments each, few enough that no limit cuts an answer."""
PAUSE_S = 0.1
_CLOSED_S = 20.0
_STUCK_S = 300.0


class Writer:
    """Runs `indexer` again and again; a run that was killed is run again, as users do."""

    def __init__(self, cluster: Cluster, ledger: Ledger, seed: int) -> None:
        self.faults: list[str] = []
        self.fsize_blocks: int | None = None
        self._cluster, self._ledger = cluster, ledger
        self._chance = Random(seed)
        self._paths: dict[str, Path] = {}
        self._number = 0
        self._stop = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def run(self) -> None:
        """Work until `stop`."""
        while not self._stop.is_set():
            self.step()
            self._stop.wait(PAUSE_S)

    def stop(self) -> None:
        """Let `run` end after the change in hand."""
        self._stop.set()

    def kill(self) -> bool:
        """Kill the run in hand; say whether there was one."""
        with self._lock:
            process = self._process
        if process is None or process.poll() is not None:
            return False
        process.kill()
        return True

    def step(self) -> None:
        """Make one change of the library and see it through."""
        present = self._present()
        if len(present) < KEPT or self._chance.random() < 0.4:
            self.ingest(self._some_videos(present))
        elif self._chance.random() < 0.25:
            self.ingest([self._paths[video] for video in self._chosen(present)], "--force")
        else:
            self.remove(self._chosen(present))

    def ingest(self, paths: list[Path], *options: str) -> None:
        """Index videos; run the same command again until each was acknowledged."""
        changes: dict[str, Change] = {}
        for path in paths:
            video = video_id(path)
            self._paths[video] = path
            changes[video] = self._ledger.begin(video, "put", time.monotonic())
        tags = [f"--tag={paths[0].stem}", "--model", self._cluster.model, "--json", "--quiet"]
        end = time.monotonic() + _STUCK_S
        while not self._acked(changes):
            self._run("ingest", *paths, *tags, *options, changes=changes)
            _require(time.monotonic() < end, f"the ingest of {paths}")

    def remove(self, videos: list[str]) -> None:
        """Remove videos; after a kill, what is gone from the list of videos is gone."""
        now = time.monotonic()
        changes = {video: self._ledger.begin(video, "remove", now) for video in videos}
        end = now + _STUCK_S
        while waiting := [video for video, change in changes.items() if change.acked is None]:
            self._run("remove", *waiting, "--json", changes=changes)
            if self._acked(changes):
                return
            listed = self.listed()
            for video, change in changes.items():
                if listed is not None and video not in listed and change.acked is None:
                    change.acked = time.monotonic()
            _require(time.monotonic() < end, f"the removal of {waiting}")

    def listed(self) -> dict[str, int] | None:
        """Return the segments of each video that `indexer list` names, or None where it failed."""
        found: dict[str, int] = {}
        code = self._run("list", "--json", listed=found)
        return found if code == 0 else None

    def _run(
        self,
        *arguments: str | Path,
        changes: dict[str, Change] | None = None,
        listed: dict[str, int] | None = None,
    ) -> int:
        """Run a command of the indexer to its end, and take in each line as it comes."""
        limit = self.fsize_blocks if arguments[0] == "ingest" else None
        process = self._cluster.indexer(*arguments, fsize_blocks=limit)
        with self._lock:
            self._process = process
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                self._take(line, time.monotonic(), changes or {}, listed)
        try:
            return process.wait(timeout=_CLOSED_S)
        except subprocess.TimeoutExpired:
            self.faults.append(f"{arguments[0]} closed its output and did not end")
            process.kill()
            return process.wait()

    def _take(
        self, line: str, now: float, changes: dict[str, Change], listed: dict[str, int] | None
    ) -> None:
        try:
            record = json.loads(line)
        except ValueError:
            return  # the last line of a process that was killed
        if listed is not None:
            listed[record["id"]] = record["segments"]
            return
        if record["state"] in ("failed", "incomplete"):
            self.faults.append(f"a sound video is {record['state']}: {record}")
            return
        if record.get("segments"):
            self._ledger.count(record["id"], record["segments"])
        changes[record["id"]].acked = now

    def _present(self) -> list[str]:
        """Return the videos that are in the library: nothing else is under way between steps."""
        return [video for video, change in self._ledger.acknowledged() if change.kind == "put"]

    def _chosen(self, videos: list[str]) -> list[str]:
        return self._chance.sample(videos, min(len(videos), self._chance.randint(1, 3)))

    def _some_videos(self, present: list[str]) -> list[Path]:
        """Return new videos, and at times one that was removed before."""
        gone = [path for video, path in self._paths.items() if video not in set(present)]
        paths = self._chance.sample(gone, 1) if gone and self._chance.random() < 0.3 else []
        for _ in range(self._chance.randint(1, 3)):
            self._number += 1
            paths.append(make_video(self._number, self._cluster.videos))
        return paths

    @staticmethod
    def _acked(changes: dict[str, Change]) -> bool:
        return all(change.acked is not None for change in changes.values())


def _require(holds: bool, what: str) -> None:
    if not holds:
        raise Late(f"{what} did not succeed in {_STUCK_S:.0f} s, however often it was begun")
