"""Filters of jq that only take their input apart: no variable, no module, no other file, no environment."""

import re

from perdure.safety.command.arguments import Finding, ask, bounded, shown
from perdure.safety.command.words import words_in

_FUNCTIONS = words_in(
    "keys keys_unsorted length map map_values select has type sort sort_by group_by unique unique_by add any all tostring "
    "tonumber join split test first last to_entries from_entries with_entries min max min_by max_by flatten not and or if "
    "then elif else end empty del contains inside startswith endswith ltrimstr rtrimstr ascii_downcase ascii_upcase "
    "reverse values nulls strings numbers arrays objects booleans scalars null true false floor ceil round abs paths "
    "leaf_paths tojson fromjson todate now index indices splits sub gsub ascii utf8bytelength transpose"
)
_ENDLESS = frozenset(["repeat", "range", "recurse", "until", "while", "limit"])
_TOKEN = re.compile(
    r"""(?x) [ \t\n]+ | "(?:\\["\\/bfnrt]|[^"\\])*" | [0-9]+(?:\.[0-9]+)? | (?P<field>\.[A-Za-z_][A-Za-z0-9_]*)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*) (?P<key>[ ]*:)? | @(?:csv|tsv|json|text|html|uri|base64|sh)\b
    | (?:==|!=|<=|>=|//|\.\.|\|=|\+=|[-+*/%<>=|,;:.?\[\](){}]) """
)


def jq_filter(text: str) -> Finding | None:
    """Why a filter is not known to only take its input apart."""
    at, is_endless, brackets = 0, False, list[str]()
    while at < len(text):
        token = _TOKEN.match(text, at)
        if not token:
            return ask(f"The jq filter is not understood at {shown(text[at:])}.")
        name, sign = token["name"], token[0]
        is_key = token["key"] and brackets[-1:] == ["{"]
        if name in _ENDLESS:
            is_endless = True
        elif name and not is_key and name not in _FUNCTIONS:
            return ask(f"The jq filter uses {shown(name)}.")
        if sign in {"{", "[", "("}:
            brackets.append(sign)
        elif sign in {"}", "]", ")"} and brackets:
            brackets.pop()
        at = token.end()
    return bounded("The jq filter may not end.") if is_endless else None
