"""The formats of data sets: each turns a data set into files, beside its pictures."""

from collections.abc import Callable, Mapping
from importlib import import_module

from clipseek.datasets.dataset import Dataset
from clipseek.errors import ConfigError

PICTURES = "data"
"""The folder of the pictures: where FiftyOne looks for them."""
FORMATS = ("coco", "csv", "parquet", "fiftyone", "labelstudio")

Format = Callable[[Dataset], Mapping[str, bytes]]
"""Returns the content of each file by its name."""


def format_of(name: str) -> Format:
    """Return a format by its name; its module is imported only now.

    Raises:
        ConfigError: there is none of this name, or it needs a package that is not installed.
    """
    if name not in FORMATS:
        raise ConfigError(f"format must be one of {', '.join(FORMATS)}, got {name!r}")
    try:
        found: Format = import_module(f"clipseek.datasets.{name}").files
    except ImportError as error:
        raise ConfigError(
            f"format {name} needs the package {error.name}; `pip install clipseek[{name}]`, or "
            "use --format csv"
        ) from error
    return found
