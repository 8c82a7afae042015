"""Objects and a sentence: which are found."""

import numpy as np
import pytest

from clipseek.objects.index import ObjectIndex
from clipseek.timed import Span
from clipseek.tracked import Track, VideoObjects
from clipseek.types import Relevance, Scoring

SCORING = Scoring("bank", 1.0, Relevance(scale=1.0, offset=0.0, fitted=False))
"""By it, an object of score 1 and bias 1 - ln(r / (1 - r)) has the relevance r."""


@pytest.mark.parametrize(("relevance", "count"), [(0.045, 0), (0.055, 1)])
def test_an_object_that_hardly_fits_is_not_found(relevance: float, count: int) -> None:
    """Below a relevance of 0.05 it would only fill answers."""
    vector = np.eye(1, 4, dtype=np.float32)[0]
    box = np.array([[0.1, 0.1, 0.2, 0.2]], np.float32)
    bias = 1.0 - float(np.log(relevance / (1 - relevance)))
    track = Track("cat", 0.9, Span(0.0, 1.0), np.zeros(1), box, 0, vector, bias=bias)
    index = ObjectIndex().changed(frozenset(), [("v", VideoObjects("stamp", (track,)))])
    found, _ = index.search(vector, SCORING)
    assert [each.hit.relevance for each in found] == pytest.approx([relevance] * count)
