"""The verb `demo`: draw videos of the cartoon world."""

import argparse
from dataclasses import asdict
from pathlib import Path

from clipseek.config import Settings
from clipseek.errors import ConfigError
from indexer.output import emit, note, say

DEMO_MARK = ".clipseek-demo"
"""This file marks a folder whose videos were drawn by this command and may be replaced."""


def run(settings: Settings, options: argparse.Namespace) -> int:  # noqa: ARG001  same shape as all
    """Draw demo videos and the captions that are true of them."""
    from clipseek.demo.videos import make_videos
    from clipseek.demo.voice import PROGRAM, find_voice

    if not 1 <= options.videos <= 10_000:
        raise ConfigError(f"--videos must be 1 to 10000, got {options.videos}")
    _require_own_folder(options.out)
    voice = find_voice() if "speech" in options.words else None
    if "speech" in options.words and voice is None:
        note(f"no video has speech, because {PROGRAM} is missing: apt-get install {PROGRAM}")
    records = make_videos(
        options.videos, options.seed, options.out, words=options.words, voice=voice
    )
    (options.out / DEMO_MARK).touch()
    for record in records:
        if options.json:
            emit(asdict(record))
        else:
            say(f"{options.out / record.file}  {record.duration:.1f} s")
    if not options.json:
        note(f"captions: {options.out / 'captions.jsonl'}")
    return 0


def _require_own_folder(folder: Path) -> None:
    """Raise ConfigError for a folder with files that are not ours to replace."""
    if folder.exists() and not (folder / DEMO_MARK).exists() and any(folder.iterdir()):
        raise ConfigError(
            f"--out {folder}: this folder contains other files, and demo videos would replace "
            "those with the same names; name an empty or a new folder"
        )
