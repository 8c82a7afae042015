"""Every setting of clipseek, in groups: the store, ingests, searches and HTTP."""

from clipseek.config.settings import Settings
from clipseek.config.values import PREFIX, SKIPPED, collection_name, is_private_url

__all__ = ["PREFIX", "SKIPPED", "Settings", "collection_name", "is_private_url"]
