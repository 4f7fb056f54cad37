"""The files that a command names, as they are now: shown to a person who decides about it, and part of what is sealed.

The workspace's tree is sealed as a whole; this adds what no tree holds, such as files that Git ignores and where links
lead, and what of it a person should read: the text of a script that the command runs, and what a pattern matches.
"""

import glob
import hashlib
import json
import posixpath
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from perdure.contracts.errors import PerdureError, ToolRejected
from perdure.safety.command.commands import INTERPRETERS, SHELLS, UNKNOWN, Ran
from perdure.safety.command_display import quoted, segments_of
from perdure.safety.display import inline_code
from perdure.workspace.paths import Files
from perdure.workspace.working_copy import WorkingCopy
from tools.paths import SANDBOX_ROOT, resolved
from tools.running.contents import Contents, digest_of_list

MOST_LOOKS = 20_000
"""Words times folders in which they may be meant; a line that takes more is refused, so that none of it goes unsealed."""
MOST_FOLDERS = 20
MOST_MATCHES = 20_000
MOST_BODIES = 3
DEEPEST_SCRIPT = 3
BODY_CHARACTERS = 500
LARGEST_BODY = 256 * 1024
SHOWN_MATCHES = 12
SCRIPT_RUNNERS = frozenset({"npm", "yarn", "pnpm", "bun"})
MAKERS = {"make": ("GNUmakefile", "makefile", "Makefile"), "just": ("justfile", "Justfile")}
_PATTERN = frozenset("*?[")


@dataclass
class NamedFiles:
    """What was found."""

    facts: dict[str, Any] = field(default_factory=dict[str, Any])
    """By path or pattern: what it is, and a digest of its content or of what is in it."""
    lines: list[str] = field(default_factory=list[str])
    """For people, in Markdown."""
    left_out: int = 0
    """Characters of scripts that the lines do not show."""


def named_files(ran: Iterable[Ran], copy: WorkingCopy, folder: str) -> NamedFiles:
    """What the commands name, seen from the folder that they start in.

    ToolRejected where that is more than can be looked at: nobody could approve what nothing seals.
    """
    return _Look(copy, folder).named(list(ran))


class _Look:
    def __init__(self, copy: WorkingCopy, folder: str) -> None:
        self._copy = copy
        self._files: Files = copy.files
        self._contents = Contents(copy.files)
        self._folders = [folder]
        self._found = NamedFiles()
        self._bodies = 0
        self._looks = 0

    def named(self, ran: list[Ran]) -> NamedFiles:
        for one in ran:
            if one.name == "cd" and len(one.words) > 1 and UNKNOWN not in one.words[1]:
                self._folders.append(self._path(self._folders[0], one.words[1]))
        self._folders = list(dict.fromkeys(self._folders))
        if len(self._folders) > MOST_FOLDERS:
            raise _too_much(f"it changes to {len(self._folders) - 1} folders")
        for one in ran:
            self._look_at(one, DEEPEST_SCRIPT)
        return self._found

    def _look_at(self, one: Ran, deep: int) -> None:
        for word in _paths_in(one):
            self._word(word)
        for script in _scripts_of(one):
            self._script(script)
        if one.name in SCRIPT_RUNNERS:
            self._package_scripts(one.words[1:], deep)
        for name in MAKERS.get(one.name, ()):
            self._script(name)

    def _path(self, folder: str, word: str) -> str:
        if word == SANDBOX_ROOT or word.startswith(f"{SANDBOX_ROOT}/"):
            return posixpath.normpath(word.removeprefix(SANDBOX_ROOT).lstrip("/") or ".")
        return posixpath.normpath(posixpath.join(folder, word))

    def _word(self, word: str) -> None:
        self._looks += len(self._folders)
        if self._looks > MOST_LOOKS:
            raise _too_much("it names too many files and folders")
        for folder in self._folders:
            path = self._path(folder, word)
            if _PATTERN & set(word):
                self._pattern(word, folder)
            elif not path.startswith(("/", "../")) and path not in self._found.facts:
                self._fact(path, word)

    def _pattern(self, word: str, folder: str) -> None:
        root = self._copy.root / folder
        relative = self._path(".", word) if word.startswith("/") else word
        if relative.startswith(("/", "..")) or f"{folder}: {word}" in self._found.facts:
            return
        # As a shell matches them: names with a point at their beginning are left out, which Path.glob does not do.
        found = glob.iglob(relative, root_dir=root, include_hidden=False)  # noqa: PTH207
        names = sorted(_first(found, MOST_MATCHES + 1))
        if len(names) > MOST_MATCHES:
            raise _too_much(f"{word!r} matches more than {MOST_MATCHES:,} names")
        now = [(name, self._contents.of(self._path(folder, name))) for name in names]
        self._found.facts[f"{folder}: {word}"] = {"matches": len(names), "sha256": digest_of_list(now)}
        shown = ", ".join(inline_code(name, 100) for name in names[:SHOWN_MATCHES])
        more = f" and {len(names) - SHOWN_MATCHES:,} more" if len(names) > SHOWN_MATCHES else ""
        if names:
            self._found.lines.append(
                f"- {inline_code(word, 100)} matches {len(names):,} names now: {shown}{more}"
            )

    def _fact(self, path: str, word: str) -> None:
        try:
            facts = self._files.stat(path)
        except PerdureError:
            return
        if facts.kind == "link":
            target = resolved(self._copy.root, path)
            inside = target != path
            self._found.facts[path] = {
                "kind": "link",
                "target": facts.target,
                "leads_to": target if inside else "",
            }
            where = (
                f"{inline_code(target, 200)} of the workspace"
                if inside
                else "something **outside the workspace**"
            )
            self._found.lines.append(
                f"- {inline_code(word, 100)} is a link to {inline_code(facts.target, 200)}: {where}"
            )
            if inside and target not in self._found.facts:
                self._fact(target, target)
        elif facts.kind in ("folder", "file"):
            self._found.facts[path] = self._contents.of(path)

    def _script(self, word: str) -> None:
        for folder in self._folders:
            path = resolved(self._copy.root, self._path(folder, word))
            try:
                facts = self._files.stat(path)
            except PerdureError:
                continue
            if facts.kind != "file":
                continue
            self._found.facts.setdefault(path, self._contents.of(path))
            if facts.bytes > LARGEST_BODY:
                self._unshown(f"{inline_code(path, 200)} ({facts.bytes:,} bytes)", facts.bytes)
                return
            data = self._files.read(path)
            sha = hashlib.sha256(data).hexdigest()[:12]
            self._show(
                f"{inline_code(path, 200)} (SHA-256 `{sha}…`, {facts.bytes:,} bytes)",
                data.decode("utf-8", "backslashreplace"),
            )
            return

    def _package_scripts(self, words: tuple[str, ...], deep: int) -> None:
        names = [word for word in words if not word.startswith("-")]
        name = names[1] if len(names) > 1 and names[0] in ("run", "run-script") else names[0] if names else ""
        for folder in self._folders:
            path = self._path(folder, "package.json")
            try:
                read = json.loads(self._files.read(path, limit_bytes=LARGEST_BODY))
                scripts = dict(read.get("scripts", {}))
            except (PerdureError, ValueError, TypeError, AttributeError):
                continue
            for each in (f"pre{name}", name, f"post{name}"):
                if isinstance(body := scripts.get(each), str) and f"{path}: {each}" not in self._found.facts:
                    self._found.facts[f"{path}: {each}"] = {"script": body}
                    self._show(f"the script {inline_code(each, 80)} of {inline_code(path, 200)}", body)
                    if deep:
                        for one in segments_of(body).ran:
                            self._look_at(one, deep - 1)

    def _unshown(self, title: str, characters: int) -> None:
        self._found.left_out += characters
        self._found.lines.append(f"- runs {title}, which is not shown")

    def _show(self, title: str, body: str) -> None:
        if self._bodies >= MOST_BODIES:
            self._unshown(title, len(body))
            return
        self._bodies += 1
        shown = quoted(body, BODY_CHARACTERS)
        self._found.left_out += shown.left_out
        self._found.lines += [
            f"- runs {title}:",
            "",
            shown.markdown,
            "",
            *(f"- {each}" for each in shown.remarks),
        ]


def _paths_in(one: Ran) -> Iterator[str]:
    """Words that may name files; what an option is given by ``=`` too."""
    for place, word in enumerate(one.words):
        if UNKNOWN in word or "\0" in word or len(word) > 1_000 or (place == 0 and "/" not in word):
            continue
        value = word.partition("=")[2] if word.startswith("-") else word
        if value and "://" not in value:
            yield value


def _scripts_of(one: Ran) -> Iterator[str]:
    """The file of a script that the command runs."""
    first = one.words[0]
    if UNKNOWN in first:
        return
    if "/" in first:
        yield first
    elif one.name in SHELLS | INTERPRETERS | {"source", "."}:
        words = (word for word in one.words[1:] if not word.startswith("-") and UNKNOWN not in word)
        if not any(word in ("-c", "-e", "-m") for word in one.words[1:3]):
            yield from _first(words, 1)


def _first(names: Iterator[str], most: int) -> Iterator[str]:
    for _, name in zip(range(most), names, strict=False):
        yield name


def _too_much(why: str) -> ToolRejected:
    return ToolRejected(
        f"This command cannot be shown to a person as a whole: {why}.",
        "Split it into several smaller commands.",
    )
