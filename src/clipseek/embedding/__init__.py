"""Turning pictures and sentences into vectors: bundles, their runtime, and open_clip."""

from clipseek.embedding.models import DEFAULT_MODEL, resolve

__all__ = ["DEFAULT_MODEL", "resolve"]
