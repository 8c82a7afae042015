"""Parsers of the command: verbs, their actions, and the options that all of them have."""

import argparse
import difflib
import re
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from indexer.output import write

if TYPE_CHECKING:
    from _typeshed import SupportsWrite


class Parser(argparse.ArgumentParser):
    """A parser whose errors suggest what was probably meant."""

    verbs: Mapping[str, "Parser"] = MappingProxyType({})

    def _print_message(self, message: str, file: "SupportsWrite[str] | None" = None) -> None:
        """Print help and version like results, because argparse ignores errors of stdout."""
        if file is sys.stdout:
            write(message.rstrip("\n"))
        else:
            super()._print_message(message, file)

    def error(self, message: str) -> NoReturn:
        """Say what is wrong, and suggest the nearest spelling; exit 2."""
        wrong = re.findall(r"(?:invalid choice: '|unrecognized arguments: .*?)([\w-]+)", message)
        known = re.findall(r"--[a-z][a-z-]+", self.format_help()) + re.findall(
            r"'([\w.-]+)'", message.partition("choose from")[2]
        )
        if "argument VERB" in message:
            known.append("serve")
        meant = difflib.get_close_matches(wrong[0], known, n=1) if wrong else []
        named = ["`clipseek serve`" if each == "serve" else each for each in meant]
        super().error(f"{message}; did you mean {named[0]}?" if named else message)


Verbs: TypeAlias = "argparse._SubParsersAction[Parser]"


def verb(verbs: Verbs, name: str, purpose: str, example: str) -> Parser:
    """Add a verb. `--data-dir` may come before or after it."""
    added = verbs.add_parser(
        name,
        help=purpose,
        description=purpose[0].upper() + purpose[1:] + ".",
        epilog=f"example:\n  {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    added.add_argument(
        "--data-dir", metavar="DIR", default=argparse.SUPPRESS, help=argparse.SUPPRESS
    )
    return added


def output(verb: Parser, *, collection: bool = True, quiet: bool = False) -> None:
    """Add the options of the output, and the collection if the verb has one."""
    if collection:
        verb.add_argument("--collection", metavar="NAME", help="named library (default)")
    verb.add_argument("--json", action="store_true", help="one JSON object per line")
    if quiet:
        verb.add_argument("--quiet", action="store_true", help="errors only")


def action(actions: Verbs, name: str, purpose: str, example: str) -> Parser:
    """Add an action of a verb."""
    added = verb(actions, name, purpose, example)
    output(added, collection=False)
    return added
