"""However a repository is written, it is one repository to rules and limits, and no other than the one that Git reaches."""

import pytest

from perdure.contracts.errors import InvalidInput
from perdure.contracts.repositories import (
    counted_as,
    host_of,
    is_ambiguous,
    is_path,
    one_spelling,
    spellings,
    strip_credentials,
)
from perdure.workspace.remotes import refuse_bad_repository


@pytest.mark.parametrize(
    ("named", "spelled", "counted"),
    [
        ("https://ada:pw@GIT.Example.:443//a/./b.git/", "https://git.example/a/b.git", "git.example/a/b"),
        ("HTTPS://git.example/A/b/.git", "https://git.example/A/b", "git.example/a/b"),
        ("git@git.example:a/b.git", "git@git.example:a/b.git", "git.example/a/b"),
        ("ssh://git:pw@git.example:22/a/b", "ssh://git@git.example/a/b", "git.example/a/b"),
        ("https://git.example:8443/a/%62", "https://git.example:8443/a/b", "git.example/a/b"),
        ("https://[::1]:443/a", "https://[::1]/a", "::1/a"),
        ("https://gìt.example/a", "https://xn--gt-kja.example/a", "xn--gt-kja.example/a"),
        ("/srv//x/../a/", "/srv/a", "/srv/a"),
        ("//srv/a/.git", "/srv/a", "/srv/a"),
        ("file:///srv/%61", "/srv/a", "/srv/a"),
    ],
)
def test_a_repository_has_one_spelling_and_is_counted_once(named: str, spelled: str, counted: str) -> None:
    assert one_spelling(named) == spelled
    assert one_spelling(spelled) == spelled
    assert counted_as(named) == counted


def test_a_rule_that_narrows_may_mean_each_way_to_write_it() -> None:
    assert spellings("https://GIT.example/a") == (
        "https://GIT.example/a",
        "https://git.example/a",
        "https://git.example/a.git",
    )
    assert spellings("git@git.example:a.git") == ("git@git.example:a.git", "git@git.example:a")
    assert spellings("/srv/x/../a.git") == ("/srv/x/../a.git", "/srv/a.git")


@pytest.mark.parametrize(
    ("named", "host"),
    [
        ("https://evil.example\\@git.example/a", "git.example"),
        ("https://git.example@evil.example/a", "evil.example"),
        ("git.example:a@evil.example:b", "git.example"),
        ("git@GIT.example.:a", "git.example"),
        ("https://[fe80::1]:8443/a", "fe80::1"),
        ("/srv/git.example:a", ""),
        ("file://git.example/a", ""),
    ],
)
def test_the_host_is_the_one_that_git_goes_to(named: str, host: str) -> None:
    assert host_of(named) == host
    assert is_path(named) is not bool(host)


@pytest.mark.parametrize(
    "named",
    [
        "https://git.example/ours/../theirs/a",
        "https://git.example/ours/%2e%2E/theirs/a",
        "https://git.example/ours/..",
        "git@git.example:ours/../theirs/a",
        "ssh://git.example%40evil.example/a",
        "https://git%2eexample/a",
        "https://evil.example\\@git.example/a",
    ],
)
def test_an_address_that_can_be_read_in_two_ways_is_refused(named: str) -> None:
    assert is_ambiguous(named)
    with pytest.raises(InvalidInput, match="can be read in more than one way"):
        refuse_bad_repository(named)


@pytest.mark.parametrize(
    "named",
    ["/srv/x/../a", "https://us%40er:p%3aw@git.example/a..b/...", "git@git.example:a", "../a", "/srv/a\\b"],
)
def test_what_can_be_read_in_one_way_is_not(named: str) -> None:
    assert not is_ambiguous(named)
    refuse_bad_repository(named)


def test_a_password_with_an_at_sign_is_taken_out_whole() -> None:
    assert strip_credentials("https://ada:p@ss@git.example/a") == "https://git.example/a"
