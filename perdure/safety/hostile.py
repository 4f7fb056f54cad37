"""Signs that a text was written for an agent rather than for people: they make the policy stricter, never looser.

Nothing rests on finding all of them: what no sign gives away is data all the same. So an expression here may be wrong
in both directions, and only has to be cheap.
"""

import re
from dataclasses import dataclass

MOST_CHARACTERS = 200_000


@dataclass(frozen=True)
class Sign:
    """One kind of sign, and how it reads in a sentence about the text."""

    name: str
    pattern: re.Pattern[str]


_AGENT = r"(?:AI|LLM|coding|code|autonomous)[ -]?(?:assistants?|agents?|models?|bots?)"
_SIGNS = (
    Sign(
        "characters that nobody sees",
        re.compile(
            "[\u202a-\u202e\u2066-\u2069\ufff9-\ufffb\U000e0000-\U000e007f\U000e0100-\U000e01ef]"
            "|[\u200b\u2060-\u2064\u00ad\u180e]|[\ufe00-\ufe0d]|[\ufe0e\ufe0f]{2}"
        ),
    ),
    Sign("terminal codes that conceal or move", re.compile(r"\x1b\[[0-9;]*(?:\b8m|[A-HJKSTfsu])|\x9b|\x08")),
    Sign(
        "words for an agent",
        re.compile(
            rf"\b(?:note|message|instructions?|attention|dear|hey|hello)\b[^\n]{{0,20}}\b{_AGENT}\b"
            rf"|\b(?:{_AGENT}|agents?)\b[ ]{{0,2}}(?::|must\b|should\b|shall\b|need to\b|has to\b|have to\b)"
            r"|\b(?:ignore|disregard|forget)\b[^\n]{0,30}\b(?:previous|prior|above|earlier|all)\b[^\n]{0,20}\b(?:instruction|rule|prompt)"
            r"|\bsystem prompt\b|\bco-?instructions?\b|\bagent-instruction|\bwhen you summari[sz]e\b"
            r"|\byou are now\b|\b(?:the )?parent must\b|\bIMPORTANT\b[^\n]{0,20}\b(?:run|first|must)\b",
            re.IGNORECASE,
        ),
    ),
    Sign(
        "words as of somebody else",
        re.compile(
            r"^[ \t]*(?:human|assistant|system|user|developer)[ \t]*:"
            r"|</?(?:tool_call|tool_result|function_calls?|function_results?|invoke|system|assistant|antml)\b"
            r"|[\"']role[\"']\s*:\s*[\"'](?:system|user|assistant|developer|tool)[\"']"
            r"|<\|[a-z_]{2,20}\|>|\[/?INST\]|^[ \t]*\[(?:data|end) [0-9a-f]{16}\b"
            r"|\bend (?:of )?(?:untrusted|data|tool)\b|\b(?:SYSTEM|ADMIN)[ ]?:",
            re.IGNORECASE | re.MULTILINE,
        ),
    ),
    Sign(
        "a claim about approvals, policy or sandbox",
        re.compile(
            r"\b(?:has|have|was|were|got|is|are|already|been)\b[^\n]{0,20}\b(?:approved|approval|pre-?authori[sz]ed)\b"
            r"|\bapprovals?\b[ ]{0,2}(?::|=|are|is)?[ ]{0,2}(?:off|disabled|not needed)\b"
            r"|\b(?:sandbox|policy|approval|safety)\s*[=:]\s*[\"']?(?:off|none|no|false|disabled|allow\w*|full\w*|autonomous)\b"
            r"|\b(?:allow|approve)\b[ ]{0,2}(?:every|all|any)\b|\bnever ask\b|\bwithout asking\b|/approvals?/",
            re.IGNORECASE,
        ),
    ),
    Sign(
        "an order to run something",
        re.compile(
            r"\b(?:curl|wget)\b[^\n|]{0,200}\|\s*(?:sudo\s+)?(?:ba|z|da)?sh\b"
            r"|\b(?:run|execute|running|exec)\b:?[ ]{0,2}[`'\"$(]{0,2}(?:rm|curl|wget|git|sudo|sh|bash|pip|npm|python|touch|\./?)[ \w]"
            r"|[\"'](?:tool|next_action|function)[\"']\s*:\s*[\"'{][^\n]{0,80}[\"'](?:args|arguments|command)[\"']"
            r"|\b(?:--index-url|--extra-index-url)[ =]http:|\bpush\b[^\n]{0,20}--(?:force|mirror)\b|\bdelete branch\b",
            re.IGNORECASE,
        ),
    ),
)


def findings_in(text: str) -> tuple[str, ...]:
    """The signs in the text, by name; none in most texts. Only the beginning of a very long text is looked at."""
    looked_at = text[:MOST_CHARACTERS]
    return tuple(sign.name for sign in _SIGNS if sign.pattern.search(looked_at))
