"""The log of the API: lines for people, or one JSON object a line for machines."""

import json
import logging
import logging.config
from datetime import UTC, datetime
from typing import Literal

FIELDS = ("request_id", "method", "route", "status", "ms")
"""The fields of a line about a request, in addition to its time and level."""


class JsonLines(logging.Formatter):
    """Writes a record as one JSON object in one line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, object] = {"time": _time(record), "level": record.levelname.lower()}
        line |= {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        if "route" not in line:
            line |= {"logger": record.name, "message": record.getMessage()}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


class Text(logging.Formatter):
    """Writes a record as a line of text, with the traceback below it if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = f"{_time(record)} {record.levelname} {record.getMessage()}"
        if hasattr(record, "request_id"):
            line += f" {getattr(record, 'ms', 0):g} ms {record.request_id}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def configure(kind: Literal["text", "json"], *, quiet: bool = False) -> None:
    """Send the log to stderr, and that of the web server too, except its access lines."""
    formatter = JsonLines if kind == "json" else Text
    level = "WARNING" if quiet else "INFO"
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": {"()": formatter}},
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"handlers": ["stderr"], "level": "WARNING"},
            "loggers": {
                "clipseek": {"level": level},
                # Its entries are logged only if they cannot be stored; no other place has them.
                "clipseek.audit": {"level": "INFO"},
                "uvicorn": {"level": level, "handlers": [], "propagate": True},
                "uvicorn.error": {"handlers": [], "propagate": True},
                "uvicorn.access": {"handlers": [], "propagate": False},
            },
        }
    )


def _time(record: logging.LogRecord) -> str:
    """Return when it happened, as RFC 3339 writes it."""
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
