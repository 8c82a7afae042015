"""Turning pictures and sentences into vectors: bundles, their runtime, and open_clip."""
