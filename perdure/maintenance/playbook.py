"""What a playbook file may hold. Every field is named in docs/maintenance.md; an unknown one is refused."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Id = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
Line = Annotated[str, StringConstraints(min_length=1, max_length=120, pattern=r"^[^\n]+$")]
Sentence = Annotated[str, StringConstraints(min_length=10, max_length=400, pattern=r"^[^\n]+\.$")]
Report = Literal["ruff-json", "eslint-json"]


class Strict(BaseModel):
    """A part of a playbook."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)


class Sign(Strict):
    """One thing to look for: a file (perhaps with a text in it), a key of a manifest, or a command that succeeds."""

    file: str = Field(default="", max_length=200)
    """Path or pattern such as ``**/*.py``; folders of installed packages are not searched by patterns."""
    text: str = Field(default="", max_length=200)
    """With ``file``: what a file of that name must hold."""
    manifest: str = Field(default="", max_length=200)
    """Path of a JSON or TOML file, searched for ``has``."""
    has: tuple[str, ...] = ()
    """The key that must be there, one name a level: ``["tool", "ruff"]``."""
    passes: str = Field(default="", max_length=2_000)
    """Command line that must end with exit code 0; it runs without network and can change nothing."""

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        kinds = [bool(self.file), bool(self.manifest), bool(self.passes)]
        if kinds.count(True) != 1:
            raise ValueError("give exactly one of 'file', 'manifest' and 'passes'")
        if self.text and not self.file:
            raise ValueError("'text' needs a 'file'")
        if bool(self.manifest) != bool(self.has):
            raise ValueError("'manifest' and 'has' belong together")
        return self


class Condition(Strict):
    """Signs that must be seen, and what is said where they are not."""

    all: tuple[Sign, ...] = ()
    any: tuple[Sign, ...] = ()
    none: tuple[Sign, ...] = ()
    otherwise: Sentence

    @model_validator(mode="after")
    def _looks_for_something(self) -> Self:
        if not (self.all or self.any or self.none):
            raise ValueError("give at least one sign under 'all', 'any' or 'none'")
        return self


class Call(Strict):
    """A tool call, exactly as a model would make it."""

    tool: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    arguments: dict[str, Any] = {}


class Setup(Strict):
    """Calls that install what the project needs; run again after every rebuild of the workspace."""

    title: Line
    when: tuple[Condition, ...] = ()
    call: Annotated[tuple[Call, ...], Field(min_length=1, max_length=16)]


class Step(Strict):
    """One change, kept or taken back as a whole; or, without a commit message, one look at the project."""

    id: Id
    title: Line
    when: tuple[Condition, ...] = ()
    call: Annotated[tuple[Call, ...], Field(min_length=1, max_length=16)]
    needs_tests: bool = True
    """Kept only if tests vouch for it: some passed before, and all of these still pass."""
    commit: str = Field(default="", max_length=2_000)
    """Message of its commit; left out where the step changes nothing."""
    report: Report | None = None
    """How the output of its last call is read for findings."""


class Check(Strict):
    """A look at the result."""

    id: Id
    title: Line
    when: tuple[Condition, ...] = ()
    call: Call
    vouches: bool = False
    """Its tests are run before the first step and after each change, and compared case by case (run_tests only)."""

    @model_validator(mode="after")
    def _vouches_by_tests(self) -> Self:
        if self.vouches and self.call.tool != "run_tests":
            raise ValueError("a check that vouches calls 'run_tests'")
        return self


class Limits(Strict):
    """What a run and each of its steps may take."""

    minutes: float = Field(default=60.0, gt=0, le=24 * 60, allow_inf_nan=False)
    changed_files: int = Field(default=500, gt=0)
    changed_lines: int = Field(default=20_000, gt=0)


class Playbook(Strict):
    """A whole file. Its id is the file's name."""

    v: Literal[1]
    title: Line
    about: Sentence
    precheck: tuple[Condition, ...] = ()
    """What must hold for the project as a whole."""
    setup: tuple[Setup, ...] = ()
    step: Annotated[tuple[Step, ...], Field(min_length=1, max_length=50)]
    check: Annotated[tuple[Check, ...], Field(max_length=20)] = ()
    limits: Limits = Limits()

    @model_validator(mode="after")
    def _has_clear_names(self) -> Self:
        for kind, names in (("step", [s.id for s in self.step]), ("check", [c.id for c in self.check])):
            doubled = sorted({name for name in names if names.count(name) > 1})
            if doubled:
                raise ValueError(f"two of [[{kind}]] have the id {doubled[0]!r}")
        if sum(check.vouches for check in self.check) > 1:
            raise ValueError("only one check may vouch")
        return self

    @property
    def vouching(self) -> Check | None:
        """The check whose tests decide what is kept."""
        return next((check for check in self.check if check.vouches), None)

    def conditions(self) -> dict[str, tuple[Condition, ...]]:
        """Conditions by the part they belong to: ``precheck``, ``setup:0``, ``step:<id>``, ``check:<id>``."""
        found = {"precheck": self.precheck}
        found |= {f"setup:{number}": setup.when for number, setup in enumerate(self.setup)}
        found |= {f"step:{step.id}": step.when for step in self.step}
        return found | {f"check:{check.id}": check.when for check in self.check}

    def calls(self) -> dict[str, tuple[Call, ...]]:
        """Calls by the part they belong to, the commit of a step (``commit:<id>``) among them."""
        found = {f"setup:{number}": setup.call for number, setup in enumerate(self.setup)}
        found |= {f"step:{step.id}": step.call for step in self.step}
        found |= {
            f"commit:{step.id}": (Call(tool="git_commit", arguments={"message": step.commit}),)
            for step in self.step
            if step.commit
        }
        return found | {f"check:{check.id}": (check.call,) for check in self.check}
