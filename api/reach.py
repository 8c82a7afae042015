"""Who can reach the API: an address that other machines reach needs a word about access."""

import ipaddress

from clipseek.config import Settings
from clipseek.errors import ConfigError


def require_access(settings: Settings) -> None:
    """Return unless other machines can reach the API and the settings do not say who may ask.

    Raises:
        ConfigError: the address is not a loopback address, and access is `local`.
    """
    if settings.access == "local" and not is_loopback(settings.api_host):
        raise ConfigError(
            f"CLIPSEEK_API_HOST: other machines can reach {settings.api_host}, and CLIPSEEK_ACCESS "
            "is local, so only programs of this machine may ask; set CLIPSEEK_ACCESS=keys and make "
            "a key with `indexer keys add NAME --scope search --collection '*'`, or set "
            "CLIPSEEK_ACCESS=everyone if all who reach the address may search, change and "
            "remove all videos"
        )


def is_loopback(host: str) -> bool:
    """Whether an address is of this machine alone; of names, only `localhost` is."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
