"""Says who owns paths by a CODEOWNERS file, inside the sandbox, because patterns can be made to take for ever.

The request, one JSON object: ``text`` and ``paths``. The answer: ``owners``, a list for each path, or ``fault``.
"""

import json
import re
import sys


def main() -> None:
    """Answer the request."""
    from codeowners import CodeOwners

    request = json.loads(sys.stdin.buffer.read())
    try:
        rules = CodeOwners(request["text"])
        answer = {
            "owners": [[name for _, name in rules.of(path)] for path in request["paths"]],
            "rules": len(rules.paths),
        }
    except (ValueError, IndexError, re.error) as error:
        answer = {"fault": str(error)}
    sys.stdout.write(json.dumps(answer))
