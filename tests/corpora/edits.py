"""``edits.json``: edits by blocks, lines and symbols, each with the files before and afterwards."""

import base64
import json
import time
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from perdure.contracts.errors import ToolRejected
from perdure.safety.probing import probed_sandbox
from tests.corpora.bench import Snapshot, ToolBench, snapshot, tool_bench
from tests.corpora.playing import CannotPlay, cases_of, played
from tests.corpora.report import Miss, Result
from tools.registry import Registry

FOUND_BY = "edits.json"
GUIDE_S = 10.0
CASE = dict[str, Any]


def found_in(folder: Path) -> Iterable[Path]:
    """Every file of this kind below."""
    return sorted(folder.rglob(FOUND_BY))


async def run(place: Path, only: str) -> list[Result]:
    """Run the cases through edit_file."""
    registry, sandbox = Registry.discover(), await probed_sandbox()

    async def play(case: CASE) -> Result:
        _refuse_unknown(case)
        with tool_bench(registry, sandbox) as bench:
            return await _run_case(bench, case)

    return await played(cases_of(place, "cases")[1], only, play)


def _refuse_unknown(case: CASE) -> None:
    """CannotPlay for a form, an outcome or a comparison that is not known here."""
    if case["form"] not in {"blocks", "lines", "symbol"}:
        raise CannotPlay(f"its form is not known, {case['form']!r}")
    for option in (case["expect"], *case["expect"].get("accept", [])):
        if option["outcome"] not in {"applied", "refused"}:
            raise CannotPlay(f"it expects an outcome that is not known, {option['outcome']!r}")
        if option.get("compare", "blank-lines") != "blank-lines":
            raise CannotPlay(f"its comparison is not known, {option['compare']!r}")


async def _run_case(bench: ToolBench, case: CASE) -> Result:
    _lay_out(bench.workspace, case.get("files", {}))
    _lay_out(bench.top, case.get("outside_files", {}))
    before = snapshot(bench.top)
    expected = case["expect"]
    group = f"{case['form']} {expected['outcome']}"
    started = time.monotonic()
    applied, said, layer = True, "", ""
    try:
        output = await bench.run("edit_file", _arguments(bench, case["edit"]))
        said = output.content
    except ToolRejected as refusal:
        applied, said = False, str(refusal)
    seconds = time.monotonic() - started
    if "(layer: " in said:
        layer = said.partition("(layer: ")[2].partition(")")[0]
    options = [expected, *expected.get("accept", [])]
    after = snapshot(bench.top)
    problems = [_problem(before, after, option, applied, bench.workspace.name) for option in options]
    if "" in problems:
        counts = _counts(case, problems, applied, said, layer, seconds)
        return Result(case["id"], group, said=said, seconds=seconds, counts=counts)
    wrong = before != after if not applied else any("differs" in problem for problem in problems)
    miss = Miss.WRONG_FILE if wrong else Miss.WRONG_OUTCOME
    return Result(
        case["id"],
        group,
        miss,
        f"{case.get('name', '')}: {'; '.join(dict.fromkeys(problems))}",
        said,
        seconds,
    )


def _counts(
    case: CASE, problems: list[str], applied: bool, said: str, layer: str, seconds: float
) -> tuple[str, ...]:
    expected = case["expect"]
    words = ["by an accepted alternative"] if problems[0] else []
    if not applied and any(word not in said for word in expected.get("message_has", [])):
        words.append(f"message lacks near names: {case['id']}")
    if applied and not problems[0] and "layer" in expected:
        words.append(f"layer {layer or 'exact'}")
        if (layer or "exact") != expected["layer"]:
            words.append(f"other layer: {case['id']} by {layer or 'exact'}, not {expected['layer']}")
    if seconds > GUIDE_S:
        words.append(f"slow: {case['id']}")
    return tuple(words)


def _arguments(bench: ToolBench, edit: CASE) -> CASE:
    """The edit as the tool's arguments, which have the same names."""
    made = json.loads(json.dumps(edit))
    for one in made.get("blocks", made.get("ranges", [made])):
        if "path" in one:
            path = one["path"].replace("${ROOT}", str(bench.workspace))
            one["path"] = path.replace("${OUTSIDE}", str(bench.top))
    return made


def _material(spec: str | CASE) -> bytes:
    if isinstance(spec, str):
        return spec.encode()
    if "base64" in spec:
        return base64.b64decode(spec["base64"])
    if "generate" in spec:
        return _generated(spec["generate"])
    if "text" not in spec or spec.get("newline", "lf") not in {"lf", "crlf"}:
        raise CannotPlay(f"a file is given in a way that is not known, {json.dumps(spec)[:80]}")
    text: str = spec["text"]
    return (text.replace("\n", "\r\n") if spec.get("newline") == "crlf" else text).encode()


def _generated(rule: CASE) -> bytes:
    if "parts" in rule:
        return "".join(text * count for text, count in rule["parts"]).encode()
    given = rule.get("set", {})
    lines: list[str] = []
    for number in range(1, rule["lines"] + 1):
        plain = rule["rule"].replace("{i}", str(number)).replace("{h}", str(number * 7919 % 1_000_003))
        line = given.get(str(number), plain)
        if line is not None:
            lines.append(f"{line}\n")
    return "".join(lines).encode()


def _lay_out(folder: Path, files: CASE) -> None:
    for path, spec in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        if not isinstance(spec, str) and "symlink" in spec:
            place.symlink_to(spec["symlink"])
        else:
            place.write_bytes(_material(spec))
            place.chmod(0o644 if isinstance(spec, str) else int(spec.get("mode", "0644"), 8))


def _problem(before: Snapshot, after: Snapshot, option: CASE, applied: bool, workspace: str) -> str:
    """What is not as this option has it; empty where all is."""
    if (option["outcome"] == "applied") != applied:
        return f"is not {option['outcome']}"
    wanted = dict(before)
    for path, spec in option.get("files", {}).items() if applied else ():
        place = str(PurePosixPath(workspace) / path)
        old, new = before.get(place), _material(spec)
        got = after.get(place, ("nothing",))
        if option.get("compare") == "blank-lines" and got[0] == "file" and _loose(got[2]) == _loose(new):
            new = got[2]
        mode = old[1] if old else got[1] if got[0] == "file" else 0o644
        wanted[place] = ("file", mode, new)
        above = PurePosixPath(place).parent
        while str(above) != workspace and old is None:
            wanted.setdefault(str(above), ("folder",))
            above = above.parent
    paths = sorted(path for path in wanted.keys() | after.keys() if wanted.get(path) != after.get(path))
    return f"differs: {', '.join(map(repr, paths))}" if paths else ""


def _loose(data: bytes) -> list[str]:
    text = data.decode("utf-8", "surrogateescape").replace("\r\n", "\n")
    return [line for line in text.split("\n") if line.strip()]
