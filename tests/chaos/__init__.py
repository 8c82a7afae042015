"""The whole service on one machine, and what is done to it: `python -m tests.chaos --help`."""
