"""Finds the names of files inside the sandbox: ``main()`` answers one request on standard input and is all that runs there.

The request is a JSON object: ``files``, a list of [path, language] below the working directory, ``editions`` by language,
``known``, the keys whose names are known already, and ``largest``, the bytes that are read of one file. For each file there
is a line ``<position> <key> <length>`` and that many bytes, written before the next one is read, so that whoever asked
knows which file a crash belongs to. A key is the digest of what the file holds after the edition of its language; it is
``-`` where the file cannot be read, and the length is 0 where the key is known.
"""

import hashlib
import json
import os
import sys

from tools.symbols.marks import as_utf8


def main() -> None:
    """Answer the request."""
    request = json.loads(sys.stdin.buffer.read())
    known, editions, largest = set(request["known"]), request["editions"], request["largest"]
    write, flush = sys.stdout.buffer.write, sys.stdout.buffer.flush
    for position, (path, language) in enumerate(request["files"]):
        data = _read(path, largest)
        key, lines = "-", b""
        if data is not None:
            key = key_of(editions[language], data)
            if key not in known:
                known.add(key)
                lines = _tags(language, as_utf8(data))
        write(b"%d %b %d\n%b" % (position, key.encode(), len(lines), lines))
        flush()


def key_of(edition: str, data: bytes) -> str:
    """The same where the same would be found."""
    return f"{edition}-{hashlib.sha256(data).hexdigest()}"


def _read(path: str, largest: int) -> bytes | None:
    try:
        # What is no file any more is not waited for.
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        with os.fdopen(handle, "rb", buffering=0) as file:
            return file.read(largest)
    except OSError:
        return None


def _tags(language: str, data: bytes) -> bytes:
    if language == "python":
        from tools.symbols.python_tags import python_tags

        found = python_tags(data)
        if found is not None:
            return found
    # It takes longer to load than most files take to be looked at.
    from tools.symbols.tags import tags_of

    return tags_of(language, data)
