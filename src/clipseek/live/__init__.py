"""Cameras that are recorded, indexed and searched while they run."""
