"""Parses a text inside the sandbox: ``main()`` answers one request on standard input and is all that runs there.

The first line is the name of the language, the text follows; the answer is the outline as JSON.
"""

import json
import sys

from tools.symbols.outlines import outline_of


def main() -> None:
    """Answer the request."""
    language = sys.stdin.buffer.readline().decode().strip()
    outline = outline_of(language, sys.stdin.buffer.read())
    sys.stdout.buffer.write(json.dumps(outline.as_json()).encode())
