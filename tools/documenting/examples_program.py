"""Runs the examples of docs as sessions of the interpreter, on the module they speak of. Runs inside the sandbox."""

import doctest
import importlib
import json
import sys
from typing import Any


def main(request: dict[str, Any]) -> None:
    """Import the module, run each symbol's examples in order, and print what did not hold."""
    # What lies beside the module comes last, since it may have the name of a module of Python.
    sys.path[:] = [request["root"], *sys.path, request["beside"]]
    answer: dict[str, Any] = {"problem": "", "said": {}}
    try:
        names = dict(vars(importlib.import_module(request["module"])))
    # Whatever a module does when it is loaded, the answer has to say it.
    except BaseException as error:
        answer["problem"] = f"{type(error).__name__}: {error}"
        names = {}
    if not answer["problem"]:
        for symbol, texts in request["examples"].items():
            answer["said"][symbol] = [_said(text, symbol, names) for text in texts]
    sys.stdout.write("\n" + request["border"] + json.dumps(answer))


def _said(text: str, symbol: str, names: dict[str, Any]) -> str:
    """What doctest says of one example; empty where it holds."""
    said: list[str] = []
    test = doctest.DocTestParser().get_doctest(text, dict(names), symbol, None, 0)
    runner = doctest.DocTestRunner(verbose=False)
    runner.run(test, out=said.append)
    return "".join(said)[-6000:]


if __name__ == "__main__":
    main(json.load(sys.stdin))
