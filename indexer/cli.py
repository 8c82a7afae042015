"""The command `indexer`: its options, its exit codes, and which function runs which verb."""

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import get_args

from clipseek import __version__
from clipseek.config import Settings
from clipseek.errors import (
    ClipseekError,
    ConfigError,
    RequestError,
    SegmentNotFound,
    ServiceUnavailable,
    StateError,
    UnreadableVideo,
    VideoNotFound,
)
from indexer import (
    compare_options,
    dataset_options,
    demo_options,
    drift_options,
    evaluate_options,
    forward_options,
    ingest_options,
    key_options,
    live_options,
    model_options,
    object_options,
    report_options,
    sample_options,
    search_options,
    switch_options,
    tag_options,
    watch_options,
)
from indexer.imports import uncollected
from indexer.naming import at_home
from indexer.noting import audited
from indexer.output import discard, finish, note, outputs
from indexer.parsing import Parser, Verbs, output, verb
from indexer.priority import own_arguments

EXIT_CODES: dict[type[ClipseekError], int] = {
    ConfigError: 2,
    RequestError: 2,
    VideoNotFound: 1,
    SegmentNotFound: 1,
    UnreadableVideo: 1,
    StateError: 2,
    ServiceUnavailable: 1,
}
"""0 done; 1 some input failed or a server cannot be reached; 2 wrong usage or configuration; 130
interrupted. A class that is not listed has the code of its nearest listed ancestor."""

INTERRUPTED = 130

DESCRIPTION = "Index videos so that a sentence finds the moment that it describes."
EXAMPLES = """\
  indexer ingest ~/Videos
  indexer search "a red car turning at night"
"""


def parser() -> Parser:
    """Build the parser of every verb and option."""
    top = Parser(
        prog="indexer",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"clipseek {__version__}")
    top.add_argument("--data-dir", metavar="DIR", help="folder of all data")
    verbs = top.add_subparsers(dest="verb", metavar="VERB", required=True)
    _writing_verbs(verbs)
    _reading_verbs(verbs)
    _judging_verbs(verbs)
    top.verbs = verbs.choices
    return top


Verb = Callable[[Settings, argparse.Namespace], int]
"""What runs a verb; it returns the exit code."""


def _writing_verbs(verbs: Verbs) -> None:
    ingest = verb(verbs, "ingest", "index files and folders", "indexer ingest ./clips --fps 2")
    ingest.add_argument("paths", nargs="+", metavar="PATH", help="file, folder, or - for stdin")
    ingest.usage = "indexer ingest [options] PATH [PATH ...]"
    ingest_options.indexing(ingest)
    ingest.add_argument(
        "--checkpoint", type=at_home, metavar="FILE", help="local weights of --model"
    )
    _precision(ingest)
    ingest.add_argument("--decode", metavar="HOW", help="fast, exact or keyframes (fast)")
    ingest.add_argument("--force", action="store_true", help="index again what is indexed")
    ingest.add_argument("--no-build", action="store_true", help="do not build the snapshot")
    ingest_options.runner(ingest)
    output(ingest, quiet=True)
    watch = verb(verbs, "watch", "keep folders indexed", "indexer watch ./clips --on-delete remove")
    watch.add_argument("paths", nargs="+", metavar="FOLDER", help="with the folders below it")
    watch.usage = "indexer watch [options] FOLDER [FOLDER ...]"
    watch.add_argument(
        "--on-delete",
        choices=("keep", "remove"),
        default="keep",
        metavar="WHAT",
        help="keep or remove videos whose files are gone (keep)",
    )
    watch.add_argument(
        "--settle", type=float, default=5.0, metavar="S", help="wait for files that grow (5 s)"
    )
    watch.add_argument(
        "--rescan", type=float, default=600.0, metavar="S", help="also look so often (600 s)"
    )
    ingest_options.indexing(watch)
    output(watch, quiet=True)
    watch.set_defaults(checkpoint=None, precision=None, force=False, no_build=True)
    work = verb(verbs, "work", "run the jobs of the API", "indexer work --jobs 4")
    work.add_argument("--jobs", type=int, metavar="N", help="jobs at the same time (2)")
    work.add_argument("--once", action="store_true", help="end when no job is ready")
    output(work, collection=False, quiet=True)
    _catalog_verbs(verbs)


def _catalog_verbs(verbs: Verbs) -> None:
    build = verb(verbs, "build", "build the search snapshot", "indexer build --json")
    build.add_argument("--index", metavar="KIND", help="auto, exact, ivf-flat, ivf-sq8 or ivf-pq")
    output(build, quiet=True)
    remove = verb(verbs, "remove", "remove videos", "indexer remove 1f0c…")
    remove.add_argument("videos", nargs="+", metavar="VIDEO", help="id, or path of the file")
    output(remove)
    _collections_verb(verbs)
    key_options.add(verbs)
    live_options.add(verbs)
    watch_options.add(verbs)
    tag_options.add(verbs)
    export = verb(verbs, "export", "write a collection to a folder", "indexer export ./backup")
    export.add_argument("folder", type=at_home, metavar="DIR", help="new or empty folder")
    output(export, quiet=True)
    import_ = verb(
        verbs,
        "import",
        "make a collection of what was exported",
        "indexer import ./backup --collection holidays",
    )
    import_.add_argument("folder", type=at_home, metavar="DIR", help="folder of an export")
    output(import_, quiet=True)
    example = "indexer switch default --model NAME"
    object_options.add(verbs)
    forward_options.add(forward := verb(verbs, *forward_options.VERB))
    output(forward, quiet=True)
    switch = verb(verbs, "switch", "change the model of a collection", example)
    switch_options.add(switch)
    _precision(switch)
    output(switch, collection=False, quiet=True)
    migrate = verb(
        verbs,
        "migrate",
        "bring the catalog to the schema of this release",
        "indexer migrate --check",
    )
    migrate.add_argument(
        "--check", action="store_true", help="change nothing; exit 1 if there is something to do"
    )
    output(migrate, collection=False)


def _collections_verb(verbs: Verbs) -> None:
    listing = verb(
        verbs, "collections", "list or change collections", "indexer collections remove holidays"
    )
    output(listing, collection=False)
    actions = listing.add_subparsers(dest="action", metavar="remove|redact NAME")
    remove = actions.add_parser(
        "remove",
        help="remove videos, snapshot, thumbnails and aliases of one",
        description="Remove a collection: its videos, snapshot, thumbnails and aliases.",
        epilog="example:\n  indexer collections remove holidays",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    remove.add_argument("name", metavar="NAME", help="its own name, not an alias")
    redact = actions.add_parser(
        "redact",
        help="blur faces in everything that the API shows of one",
        description="Blur faces in everything that the API shows of a collection; 'off' ends it.",
        epilog="example:\n  indexer collections redact holidays faces",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    redact.add_argument("name", metavar="NAME", help="its name or an alias")
    redact.add_argument("kinds", metavar="faces|off", choices=("faces", "off"), help="what to blur")
    for action in (remove, redact):
        action.add_argument(
            "--json", action="store_true", default=argparse.SUPPRESS, help="one JSON object"
        )


def _precision(verb: Parser) -> None:
    known, said = _choices("precision"), "fp32, bf16, int8 or auto (fp32)"
    verb.add_argument("--precision", choices=known, metavar="P", help=said)


def _choices(setting: str) -> tuple[str, ...]:
    """Return what a setting may be."""
    return get_args(Settings.model_fields[setting].annotation)


def _reading_verbs(verbs: Verbs) -> None:
    search = verb(verbs, "search", "find moments", 'indexer search "a dog runs" --limit 3')
    search_options.add(search)
    output(search)
    output(verb(verbs, "list", "list the videos", "indexer list --json"))
    audit = verb(verbs, "audit", "show who changed what", "indexer audit --since 2h")
    audit.add_argument("--since", metavar="TIME", help="so long ago, such as 2h, or a date")
    output(audit, collection=False)
    status = verb(verbs, "status", "show what is indexed", "indexer status --json")
    output(status, collection=False)
    verify = verb(verbs, "verify", "check that everything agrees", "indexer verify")
    verify.add_argument("--deep", action="store_true", help="decode every video again")
    output(verify, collection=False)
    drift_options.add(drift := verb(verbs, *drift_options.VERB))
    output(drift)
    report_options.add(report := verb(verbs, *report_options.VERB))
    output(report)
    models = verb(verbs, "models", "list or export the models that can be used", "indexer models")
    output(models, collection=False)
    model_options.add(models)
    config = verb(verbs, "config", "show every setting", "indexer config")
    output(config, collection=False)


def _judging_verbs(verbs: Verbs) -> None:
    demo = verb(verbs, "demo", "draw demo videos", "indexer demo --videos 12 --out ./demo-videos")
    demo_options.add(demo)
    output(demo, collection=False)
    evaluate = verb(
        verbs, "evaluate", "score the answers to known queries", "indexer evaluate captions.jsonl"
    )
    evaluate_options.add(evaluate)
    output(evaluate)
    compare_options.add(compare := verb(verbs, *compare_options.VERB))
    output(compare)
    sample_options.add(sample := verb(verbs, *sample_options.VERB))
    output(sample)
    dataset_options.add(dataset := verb(verbs, *dataset_options.VERB))
    output(dataset)
    calibrate = verb(
        verbs,
        "calibrate",
        "fit relevance to the bank and to known queries",
        "indexer calibrate captions.jsonl",
    )
    calibrate.add_argument("captions", type=Path, nargs="?", metavar="CAPTIONS.jsonl")
    output(calibrate)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    with outputs():
        try:
            code = _called(own_arguments() if arguments is None else arguments)
            finish()
        except BrokenPipeError:
            # The reader of our output has gone; print nothing more, not even at interpreter exit.
            discard(sys.stdout)
            return 0
        except KeyboardInterrupt:
            return INTERRUPTED
        except ClipseekError as error:
            note(f"indexer: {error}")
            return exit_code(error)
        except OSError as error:
            # One of our files, or a folder above it, failed unexpectedly.
            note(f"indexer: {_sentence(error)}")
            return 1
    return code


def _called(arguments: Sequence[str]) -> int:
    """Parse and run; without any argument, print the help."""
    top = parser()
    try:
        options, unknown = top.parse_known_args(arguments or ["--help"])
        if unknown:
            top.verbs[options.verb].error(f"unrecognized arguments: {' '.join(unknown)}")
    except SystemExit:
        finish()
        raise
    return _run(options)


def _sentence(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}; check the path and the permissions of this user"


def exit_code(error: ClipseekError) -> int:
    """Return the exit code of the nearest listed ancestor of the error's class."""
    return next(EXIT_CODES[kind] for kind in type(error).__mro__ if kind in EXIT_CODES)


def _collection(options: argparse.Namespace) -> str | None:
    """Return the collection that a verb is about; those of a key are not a setting."""
    named = getattr(options, "collection", None)
    return named if isinstance(named, str) else None


def _run(options: argparse.Namespace) -> int:
    """Import the module of the verb only now, so that `indexer --help` is fast."""
    on_interrupt = signal.getsignal(signal.SIGINT)
    if on_interrupt is signal.SIG_IGN:  # a script's `indexer watch ... &` ignores Ctrl-C alone
        on_interrupt = signal.default_int_handler
    signal.signal(signal.SIGTERM, on_interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # `nohup` ignores it
        signal.signal(signal.SIGHUP, on_interrupt)
    settings = Settings.load(
        data_dir=options.data_dir,
        collection=_collection(options),
        model=getattr(options, "model", None),
        precision=getattr(options, "precision", None),
        sample_fps=getattr(options, "fps", None),
        decode=getattr(options, "decode", None),
        fields=getattr(options, "fields", None),
        workers=getattr(options, "workers", None),
        index=getattr(options, "index", None),
        **ingest_options.settings_of(options),
        **object_options.settings_of(options),
    )
    with uncollected():
        verb: Verb = import_module(f"indexer.verbs.{options.verb}").run
    with audited(settings, options) as code:
        code.append(verb(settings, options))
    return code[0]
