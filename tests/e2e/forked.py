"""Processes that run the indexer at once: they are forked from one that has imported it already."""

import multiprocessing
import os
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerProcess

from indexer.cli import main

_forks = multiprocessing.get_context("forkserver")
_forks.set_forkserver_preload(["indexer.cli", "indexer.verbs.ingest", "indexer.verbs.switch"])


def start(env: Mapping[str, str], *words: str) -> ForkServerProcess:
    """Start a command of the indexer under an environment; what it prints goes to stderr."""
    process = _forks.Process(target=_run, args=(dict(env), words))
    process.start()
    return process


def _run(env: Mapping[str, str], words: Sequence[str]) -> None:
    os.environ.clear()
    os.environ.update(env)
    sys.stdout = sys.stderr
    sys.exit(main(list(words)))
