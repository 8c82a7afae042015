"""Renew the pinned OpenAPI document: `python -m tests.api.renew`."""

import json
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from api.app import create_app
from clipseek.testing import MemoryCatalog
from tests.api.library import Library

PINNED = Path(__file__).parent / "openapi.json"


@cache
def document() -> dict[str, Any]:
    """Return the document as the application gives it; nothing of it depends on a library.

    It is made once, so nobody may change it.
    """
    with tempfile.TemporaryDirectory() as folder:
        library = Library(Path(folder), MemoryCatalog())
        return create_app(library.service()).openapi()


if __name__ == "__main__":
    PINNED.write_text(json.dumps(document(), indent=1, ensure_ascii=False, sort_keys=True) + "\n")
    sys.stdout.write(f"wrote {PINNED}\n")
