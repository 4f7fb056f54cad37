"""The programs that may run without asking, with the options and operands that they may have: ``programs/*.toml``."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from perdure.contracts.errors import ConfigurationError
from perdure.safety.command.kinds import KINDS

_OPTION = re.compile(r"(--?[A-Za-z0-9][A-Za-z0-9-]*|-#|-0|-)(\?)?(?::([a-z]+))?")
Reader = Literal["", "echo", "find", "printf", "set", "tar", "test"]


class Entry(BaseModel):
    """One program, or one subcommand of a program as in ``git log``."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    names: Annotated[tuple[str, ...], Field(min_length=1)]
    options: str = ""
    """Each with the kind of its value: ``-a`` takes none, ``-n:number`` one, ``--color?:word`` one after ``=`` alone, and
    ``-#`` stands for a number after a dash."""
    bounded: str = ""
    """Those of the options with which it may not end."""
    operands: str = ""
    """The kind of every operand; without one it takes none."""
    first: str = ""
    """The kind of the first operand, where that is another."""
    first_unless: str = ""
    """Options in whose presence no operand is of that other kind."""
    operands_need: str = ""
    """Options of which one must be there for operands: without it they would change something."""
    least: Annotated[int, Field(ge=0)] = 0
    most: Annotated[int, Field(ge=0)] = 1000
    needs_argument: bool = False
    """Whether it does something else where it has no argument at all."""
    waits: bool = False
    """Whether it reads its standard input where no operand names a file."""
    waits_unless: str = ""
    """Options with which it reads no input although it waits."""
    reads_nothing: str = ""
    """A pattern for the whole first operand with which it reads no input either."""
    any_name: bool = False
    """Whether nothing that a file's name could say to it as an option does harm."""
    joins: bool = True
    """Whether short options may stand together in a word, as getopt reads them."""
    glues: bool = True
    """Whether the value of a short option may stand in the same word. Where not, only one that is a number is taken there,
    since a program that looks for it in the next word takes no number for an option."""
    options_first: bool = False
    """Whether what follows the first operand is none of its options, whatever it looks like."""
    spreads: str = ""
    """Options with which it reads whole folders, such as ``-r``; ``always`` where it does without one."""
    subcommands: bool = False
    """Whether its first operand names a subcommand, with an entry of its own."""
    reader: Reader = ""
    """Which code reads its arguments, where options and operands do not describe them."""
    within_limits: bool = False
    """Whether it may not end whatever its arguments are."""
    matches: tuple[str, ...] = ()
    """Lines that are allowed by this entry. A test tries all examples."""
    matches_within_limits: tuple[str, ...] = ()
    does_not_match: Annotated[tuple[str, ...], Field(min_length=1)]
    """Lines that are not allowed: what comes near to them is told apart."""


class ProgramsFile(BaseModel):
    """One of the files."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    v: Annotated[int, Field(ge=1, le=1)]
    program: Annotated[tuple[Entry, ...], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Option:
    """One option. ``kind`` is that of its value; nothing where it takes none."""

    kind: str = ""
    is_optional: bool = False
    """Whether the value may only stand in the same word."""


@dataclass(frozen=True, slots=True)
class Program:
    """An entry whose options are taken apart."""

    entry: Entry
    options: Mapping[str, Option]
    bounded: frozenset[str]
    first_unless: frozenset[str]
    operands_need: frozenset[str]
    waits_unless: frozenset[str]
    spreads: frozenset[str]


@cache
def programs() -> Mapping[str, Program]:
    """Every program by its name; ConfigurationError names an entry that is malformed. Read once."""
    folder = resources.files("perdure.safety.command").joinpath("programs")
    files = sorted(
        (file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name
    )
    return parsed({file.name: file.read_text(encoding="utf-8") for file in files})


def parsed(texts: Mapping[str, str]) -> Mapping[str, Program]:
    """The programs of the files' texts, checked."""
    found: dict[str, Program] = {}
    for file, text in texts.items():
        try:
            entries = ProgramsFile.model_validate(tomllib.loads(text)).program
        except tomllib.TOMLDecodeError as error:
            raise ConfigurationError(f"The file of programs {file!r} is not valid TOML: {error}.") from error
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise ConfigurationError(
                f"The file of programs {file!r} is malformed at {place!r}: {first['msg']}."
            ) from error
        for entry in entries:
            program = _program(file, entry)
            for name in entry.names:
                if name in found:
                    raise ConfigurationError(f"The program {name!r} has two entries, the second in {file!r}.")
                found[name] = program
    return found


def _program(file: str, entry: Entry) -> Program:
    options = dict(_option(file, entry, text) for text in entry.options.split())
    for kind in (entry.operands, entry.first):
        _check_kind(file, entry, kind)
    sets = {
        field: frozenset(getattr(entry, field).split())
        for field in ("bounded", "first_unless", "operands_need", "waits_unless", "spreads")
    }
    for field, names in sets.items():
        unknown = names - options.keys() - {"always"}
        if unknown:
            raise ConfigurationError(
                f"The entry {entry.names[0]!r} in {file!r} names in {field!r} an option that it does not have: "
                f"{min(unknown)!r}."
            )
    return Program(entry, options, **sets)


def _option(file: str, entry: Entry, text: str) -> tuple[str, Option]:
    found = _OPTION.fullmatch(text)
    if not found or bool(found[2]) > bool(found[3]):
        raise ConfigurationError(
            f"The entry {entry.names[0]!r} in {file!r} has a malformed option: {text!r}."
        )
    _check_kind(file, entry, found[3] or "")
    return found[1], Option(found[3] or "", bool(found[2]))


def _check_kind(file: str, entry: Entry, kind: str) -> None:
    if kind and kind not in KINDS:
        raise ConfigurationError(
            f"The entry {entry.names[0]!r} in {file!r} has an unknown kind {kind!r}.",
            f"known kinds: {', '.join(sorted(KINDS))}",
        )
