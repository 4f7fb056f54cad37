"""Compares what docs say of a symbol with what its code says: what is wrong, and what cannot be told."""

import ast
import builtins
import keyword
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tools.documenting.facts import ErrorDocs, Facts, Parameter, ParameterDocs, SymbolDocs
from tools.documenting.python_raises import kinds_of
from tools.editing.symbols import PYTHON

QUOTED = re.compile(r"`([A-Za-z_$][\w$.]*)(?:\(\))?`")
#: Words such as "defaults to 0.2"; "defaults to the time of the call" says nothing that could be compared.
SAID_DEFAULT = re.compile(
    r"[Dd]efaults? (?:to|is|of|value is)[ \t]+(?P<mark>['\"`]*)"
    r"(?P<value>[-+]?\d[\w.+-]*|(?:True|False|None|true|false|null|undefined)\b|(?<=['\"`])[^'\"`\n]+)"
)
AWAITED = re.compile(r"\b(?:coroutine|awaitable|await(?:s|ed)?|asynchronous(?:ly)?|promise)\b", re.IGNORECASE)
WAITING = re.compile(r"\b(?:async|await|asyncio|coroutine|Promise|Awaitable|then)\b")
SCRIPT_WORDS = {
    "null", "undefined", "true", "false", "this", "number", "string", "boolean", "void", "any", "unknown", "Promise",
    "Array", "Object", "Map", "Set", "Date", "JSON", "Math", "Error", "TypeError", "RangeError", "SyntaxError",
    "NaN", "Infinity", "Number", "String", "Boolean", "Symbol", "RegExp", "URIError", "ReferenceError", "EvalError",
    "AggregateError", "URL", "BigInt", "DOMException", "AbortError",
}  # fmt: skip
PYTHON_WORDS = {*dir(builtins), *keyword.kwlist, "self", "cls"}


@dataclass
class Compared:
    """What is wrong with the docs of one symbol, and what nothing proves."""

    faults: list[str] = field(default_factory=list[str])
    doubts: list[str] = field(default_factory=list[str])


def compared(docs: SymbolDocs, facts: Facts, language: str, text: str) -> Compared:
    """The comparison; ``text`` is the whole file."""
    found = Compared()
    if not docs.summary.strip() or "\n" in docs.summary.strip():
        found.faults.append("its summary is not one line")
    if docs.asynchronous != facts.asynchronous:
        is_so, said = ("is", "is not") if facts.asynchronous else ("is not", "is")
        found.faults.append(f"it says that it {said} async, but it {is_so}")
    _parameters(docs, facts, language, found)
    _returns(docs, facts, language, found)
    _raises(docs, facts, language, text, found)
    _prose(docs, facts, language, text, found)
    return found


def _parameters(docs: SymbolDocs, facts: Facts, language: str, found: Compared) -> None:
    known = {_bare(each.name): each for each in (*facts.parameters, *facts.fields)}
    counts = Counter(_bare(each.name) for each in docs.parameters)
    real = ", ".join(each.name for each in facts.parameters) or "none"
    for name, count in counts.items():
        if name not in known:
            found.faults.append(f"it documents a parameter {name!r} that is not there; there are: {real}")
        elif count > 1:
            found.faults.append(f"it documents the parameter {name!r} {count} times")
    for each in facts.parameters:
        if _bare(each.name) not in counts:
            found.faults.append(f"it does not document the parameter {each.name!r}")
    for each in docs.parameters:
        if not each.text.strip():
            found.faults.append(f"it says nothing of the parameter {each.name!r}")
        if _bare(each.name) in known:
            _parameter(each, known[_bare(each.name)], language, found)


def _parameter(said: ParameterDocs, real: Parameter, language: str, found: Compared) -> None:
    claimed = said.default.strip()
    if claimed and not real.default:
        found.faults.append(f"it gives {said.name!r} the default {claimed}, but it has none")
    elif real.default and _plain(claimed, language) != _plain(real.default, language):
        told = f"is {claimed}" if claimed else "is left out"
        found.faults.append(f"the default of {said.name!r} {told}, but in the code it is {real.default}")
    prose = SAID_DEFAULT.search(said.text)
    value = prose["value"].rstrip(".") if prose else ""
    if value and _plain(value, language) != _plain(real.default, language).strip("'\""):
        is_so = f"it is {real.default}" if real.default else "it has none"
        found.faults.append(f"its text says that {said.name!r} has the default {value}, but {is_so}")
    _type(said.type, real.type, f"the type of {said.name!r}", language, found)


def _type(claimed: str, real: str, what: str, language: str, found: Compared) -> None:
    claimed = claimed.strip()
    if not claimed:
        return
    if not real:
        found.doubts.append(f"{what} ({claimed}), which is not annotated")
    elif _plain(claimed, language) != _plain(real, language):
        found.faults.append(f"{what} is {claimed}, but the code has {real}")


def _returns(docs: SymbolDocs, facts: Facts, language: str, found: Compared) -> None:
    said = docs.returns.strip()
    if facts.gives and not said and facts.kind != "class":
        found.faults.append("it does not say what comes back")
    if said and (facts.gives is False or facts.kind == "class"):
        found.faults.append("it says that something comes back, but nothing does")
    if said:
        _type(docs.returns_type, facts.return_type, "the type of what comes back", language, found)


def _raises(docs: SymbolDocs, facts: Facts, language: str, text: str, found: Compared) -> None:
    said = [_last(each.type) for each in docs.raises]
    for name in sorted(facts.raised):
        if not any(_is_kind(name, each, facts, language) for each in said):
            found.faults.append(f"it does not say that {name} is raised")
    for each in docs.raises:
        _raised(each, facts, language, text, found)


def _raised(each: ErrorDocs, facts: Facts, language: str, text: str, found: Compared) -> None:
    name = _last(each.type)
    if not each.text.strip():
        found.faults.append(f"it does not say when {name} is raised")
    if not _stands(name, text) and name not in (PYTHON_WORDS if language == PYTHON else SCRIPT_WORDS):
        found.faults.append(f"it says that {name!r} is raised, which the file does not know")
    elif not any(_is_kind(real, name, facts, language) for real in (*facts.raised, *facts.raisable)):
        if facts.open_ended:
            found.doubts.append(f"that {name} is raised, which only code from elsewhere could do")
        else:
            found.faults.append(f"it says that {name} is raised, but nothing in it can raise that")


def _is_kind(real: str, said: str, facts: Facts, language: str) -> bool:
    """Whether an exception is the one that is said, or a kind of it."""
    if language == PYTHON:
        return said in kinds_of(real, facts.bases)
    return real == said or (said == "Error" and real.endswith("Error"))


def _prose(docs: SymbolDocs, facts: Facts, language: str, text: str, found: Compared) -> None:
    words = [docs.summary, docs.description, docs.returns, *(each.text for each in docs.parameters)]
    words += [each.text for each in docs.raises]
    together = "\n".join(words)
    known = PYTHON_WORDS if language == PYTHON else SCRIPT_WORDS
    for name in sorted(set(QUOTED.findall(together))):
        if not all(part in known or _stands(part, text) for part in name.split(".")):
            found.faults.append(f"it speaks of {name!r}, which does not stand in the file")
    awaited = AWAITED.search(together)
    if awaited and not facts.asynchronous and not WAITING.search(text):
        found.faults.append(f"it says {awaited[0]!r}, but nothing is awaited")
    if any(mark in together for mark in ('"""', "*/", "\0")) or (
        not together.isprintable() and _controls(together)
    ):
        found.faults.append("its text holds what would end the comment, or control characters")


def _controls(text: str) -> bool:
    return any(not each.isprintable() and each != "\n" for each in text)


def overview_faults(overview: str, text: str, language: str) -> Iterator[str]:
    """What is wrong with the words about a whole module."""
    known = PYTHON_WORDS if language == PYTHON else SCRIPT_WORDS
    if not overview.strip():
        yield "the overview is empty"
    for name in sorted(set(QUOTED.findall(overview))):
        if not all(part in known or _stands(part, text) for part in name.split(".")):
            yield f"the overview speaks of {name!r}, which does not stand in the file"


def _bare(name: str) -> str:
    """A parameter's name without what makes it collect the rest, and without JSDoc's brackets."""
    return name.strip().strip("[]").lstrip("*.").strip()


def _last(name: str) -> str:
    return name.strip().rpartition(".")[2]


def _stands(name: str, text: str) -> bool:
    return bool(name) and re.search(rf"(?<![\w$]){re.escape(name)}(?![\w$])", text) is not None


def _plain(code: str, language: str) -> str:
    """One spelling for code that means the same."""
    if language != PYTHON:
        return re.sub(r"\s+", "", code).replace('"', "'").rstrip(";")
    try:
        return ast.unparse(ast.parse(code.strip(), mode="eval"))
    except (SyntaxError, ValueError, RecursionError):
        return " ".join(code.split())
