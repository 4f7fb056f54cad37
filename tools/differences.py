"""Unified diffs for people and for the model, quick also where a small change stands in a large file."""

import difflib
import io

CONTEXT_LINES = 3
COMPARED_LINES = 4_000


def unified(path: str, before: str | None, after: str | None, *, moved_to: str = "") -> str:
    """The change of one file as a unified diff; ``before`` is None for a new file, ``after`` for a deleted one."""
    old, new = _lines(before or ""), _lines(after or "")
    start, end = _common(old, new)
    first = max(0, start - CONTEXT_LINES)
    kept = max(0, end - CONTEXT_LINES)
    source = "/dev/null" if before is None else f"a/{path}"
    target = "/dev/null" if after is None else f"b/{moved_to or path}"
    if start == len(old) == len(new):
        return f"--- {source}\n+++ {target}\n"
    return f"--- {source}\n+++ {target}\n" + _hunks(
        old[first : len(old) - kept], new[first : len(new) - kept], first
    )


def diff_statistics(difference: str) -> str:
    """How many lines come and go in each file of a diff, one file a line."""
    counts: dict[str, list[int]] = {}
    path, in_hunk = "", False
    for line in difference.split("\n"):
        if line.startswith("diff --git "):
            path, in_hunk = line.removeprefix("diff --git ").rpartition(" b/")[2], False
            counts[path] = [0, 0]
        elif line.startswith("@@"):
            in_hunk = True
        elif in_hunk and line[:1] in {"+", "-"}:
            counts[path]["+-".index(line[0])] += 1
    rows = [f"{path}  +{added} -{removed}" for path, (added, removed) in counts.items()]
    added, removed = (sum(column) for column in zip(*counts.values(), strict=True)) if counts else (0, 0)
    total = f"{len(counts)} {'file' if len(counts) == 1 else 'files'}, +{added} -{removed}"
    return "\n".join([*rows, total])


def _lines(text: str) -> list[str]:
    # Not splitlines, which also ends lines at form feeds and at other characters that Git takes for text.
    return io.StringIO(text, newline="\n").readlines()


def _common(old: list[str], new: list[str]) -> tuple[int, int]:
    """How many lines are equal at the start and, beyond those, at the end."""
    shorter = min(len(old), len(new))
    start = next((index for index in range(shorter) if old[index] != new[index]), shorter)
    rest = shorter - start
    end = next((index for index in range(rest) if old[-1 - index] != new[-1 - index]), rest)
    return start, end


def _hunks(old: list[str], new: list[str], offset: int) -> str:
    if len(old) + len(new) > COMPARED_LINES:
        groups = [[("replace", 0, len(old), 0, len(new))]]
    else:
        groups = difflib.SequenceMatcher(None, old, new).get_grouped_opcodes(CONTEXT_LINES)
    text: list[str] = []
    for group in groups:
        (_, old_start, _, new_start, _), (_, _, old_end, _, new_end) = group[0], group[-1]
        text.append(
            f"@@ -{_range(old_start + offset, old_end - old_start)} "
            f"+{_range(new_start + offset, new_end - new_start)} @@\n"
        )
        for kind, old_from, old_to, new_from, new_to in group:
            if kind == "equal":
                text.extend(_marked(" ", old[old_from:old_to]))
                continue
            text.extend(_marked("-", old[old_from:old_to]))
            text.extend(_marked("+", new[new_from:new_to]))
    return "".join(text)


def _range(start: int, length: int) -> str:
    # By the format's rule an empty range names the line before it, and a single line stands alone.
    return f"{start + 1 if length else start}" + ("" if length == 1 else f",{length}")


def _marked(sign: str, lines: list[str]) -> list[str]:
    return [
        sign + (line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n") for line in lines
    ]
