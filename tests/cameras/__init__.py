"""Cameras for tests: real servers on the loopback address that show films as cameras do."""
