"""Who may sign approvals: names and public keys that the administrator of the installation registered, in a TOML file.

    [approvers.ada]
    keys = ["fF3x…="]             # what `starter.py keys create` prints
    rules = ["publishing-*"]      # optional: only calls that one of these rules of the policy asks about
    users = ["*"]                 # optional: only tasks of these users

The file is read anew for each approval and again right before its effect, so that a key that is taken out counts no more.
It belongs to the operator: one that others may write is refused, and no sandbox shows it to a program.
"""

import stat
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from perdure.contracts.consents import Approver, raw_key, same_person, unusable_name
from perdure.contracts.errors import ConfigurationError

MOST_APPROVERS = 100


class _Registered(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    keys: tuple[str, ...] = Field(min_length=1, max_length=8)
    rules: tuple[str, ...] = ("*",)
    users: tuple[str, ...] = ("*",)


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    approvers: dict[str, _Registered] = Field(default={}, max_length=MOST_APPROVERS)


class Approvers:
    """The registered approvers; none where no file is set."""

    def __init__(self, file: Path | None = None) -> None:
        self._file = file

    @classmethod
    def checked(cls, file: Path | None) -> "Approvers":
        """Those of a file that can be used; ConfigurationError where it cannot."""
        approvers = cls(file)
        approvers.check()
        return approvers

    def signers(self, *, rules: tuple[str, ...], requester: str) -> tuple[Approver, ...]:
        """Who may sign for a call that these rules speak of, in a task of this user.

        ConfigurationError where the file cannot be used.
        """
        return tuple(
            Approver(name=name, keys=each.keys)
            for name, each in self._read().items()
            if _fits(each.users, (requester,)) and _fits(each.rules, rules or ("",))
        )

    def check(self) -> int:
        """How many there are; ConfigurationError where the file cannot be used."""
        return len(self._read())

    def _read(self) -> dict[str, _Registered]:
        if self._file is None:
            return {}
        try:
            mode = self._file.stat().st_mode
            text = self._file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise _unusable(self._file, f"it cannot be read: {error}") from error
        if mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise _unusable(
                self._file, "others than its owner may write it; take that from them (chmod go-w)"
            )
        try:
            found = _File.model_validate(tomllib.loads(text)).approvers
        except tomllib.TOMLDecodeError as error:
            raise _unusable(self._file, f"it is no TOML: {error}") from error
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            raise _unusable(self._file, f"{place!r}: {first['msg']}") from error
        self._check_entries(found)
        return found

    def _check_entries(self, found: dict[str, _Registered]) -> None:
        assert self._file is not None
        people, owners = set[str](), dict[bytes, str]()
        for name, each in found.items():
            person = same_person(name)
            if problem := unusable_name(name) or (
                "Two names mean the same person." if person in people else ""
            ):
                raise _unusable(self._file, f"the name {name!r}: {problem}")
            people.add(person)
            for key in each.keys:
                try:
                    # The same key can be written in more than one way.
                    raw = raw_key(key)
                except ValueError as error:
                    raise _unusable(self._file, f"{name!r}: {error}") from error
                if owners.setdefault(raw, name) != name:
                    raise _unusable(
                        self._file, f"{name!r} has the same key as {owners[raw]!r}; a key is one person's"
                    )


def _fits(patterns: tuple[str, ...], names: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for name in names for pattern in patterns)


def _unusable(file: Path, problem: str) -> ConfigurationError:
    return ConfigurationError(
        f"The file of approvers {str(file)!r} cannot be used: {problem}.",
        "PERDURE_APPROVERS names it; docs/approvals.md has an example.",
    )
