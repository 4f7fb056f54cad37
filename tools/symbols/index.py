"""The symbols of a whole workspace, kept by the files' contents in one SQLite file in the task's folder.

What a file defines and uses is found once for its content, in whichever generation of the workspace that is.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tools.symbols.grammars import LANGUAGES, language_of_path
from tools.symbols.listing import Look, looks_of, source_files
from tools.symbols.store import SymbolStore
from tools.symbols.tagging import LARGEST_FILE, Tagged, Wanted, tagged_by_lines, tagged_in_sandbox
from tools.symbols.tags import Tag, read_tags
from tools.tool_schemas import ToolContext

FILE = "symbols.sqlite"
CODE = tuple(name for name, language in LANGUAGES.items() if language.is_code)


@dataclass(frozen=True)
class Coverage:
    """What one look at the workspace found."""

    files: int
    parsed: int
    """Files that were parsed anew."""
    too_large: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    """Files whose parser crashed or took too long."""

    @property
    def note(self) -> str:
        """What is missing, for whoever reads the answer; empty where nothing is."""
        left_out = [*self.too_large, *self.failed]
        if not left_out:
            return ""
        more = f" and {len(left_out) - 3} more" if len(left_out) > 3 else ""
        return f"Not looked at, because too large or not parsed: {', '.join(left_out[:3])}{more}."


class SymbolIndex:
    """Definitions and uses by name. Make one with :meth:`current`."""

    def __init__(self, store: SymbolStore, keys: Mapping[str, str], coverage: Coverage) -> None:
        self._store = store
        self._keys = keys
        self.coverage = coverage

    @classmethod
    async def current(cls, context: ToolContext) -> "SymbolIndex":
        """The index of the workspace as it is now; what has changed is parsed in the sandbox."""
        store = SymbolStore(context.copy.task_folder / FILE)
        look = _Look(context, *await asyncio.to_thread(store.known))
        # What was there before needs no list to be looked at, so both go on at once.
        paths, _ = await asyncio.gather(source_files(context, CODE), look.take(look.known_paths))
        await look.take(look.leave_only(paths))
        await asyncio.to_thread(look.keep, store)
        return cls(store, look.keys, look.coverage)

    @property
    def paths(self) -> Sequence[str]:
        """Every file that is indexed, sorted."""
        return sorted(self._keys)

    async def named(self, name: str) -> list[Tag]:
        """Every definition and use of this name, by path and line."""
        return await asyncio.to_thread(self._named, name)

    async def definitions(self, name: str) -> list[Tag]:
        """Definitions of a name, which may be dotted: ``Class.method``, ``module.function``."""
        last = name.rpartition(".")[2]
        found = [tag for tag in await self.named(last) if tag.is_definition]
        return [tag for tag in found if _fits(tag, name)]

    async def tags(self, path: str) -> list[Tag]:
        """Every definition and use in one file."""
        return await asyncio.to_thread(self._tags, [path] if path in self._keys else [])

    async def all_tags(self) -> list[Tag]:
        """Every definition and use in the workspace."""
        return await asyncio.to_thread(self._tags, self.paths)

    def _tags(self, paths: Sequence[str]) -> list[Tag]:
        lines = self._store.lines({self._keys[path] for path in paths})
        return [tag for path in paths for tag in read_tags(path, lines.get(self._keys[path], b""))]

    def _named(self, name: str) -> list[Tag]:
        lines = self._store.lines_with(name)
        found = [
            tag
            for path, key in self._keys.items()
            if key in lines
            for tag in read_tags(path, lines[key], name=name)
        ]
        return sorted(found, key=lambda tag: (tag.path, tag.line))


def _fits(tag: Tag, name: str) -> bool:
    """Whether a dotted name may mean this definition: by what it is in, or by the file it is in."""
    owner = name.rpartition(".")[0]
    if not owner:
        return True
    module = tag.path.rpartition(".")[0].removesuffix("/__init__").removesuffix("/index").replace("/", ".")
    whole = f".{module}.{tag.dotted}"
    return whole.endswith(f".{name}")


@dataclass
class _Look:
    """One look at the workspace: what is known, what is found anew, what is kept."""

    context: ToolContext
    before: Mapping[str, tuple[str, Look]]
    """How each file looked, and the key of what it held."""
    known: set[str]
    """Keys whose names are kept."""
    keys: dict[str, str] = field(default_factory=dict[str, str])
    _looks: dict[str, tuple[str, Look]] = field(default_factory=dict[str, tuple[str, Look]])
    _found: dict[str, bytes] = field(default_factory=dict[str, bytes])
    _too_large: set[str] = field(default_factory=set[str])
    _failed: set[str] = field(default_factory=set[str])
    _seen: set[str] = field(default_factory=set[str])

    @property
    def known_paths(self) -> Sequence[str]:
        """The files of the last look."""
        return list(self.before)

    def leave_only(self, paths: Sequence[str]) -> Sequence[str]:
        """Forget what is not listed any more; gives the files that were not looked at yet."""
        listed = set(paths)
        self.keys = {path: key for path, key in self.keys.items() if path in listed}
        self._too_large &= listed
        self._failed &= listed
        return [path for path in paths if path not in self._seen]

    async def take(self, paths: Sequence[str]) -> None:
        """Look at files, and find anew what is in those that look other than before."""
        self._seen.update(paths)
        wanted = await asyncio.to_thread(self._changed, paths)
        files = [each for each, _ in wanted]
        here = await asyncio.to_thread(tagged_by_lines, self.context.copy.files, files, self.known)
        others = [each for each in files if each.path not in here]
        answers: dict[str, Tagged | None] = {**here}
        if others:
            answers.update(await tagged_in_sandbox(self.context, others, sorted(self.known)))
        for each, look in wanted:
            if each.path in answers:
                self._add(each.path, look, answers[each.path])

    def _changed(self, paths: Iterable[str]) -> list[tuple[Wanted, Look]]:
        wanted: list[tuple[Wanted, Look]] = []
        for path, look in looks_of(str(self.context.copy.root), paths):
            key, before = self.before.get(path, ("", None))
            language = language_of_path(path)
            if before == look and key in self.known:
                self.keys[path] = key
            elif look.bytes > LARGEST_FILE:
                self._too_large.add(path)
            elif language is not None:
                wanted.append((Wanted(path, language.name, look.bytes), look))
        return wanted

    def _add(self, path: str, look: Look, answer: Tagged | None) -> None:
        if answer is None:
            self._failed.add(path)
            return
        key = answer.key.decode()
        self.keys[path] = key
        if look.is_settled:
            self._looks[path] = (key, look)
        if key not in self.known:
            self.known.add(key)
            self._found[key] = answer.lines

    def keep(self, store: SymbolStore) -> None:
        """Write down what was found, where there is anything."""
        gone = [path for path in self.before if path not in self.keys]
        if gone or self._looks or self._found:
            present = list(self.keys.values())
            store.keep(found=self._found, looks=self._looks, gone=gone, present=present)

    @property
    def coverage(self) -> Coverage:
        """What was looked at."""
        return Coverage(
            files=len(self.keys),
            parsed=len(self._found),
            too_large=tuple(sorted(self._too_large)),
            failed=tuple(sorted(self._failed)),
        )
