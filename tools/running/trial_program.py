"""Writes files that are on trial into a view that is thrown away, then becomes the program that looks at them.

Runs inside the sandbox. The texts come first on the standard input; what follows is the program's own.
"""

import base64
import json
import os
import sys
from pathlib import Path


def main(size: int, argv: list[str]) -> None:
    """Write the files, then run the program in this process."""
    data = b""
    while len(data) < size:
        data += os.read(0, size - len(data))
    for path, text in json.loads(data).items():
        place = Path(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(base64.b64decode(text))
    os.execvp(argv[0], argv)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
