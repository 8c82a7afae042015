"""Find the moment in your videos that a sentence describes.

Programs that embed clipseek use these names, which stay as they are between minor versions:

    import clipseek

    settings = clipseek.Settings.load(data_dir="clipseek-data")
    with clipseek.open_service(settings) as service:
        (answer,) = service.search([clipseek.Query.of("a red car at night", limit=3)])

An answer is a `SearchResult`, or the `ClipseekError` of its query. Whatever is not named here may
change with any version.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clipseek.assembly import open_service
    from clipseek.config import Settings
    from clipseek.errors import ClipseekError
    from clipseek.query import Filters, Query
    from clipseek.service import Service
    from clipseek.types import Hit, SearchResult, Span, Video

__version__ = "0.1.0"

__all__ = [
    "ClipseekError",
    "Filters",
    "Hit",
    "Query",
    "SearchResult",
    "Service",
    "Settings",
    "Span",
    "Video",
    "__version__",
    "open_service",
]

_MODULES = {
    "ClipseekError": "errors",
    "Filters": "query",
    "Hit": "types",
    "Query": "query",
    "SearchResult": "types",
    "Service": "service",
    "Settings": "config",
    "Span": "types",
    "Video": "types",
    "open_service": "assembly",
}


def __getattr__(name: str) -> object:
    """Import a name on first use (PEP 562), so that importing the package alone costs nothing."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
