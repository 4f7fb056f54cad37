"""What a person may decide about for longer than once."""

import pytest

from perdure.contracts.calls import Assurance, Effect
from perdure.safety.remembering import why_not_remembered


def why(command: str = "", **changes: object) -> str:
    """Why a yes to a call holds once only."""
    given = {"effect": Effect.RUN_WRITING, "people": 1, "assurance": Assurance.CLAIMED, **changes}
    return why_not_remembered(command=command, **given)  # type: ignore[arg-type]


def test_what_leaves_or_takes_away_or_needs_more_than_a_name_is_decided_each_time() -> None:
    assert why() == ""
    assert why(effect=Effect.WRITE) == why(effect=Effect.NETWORK) == why(effect=Effect.COMMIT) == ""
    assert "leaves the workspace" in why(effect=Effect.PUBLISH)
    assert "takes something away" in why(effect=Effect.DESTRUCTIVE)
    assert "2 people" in why(people=2)
    assert "signed" in why(assurance=Assurance.SIGNED)


@pytest.mark.parametrize(
    "line",
    [
        "touch made.txt",
        "echo once >> count.txt",
        "make test",
        "git add . && git commit -m 'a b'",
        "ls | sort > names",
        "cp a b",
    ],
)
def test_a_line_that_says_itself_what_it_runs_may_be_remembered(line: str) -> None:
    assert why(line) == ""


@pytest.mark.parametrize(
    "line",
    [
        "bash build.sh",
        "/bin/sh -c true",
        "python3 -c 'print(1)'",
        "python3.12 manage.py migrate",
        "Python manage.py",
        "node index.js",
        "npx prettier .",
        "docker run x",
        "env make",
        "timeout 5 make",
        "find . -exec rm {} +",
        "xargs rm < names",
        "sudo make",
        "awk '{ print }' x",
        "./deploy.sh",
        "tools/deploy",
        "/usr/bin/make",
        ". ./settings",
        "source settings",
        'eval "$X"',
        "$TOOL run",
        "m* test",
        "~/bin/make",
        "PATH=. make",
        "f() { make; }; f",
        "make; bash x",
        "echo $(bash x)",
        "echo x | sh",
        "make (",
        "",
    ],
)
def test_a_line_that_runs_what_it_is_given_is_decided_each_time(line: str) -> None:
    assert why(line or " ") != ""
