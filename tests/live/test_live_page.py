"""docs/live.md, done step by step with a real camera."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from indexer.cli import parser
from tests.cameras.fixtures import Film
from tests.cameras.rtsp import RtspCameras
from tests.chaos.program import Program, environment, wait_until

PAGE = (Path(__file__).parents[2] / "docs" / "live.md").read_text("utf-8")
NOT_RUN = ("pip install", "clipseek serve", "indexer record")


def _commands() -> list[str]:
    """Return the lines of all blocks of the page, in their order."""
    blocks = re.findall(r"^```\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def test_each_command_of_the_page_is_one() -> None:
    """With options that there are."""
    lines = [shlex.split(line.partition("<")[0].partition(">")[0]) for line in _commands()]
    verbs = [parser().parse_args(words[1:]).verb for words in lines if words[0] == "indexer"]
    assert {"cameras", "record", "search", "watches"} <= set(verbs)


@pytest.mark.long
def test_the_six_steps_lead_from_a_camera_to_an_alert(
    rtsp: RtspCameras, film: Film, tmp_path: Path
) -> None:
    """Each command of the page does what it says; the recorder runs from step 4 on."""
    url = rtsp.show("live", film())
    env = environment({"CLIPSEEK_MODEL": "demo", "CLIPSEEK_DATA_DIR": str(tmp_path / "data")})
    env["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    recorder = Program(
        "record", ["bash", "-c", "exec indexer record --quiet"], tmp_path / "record.log", env
    )
    said: dict[str, str] = {}

    def tried(line: str) -> subprocess.CompletedProcess[str]:
        shell = ["bash", "-c", line]
        return subprocess.run(shell, cwd=tmp_path, env=env, capture_output=True, text=True)

    def run(line: str) -> str:
        done = tried(line)
        assert done.returncode == 0, f"{line}: {done.stderr}"
        return done.stdout

    def found() -> bool:
        # Until the first moment is stored, there is no collection.
        lines = tried('indexer search "a car" --camera yard --json').stdout.splitlines()
        return any("start_at" in json.loads(line) for line in lines)

    try:
        for line in _commands():
            if line == "indexer record":
                recorder.start()
                wait_until(found, "a moment of the camera", deadline_s=120, step_s=1)
            elif line.startswith("export CLIPSEEK_CAMERA_KEY_FILE"):
                env["CLIPSEEK_CAMERA_KEY_FILE"] = str(tmp_path / line.partition("=")[2])
            elif not line.startswith(("export", *NOT_RUN)):
                said[line] = run(line.replace("rtsp://ann:password@10.0.0.7/live", url))
    finally:
        recorder.end()
    assert any("threshold" in answer for line, answer in said.items() if "watches test" in line)
