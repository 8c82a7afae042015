"""Options that are written out so that the help is fast are those of the library."""

from clipseek import ranking, samples
from clipseek.datasets import FORMATS
from indexer import candidates, dataset_options, sample_options


def test_samples_are_those_of_the_library() -> None:
    """Their kinds, the cosine of near-duplicates, and the strata."""
    assert sample_options.KINDS == samples.KINDS
    assert sample_options.ALIKE == ranking.ALIKE
    assert tuple(candidates.STRATA) == sample_options.STRATA


def test_formats_of_data_sets_are_those_of_the_library() -> None:
    """In the same order."""
    assert dataset_options.FORMATS == FORMATS
