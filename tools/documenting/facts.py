"""What the code itself says of a symbol, and what a model says: the two that are compared."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import BaseModel, Field


class ParameterDocs(BaseModel):
    """One parameter."""

    name: str
    type: str = Field(description="As annotated; else what it is, or empty.")
    default: str = Field(description="As in the code; empty where there is none.")
    text: str


class ErrorDocs(BaseModel):
    """One exception that leaves the symbol."""

    type: str
    text: str


class Example(BaseModel):
    """Code that is run, and what its last expression gives, as the language itself writes it."""

    code: str
    result: str


class SymbolDocs(BaseModel):
    """What the model says of one symbol."""

    symbol: str
    asynchronous: bool
    summary: str = Field(description="One sentence.")
    description: str = Field(description="More where it surprises; else empty.")
    parameters: list[ParameterDocs]
    returns_type: str = Field(description="As annotated; else what it is, or empty.")
    returns: str = Field(description="What it gives or yields; empty where nothing.")
    raises: list[ErrorDocs]
    examples: list[Example]


class WrittenDocs(BaseModel):
    """The model's answer."""

    overview: str = Field(description="What the module is for, for a reference page; else empty.")
    symbols: list[SymbolDocs]


@dataclass(frozen=True)
class Parameter:
    """One parameter as the code has it."""

    name: str
    type: str = ""
    default: str = ""


@dataclass(frozen=True)
class Facts:
    """One symbol as the code has it."""

    name: str
    kind: str
    signature: str
    parameters: tuple[Parameter, ...] = ()
    fields: tuple[Parameter, ...] = ()
    """Of a class; they may be documented like parameters, and need not be."""
    asynchronous: bool = False
    generator: bool = False
    return_type: str = ""
    gives: bool | None = None
    """Whether a value comes back; None where the code does not tell, as that of an abstract method."""
    raised: frozenset[str] = frozenset()
    """Raised by its own statements, and not caught there."""
    raisable: frozenset[str] = frozenset()
    """Also what functions of the same file, operators and built-ins may raise in it."""
    open_ended: bool = False
    """Whether it runs code from elsewhere, which may raise anything."""
    documented: bool = False
    bases: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Of the classes of the file, for exceptions that are one of another's."""

    def shown(self) -> str:
        """For the model that documents it."""
        names = [f"{each.name} = {each.default}" if each.default else each.name for each in self.parameters]
        parts = [f"- {self.name} ({self.kind}): {self.signature}"]
        parts.append(
            f"  parameters: {', '.join(names) or 'none'}; {'async' if self.asynchronous else 'not async'}"
        )
        if self.fields:
            parts.append(f"  fields that may be documented: {', '.join(each.name for each in self.fields)}")
        if self.gives is not None:
            gives = (
                "yields values" if self.generator else "returns a value" if self.gives else "returns nothing"
            )
            parts.append(f"  {gives}")
        if self.raised:
            parts.append(f"  raises {', '.join(sorted(self.raised))}")
        return "\n".join(parts)
