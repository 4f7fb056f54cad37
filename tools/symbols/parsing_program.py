"""Parses texts inside the sandbox: ``main()`` answers one request on standard input and is all that runs there.

The first line is a JSON object: ``wanted`` (``tags`` or ``outlines``) and ``texts``, a list of [language, length]; the
texts follow. For each there is a line ``<position> <length>`` and that many bytes, written before the next one is read, so
that whoever asked knows which text a crash belongs to.
"""

import json
import sys

from tools.symbols.outlines import outline_of
from tools.symbols.tags import tags_of


def main() -> None:
    """Answer the request."""
    request = json.loads(sys.stdin.buffer.readline())
    write, flush = sys.stdout.buffer.write, sys.stdout.buffer.flush
    for position, (language, length) in enumerate(request["texts"]):
        data = sys.stdin.buffer.read(length)
        if request["wanted"] == "tags":
            answer = tags_of(language, data)
        else:
            answer = json.dumps(outline_of(language, data).as_json()).encode()
        write(b"%d %d\n" % (position, len(answer)))
        write(answer)
        flush()
