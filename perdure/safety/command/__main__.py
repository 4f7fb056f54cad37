"""``python -m perdure.safety.command``: JSON lines with ``id`` and ``command`` in, with ``id``, ``verdict`` and ``reason`` out."""

import json
import sys
from collections.abc import Iterable, Iterator

from pydantic import BaseModel, JsonValue, ValidationError

from perdure.safety.command.analysis import analyse


class Question(BaseModel):
    """One line of the input."""

    id: JsonValue = None
    command: str


def answers(lines: Iterable[str]) -> Iterator[str]:
    """One answer for each line; what is no object with a text as its command is denied."""
    for line in lines:
        if line.strip():
            yield json.dumps(_answer(line)) + "\n"


def _answer(line: str) -> dict[str, object]:
    try:
        question = Question.model_validate(json.loads(line))
    except json.JSONDecodeError as error:
        return {"id": None, "verdict": "deny", "reason": f"The line is not JSON: {error}."}
    except ValidationError:
        return {"id": None, "verdict": "deny", "reason": "The line is no object with a text in 'command'."}
    except (RecursionError, ValueError):
        return {
            "id": None,
            "verdict": "deny",
            "reason": "The line is nested too deep, or a number in it is too long.",
        }
    analysis = analyse(question.command)
    return {"id": question.id, "verdict": analysis.verdict.value, "reason": analysis.reason}


def main() -> int:
    """Answer until the input ends."""
    sys.stdout.writelines(answers(sys.stdin))
    return 0


if __name__ == "__main__":
    sys.exit(main())
