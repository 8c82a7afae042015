"""The short form of `make fuzz-video`, and what its mutations are."""

from pathlib import Path

import pytest

from tests.e2e.fuzz_video import MODES, MUTATIONS, mutated, run


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory, demo_videos: Path) -> Path:
    """Mutate demo videos, each in another way."""
    folder = tmp_path_factory.mktemp("mutated")
    contents = [path.read_bytes() for path in sorted(demo_videos.glob("*.mp4"))[:2]]
    for number in range(len(MUTATIONS)):
        name, content = mutated(contents, number, seed=3)
        (folder / f"{name}.mp4").write_bytes(content)
    return folder


@pytest.mark.parametrize(
    "mode",
    [pytest.param(mode, marks=() if mode == "fast" else pytest.mark.long) for mode in MODES],
)
def test_mutated_videos_have_one_fate_each(videos: Path, mode: str) -> None:
    """No error is unexpected, nothing grows, and the store agrees afterwards."""
    outcome = run(videos, mode)
    assert outcome.is_right, outcome
    assert outcome.crashes == outcome.over_limit == []


def test_a_seed_names_its_mutations() -> None:
    """What fails can be made again; no two numbers of a kind are alike."""
    content = [bytes(range(256)) * 64]
    made = [mutated(content, number, seed=1) for number in range(40)]
    assert made == [mutated(content, number, seed=1) for number in range(40)]
    assert made != [mutated(content, number, seed=2) for number in range(40)]
    assert len({content for _, content in made}) == len(made)
