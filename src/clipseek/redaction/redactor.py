"""Redactor: blurs what its finders find, in pictures and in JPEG files."""

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clipseek.redaction.faults import RedactionUnavailable
from clipseek.redaction.finder import Finder
from clipseek.redaction.regions import Regions, blur, none

QUALITY = 85


class Redactor:
    """Blurs pictures. Thread-safe, as its finders are."""

    def __init__(self, finders: Sequence[Finder]) -> None:
        self._finders = tuple(finders)

    def find(self, picture: NDArray[np.uint8]) -> Regions:
        """Return what all finders find in a picture; see `Finder`."""
        found = [finder.find(picture) for finder in self._finders]
        return np.concatenate(found) if found else none()

    def redacted(self, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return a picture, uint8 (H, W, 3) RGB, in which what is found is blurred."""
        made = picture.copy()
        blur(made, self.find(picture))
        return made

    def redacted_jpeg(self, jpeg: bytes) -> bytes:
        """Return a JPEG in which what is found is blurred; the same bytes if nothing is found.

        Raises:
            RedactionUnavailable: the finders cannot be run, or this is not a picture, so nobody
                knows what it shows.
        """
        try:
            with Image.open(io.BytesIO(jpeg), formats=("JPEG",)) as opened:
                picture = np.array(opened.convert("RGB"), np.uint8)
        except (OSError, ValueError, SyntaxError) as error:
            raise RedactionUnavailable(
                f"a picture that must be redacted cannot be read: {error}; "
                "`indexer verify` lists pictures that are damaged"
            ) from error
        regions = self.find(picture)
        if not len(regions):
            return jpeg
        blur(picture, regions)
        written = io.BytesIO()
        Image.fromarray(picture).save(written, "JPEG", quality=QUALITY)
        return written.getvalue()
