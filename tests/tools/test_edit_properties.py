"""Whatever the text: bytes outside of the replaced span stay, and a failing edit changes nothing."""

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perdure.contracts.errors import ToolRejected
from tests.corpora.bench import snapshot
from tests.tools.conftest import Bench
from tools.editing.ladder import Found, find_place
from tools.editing.misses import Missed
from tools.text_files import decoded

ENDS = st.sampled_from(["\n", "\r\n", "\r"])
WORDS = st.text(alphabet="ab {}()=\t“”–é😀", max_size=12)
LINES = st.lists(st.tuples(WORDS, ENDS), min_size=1, max_size=12)
MARKS = st.sampled_from([b"", b"\xef\xbb\xbf"])


LOOSER: dict[str, Callable[[str], str]] = {
    "ends": lambda line: line,
    "trailing": lambda line: line + " ",
    "indent": lambda line: "    " + line if line.strip() else line,
    "quotes": lambda line: line.replace("“", '"').replace("”", '"').replace("–", "-"),
    "blanks": lambda line: line.replace(" ", "  "),
    "letters": lambda line: line.replace("a", "e", 1),
}


def whole(lines: list[tuple[str, str]], *, ended: bool) -> str:
    text = "".join(line + end for line, end in lines)
    return text if ended else text.rstrip("\r\n")


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    lines=LINES,
    ended=st.booleans(),
    mark=MARKS,
    bounds=st.tuples(st.integers(0, 80), st.integers(1, 40)),
    new=WORDS,
)
def test_what_is_outside_of_an_exact_span_stays(
    lines: list[tuple[str, str]], ended: bool, mark: bytes, bounds: tuple[int, int], new: str
) -> None:
    data = mark + whole(lines, ended=ended).encode()
    file = decoded("f.txt", data)
    start = min(bounds[0], len(file.text))
    search = file.text[start : start + bounds[1]]
    if not search:
        return
    place = find_place(file, search, new)
    if isinstance(place, Missed):
        assert sum(file.text.startswith(search, at) for at in range(len(file.text))) > 1
        return
    assert (place.start, place.end, place.layer) == (start, start + len(search), "exact")
    after = file.with_text(file.text[:start] + place.replacement + file.text[place.end :]).encoded()
    head, tail = mark + file.text[:start].encode(), file.text[place.end :].encode()
    assert after == head + place.replacement.encode() + tail


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    lines=LINES,
    at=st.integers(0, 11),
    count=st.integers(1, 4),
    change=st.sampled_from(sorted(LOOSER)),
    new=st.lists(WORDS, max_size=3),
)
def test_a_loose_match_replaces_the_lines_that_were_meant_and_no_other(
    lines: list[tuple[str, str]], at: int, count: int, change: str, new: list[str]
) -> None:
    text = "".join(line + end for line, end in lines if end != "\r")
    file = decoded("f.txt", text.encode())
    given_lines = [line for line, end in lines if end != "\r"]
    meant = given_lines[at : at + count]
    if not any(line.strip() for line in meant):
        return
    loosened = LOOSER[change]
    search = "".join(loosened(line) + "\n" for line in meant)
    place = find_place(file, search, "".join(f"{line}\n" for line in new))
    if isinstance(place, Found) and place.layer not in {"exact", "eol", "unicode"}:
        covered = file.text[place.start : place.end]
        assert covered.count("\n") == len(meant)
        assert place.start == 0 or file.text[place.start - 1] == "\n"
        assert place.replacement.count("\n") == len(new)


@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    blocks=st.lists(
        st.tuples(st.sampled_from(["p/a.txt", "b.txt", "none/new.txt"]), WORDS, WORDS), min_size=1, max_size=4
    )
)
async def test_an_edit_happens_whole_or_not_at_all(bench: Bench, blocks: list[tuple[str, str, str]]) -> None:
    bench.put("p/a.txt", "ab {}\r\n(a) = b\n“a” –\n")
    bench.put("b.txt", "\ta b\n  a\n")
    if bench.copy.files.exists("none"):
        bench.copy.files.delete("none/new.txt")
        bench.copy.files.delete("none")
    before = snapshot(bench.copy.root)
    texts = {path: bench.text(path) for path in ("p/a.txt", "b.txt")}
    arguments = [{"path": path, "search": search, "replace": new} for path, search, new in blocks]
    try:
        output = await bench.run("edit_file", blocks=arguments)
    except ToolRejected:
        assert snapshot(bench.copy.root) == before
        return
    changed = {path for path in texts if bench.text(path) != texts[path]}
    assert changed <= {path for path, _, _ in blocks}
    assert output.content
