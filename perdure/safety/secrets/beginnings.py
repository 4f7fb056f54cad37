"""The beginnings of issuers' tokens that were cut off, where the text ends or says that something was left out."""

import re
from collections.abc import Iterator

from perdure.safety.secrets.folding import IN_WORDS
from perdure.safety.secrets.shapes import stands_for_one

_TOKEN = re.compile(
    r"(?:(?:gh[pousr]_|[sr]k_(?:live|test)_|whsec_|gsk_|hf_|npm_|r8_|do[opr]_v1_|shp(?:at|ca|pa|ss)_|figd_|lin_api_|ntn_|sbp_|lsv2_)"
    r"(?=[A-Za-z]*\d)[A-Za-z0-9]{6,}"
    r"|(?:github_pat_|gl(?:pat|dt|rt|ptt|agent)-|sk-(?:ant|proj|svcacct)-|xox[a-z]-|xapp-|pypi-|dckr_pat_|SG\.|GOCSPX-|ya29\."
    r"|hv[sbr]\.|glsa_|nvapi-|pplx-|tskey-|PMAK-|sntry[su]_|xkeysib-|AGE-SECRET-KEY-|AKIA|ASIA|AIza)"
    r"(?=[A-Za-z_.-]*\d)[\w.-]{6,}"
    r"|eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?)"
)
_MARKS = ("...", "?")
"""What stands where something was left out; the second one is all that plain text has of an ellipsis."""
_LONGEST = 2_000
_BETWEEN = "[ \"'`"


def found_in(plain: str) -> Iterator[tuple[int, int]]:
    """Where they begin and end in a text of ASCII."""
    for at in _borders(plain):
        start = max(0, at - _LONGEST)
        before = plain[start:at].rstrip(_BETWEEN)
        word = before[len(before.rstrip(IN_WORDS)) :]
        for part in re.finditer("[^=/+]+", word) if len(word) >= 9 else ():
            if (
                part.end() == len(word)
                and (match := _TOKEN.fullmatch(part[0]))
                and not stands_for_one(part[0])
            ):
                end = start + len(before)
                yield end - len(match[0]), end


def _borders(plain: str) -> Iterator[int]:
    yield len(plain.rstrip())
    for mark in _MARKS:
        at = plain.find(mark)
        while at >= 0:
            yield at
            at = plain.find(mark, at + 1)
