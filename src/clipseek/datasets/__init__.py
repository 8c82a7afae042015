"""Data sets: frames of a library with their labels, as files that other programs read.

`dataset` says what a data set consists of, `pictures` takes frames exactly, each format is one
file, and `folder` writes it all.
"""

from clipseek.datasets.dataset import (
    DECIDED,
    Dataset,
    Followed,
    Label,
    Picture,
    Selection,
    assembled,
)
from clipseek.datasets.folder import Written, write
from clipseek.datasets.formats import FORMATS
from clipseek.datasets.pictures import Wanted

__all__ = [
    "DECIDED",
    "FORMATS",
    "Dataset",
    "Followed",
    "Label",
    "Picture",
    "Selection",
    "Wanted",
    "Written",
    "assembled",
    "write",
]
