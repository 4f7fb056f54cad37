"""Encodings are found, kept, and never damaged."""

import pytest

from tools.text_files import decoded, lines_of, visible

TEXTS = [
    ("“Größe” – naïve café\n", "cp1252"),
    ("Привет, мир. Как дела?\n" * 3, "cp1251"),
    ("日本語のテキストです。これはテストです。\n" * 3, "cp932"),
    ("中文测试文本,这是一个例子。\n" * 3, "gb18030"),
    ("Zażółć gęślą jaźń\n" * 3, "cp1250"),
]


@pytest.mark.parametrize(("text", "encoding"), TEXTS)
def test_guesses_an_encoding_that_gives_the_same_bytes_back(text: str, encoding: str) -> None:
    file = decoded("x.txt", text.encode(encoding))
    assert (file.encoding, file.guessed, file.text) == (encoding, True, text)
    assert file.encoded() == text.encode(encoding)


@pytest.mark.parametrize(
    "data",
    [
        b"\xc0\xaf\xe0\x80\xaf\n",
        b"abc\xe2\x82",
        b"\x81\x8d\x8f\x90\x9d\n",
        bytes(range(1, 256)),
        b"caf\xc3\xa9 \xff\n",
    ],
)
def test_any_bytes_without_nul_come_back_as_they_were(data: bytes) -> None:
    file = decoded("x.txt", data)
    assert file.encoded() == data
    assert file.encoding not in {"utf_16", "utf_16_be", "utf_16_le", "utf_7"}
    visible(file.text).encode("utf-8")


def test_obeys_pythons_coding_cookie() -> None:
    data = "# -*- coding: latin-1 -*-\nNAME = 'über'\n".encode("latin-1")
    file = decoded("c.py", data)
    assert (file.encoding, file.guessed) == ("iso8859-1", False)
    assert file.encoded() == data


def test_shows_what_is_no_unicode() -> None:
    assert visible("a\udcffb\ud800") == "a\\xffb\\ud800"


def test_counts_lines_by_lf_or_by_cr_where_there_is_no_lf() -> None:
    assert lines_of("a\r\nb\nc\rd\x0ce\u2028f\n") == ["a", "b", "c\rd\x0ce\u2028f"]
    assert lines_of("a\rb\rc") == ["a", "b", "c"]
    assert lines_of("") == []
    assert lines_of("\n\n") == ["", ""]
