"""What an administrator knows to be no credential although it looks like one. Nothing of a repository has a say in it."""

import fnmatch
import hashlib
import re
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from perdure.contracts.errors import ConfigurationError


class Harmless(BaseModel):
    """One text, or all that a pattern fits as a whole. Exactly one of ``text``, ``sha256`` and ``pattern`` is given."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    text: str = ""
    sha256: str = Field(default="", pattern=r"^([0-9a-f]{64})?$")
    """Of the text, for one that the file itself shall not hold."""
    pattern: str = ""
    repository: str = "*"
    """Glob pattern of the repositories in which it is harmless."""
    reason: str = Field(min_length=1)
    """Why, for whoever reads the file next."""

    @field_validator("pattern")
    @classmethod
    def _compiles(cls, pattern: str) -> str:
        try:
            re.compile(pattern)
        except re.error as error:
            raise ValueError(f"it is no regular expression: {error}") from None
        return pattern

    @model_validator(mode="after")
    def _names_one_thing(self) -> "Harmless":
        if sum(map(bool, (self.text, self.sha256, self.pattern))) != 1:
            raise ValueError("exactly one of text, sha256 and pattern is needed")
        return self

    def fits(self, text: str) -> bool:
        """Whether this is about the text."""
        if self.pattern:
            return re.fullmatch(self.pattern, text) is not None
        return text == self.text or (bool(self.sha256) and digest_of_text(text) == self.sha256)


class _File(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    harmless: tuple[Harmless, ...] = ()


def digest_of_text(text: str) -> str:
    """The SHA-256 by which a text is named without being told."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()


def load_harmless(file: Path | None) -> tuple[Harmless, ...]:
    """The entries of the file; ConfigurationError says what is wrong with it."""
    if file is None:
        return ()
    try:
        return _File.model_validate(tomllib.loads(file.read_text())).harmless
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(
            f"PERDURE_KNOWN_HARMLESS names {str(file)!r}, which cannot be read: {error}.",
            "see docs/secrets.md for its form.",
        ) from error
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, problem["loc"]))
        raise ConfigurationError(
            f"{str(file)!r} cannot be used: {where}: {problem['msg']}.", "see docs/secrets.md for its form."
        ) from error


def allowed_in(entries: Sequence[Harmless]) -> Callable[[str], Callable[[str], bool]]:
    """For each repository, which texts are harmless there."""

    def of(repository: str) -> Callable[[str], bool]:
        here = [each for each in entries if fnmatch.fnmatchcase(repository, each.repository)]
        return lambda text: any(each.fits(text) for each in here)

    return of
