"""A Dockerfile as its stages and instructions, variables replaced where Docker replaces them.

Source: https://docs.docker.com/reference/dockerfile/
"""

import json
import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))")


@dataclass(frozen=True)
class Instruction:
    """One instruction: its word in capitals, its `--options`, and the unchanged rest."""

    word: str
    options: Mapping[str, str]
    rest: str

    @property
    def pairs(self) -> dict[str, str]:
        """The `name=value` pairs of an ENV, LABEL or ARG; a bare name has no value."""
        parts = (part.partition("=") for part in shlex.split(self.rest))
        return {name: value for name, _, value in parts}

    @property
    def paths(self) -> tuple[list[str], str]:
        """The sources of a COPY and its destination."""
        *sources, destination = shlex.split(self.rest)
        return sources, destination

    @property
    def words(self) -> list[str]:
        """The words of the exec form, a JSON list; ValueError for the shell form."""
        words = json.loads(self.rest)
        return [str(word) for word in words]


@dataclass
class Stage:
    """The lines between two FROMs, and the user and command of an image made of them."""

    name: str
    base: str
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, word: str) -> list[Instruction]:
        """Return the instructions of one kind, in their order."""
        return [each for each in self.instructions if each.word == word]

    def last(self, word: str) -> Instruction | None:
        """Return the instruction of one kind that is in force."""
        return found[-1] if (found := self.all(word)) else None


@dataclass(frozen=True)
class Dockerfile:
    """All stages by name, and the ARGs before the first of them."""

    arguments: Mapping[str, str]
    stages: Mapping[str, Stage]

    @classmethod
    def read(cls, text: str) -> "Dockerfile":
        """Read a Dockerfile; every stage must have a name."""
        arguments: dict[str, str] = {}
        stages: dict[str, Stage] = {}
        stage: Stage | None = None
        for instruction in map(_instruction, _lines(text)):
            if instruction.word == "FROM":
                base, _, name = instruction.rest.split()
                stage = stages[name] = Stage(name, expand(base, arguments))
            elif stage is not None:
                stage.instructions.append(instruction)
            else:
                arguments.update(instruction.pairs)
        return cls(arguments, stages)

    def line(self, name: str) -> list[Stage]:
        """Return the stages that a stage is made of, from the base image up."""
        stage = self.stages[name]
        return [*(self.line(stage.base) if stage.base in self.stages else []), stage]

    def in_force(self, name: str, word: str) -> Instruction | None:
        """Return the last instruction of one kind in a stage and those below it."""
        found = [last for stage in self.line(name) if (last := stage.last(word))]
        return found[-1] if found else None

    def environment(self, name: str) -> dict[str, str]:
        """Return the variables that an image of the stage has."""
        pairs: dict[str, str] = {}
        for stage in self.line(name):
            for each in stage.all("ENV"):
                pairs.update(each.pairs)
        return pairs


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replace `$NAME` and `${NAME}`; a name without a value is empty."""
    return _VARIABLE.sub(lambda match: variables.get(match[1] or match[2], ""), text)


def _lines(text: str) -> list[str]:
    """Return the logical lines: without comments, continued ones as one."""
    kept = [
        line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")
    ]
    return "\n".join(kept).replace("\\\n", " ").splitlines()


def _instruction(line: str) -> Instruction:
    word, _, rest = line.strip().partition(" ")
    options = {}
    while match := re.match(r"\s*--([a-z-]+)=(\S+)\s+", rest):
        options[match[1]] = match[2]
        rest = rest[match.end() :]
    return Instruction(word.upper(), options, rest.strip())
