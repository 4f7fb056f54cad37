"""``python -m perdure.safety.secrets FILE…``: where credentials stand, for whoever decides whether they are any.

One line each: place, kind, and the SHA-256 by which PERDURE_KNOWN_HARMLESS can name it. The text itself is not shown.
"""

import sys
from pathlib import Path

from perdure.safety.secrets.harmless import digest_of_text
from perdure.safety.secrets.screens import Screens


def main(names: list[str]) -> int:
    """Exit code 1 where something was found, 2 where a file cannot be read."""
    screen = Screens().worker
    code = 0
    for name in names:
        try:
            text = Path(name).read_bytes().decode("utf-8", "replace")
        except OSError as error:
            sys.stderr.write(f"{name!r} cannot be read: {error.strerror}.\n")
            return 2
        for one in screen.findings(text):
            digest = digest_of_text(text[one.start : one.end])
            sys.stdout.write(f"{name}:{one.line_in(text)}: {one.kind} sha256={digest}\n")
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
