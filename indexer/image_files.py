"""A picture that is searched for, read from a file."""

from pathlib import Path

from clipseek import pictures
from clipseek.errors import ConfigError
from clipseek.files import open_regular
from clipseek.parts import Picture

_MOST_BYTES = 64 << 20


def read_picture(path: Path, said: str) -> Picture:
    """Read a picture; one of more than 64 MiB is not read.

    Args:
        path: Of a JPEG, PNG or WebP.
        said: What an error calls it.

    Raises:
        ConfigError: the file cannot be read, or is too large.
        InvalidQuery: as `pictures.decoded` does.
    """
    try:
        with open_regular(path) as file:
            data = file.read(_MOST_BYTES + 1)
    except OSError as error:
        reason = f"{said} cannot be read: {error.strerror}; name a JPEG, PNG or WebP file"
        raise ConfigError(reason) from error
    if len(data) > _MOST_BYTES:
        raise ConfigError(f"{said} must have at most 64 MiB; name a smaller copy")
    return Picture.of(pictures.decoded(data))
