"""URLs as messages and logs may show them: without what could be a secret; and their hosts."""

import re
from urllib.parse import urlsplit

_QUERY = re.compile(r"[?#].*", re.DOTALL)


def shown(url: str) -> str:
    """Return a URL, which may be a wrong one, without its user, its password and its query.

    An @ could belong to any part of a wrong URL, so what surrounds it is left out.
    """
    if "@" in url:
        scheme, mark, _ = url.partition("://")
        return f"{scheme}{mark}…@…" if mark and "@" not in scheme else "…@…"
    return _QUERY.sub(lambda found: f"{found[0][0]}…", url)


def host_of(url: str) -> str:
    """Return the host of a URL, with its port if the URL names one."""
    return urlsplit(url).netloc.rpartition("@")[2].lower()
