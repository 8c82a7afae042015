"""Real videos and odd files through the whole line; skipped where there is no footage."""

import json
from pathlib import Path

import pytest

from indexer.cli import main

BAD = {
    "made_random_bytes.mkv",
    "made_text_as.mp4",
    "made_zero_byte.mp4",
}
LEFT_OUT = 4
"""Three files of sound alone and one picture, which are not failures of a folder."""
DAMAGED = {
    "made_midfile_garbage.mp4",
    "made_truncated_faststart_50pct.mp4",
    "real_corrupted_decord.mp4",
}
SUBTITLES_LAST_LONGER = {"nasa_mirror.mp4": 13.013}
"""Its note has the duration of a subtitle track; 390 frames at 30000/1001 are the picture's."""
SAME_CONTENT = 2
"""Three of the odd files are one content under three names."""


def _ingest(
    folder: Path, data_dir: Path, capsys: pytest.CaptureFixture[str]
) -> tuple[int, dict[str, dict[str, object]]]:
    code = main(["--data-dir", str(data_dir), "ingest", str(folder), "--model", "demo", "--json"])
    videos = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return code, {Path(video["path"]).name: video for video in videos}


def _agree(data_dir: Path) -> bool:
    return main(["--data-dir", str(data_dir), "verify"]) == 0


@pytest.mark.long
def test_every_video_is_indexed(
    videos_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """All of them, to their end, as long as their notes say."""
    code, found = _ingest(videos_dir, tmp_path, capsys)
    lines = (videos_dir / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    expected = {entry["file"]: entry["duration_s"] for entry in map(json.loads, lines)}
    expected |= SUBTITLES_LAST_LONGER
    assert code == 0
    assert {name: video["state"] for name, video in found.items()} == dict.fromkeys(
        expected, "indexed"
    )
    for name, video in found.items():
        # The container's duration counts the sound too, which may last longer than the picture.
        assert video["duration"] == pytest.approx(expected[name], abs=0.7), name
    assert _agree(tmp_path)


@pytest.mark.long
def test_every_odd_file_is_indexed_or_refused_with_a_reason(
    odd_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The bad ones fail, the damaged ones are incomplete, and the run goes on."""
    code, found = _ingest(odd_dir, tmp_path, capsys)
    assert code == 1
    assert {name for name, video in found.items() if video["state"] == "failed"} == BAD
    assert {name for name, video in found.items() if video["state"] == "incomplete"} == DAMAGED
    assert all(found[name]["reason"] for name in BAD | DAMAGED)
    assert sum(video["state"] == "unchanged" for video in found.values()) == SAME_CONTENT
    assert len(found) == 33 - LEFT_OUT
    assert _agree(tmp_path)
