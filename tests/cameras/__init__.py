"""Cameras for tests: real servers on the loopback address that show videos as cameras do."""
