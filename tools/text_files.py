"""Text in files: finds the encoding, the byte order mark and the line ends, and writes them back unchanged."""

import codecs
import re
import unicodedata
from dataclasses import dataclass, replace
from typing import Literal

from charset_normalizer import from_bytes

from perdure.contracts.errors import ToolRejected
from tools.symbols.marks import MARKS

LineEnd = Literal["lf", "crlf", "cr", "mixed", "none"]
ENDS: dict[LineEnd, str] = {"lf": "\n", "crlf": "\r\n", "cr": "\r"}
UNDECODED = re.compile("[\udc80-\udcff]")

MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"RIFF", "a RIFF file (WebP, WAV or AVI)"),
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"(\xb5/\xfd", "a Zstandard archive"),
    (b"%PDF", "a PDF document"),
    (b"\x7fELF", "an ELF program"),
    (b"MZ", "a Windows program"),
    (b"\x00asm", "a WebAssembly module"),
    (b"SQLite format 3\x00", "a SQLite database"),
    (b"wOFF", "a web font"),
    (b"wOF2", "a web font"),
    (b"\xca\xfe\xba\xbe", "a Java class or a Mach-O program"),
)
CODING_COOKIE = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
GUESS_BYTES = 64 * 1024
BINARY = "binary data"
WIDE_SAMPLE = 4_096
WIDE_SHARE = 0.7
CONTROLS = re.compile("[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f\ufffe\uffff]")
# Without a mark these fit almost any bytes of even length.
NEVER_GUESSED = ("utf_7", "utf_16", "utf_16_be", "utf_16_le", "utf_32", "utf_32_be", "utf_32_le")
EAST_ASIAN = ("shift_jis", "cp932", "euc_", "gb", "big5", "cp949", "cp950", "johab", "iso2022", "hz")


@dataclass(frozen=True)
class TextFile:
    """A decoded file. Where bytes are no valid UTF-8 they are kept as lone surrogates (``invalid_bytes`` of them)."""

    path: str
    text: str
    encoding: str = "utf-8"
    mark: bytes = b""
    guessed: bool = False
    invalid_bytes: int = 0

    @property
    def line_end(self) -> LineEnd:
        """The line ends of the whole file."""
        return line_end_of(self.text)

    def with_text(self, text: str) -> "TextFile":
        """The same file with another text."""
        return replace(self, text=text)

    def encoded(self) -> bytes:
        """The bytes of the text in the file's own encoding; ToolRejected where it cannot hold a character."""
        try:
            return self.mark + self.text.encode(
                self.encoding, "surrogateescape" if self.invalid_bytes else "strict"
            )
        except UnicodeEncodeError as error:
            letter = self.text[error.start]
            raise ToolRejected(
                f"{self.path!r} is written in {self.encoding}, which has no {letter!a} "
                f"({unicodedata.name(letter, 'unnamed')}).",
                "Use characters that the file's encoding has.",
            ) from error

    def described(self) -> str:
        """What is unusual about the file, in a few words; empty for plain UTF-8 with LF."""
        words: list[str] = []
        if self.invalid_bytes:
            words.append(f"{self.invalid_bytes} bytes are not valid UTF-8, shown as \\x…")
        elif self.encoding != "utf-8" or self.mark:
            mark = " with a byte order mark" if self.mark else ""
            words.append(f"encoding {self.encoding}{mark}{', guessed' if self.guessed else ''}")
        end = self.line_end
        if end in {"crlf", "cr", "mixed"}:
            words.append("mixed line ends" if end == "mixed" else f"{end.upper()} line ends")
        return "; ".join(words)


def line_end_of(text: str) -> LineEnd:
    """Which line ends a text has."""
    crlf = text.count("\r\n")
    lf, cr = text.count("\n") - crlf, text.count("\r") - crlf
    counts: dict[LineEnd, int] = {"crlf": crlf, "lf": lf, "cr": cr}
    kinds: list[LineEnd] = [kind for kind, count in counts.items() if count]
    if not kinds:
        return "none"
    return kinds[0] if len(kinds) == 1 else "mixed"


def with_line_ends(text: str, end: LineEnd) -> str:
    """The text with LF and CRLF turned into the given line end; unchanged for ``mixed`` and ``none``."""
    return re.sub(r"\r\n|\n", ENDS[end], text) if end in ENDS else text


def visible(text: str) -> str:
    """The text with bytes that could not be decoded shown as ``\\xNN``, so that it is valid Unicode."""
    bytes_shown = UNDECODED.sub(lambda found: f"\\x{ord(found[0]) - 0xDC00:02x}", text)
    return bytes_shown.encode("utf-8", "backslashreplace").decode("utf-8")


def lines_of(text: str) -> list[str]:
    """The lines as every program counts them: by LF, or by CR where there is no LF; without their ends."""
    lines = text.split("\n") if "\n" in text else text.split("\r")
    if "\n" in text and "\r" in text:
        lines = [line.removesuffix("\r") for line in lines]
    return lines[:-1] if lines[-1] == "" else lines


def decoded(path: str, data: bytes) -> TextFile:
    """The file's text; ToolRejected for what is not text, with its size and type."""
    found = text_or_kind(path, data)
    if isinstance(found, TextFile):
        return found
    raise ToolRejected(
        f"{path!r} is not text: it is {found} of {len(data):,} bytes.",
        "To change it, use a program by execute_command.",
    )


def text_or_kind(path: str, data: bytes) -> TextFile | str:
    """The file's text, or what kind of binary file it is."""
    for mark, encoding in MARKS:
        if data.startswith(mark):
            try:
                return TextFile(path, data[len(mark) :].decode(encoding), encoding, mark)
            except UnicodeDecodeError:
                break
    kind = binary_kind(data)
    if kind:
        wide = _wide(path, data) if kind == BINARY else None
        return wide or kind
    try:
        return TextFile(path, data.decode("utf-8"))
    except UnicodeDecodeError:
        return _decoded_otherwise(path, data)


def binary_kind(data: bytes) -> str:
    """What kind of binary file begins so; empty where it may be text."""
    for magic, kind in MAGIC:
        # Text may begin with letters that a binary format begins with too; a NUL tells them apart.
        if data.startswith(magic) and (b"\x00" in data or not magic.isalnum()):
            return kind
    return BINARY if b"\x00" in data else ""


def _wide(path: str, data: bytes) -> TextFile | None:
    """The text of UTF-16 without a mark: every other byte of the first ones is NUL, and nothing in it is odd."""
    sample = data[:WIDE_SAMPLE]
    pairs = len(sample) // 2
    nuls = (sample[1::2].count(0), sample[::2].count(0))
    if len(data) % 2 or not pairs or min(nuls) or max(nuls) < pairs * WIDE_SHARE:
        return None
    encoding = "utf-16-le" if nuls[0] else "utf-16-be"
    text = _round_trip(data, encoding)
    if text is None or CONTROLS.search(text):
        return None
    return TextFile(path, text, encoding, guessed=True)


def _decoded_otherwise(path: str, data: bytes) -> TextFile:
    """The text of bytes that are not UTF-8: by its coding cookie, as damaged UTF-8, or by a guess that round-trips."""
    cookie = _cookie(path, data)
    if cookie:
        text = _round_trip(data, cookie)
        if text is not None:
            return TextFile(path, text, cookie)
    damaged = data.decode("utf-8", "surrogateescape")
    # Encoding counts what it leaves out far faster than a pattern finds it.
    ascii_only, valid = (len(damaged.encode(name, "ignore").decode(name)) for name in ("ascii", "utf-8"))
    invalid, multibyte = len(damaged) - valid, valid - ascii_only
    encoding = "" if multibyte > invalid else _guess(data)
    text = _round_trip(data, encoding) if encoding else None
    if text is None:
        return TextFile(path, damaged, invalid_bytes=invalid)
    return TextFile(path, text, encoding, guessed=True)


def _cookie(path: str, data: bytes) -> str:
    if not path.endswith((".py", ".pyi", ".pyw")):
        return ""
    for line in data.split(b"\n", 2)[:2]:
        found = CODING_COOKIE.match(line)
        if found:
            try:
                return codecs.lookup(found[1].decode("ascii", "replace")).name
            except LookupError:
                return ""
    return ""


def _guess(data: bytes) -> str:
    matches = from_bytes(data[:GUESS_BYTES], cp_exclusion=list(NEVER_GUESSED))
    best = matches.best()
    if best is None or best.multi_byte_usage or best.encoding.startswith(EAST_ASIAN):
        return best.encoding if best else ""
    # Many single-byte encodings fit a short text equally well; the Western one is the commonest by far.
    fitting = {name for match in matches for name in (match.encoding, *match.could_be_from_charset)}
    return next((common for common in ("cp1252", "latin_1") if common in fitting), best.encoding)


def _round_trip(data: bytes, encoding: str) -> str | None:
    """The text where encoding it again gives the very same bytes."""
    try:
        text = data.decode(encoding)
        return text if text.encode(encoding) == data else None
    except (UnicodeError, LookupError):
        return None
