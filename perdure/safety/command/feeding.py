"""What one command of a pipeline hands to the next: names of files for ``xargs``, the environment, a history that is searched."""

import re
from dataclasses import dataclass, replace

from perdure.safety.command.arguments import Argument, Finding, ask, shown
from perdure.safety.command.kinds import looks_for_secrets
from perdure.safety.command.programs import programs
from perdure.safety.command.readers import ACTIONS, FOUND, TELLS_LITTLE, finds_no_secrets, is_harmless_name
from perdure.safety.command.words import words_in

Words = list[Argument]
_SEARCHES = words_in("grep egrep fgrep")
_DROPS = {
    "sort": r"(?: -[nruV]+)*",
    "uniq": "",
    "head": r"(?: -(?:n ?)?[0-9]{1,6})?",
    "tail": r"(?: -(?:n ?)?[0-9]{1,6})?",
    "grep": r"(?: -[vEFiw]+)* [^- ][^ ]*",
}
"""Arguments with which a program gives some of its lines as they are, perhaps in another order."""
_GIT_LISTS = re.compile(
    r"ls-files(?: (?:-[cdmo]|--(?:cached|deleted|modified|others|exclude-standard|deduplicate)))*(?P<names>(?: --)?(?: [^- ][^ ]*)*)|"
    r"diff --name-only(?: --(?:cached|staged|diff-filter=\w+)| --| [^- ][^ ]*)*|"
    r"grep (?:-[niwEFI]*l[niwEFI]*|--files-with-matches|--name-only)(?: [^ ]+)*"
)
_PATCHES = re.compile(
    r"-[a-z]*[pucm]|-[ULWSG]|--(?:patch|unified|cc|diff-merges|pickaxe|function-context|word-diff)"
)
"""Options with which a history shows what was changed, not only who did."""
_NAMES_ALONE = re.compile(r"-[rRniwEFIs]*l[rRniwEFIs]*|--files|--files-with-matches")
"""The first option of a search that prints names of files and nothing else; further behind it could be another option's value."""
_VARIABLES = re.compile(
    r"\^?(?:PATH|HOME|USER|SHELL|LANG|LC_\w*|TERM|TZ|PWD|TMPDIR|CI|PYTHON\w*|VIRTUAL_ENV|VENV|CONDA|NODE|NODE_ENV|NODE_PATH|JAVA|JAVA_HOME|"
    r"GOPATH|GOROOT|CARGO_HOME|RUSTUP|NVM_DIR)=?",
    re.IGNORECASE,
)
"""Names that are asked for in the environment of a program, of which none is a secret's."""


@dataclass(frozen=True, slots=True)
class Fed:
    """The command that ``xargs`` runs, with a found file in the place of what it is given."""

    command: Words
    searches_everything: bool = False
    """Whether it must be judged as a search in the whole workspace."""


def shows_harmless_variables(left: Words, right: Words) -> bool:
    """Of ``env | grep NAME``: whether only variables are shown that hold no secret, such as the path."""
    if _texts(left) not in (["env"], ["printenv"]) or not all(word.is_known for word in right):
        return False
    options, patterns = [word for word in _texts(right)[1:] if word[:1] == "-"], _texts(right)[1:]
    patterns = [word for word in patterns if word[:1] != "-"]
    plain = all(re.fullmatch("-[iEnw]+", option) for option in options)
    if _texts(right)[0] not in _SEARCHES or not plain or len(patterns) != 1:
        return False
    return all(_VARIABLES.fullmatch(name) for name in re.split(r"\\?\|", patterns[0]))


def hunts_in_history(left: Words, right: Words) -> Finding | None:
    """Of ``git log -p | grep PATTERN``: why the search may show what was once committed and taken out again."""
    texts = _texts(left)
    if texts[:1] != ["git"] or not right or not ("show" in texts or any(map(_PATCHES.match, texts[1:]))):
        return None
    hunted = next((word for word in right[1:] if looks_for_secrets(word.text)), None)
    if hunted is None or not {"log", "show", "stash", "reflog", "whatchanged"} & set(texts):
        return None
    return ask(f"The search for {shown(hunted.raw)} in the history may show secrets.")


def fed_by_names(before: list[Words], right: Words) -> Fed | None:
    """Of ``LIST | … | xargs COMMAND``: the command with found files; None where what it gets is not known to be names."""
    if not before or not before[0] or _texts(right)[:1] != ["xargs"] or not all(map(_only_drops, before[1:])):
        return None
    by_zero, place, command = _taken_apart(right[1:])
    if not command or command[0].text.startswith("-"):
        return None
    lister = before[0]
    certain = _lists_harmless(lister, by_zero=by_zero)
    if not certain and (by_zero or not _lists(lister)):
        return None
    program = programs().get(command[0].text)
    if not (by_zero and len(before) == 1) and (by_zero or not (program and program.entry.any_name)):
        # A name with blanks becomes several words, of which one may look like an option.
        return None
    full = _with_found(command, place)
    if full is None or certain or command[0].text in TELLS_LITTLE:
        return Fed(full) if full else None
    return Fed(full, searches_everything=True) if command[0].text in _SEARCHES else None


def _texts(words: Words) -> list[str]:
    return [word.text for word in words]


def _only_drops(words: Words) -> bool:
    texts = _texts(words)
    pattern = (
        _DROPS.get(texts[0])
        if texts and all(word.is_known and not word.is_pattern for word in words)
        else None
    )
    # A blank within a word would read as two words here.
    return pattern is not None and bool(re.fullmatch(texts[0] + pattern, " ".join(texts)))


def _taken_apart(arguments: Words) -> tuple[bool, str, Words]:
    """Whether names are ended by a zero byte, what stands for a name in the command, and the command."""
    by_zero, place, at = False, "", 0
    while at < len(arguments):
        text = arguments[at].text
        if text in {"-0", "--null"}:
            by_zero = True
        elif re.fullmatch(r"-I[{}%@]+", text):
            place = text[2:]
        elif text in {"-I", "-n", "-P"} and at + 1 < len(arguments):
            at += 1
            place = arguments[at].text if text == "-I" else place
        elif not re.fullmatch(r"-r|--no-run-if-empty|-[nP][0-9]{1,3}", text):
            break
        at += 1
    return by_zero, place, arguments[at:]


def _with_found(command: Words, place: str) -> Words | None:
    """The command with what ``xargs`` adds; as many names as fit take their place, so two stand for all."""
    found = Argument(FOUND, FOUND)
    if not place:
        return [*command, found, found]
    if not re.fullmatch(r"[{}%@]+", place) or any(
        place in word.text and word.text != place for word in command
    ):
        return None
    return [replace(found, raw=word.raw) if word.text == place else word for word in command]


def _lists_harmless(words: Words, *, by_zero: bool) -> bool:
    """Whether it prints names by a pattern alone that no file with secrets has."""
    texts = _texts(words)
    if texts[0] == "find":
        prints = [text for text in texts if text in ACTIONS]
        return prints == (["-print0"] if by_zero else []) and finds_no_secrets(words)
    found = _GIT_LISTS.fullmatch(" ".join(texts[1:])) if texts[0] == "git" and not by_zero else None
    names = (found["names"] or "").split() if found else []
    names = [name for name in names if name != "--"]
    return bool(names) and all(is_harmless_name(name) for name in names)


def _lists(words: Words) -> bool:
    """Whether it prints nothing but names of files in the workspace, one in each line."""
    texts = _texts(words)
    if not all(word.is_known for word in words):
        return False
    if texts[0] == "find":
        return not any(text in ACTIONS for text in texts)
    if texts[0] == "git":
        return bool(_GIT_LISTS.fullmatch(" ".join(texts[1:])))
    if texts[0] in {*_SEARCHES, "rg"}:
        return len(texts) > 1 and bool(_NAMES_ALONE.fullmatch(texts[1]))
    return False
