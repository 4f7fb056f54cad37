"""Settings of a repository that is worked on in place: what in them would run a program is answered by settings of ours.

They stand in a file that came with the folder, so that they are somebody else's. Git takes settings from its environment
last, and so ours count. What cannot be answered in this way is refused.
"""

from collections.abc import Iterable

from perdure.contracts.errors import InvalidInput
from perdure.workspace.program import Folders, GitProgram

HARMLESS = {
    ("filter", "clean"): "",
    ("filter", "smudge"): "",
    ("filter", "process"): "",
    ("filter", "required"): "false",
    ("diff", "textconv"): "cat",
    ("merge", "driver"): "false",
    ("credential", "helper"): "",
    ("core", "askpass"): "",
    ("core", "gitproxy"): "none",
    ("core", "alternaterefscommand"): "true",
    ("core", "sshcommand"): "ssh -o BatchMode=yes",
    ("gpg", "program"): "false",
    ("gpg", "defaultkeycommand"): "false",
    ("log", "showsignature"): "false",
    ("remote", "uploadpack"): "git-upload-pack",
    ("remote", "receivepack"): "git-receive-pack",
}
"""Section and name, both in small letters; with or without a subsection between them."""

UNANSWERABLE = {("url", "insteadof"), ("url", "pushinsteadof"), ("remote", "vcs")}
"""They choose another address or another program, and nothing that is added takes that back."""


async def harmless_settings(program: GitProgram, folders: Folders, shown: str) -> tuple[tuple[str, str], ...]:
    """Settings that take the repository's own programs away; InvalidInput where one cannot be taken away."""
    listed = await program.run("config", "--list", "--name-only", "-z", folders=folders)
    return tuple(_answers(dict.fromkeys(listed.names), shown))


def _answers(keys: Iterable[str], shown: str) -> Iterable[tuple[str, str]]:
    for key in keys:
        section, name = key.partition(".")[0].lower(), key.rpartition(".")[2].lower()
        if (section, name) in UNANSWERABLE:
            raise InvalidInput(
                f"{shown!r} has the setting {key!r}, which sends Git somewhere else than is shown.",
                "take it out of the repository's settings, or run the tool on a clone of its own",
            )
        if (section, name) in HARMLESS:
            yield key, HARMLESS[section, name]
