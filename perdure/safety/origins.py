"""Who vouches for what a call gave: the repository itself, or somebody elsewhere."""

import re

from perdure.contracts.calls import Effect
from perdure.contracts.envelopes import Trust

_NAMES = (
    r"(?:^|[\s\"'`=:(,/])(?:node_modules|bower_components|site-packages|dist-packages|vendor|third_party|\.venv|venv"
    r"|\.cargo|\.m2|\.gradle|Pods)"
)
_FOLDER_NAMED = re.compile(rf"{_NAMES}(?:/|[\"'`\s]|$)")
_FILE_IN_FOLDER = re.compile(rf"{_NAMES}/[^\s\"'`]")
_OF_UNNAMED_FILES = frozenset(
    {"search_files", "list_directory", "grep_search", "semantic_search", "get_context"}
)
"""Tools whose output is of files that their arguments do not name."""
_OWN_WORDS = frozenset({Effect.WRITE, Effect.COMMIT, Effect.DESTRUCTIVE})
"""What such calls give is what Perdure says of them."""


def trust_of(tool: str, effect: Effect, *, arguments: str, output: str, from_server: bool) -> Trust:
    """``FOREIGN`` for what was fetched, for folders of other people's packages and for servers of others.

    ``arguments`` is the call's JSON. What a program of the repository prints without a network is the repository's.
    """
    if from_server or effect is Effect.NETWORK:
        return Trust.FOREIGN
    if tool == "find_tools" and "| foreign]" in output:
        return Trust.FOREIGN
    if effect in _OWN_WORDS:
        return Trust.REPOSITORY
    if _FOLDER_NAMED.search(arguments) or (tool in _OF_UNNAMED_FILES and _FILE_IN_FOLDER.search(output)):
        return Trust.FOREIGN
    return Trust.REPOSITORY
