"""Reads one source file for a tool: its text, its language, or why it is not read."""

from dataclasses import dataclass

from perdure.contracts.errors import ToolRejected
from perdure.workspace.working_copy import WorkingCopy
from tools.paths import located, text_file_facts
from tools.symbols.grammars import LANGUAGES, Language, language_of_path
from tools.symbols.parsing import Source
from tools.text_files import decoded

LARGEST_BYTES = 4 * 1024**2


@dataclass(frozen=True)
class SourceFile:
    """One file whose language is known."""

    path: str
    """From the workspace root, links followed."""
    language: Language
    text: str

    @property
    def source(self) -> Source:
        """As parsers take it."""
        return Source(self.language.name, self.text.encode("utf-8", "surrogateescape"))


def known_languages() -> str:
    """The languages by the names that people use."""
    return ", ".join(language.shown for language in LANGUAGES.values())


def read_text(copy: WorkingCopy, path: str) -> tuple[str, str]:
    """The path with links followed, and the text; ToolRejected where there is none or it is too large."""
    target = located(copy, path)
    size = text_file_facts(copy.files, target).bytes
    if size > LARGEST_BYTES:
        raise ToolRejected(
            f"{path!r} has {size:,} bytes, more than the {LARGEST_BYTES:,} that are parsed.",
            "Use grep_search, or read_file with start and limit.",
        )
    data = copy.files.read(target, limit_bytes=size) if size else b""
    return target, decoded(path, data).text


def read_source(copy: WorkingCopy, path: str) -> SourceFile:
    """The file; ToolRejected also where its language is not known."""
    target, text = read_text(copy, path)
    language = language_of_path(target) or language_of_path(path)
    if language is None:
        raise ToolRejected(
            f"The language of {path!r} is not known by its name.",
            f"Known are {known_languages()}. Use read_file for others.",
        )
    return SourceFile(target, language, text)
