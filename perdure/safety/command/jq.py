"""Filters of jq that only take their input apart: no variable, no module, no other file, no environment."""

import re

from perdure.safety.command.arguments import Finding, ask, bounded, shown
from perdure.safety.command.words import words_in

_FUNCTIONS = words_in(
    "keys keys_unsorted length map map_values select has type sort sort_by group_by unique unique_by add any all tostring "
    "tonumber join split test first last to_entries from_entries with_entries min max min_by max_by flatten not and or if "
    "then elif else end empty del contains inside startswith endswith ltrimstr rtrimstr ascii_downcase ascii_upcase "
    "reverse values nulls strings numbers arrays objects booleans scalars null true false floor ceil round abs paths "
    "leaf_paths as reduce foreach tojson fromjson todate now index indices splits sub gsub ascii utf8bytelength transpose"
)
_ENDLESS = frozenset(["repeat", "range", "recurse", "until", "while", "limit"])
_TOKEN = re.compile(
    r"""(?x) [ \t\n]+ | (?P<text>") | [0-9]+(?:\.[0-9]+)? | (?P<field>\.[A-Za-z_][A-Za-z0-9_]*)
    | (?P<name>[A-Za-z_][A-Za-z0-9_]*) | \$[a-z][a-z0-9_]* | @(?:csv|tsv|json|text|html|uri|base64|sh)\b
    | (?:==|!=|<=|>=|//|\.\.|\|=|\+=|[-+*/%<>=|,;:.?\[\](){}]) """
)


_TEXT = re.compile(r"""(?:\\["\\/bfnrt]|[^"\\])*(?P<end>"|\\\()""")
"""A piece of a text up to its end, or up to a filter that is computed within it."""
_WITHIN = "\\("
_OPENING, _CLOSING = frozenset(["{", "[", "("]), frozenset(["}", "]", ")"])


def jq_filter(text: str) -> Finding | None:
    """Why a filter is not known to only take its input apart."""
    at, is_endless, brackets, before = 0, False, list[str](), ""
    while at < len(text):
        token = _TOKEN.match(text, at)
        if not token:
            return _not_understood(text[at:])
        name, sign, at = token["name"], token[0], token.end()
        # Only there a name is that of a field, also without a value of its own.
        is_key = brackets[-1:] == ["{"] and before in {"{", ","}
        before = sign if sign.strip() else before
        if name in _ENDLESS or ("*" in text and re.fullmatch("[0-9]{6,}", sign)):
            is_endless = True
        elif name and not is_key and name not in _FUNCTIONS:
            return ask(f"The jq filter uses {shown(name)}.")
        if sign in _OPENING:
            brackets.append(sign)
        opened = brackets.pop() if sign in _CLOSING and brackets else ""
        if token["text"] or opened == _WITHIN:
            piece = _TEXT.match(text, at)
            if not piece:
                return _not_understood(text[token.start() :])
            brackets += [_WITHIN] if piece["end"] == _WITHIN else []
            at = piece.end()
    if _WITHIN in brackets:
        return _not_understood(text)
    return bounded("The jq filter may not end.") if is_endless else None


def _not_understood(rest: str) -> Finding:
    return ask(f"The jq filter is not understood at {shown(rest)}.")
