"""The verb `config`: the settings in force."""

import argparse
from collections.abc import Iterator

from clipseek.config import PREFIX, Settings
from indexer.output import Column, emit, table


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Print every setting, its value and where it came from; secrets are not shown."""
    rows = [*settings_in_force(settings, options)]
    if options.json:
        for row in rows:
            emit(row)
        return 0
    table(
        [Column("setting"), Column("value"), Column("from"), Column("meaning")],
        ([str(row[key]) for key in ("setting", "value", "from", "meaning")] for row in rows),
    )
    return 0


def settings_in_force(
    settings: Settings, options: argparse.Namespace
) -> Iterator[dict[str, object]]:
    """Yield each setting with its value and its source: option, environment or default."""
    given = {"data_dir": options.data_dir}
    for name, declared in Settings.model_fields.items():
        value = getattr(settings, name)
        source = "default"
        if name in settings.model_fields_set:
            source = "option" if given.get(name) is not None else "environment"
        listed = ",".join(value) if isinstance(value, tuple) else str(value)
        plain = value if isinstance(value, int | float | None) else listed
        yield {
            "setting": f"{PREFIX}{name.upper()}",
            "value": plain,
            "from": source,
            "meaning": declared.description,
        }
