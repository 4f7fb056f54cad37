"""Lets any program see files as they would be: in a view that is thrown away when it ends."""

import base64
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from perdure.contracts.errors import InvalidInput
from perdure.safety.environment import WORKSPACE
from perdure.safety.views import View

PROGRAM = Path(__file__).with_name("trial_program.py")


class Trial(NamedTuple):
    """How the program is started."""

    argv: Sequence[str]
    stdin: bytes
    view: View


def on_trial(
    python: Path, texts: Mapping[str, bytes], argv: Sequence[str], stdin: bytes, view: View
) -> Trial:
    """The program with these bytes in place of the workspace's files; InvalidInput where its writes were to stay."""
    if view is View.WRITABLE:
        raise InvalidInput("Files that are only tried cannot be seen by a program whose writes stay.")
    coded = {f"{WORKSPACE}/{path}": base64.b64encode(data).decode() for path, data in texts.items()}
    written = json.dumps(coded).encode()
    begin = [str(python), "-I", "-S", "-c", PROGRAM.read_text(), str(len(written))]
    return Trial([*begin, *argv], written + stdin, View.SCRATCH)
