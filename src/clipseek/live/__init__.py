"""Cameras that are recorded and searched while they run, and queries that keep watching."""
