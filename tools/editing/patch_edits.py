"""Applies patches to drafts: every hunk where its lines stand, and nothing where that is not certain."""

import sys
from bisect import bisect_left
from itertools import accumulate

from perdure.contracts.errors import ToolRejected
from tools.editing.drafts import Draft, Drafts
from tools.editing.envelopes import is_envelope, read_envelope
from tools.editing.indentation import Shift
from tools.editing.line_runs import EXACT, INDENT, TRAILING, UNICODE, Run, loose_firsts, loose_keys
from tools.editing.lines import Lines, commonest_end
from tools.editing.misses import Missed, nowhere
from tools.editing.patches import FilePatch, Hunk, bad_patch, without_wrapping
from tools.editing.unified_diffs import is_unified, read_unified
from tools.text_files import TextFile, with_line_ends
from tools.titles import shown_path


def read_patch(text: str) -> list[FilePatch]:
    """What a patch of either form asks for."""
    lines = without_wrapping(text)
    if is_envelope(lines):
        return read_envelope(lines)
    if is_unified(lines):
        return read_unified(lines)
    raise bad_patch("it is neither a unified diff nor an envelope")


def apply_patch(drafts: Drafts, files: list[FilePatch]) -> None:
    """Apply everything the patch asks for; ToolRejected names each file whose part cannot be applied."""
    problems: list[str] = []
    for made in files:
        try:
            _apply(drafts, made)
        except ToolRejected as refusal:
            problems.append(f"{shown_path(made.path)}: {refusal}")
    if problems:
        good = len(files) - len(problems)
        raise ToolRejected(
            f"Nothing was written, because {len(problems)} of {len(files)} parts of the patch fail.\n"
            + "\n".join(problems[:3])
            + "\n",
            "Mend these parts and send the whole patch again"
            + (f"; the other {good} are good as they are." if good else "."),
        )


def _apply(drafts: Drafts, made: FilePatch) -> None:
    _refuse_link(drafts, made)
    draft = drafts.find(made.path)
    if draft.deleted and made.kind != "add":
        raise ToolRejected("an earlier part of the patch deletes it.")
    if draft.moved_to:
        raise ToolRejected("an earlier part of the patch moves it away.")
    if made.kind == "add":
        _add(draft, made)
        return
    draft, file = drafts.existing(made.path)
    if made.kind == "delete":
        if made.hunks and _updated(file, made).text:
            raise ToolRejected("it has more text than the patch takes away, so it was not deleted.")
        draft.file, draft.deleted = None, draft.before is not None
        return
    draft.file = _updated(file, made) if made.hunks else file
    draft.executable = made.executable if made.executable is not None else draft.executable
    if made.moved_to:
        _move(drafts, draft, made.moved_to)


def _refuse_link(drafts: Drafts, made: FilePatch) -> None:
    files = drafts.copy.files
    if (
        (made.kind != "update" or made.moved_to)
        and files.exists(made.path)
        and files.stat(made.path).kind == "link"
    ):
        raise ToolRejected(
            f"{made.path!r} is a link, which a patch neither replaces, moves nor deletes.",
            "Name the file that it leads to, or use delete_file.",
        )


def _add(draft: Draft, made: FilePatch) -> None:
    if draft.file is not None and draft.file.text and not made.replaces:
        raise ToolRejected("the patch adds it, but it exists and has text.")
    added = [line for hunk in made.hunks for line in hunk.lines]
    text = "".join(line.text + ("" if line.unended else "\n") for line in added)
    if any(line.sign != "+" for line in added) or "\0" in text:
        raise ToolRejected("the patch adds it, but not every line of it begins with '+', or one holds a NUL.")
    draft.deleted = False
    before = draft.file or draft.before
    if before is None:
        draft.file = TextFile(draft.path, text)
    else:
        draft.file = before.with_text(with_line_ends(text, before.line_end))
    draft.executable = made.executable


def _move(drafts: Drafts, draft: Draft, target: str) -> None:
    other = drafts.find(target)
    if other is draft:
        return
    arrives = any(one.moved_to == other.path for one in drafts.by_path.values())
    changed = other.deleted or (other.file is not other.before and not other.moved_to)
    if arrives or changed:
        raise ToolRejected(f"it moves to {target!r}, which another part of the patch changes too.")
    if draft.before is None:
        raise ToolRejected("it was added by this very patch; add it under its last name instead.")
    if not other.moved_to:
        # The place is taken: no later part may open what is replaced there. Where an earlier part moved that file away,
        # nothing is replaced, and its own move stays.
        del drafts.by_path[other.path]
    draft.moved_to = other.path


def _updated(file: TextFile, made: FilePatch) -> TextFile:
    """The file with every hunk applied; ToolRejected where they fit nowhere, or in more than one way."""
    result = _with_hunks(file, made, Lines(file.text))
    if isinstance(result, Missed) and "\n" in file.text and "\r" in file.text.replace("\r\n", ""):
        again = _with_hunks(file, made, Lines(file.text, lone_returns=True))
        result = again if isinstance(again, str) else result
    if isinstance(result, Missed):
        raise ToolRejected(result.why)
    return file.with_text(result)


def _with_hunks(file: TextFile, made: FilePatch, lines: Lines) -> str | Missed:
    texts = lines.texts
    candidates: list[list[Run]] = []
    for number, hunk in enumerate(made.hunks, 1):
        runs = _runs(hunk, texts)
        if not runs:
            why = nowhere(file, "\n".join(hunk.old) + "\n", "").why if hunk.old else "its place is not there."
            return Missed(f"hunk {number} fits nowhere: {why}")
        candidates.append(runs)
    chosen = _only_way(candidates)
    return chosen if isinstance(chosen, Missed) else _rebuilt(file, lines, made, chosen)


def _runs(hunk: Hunk, texts: list[str]) -> list[Run]:
    """Where the hunk can stand by the strictest rule that gives a place at all."""
    old = hunk.old
    starts = _after_anchors(hunk.anchors, texts)
    if not old:
        if hunk.anchors:
            return [Run(start + 1, start + 1, Shift()) for start in starts]
        place = min(hunk.line, len(texts)) if hunk.line is not None else len(texts)
        return [Run(place, place, Shift())]
    firsts = loose_firsts(loose_keys(texts), old)
    for rung in (EXACT, TRAILING, INDENT, UNICODE):
        runs = list(rung.runs(texts, old, firsts))
        if hunk.at_end:
            runs = [run for run in runs if run.stop == len(texts)]
        if hunk.anchors:
            near = {next((run.first for run in runs if run.first >= start), -1) for start in starts}
            runs = [run for run in runs if run.first in near]
        if hunk.line is not None:
            runs = [run for run in runs if run.first == hunk.line - 1] or runs
        if runs:
            return runs
    return []


def _after_anchors(anchors: tuple[str, ...], texts: list[str]) -> list[int]:
    """Lines of the last anchor, each after one of the anchors before it."""
    starts: list[int] | None = None
    for anchor in anchors:
        found = [number for number, text in enumerate(texts) if text.strip() == anchor] or [
            number for number, text in enumerate(texts) if text.strip().startswith(anchor)
        ]
        if starts is None:
            starts = found
        else:
            after = {bisect_left(found, start + 1) for start in starts}
            starts = sorted(found[index] for index in after if index < len(found))
    return starts or []


def _only_way(candidates: list[list[Run]]) -> list[Run] | Missed:
    """The one choice of places in which the hunks follow each other; Missed where there are several or none."""
    # For each place, in how many ways (two stand for many) the hunks from it on can be placed.
    ways: list[list[int]] = [[] for _ in candidates]
    firsts, sums = [sys.maxsize], [1]
    for index in range(len(candidates) - 1, -1, -1):
        runs = candidates[index]
        ways[index] = [sums[bisect_left(firsts, run.stop)] for run in runs]
        firsts = [*(run.first for run in runs), sys.maxsize]
        sums = list(accumulate(reversed([*ways[index], 0]), lambda one, other: min(2, one + other)))[::-1]
    total = sum(ways[0])
    if total != 1:
        places = ", ".join(str(run.first + 1) for run in candidates[0][:8])
        if total:
            several = next(number for number, runs in enumerate(candidates, 1) if len(runs) > 1)
            places = ", ".join(str(run.first + 1) for run in candidates[several - 1][:8])
            return Missed(
                f"hunk {several} fits in more than one place (lines {places}). Give it more lines around, "
                "or an @@ line with the function or class that it is in."
            )
        return Missed("its hunks do not follow each other in the order of the file, or overlap.")
    chosen: list[Run] = []
    for runs, counts in zip(candidates, ways, strict=True):
        stop = chosen[-1].stop if chosen else 0
        chosen.append(
            next(run for run, count in zip(runs, counts, strict=True) if count and run.first >= stop)
        )
    return chosen


def _rebuilt(file: TextFile, lines: Lines, made: FilePatch, runs: list[Run]) -> str | Missed:
    """The text with new lines in place of old ones; lines that a hunk only shows keep every byte."""
    end = commonest_end(file.text)
    pieces: list[str] = []
    done = 0
    for hunk, run in zip(made.hunks, runs, strict=True):
        pieces += [file.text[lines.start(index) : lines.stop(index)] for index in range(done, run.first)]
        at = run.first
        moved = run.move.moved([line.text for line in hunk.lines if line.sign == "+"])
        if moved is None:
            return Missed("its new lines cannot be moved to the depth of the lines that they belong to.")
        new = iter(moved)
        for line in hunk.lines:
            if line.sign == "+":
                pieces.append(next(new) + end)
                continue
            if line.sign == " ":
                pieces.append(file.text[lines.start(at) : lines.stop(at)])
            at += 1
        done = run.stop
    touched_last = done == len(lines)
    pieces += [file.text[lines.start(done) :]] if done < len(lines) else []
    text = "".join(
        piece if index == len(pieces) - 1 or piece.endswith(("\n", "\r")) else piece + end
        for index, piece in enumerate(pieces)
    )
    return _with_last_end(file, made, text, end) if touched_last else text


def _with_last_end(file: TextFile, made: FilePatch, text: str, end: str) -> str:
    """The text with a final line end where the patch says so, or as the file had it where it says nothing."""
    last = next(
        (line for line in reversed(made.hunks[-1].lines) if line.sign != "-"), made.hunks[-1].lines[-1]
    )
    if last.sign != "+" or made.ended:
        return text
    said = any(line.unended for line in made.hunks[-1].lines)
    had = file.text.endswith(("\n", "\r")) or not file.text
    return text.removesuffix(end) if last.unended or (not had and not said) else text
