"""Private repositories over https: who a worker is at which host, and that nobody else learns it."""

import os
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from perdure.contracts.errors import ConfigurationError, InvalidInput
from perdure.contracts.repositories import strip_credentials
from perdure.looks import check_files, check_git_hosts
from perdure.settings import Settings
from perdure.workspace.credentials import Credentials, Place
from perdure.workspace.program import GitProgram
from perdure.workspace.remotes import CredentialsRefused, Remote, references_of, talk
from perdure.workspace.workspaces import Created, Workspaces
from tests.workspace.git_host import NAME, PASSWORD, GitHost, certificate_for_loopback, git_host

Run = Callable[..., str]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key."""
    return certificate_for_loopback(tmp_path_factory.mktemp("certificate"))


@pytest.fixture
def host(tmp_path: Path, repository: Path, git: Run, certificate: tuple[Path, Path]) -> Iterator[GitHost]:
    """A host with the small repository, which asks everybody who they are."""
    folder = tmp_path / "served"
    folder.mkdir()
    git(folder, "clone", "-q", "--bare", str(repository), "private.git")
    with git_host(folder, certificate) as running:
        yield running


@pytest.fixture
def other(tmp_path: Path, repository: Path, git: Run, certificate: tuple[Path, Path]) -> Iterator[GitHost]:
    """Another host with a repository of the same name."""
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    git(folder, "clone", "-q", "--bare", str(repository), "private.git")
    with git_host(folder, certificate) as running:
        yield running


def secret_file(path: Path, text: str) -> Path:
    """A file that its owner alone may read."""
    path.write_text(text)
    path.chmod(0o600)
    return path


def named(tmp_path: Path, host: str, *, token: str = PASSWORD) -> Path:
    """The operator's file with one host in it."""
    file = secret_file(tmp_path / "token", f"{token}\n")
    text = f'[hosts."{host}"]\nusername = "{NAME}"\ntoken_file = "{file}"\n'
    return secret_file(tmp_path / "credentials.toml", text)


def network(certificate: tuple[Path, Path]) -> dict[str, str]:
    """What Git gets of the worker's environment."""
    return {"GIT_SSL_CAINFO": str(certificate[0]), "NO_PROXY": "*", "no_proxy": "*"}


def workspaces_with(tmp_path: Path, certificate: tuple[Path, Path], file: Path | None) -> Workspaces:
    return Workspaces(tmp_path / "home", network=network(certificate), git_credentials=file)


async def created_from(workspaces: Workspaces, url: str) -> Created:
    return await workspaces.create(
        task_id="task", repository=url, base_branch=None, branch="perdure/fix", generation=1
    )


def holding(folder: Path, text: str) -> list[Path]:
    """Files below that hold a text."""
    return [path for path in folder.rglob("*") if path.is_file() and text.encode() in path.read_bytes()]


async def test_a_private_repository_is_cloned_and_pushed_to_and_the_token_is_kept_nowhere(
    tmp_path: Path, host: GitHost, certificate: tuple[Path, Path], at: datetime, git: Run
) -> None:
    workspaces = workspaces_with(tmp_path, certificate, named(tmp_path, host.host))
    created = await created_from(workspaces, host.url("private.git"))
    copy = created.copy
    assert (copy.root / "src" / "money.py").is_file()
    copy.files.write("new.py", b"x\n")
    commit = await copy.git.commit("New", at=at)
    await copy.git.push("perdure/fix", commit)
    assert await copy.git.remote_head("perdure/fix") == commit
    assert git(host.folder / "private.git", "rev-parse", "perdure/fix") == commit
    assert holding(tmp_path / "home", PASSWORD) == []


async def test_credentials_in_an_address_go_the_same_way_and_count_first(
    tmp_path: Path, host: GitHost, certificate: tuple[Path, Path]
) -> None:
    program = GitProgram(
        tmp_path / "home",
        network(certificate),
        credentials=Credentials(named(tmp_path, host.host, token="old")),
    )
    address = host.url("private.git").replace("https://", f"https://{NAME.replace('@', '%40')}:{PASSWORD}@")
    remote = Remote(address)
    assert PASSWORD not in f"{remote!r} {remote.shown} {remote.address} {remote.login!r}"
    found, _ = await references_of(program, remote)
    assert "refs/heads/main" in found
    # Nothing was told before it was asked for, and everything told was the address's own.
    assert host.told[0] == ""
    assert all(host.knows(said) for said in host.told if said)


@pytest.mark.parametrize("token", ["", "wrong"])
async def test_a_host_that_lets_nobody_in_fails_the_task_at_once_and_is_named(
    tmp_path: Path, host: GitHost, certificate: tuple[Path, Path], token: str
) -> None:
    file = named(tmp_path, host.host, token=token) if token else None
    workspaces = workspaces_with(tmp_path, certificate, file)
    with pytest.raises(InvalidInput) as refusal:
        await created_from(workspaces, host.url("private.git"))
    assert f"The host '{host.host}' asks for credentials" in refusal.value.message
    assert "PERDURE_GIT_CREDENTIALS" in refusal.value.hint
    assert "wrong" not in str(refusal.value)
    # Once without a name and once with one: nobody tries again and again.
    assert len(host.told) <= 2


async def test_a_push_that_is_let_in_nowhere_is_refused_with_the_host(
    tmp_path: Path, host: GitHost, certificate: tuple[Path, Path], at: datetime, git: Run
) -> None:
    workspaces = workspaces_with(tmp_path, certificate, named(tmp_path, host.host))
    copy = (await created_from(workspaces, host.url("private.git"))).copy
    copy.files.write("new.py", b"x\n")
    commit = await copy.git.commit("New", at=at)
    secret_file(tmp_path / "token", "revoked\n")
    with pytest.raises(CredentialsRefused, match=host.host) as refusal:
        await copy.git.push("perdure/fix", commit)
    assert refusal.value.hint.startswith("nothing was pushed.")
    assert git(host.folder / "private.git", "branch", "--list", "perdure/fix") == ""


@pytest.mark.parametrize("after_login", [False, True])
async def test_git_goes_to_no_other_host_than_the_one_that_was_named_and_judged(
    tmp_path: Path, host: GitHost, other: GitHost, certificate: tuple[Path, Path], after_login: bool
) -> None:
    host.sends_to, host.sends_after_login, other.asks = other.host, after_login, False
    workspaces = workspaces_with(tmp_path, certificate, named(tmp_path, host.host))
    with pytest.raises(InvalidInput, match=r"returned error: 302.*hint: name the address that it sends to"):
        await created_from(workspaces, host.url("private.git"))
    assert host.told
    assert other.told == []


async def test_no_process_has_the_token_in_its_command_line_or_environment(
    tmp_path: Path, host: GitHost, certificate: tuple[Path, Path], git: Run
) -> None:
    program = GitProgram(
        tmp_path / "home", network(certificate), credentials=Credentials(named(tmp_path, host.host))
    )
    remote, seen = Remote(host.url("private.git")), tmp_path / "seen"
    # Only a test can reach this: a setting of its own that makes git start a program.
    look = f"!cat /proc/$PPID/environ /proc/$PPID/cmdline /proc/self/environ > {seen}; true"
    await talk(program, remote, "-c", f"alias.look={look}", "look", limit_s=60.0)
    written = seen.read_bytes()
    assert b"PERDURE_GIT_TOKEN_AT=/proc/self/fd/" in written
    assert PASSWORD.encode() not in written


async def test_a_program_of_the_operator_gives_the_token(
    tmp_path: Path, host: GitHost, certificate: tuple[Path, Path]
) -> None:
    given = secret_file(tmp_path / "given", PASSWORD)
    script = f"""echo 'not for anybody' >&2; cat {given}"""
    text = f'[hosts."{host.host}"]\nusername = "{NAME}"\ntoken_command = ["sh", "-c", "{script}"]\n'
    file = secret_file(tmp_path / "credentials.toml", text)
    credentials = Credentials(file, environment={"PATH": os.defpath})
    program = GitProgram(tmp_path / "home", network(certificate), credentials=credentials)
    found, _ = await references_of(program, Remote(host.url("private.git")))
    assert "refs/heads/main" in found
    given.unlink()
    with pytest.raises(ConfigurationError, match=f"token of the Git host '{host.host}'.*exit code 1"):
        await references_of(program, Remote(host.url("private.git")))


async def test_what_the_operators_file_may_not_be(tmp_path: Path) -> None:
    token = secret_file(tmp_path / "token", "one\ntwo\n")
    good = f'[hosts."Git.Example"]\nusername = "bot"\ntoken_file = "{token}"\n'
    file = secret_file(tmp_path / "credentials.toml", good)
    assert Credentials(file).hosts() == ("git.example",)
    with pytest.raises(ConfigurationError, match="exactly one line"):
        await Credentials(file).login(Place("https", "git.example:443"))
    # A token is for one port as well, and ssh has no use for it.
    assert await Credentials(file).login(Place("https", "git.example:8443")) is None
    assert Credentials(file).ssh_options(Place("ssh", "git.example")) == ()
    token.chmod(0o640)
    with pytest.raises(ConfigurationError, match="by others than the worker's user") as refusal:
        Credentials(file).hosts()
    assert "chmod 600" in refusal.value.hint
    settings = Settings(home=tmp_path, git_credentials=file)
    [finding] = await check_git_hosts(settings)
    assert (finding.state, finding.hint) == ("failed", refusal.value.hint)
    token.chmod(0o600)
    [finding] = await check_git_hosts(settings)
    assert (finding.state, finding.detail) == ("ok", "credentials for git.example")
    file.chmod(0o644)
    with pytest.raises(ConfigurationError, match="by others than the worker's user"):
        Workspaces(tmp_path / "home", git_credentials=file)
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        Credentials(tmp_path / "none.toml").hosts()


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("hosts = 3", "hosts"),
        ("[hosts", "is no TOML"),
        ('[hosts."a"]\nusername = "b"', "belong together"),
        ('[hosts."a"]\ntoken_file = "/t"', "belong together"),
        ('[hosts."a"]', "names neither a token"),
        ('[hosts."a"]\nusername = "b"\ntoken = "s3cr3t-in-the-wrong-place"', "hosts.a.token"),
        ('[hosts."a"]\nusername = "b"\ntoken_file = "t"', "absolute"),
        ('[hosts."a"]\nusername = "b"\ntoken_file = "/t"\ntoken_command = ["c"]', "only one of them"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_without_what_it_holds(
    tmp_path: Path, text: str, why: str
) -> None:
    file = secret_file(tmp_path / "credentials.toml", text)
    with pytest.raises(ConfigurationError) as refusal:
        Credentials(file).hosts()
    assert why in refusal.value.message
    assert "s3cr3t" not in str(refusal.value)


async def test_ssh_is_given_the_key_of_its_host_and_never_asks(tmp_path: Path) -> None:
    key, asked = secret_file(tmp_path / "key", "a key"), tmp_path / "asked"
    text = f'[hosts."git.example"]\nssh_key_file = "{key}"\nssh_known_hosts_file = "/etc/known"\n'
    ssh = tmp_path / "ssh"
    ssh.write_text(
        f'#!/bin/sh\nprintf "%s\\n" "$@" > {asked}\necho "bot@git.example: Permission denied (publickey)." >&2\nexit 255\n'
    )
    ssh.chmod(0o755)
    program = GitProgram(
        tmp_path / "home",
        {"GIT_SSH_COMMAND": f"{ssh} -o BatchMode=yes"},
        credentials=Credentials(secret_file(tmp_path / "credentials.toml", text)),
    )
    for address in (
        "bot@git.example:a.git",
        "ssh://bot@git.example:22/a.git",
        "ssh://bot@git.example:2222/a.git",
    ):
        with pytest.raises(CredentialsRefused, match="asks for credentials"):
            await references_of(program, Remote(address))
        given = asked.read_text().splitlines()
        assert ("IdentitiesOnly=yes" in given) is (":2222" not in address)
        assert (str(key) in given) is (":2222" not in address)


def test_an_address_says_who_it_is_for_https_alone() -> None:
    login = Remote("https://us%40er:s3:cr%2Ft@example.invalid:8443/a.git?x=1").login
    assert login is not None
    assert (login.name, login.token) == ("us@er", "s3:cr/t")
    assert Remote("https://example.invalid/a").login is None
    assert Remote("ssh://git:pw@example.invalid/a").login is None
    assert strip_credentials("https://us:pw@example.invalid/a") == "https://example.invalid/a"


async def test_doctor_says_that_the_kernel_holds_paths_inside() -> None:
    [finding] = await check_files()
    assert (finding.state, finding.detail) == ("ok", "openat2 holds paths inside of their workspace")
