"""A source file with its symbols, as the tools that ask a model read it."""

from collections.abc import Sequence
from dataclasses import dataclass

from perdure.contracts.errors import ToolRejected
from perdure.safety.secrets.env_files import is_dotenv
from tools.editing.symbols import Symbol, language_name, near_names, symbols_of, tree_of
from tools.paths import located, text_file_facts
from tools.syntax import syntax_error
from tools.text_files import TextFile, decoded
from tools.tool_schemas import ToolContext

LARGEST_BYTES = 256 * 1024
MOST_SYMBOLS = 8


@dataclass(frozen=True)
class Source:
    """One file."""

    path: str
    file: TextFile
    language: str
    symbols: tuple[Symbol, ...]

    @property
    def text(self) -> str:
        """Its text."""
        return self.file.text

    @property
    def data(self) -> bytes:
        """Its text in UTF-8, as the symbols' places count."""
        return self.file.text.encode("utf-8", "surrogateescape")

    @property
    def numbered(self) -> str:
        """Its text with line numbers."""
        lines = self.text.split("\n")
        return "\n".join(f"{number}\t{line}" for number, line in enumerate(lines, 1))

    def chosen(self, names: Sequence[str], kinds: Sequence[str] = ("function", "method")) -> list[Symbol]:
        """The symbols of these names, or the first public ones; ToolRejected for names that are not there."""
        known = {each.name: each for each in self.symbols}
        unknown = [name for name in names if name not in known]
        if unknown:
            near = ", ".join(near_names(self.symbols, unknown[0])) or "none"
            raise ToolRejected(f"{self.path!r} has no {unknown[0]!r}.", f"It has: {near}.")
        wanted = [known[name] for name in dict.fromkeys(names)] or [
            each
            for each in known.values()
            if each.kind in kinds and not any(part.startswith("_") for part in each.name.split("."))
        ]
        found = [each for each in wanted if each.kind in kinds]
        if not found:
            raise ToolRejected(f"{self.path!r} has no such {' or '.join(kinds)}.", "Name one with symbols.")
        return found[:MOST_SYMBOLS]


def source_of(context: ToolContext, path: str, *, parsed: Sequence[str] = ("python",)) -> Source:
    """The file; ToolRejected where it cannot be read as source of one of these languages."""
    place = located(context.copy, path)
    if is_dotenv(place):
        raise ToolRejected(
            f"{path!r} holds values that no model is shown.", "read_file shows the names that it sets."
        )
    facts = text_file_facts(context.copy.files, place)
    if facts.bytes > LARGEST_BYTES:
        raise ToolRejected(f"{path!r} has {facts.bytes:,} bytes, more than the {LARGEST_BYTES:,} read here.")
    data = context.copy.files.read(place)
    file = decoded(place, data)
    language = language_name(place)
    if parsed and language not in parsed:
        raise ToolRejected(f"{path!r} is not written in {' or '.join(parsed)}.", "Name a file that is.")
    error = syntax_error(place, data)
    if error:
        raise ToolRejected(f"{path!r} does not parse: {error}.", "Mend it first.")
    source = file.text.encode("utf-8", "surrogateescape")
    symbols = symbols_of(language, source, tree_of(language, source)) if language else []
    return Source(place, file, language, tuple(symbols))


def module_of(path: str) -> str:
    """The name by which the file's module is imported."""
    parts = path.removesuffix(".py").split("/")
    parts = parts[1:] if parts[0] == "src" and len(parts) > 1 else parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def asked_model(context: ToolContext) -> str:
    """Which models answered, for people."""
    cost = context.model.cost if context.model else None
    if cost is None or not cost.models:
        return "an answer that was stored"
    return ", ".join(cost.models) + (" (scripted)" if cost.scripted else "")
