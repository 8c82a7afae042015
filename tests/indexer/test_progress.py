"""Progress in seconds of video: what is known, what is estimated, and the words for it."""

import pytest

from indexer.progress import Progress


def test_one_video_is_measured_by_its_container() -> None:
    """A third of it took five minutes, so the rest takes about ten."""
    progress = Progress(1)
    progress.at("a", 560.0, 1680.0)
    assert progress.in_words(300) == "video 1 of 1, 09:20 of 28:00, about 10 min left"


def test_videos_that_were_not_opened_count_as_the_average() -> None:
    """One of 60 s is done and one of 120 s is open, so two more make 180 s of 360 s."""
    progress = Progress(4)
    progress.at("a", 60.0, 60.0)
    progress.over("a")
    progress.at("b", 30.0, 120.0)
    assert (progress.done_s, progress.total_s) == (90.0, 360.0)
    assert progress.in_words(10) == "video 2 of 4, 01:30 of 06:00, about 30 s left"


def test_unchanged_videos_add_no_seconds() -> None:
    """They were not opened, and what is left is only what is not yet looked at."""
    progress = Progress(3)
    progress.over("a")
    progress.over("b")
    progress.at("c", 5.0, 10.0)
    assert (progress.done_s, progress.total_s) == (5.0, 10.0)


def test_a_video_without_a_length_is_as_long_as_it_was_read() -> None:
    """A raw stream, or one that goes on past what its container claims."""
    progress = Progress(1)
    progress.at("a", 100.0, None)
    assert progress.in_words(10) == "video 1 of 1, 01:40 of 01:40"
    progress.at("a", 100.0, 50.0)
    assert progress.total_s == 100.0


def test_nothing_is_estimated_before_a_video_was_opened() -> None:
    """A run over unchanged files never opens one."""
    assert Progress(12).in_words(3) == "video 1 of 12"


@pytest.mark.parametrize(
    ("elapsed_s", "said"), [(0.1, "1 s"), (59, "59 s"), (90, "2 min"), (7200, "2.0 h")]
)
def test_the_time_left_is_in_one_unit(elapsed_s: float, said: str) -> None:
    """Half is done, so as much time is left as has passed."""
    progress = Progress(1)
    progress.at("a", 10.0, 20.0)
    assert progress.in_words(elapsed_s).endswith(f"about {said} left")
