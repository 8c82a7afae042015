"""The packages that clipseek cannot work without, and which of them are not installed.

It imports the standard library alone, so that a command can ask before it imports anything else.
"""

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from types import MappingProxyType

MODULES: Mapping[str, str] = MappingProxyType(
    {
        "alembic": "alembic",
        "av": "av",
        "charset-normalizer": "charset_normalizer",
        "faiss-cpu": "faiss",
        "fastapi": "fastapi",
        "httptools": "httptools",
        "limits": "limits",
        "numpy": "numpy",
        "onnxruntime": "onnxruntime",
        "pillow": "PIL",
        "prometheus-client": "prometheus_client",
        "psycopg[binary]": "psycopg",
        "pydantic": "pydantic",
        "pydantic-settings": "pydantic_settings",
        "pysubs2": "pysubs2",
        "redis": "redis",
        "rich": "rich",
        "sqlalchemy": "sqlalchemy",
        "starlette": "starlette",
        "tantivy": "tantivy",
        "tokenizers": "tokenizers",
        "uvicorn": "uvicorn",
    }
)
"""The module of each package of `dependencies` in pyproject.toml that every platform has."""


def _is_there(module: str) -> bool:
    return find_spec(module) is not None


def lacking(is_there: Callable[[str], bool] = _is_there) -> str | None:
    """Say which packages are not installed and what to do, or return None if all are."""
    absent = [package for package, module in MODULES.items() if not is_there(module)]
    if not absent:
        return None
    named, verb = ("package", "is") if len(absent) == 1 else ("packages", "are")
    packages = " ".join(f"'{each}'" if "[" in each else each for each in absent)
    return (
        f"clipseek needs the {named} {', '.join(absent)}, which {verb} not installed in this "
        f"environment; run `make install` in the repository, or `pip install {packages}`"
    )
