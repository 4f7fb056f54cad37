"""Secrets that are put together of ordinary words: only that nobody would write a sentence or a name like that tells them."""

import re

FEWEST_WORDS = 4
MOST_WORDS = 24
_BETWEEN = re.compile(r"[ ._-]")
_CAPITALS = re.compile(r"(?:[A-Z][a-z]{2,}){4,}\d{0,4}[!?.#$%&*]?")
_WORD = re.compile(r"[a-z]{3,12}|\d{1,4}")
_OF_SENTENCES = frozenset(
    re.findall(
        "[a-z]+",
        "the and for are was were has have had not but with without from into onto that this these those which when where while "
        "then than they them their your yours our ours its his her you can could may must shall should will would does did been "
        "being also only same both any all each every some none more most least less few many much before after again below above "
        "between over under about because since until unless never always please here there what who why how one two use uses used "
        "using get gets set sets make made let see say says need needs want keep put try",
    )
)
"""Words without which few sentences do."""
_OF_NAMES = frozenset(
    re.findall(
        "[a-z]+",
        "password passwords passwd passphrase secret secrets token tokens key keys credential credentials auth login account user "
        "users username name names value values field fields input inputs form label text string number type types code error errors "
        "message invalid valid required optional missing wrong incorrect current new old confirm confirmation change changed reset "
        "forgot forgotten enter choose random word words letter letters character characters minimum maximum length long short strong "
        "weak admin root default example sample test testing tests dummy fake mock placeholder none null vault file files path env "
        "environment config configuration settings stored hashed encrypted generated generate hash salt encryption service server "
        "client database production staging development local public private read write page button view hint help policy rule rules "
        "manager validator handler provider factory store repository version data json yaml http https api url",
    )
)
"""Words of names and of what forms say."""


def is_passphrase(value: str) -> bool:
    """Whether it is four words or more that are neither a sentence nor a name."""
    if _CAPITALS.fullmatch(value):
        words = [word.lower() for word in re.findall("[A-Z][a-z]+", value)]
    else:
        separators = set(_BETWEEN.findall(value))
        if len(separators) != 1:
            return False
        words = value.split(separators.pop())
        # One word in capitals is a beginning of a sentence.
        if not all(_WORD.fullmatch(word) for word in words):
            return False
    of_letters = [word for word in words if not word.isdigit()]
    return (
        FEWEST_WORDS <= len(words) <= MOST_WORDS
        and len(of_letters) >= FEWEST_WORDS
        and len(set(of_letters)) >= FEWEST_WORDS
        and _OF_SENTENCES.isdisjoint(of_letters)
        and _OF_NAMES.isdisjoint(of_letters)
    )
