"""The verb `evaluate`: how well a library answers queries whose answers are known."""

import argparse
from collections.abc import Sequence

from clipseek.assembly import open_existing
from clipseek.config import Settings
from clipseek.errors import CollectionNotFound, ConfigError
from clipseek.evaluation import Caption, evaluate_kinds
from clipseek.evaluation import evaluate as judge
from clipseek.highlights import judged
from clipseek.service import Service
from indexer import qvhighlights
from indexer.captions import file_of, found_in, read_captions, search
from indexer.output import counted, emit, note, say
from indexer.videos import all_videos


def run(settings: Settings, options: argparse.Namespace) -> int:
    """Print how well the queries of a file are answered."""
    if options.format == "qvhighlights":
        return _within_videos(settings, options)
    if options.predictions is not None:
        raise ConfigError(
            f"--predictions {options.predictions}: only the answers to queries of QVHighlights are "
            "written; add --format qvhighlights, or leave --predictions out"
        )
    captions = read_captions(options.captions)
    with open_existing(settings) as service:
        result = figures_of(service, captions, sharpen=options.sharpen)
    if options.json:
        emit(result)
    else:
        _print(result)
    return 0


def figures_of(
    service: Service, captions: Sequence[Caption], *, sharpen: bool = False
) -> dict[str, object]:
    """Return how well queries whose answers are known are answered."""
    files = {name for caption in captions for name in {caption.file, *caption.also} if name}
    _warn_of_missing(service, files)
    found = [found_in(answer, files) for answer in search(service, captions, sharpen=sharpen)]
    result = judge(captions, found)
    kinds = evaluate_kinds(captions, found)
    if len(kinds) > 1:
        result["kinds"] = kinds
    return result


def _within_videos(settings: Settings, options: argparse.Namespace) -> int:
    """Print how well the queries of QVHighlights are answered, each within its video."""
    asked = qvhighlights.read(options.captions)
    with open_existing(settings) as service:
        predictions = qvhighlights.predict(service, asked, sharpen=options.sharpen)
    if options.predictions is not None:
        qvhighlights.write(options.predictions, asked, predictions)
    figures = judged([each.truth() for each in asked], predictions)
    if options.json:
        emit({"queries": len(asked), **figures})
    else:
        say(f"queries  {len(asked)}")
        for name, figure in figures.items():
            say(f"{name:<20}  {'-' if figure is None else f'{figure:.2f}'}")
    return 0


def _warn_of_missing(service: Service, files: set[str]) -> None:
    """Say which files of the captions are not indexed: their queries count as not answered."""
    try:
        service.catalog.collection(service.settings.collection)
    except CollectionNotFound:
        return
    videos = all_videos(service.catalog, service.settings.collection)
    missing = sorted(files - {file_of(video.uri, files) for video in videos})
    if missing:
        names = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")
        note(f"{counted(len(missing), 'file')} of the captions not indexed: {names}")


def _print(result: dict[str, object]) -> None:
    """Print the figures of all queries, one group a line, and then those of each kind."""
    _print_groups(result)
    kinds = result.get("kinds")
    if isinstance(kinds, dict):
        for kind, figures in kinds.items():
            say(f"kind     {kind}")
            _print_groups(figures)
    if not isinstance(result["absent"], dict) or not result["absent"]["queries"]:
        note('no query is marked "absent": true, so recognising absence is not measured')


def _print_groups(result: dict[str, object]) -> None:
    say(f"queries  {result['queries']}")
    for group in ("video", "moment", "absent", "without"):
        figures = result.get(group)
        if isinstance(figures, dict):
            say(f"{group:<7}  " + "  ".join(f"{k} {_figure(v)}" for k, v in figures.items()))


def _figure(value: object) -> str:
    return "-" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
