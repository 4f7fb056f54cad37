"""Asks jedi inside the sandbox where a Python name is defined and used; ``main()`` is all that runs there.

The request, one JSON object: ``wanted``, ``file``, ``line``, ``name``, ``roots`` (folders that imports begin in),
``candidates`` (files that hold the name) and ``time_s``. Every path is as the sandbox sees it.
"""

import json
import sys
import time
from collections.abc import Iterator
from typing import Any

Key = tuple[str, int, int]
DEFINED_ANEW = ("function", "class", "property")
MISTAKES = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NotImplementedError,
    OSError,
    RecursionError,
    TypeError,
    ValueError,
)
"""How jedi fails on code that it has not foreseen; the name is then one whose meaning is not known."""


def main() -> None:
    """Answer the request."""
    import jedi

    request = json.loads(sys.stdin.buffer.read())
    # Nested expressions of generated code are deep; a limit of jedi's own ends what is endless.
    sys.setrecursionlimit(3_000)
    # Only what the project has can be what it means: of this interpreter the standard library alone is shown to jedi.
    standard = [path for path in sys.path if "site-packages" not in path and path not in request["ours"]]
    project = jedi.Project("/workspace", sys_path=[*request["roots"], *standard], smart_sys_path=False)
    asked = _Asked(jedi, project, request)
    answer = asked.definitions() if request["wanted"] == "definitions" else asked.references()
    sys.stdout.write(json.dumps({"version": jedi.__version__, **answer}))


class _Asked:
    """One request."""

    def __init__(self, jedi: Any, project: Any, request: dict[str, Any]) -> None:
        self._jedi, self._project, self._request = jedi, project, request
        self._environment = jedi.InterpreterEnvironment()
        self._until = time.monotonic() + request["time_s"]

    def definitions(self) -> dict[str, Any]:
        """Where the name on the line is defined."""
        places: list[Any] = []
        for each in self._targets():
            places += self._parts_of_property(each) or [each]
        return {"places": [_place(each) for each in places], "unsure": [], "complete": True}

    def references(self) -> dict[str, Any]:
        """Every name in the candidates that means what the name on the line means."""
        name = self._request["name"]
        known = {key for each in self._targets() for key in [_key(each)] if key}
        if not known:
            return {"places": [], "unsure": [], "complete": True}
        found: list[tuple[Any, set[Key]]] = []
        complete = True
        for path in dict.fromkeys([self._request["file"], *self._request["candidates"]]):
            if time.monotonic() > self._until:
                complete = False
                break
            for each in self._names(path, name):
                found.append((each, self._meanings(each)))
        known = _closed(
            [*(meanings for _, meanings in found), *_redefined([each for each, _ in found])], known
        )
        places = [each for each, meanings in found if meanings & known]
        # What jedi cannot tell may be it; what it knows to be something else is not.
        unsure = [each for each, meanings in found if not meanings]
        return {
            "places": [
                {**_place(each), "defines": _key(each) in known and each.is_definition()} for each in places
            ],
            "unsure": [_place(each) for each in unsure],
            "complete": complete,
        }

    def _parts_of_property(self, found: Any) -> list[Any]:
        """Every function of a property by one that sets or deletes it; nothing for what is no such function."""
        if found.type not in DEFINED_ANEW or f"@{found.name}." not in found.get_line_code(before=1):
            return []
        names = [each for each in self._names(str(found.module_path), found.name) if each.is_definition()]
        parts = next((group for group in _redefined(names) if _key(found) in group), set[Key]())
        return [each for each in names if _key(each) in parts]

    def _script(self, path: str) -> Any:
        return self._jedi.Script(path=path, project=self._project, environment=self._environment)

    def _targets(self) -> list[Any]:
        request = self._request
        script = self._script(request["file"])
        names = [
            each
            for each in _all_names(script)
            if each.name == request["name"] and each.line == request["line"]
        ]
        found: list[Any] = []
        for each in names:
            found += self._meant(each)
            if found:
                break
        return found

    def _names(self, path: str, name: str) -> Iterator[Any]:
        try:
            script = self._script(path)
        except (OSError, UnicodeError):
            return
        yield from (each for each in _all_names(script) if each.name == name)

    def _meant(self, name: Any) -> list[Any]:
        try:
            found = name.goto(follow_imports=True, follow_builtin_imports=True)
        except MISTAKES:
            return []
        return [each for each in found if each.type != "module" or each.module_path]

    def _meanings(self, name: Any) -> set[Key]:
        keys = {key for each in self._meant(name) for key in [_key(each)] if key}
        if name.is_definition() and not keys:
            own = _key(name)
            return {own} if own else set()
        return keys


def _all_names(script: Any) -> list[Any]:
    return script.get_names(all_scopes=True, definitions=True, references=True)


def _closed(groups: list[set[Key]], known: set[Key]) -> set[Key]:
    """The meanings that are one with the known ones, because some name means both."""
    while True:
        wider = known.union(*(group for group in groups if group & known))
        if wider == known:
            return known
        known = wider


def _redefined(names: list[Any]) -> list[set[Key]]:
    """Functions and classes that have one name in one scope: overloads, a property's parts, the ways of a condition."""
    groups: dict[tuple[str, int, int], set[Key]] = {}
    for each in names:
        own = _key(each)
        if own is None or not each.is_definition() or each.type not in DEFINED_ANEW:
            continue
        try:
            around = each.parent()
        except MISTAKES:
            continue
        scope = (str(each.module_path), around.line or 0, around.column or 0) if around else None
        if scope is not None:
            groups.setdefault(scope, set()).add(own)
    return list(groups.values())


def _key(name: Any) -> Key | None:
    if name.module_path is None or name.line is None:
        return (str(name.module_path or name.module_name), 0, 0) if name.type == "module" else None
    return (str(name.module_path), name.line, name.column)


def _place(name: Any) -> dict[str, Any]:
    line = name.line or 1
    return {
        "path": str(name.module_path or ""),
        "module": name.module_name,
        "line": line,
        "column": (name.column or 0) + 1,
        "kind": name.type,
        "name": name.name,
    }
