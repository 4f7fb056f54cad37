"""The index of code keeps what trees have, and forgets what none has had for long."""

from pathlib import Path

from tools.searching.chunks import Chunk, Definition, chunks_of
from tools.searching.code_store import KEPT_S, CodeStore
from tools.searching.ranking import by_words, fused
from tools.searching.words import Words, identifiers_of

DAY = 86_400


def test_what_no_tree_has_had_for_long_is_forgotten_and_what_was_seen_stays(tmp_path: Path) -> None:
    store = CodeStore(tmp_path / "search.sqlite")
    store.add(
        [(b"old", [Chunk(1, 1, "old words", "old")]), (b"used", [Chunk(1, 1, "used words", "used")])], now=0
    )
    assert store.missing([b"used", b"new"], now=KEPT_S) == {b"new"}
    digests = {piece.name: piece.digest for piece in store.chunks([b"old", b"used"])}
    store.mark_embedded("small", list(digests.values()))
    assert store.forget_old(now=KEPT_S + DAY) == [digests["old"]]
    assert [piece.name for piece in store.chunks([b"old", b"used"])] == ["used"]
    assert store.embedded("small") == {digests["used"]}
    assert len(store.postings(["word"])["word"]) == 1


def test_looks_of_a_tree_that_is_gone_are_forgotten(tmp_path: Path) -> None:
    store = CodeStore(tmp_path / "search.sqlite")
    tree = tmp_path / "tree"
    tree.mkdir()
    store.keep_looks(str(tree), {"a.py": ("look", b"1")})
    store.forget_old(now=0)
    assert store.looks(str(tree)) == {"a.py": ("look", b"1")}
    tree.rmdir()
    store.forget_old(now=0)
    assert store.looks(str(tree)) == {}


def test_every_line_is_in_one_piece_and_a_class_leaves_its_methods_out() -> None:
    text = "import os\n\n\n@mark\nclass A:\n    x = 1\n\n    # why\n    def f(self):\n        def g(): ...\n        return g\n\nlast = 1\n"
    definitions = [
        Definition("A", "class", 5, 11),
        Definition("f", "method", 9, 11, "A"),
        Definition("g", "function", 10, 10, "A.f"),
    ]
    pieces = chunks_of(text, definitions)
    assert [(piece.start, piece.end, piece.name) for piece in pieces] == [
        (1, 3, ""),
        (4, 7, "A"),
        (8, 11, "A.f"),
        (12, 13, ""),
    ]


def test_long_pieces_are_cut_and_none_is_lost() -> None:
    text = "".join(f"line {number}\n" for number in range(1, 501))
    pieces = chunks_of(text, [Definition("f", "function", 101, 400)])
    assert "\n".join(piece.text for piece in pieces) == text.rstrip("\n")
    assert max(piece.end - piece.start + 1 for piece in pieces) <= 80


def test_identifiers_are_split_stemmed_and_kept_whole() -> None:
    words = Words()
    assert words.terms("parseHTTPHeaders") == ["pars", "http", "header", "parsehttpheaders"]
    assert words.terms("how are the headers parsed") == ["header", "pars"]
    assert words.terms("x" * 500) == []


def test_names_in_a_question_are_told_from_words() -> None:
    assert identifiers_of("where does Patience.delay_before use `wait` and parseHeaders") == [
        "wait",
        "Patience.delay_before",
        "parseHeaders",
    ]
    assert identifiers_of("retry") == ["retry"]
    assert identifiers_of("where are retries delayed") == []


def test_a_rare_word_counts_more_and_pieces_of_other_trees_do_not_count() -> None:
    postings = {"common": [(1, 1), (2, 1), (3, 1), (9, 50)], "rare": [(3, 1)]}
    lengths = dict.fromkeys(range(1, 9), 10)
    assert by_words(["common", "rare"], postings, lengths) == [3, 1, 2]


def test_what_two_rankings_agree_on_comes_first() -> None:
    assert fused([(1, ["a", "b", "c"]), (1, ["d", "b", "e"])])[0] == "b"
    assert fused([(1, ["a", "b"]), (1, [])]) == ["a", "b"]
