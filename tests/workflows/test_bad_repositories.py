"""Repositories that cannot be used: the task fails at once, with the sentence that the documentation promises."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.sentences import assert_said
from tests.workflows.conftest import git, script_of
from tests.workflows.test_bad_input import refusal_of
from tests.workspace.git_host import certificate_for_loopback


async def refused(bench: Any, repository: object, **fields: Any) -> str:
    """The sentence with which a task on the repository fails; no model was asked."""
    message = await refusal_of(await bench.start(repository=str(repository), **fields))
    assert bench.models.requests == []
    return message


def make_plain(folder: Path) -> Path:
    """A folder that is no repository."""
    (folder / "plain").mkdir()
    return folder / "plain"


def make_file(folder: Path) -> Path:
    """A file where a repository was expected."""
    (folder / "file.txt").write_text("not a repository\n")
    return folder / "file.txt"


def make_empty(folder: Path) -> Path:
    """A repository without a commit."""
    git(folder, "init", "--quiet", "empty")
    return folder / "empty"


MAKERS: dict[str, Callable[[Path], Path]] = {
    "a repository that does not exist": lambda folder: folder / "nothing-here",
    "a folder that is not Git": make_plain,
    "a file": make_file,
    "a repository without commits": make_empty,
}


async def test_each_folder_that_cannot_be_used_is_refused_with_its_sentence(benches: Any) -> None:
    async with benches(script_of([])) as bench:
        made = {case: make(bench.folder) for case, make in MAKERS.items()}
        said = await asyncio.gather(*(refused(bench, path) for path in made.values()))
        for (case, path), message in zip(made.items(), said, strict=True):
            assert_said(case, message, repository=path)
        below = await refused(bench, bench.repository / "money")
        assert_said("a folder that is not Git", below, repository=bench.repository / "money")
        in_a_file = await refused(bench, made["a file"] / "below")
        assert_said("a repository that does not exist", in_a_file, repository=made["a file"] / "below")


async def test_a_base_branch_that_is_not_there_is_refused_with_those_that_are(benches: Any) -> None:
    async with benches(script_of([])) as bench:
        message = await refused(bench, bench.repository, base_branch="develop")
        assert_said(
            "a base branch that does not exist",
            message,
            branch="develop",
            repository=bench.repository,
            branches="'main'",
        )
        git(bench.repository, "checkout", "--quiet", "--orphan", "fresh")
        message = await refused(bench, bench.repository)
        assert_said("an unborn branch beside others", message, repository=bench.repository, branches="'main'")


@pytest.mark.parametrize(
    ("repository", "case", "known"),
    [
        ("ext::sh -c id", "an address that is none", {"repository": "ext::sh -c id"}),
        ("--upload-pack=id", "an address that is none", {"repository": "--upload-pack=id"}),
        ("http://git.example/a.git", "a protocol that is not allowed", {"protocol": "http"}),
        (
            "https://git.example/ours/../theirs/a",
            "an address that can be read in two ways",
            {"repository": "https://git.example/ours/../theirs/a"},
        ),
        ("https://127.0.0.1:1/a.git", "a host that cannot be reached", {"host": "127.0.0.1:1"}),
        ("https://ada:s3cr3t@127.0.0.1:1/a.git", "a host that cannot be reached", {"host": "127.0.0.1:1"}),
        ("https://no-such-host.invalid/a", "a host that cannot be reached", {"host": "no-such-host.invalid"}),
    ],
)
async def test_an_address_that_leads_nowhere_is_refused_at_once(
    benches: Any, monkeypatch: pytest.MonkeyPatch, repository: str, case: str, known: dict[str, str]
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("no_proxy", "*")
    async with benches(script_of([])) as bench:
        message = await refused(bench, repository)
        assert_said(case, message, **known)
        assert "s3cr3t" not in message


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A certificate for 127.0.0.1 and its key."""
    return certificate_for_loopback(tmp_path)


@pytest_asyncio.fixture(loop_scope="session")
async def closed_host(certificate: tuple[Path, Path]) -> AsyncIterator[tuple[str, Path]]:
    """A Git host that lets nobody in without a password, and the certificate by which it is known."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(
            b'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="git"\r\nContent-Length: 0\r\n'
            b"Connection: close\r\n\r\n"
        )
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", certificate[0]


async def test_a_host_that_asks_for_credentials_is_named_and_nobody_is_prompted(
    benches: Any, monkeypatch: pytest.MonkeyPatch, closed_host: tuple[str, Path]
) -> None:
    host, certificate = closed_host
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setenv("GIT_SSL_CAINFO", str(certificate))
    async with benches(script_of([])) as bench:
        for user in ("", "ada:wrong@"):
            message = await refused(bench, f"https://{user}{host}/private.git")
            assert_said(
                "a host that asks for credentials",
                message,
                host=host,
                repository=f"https://{host}/private.git",
            )
            assert "wrong" not in message


async def test_what_lies_outside_the_allowed_roots_is_refused_however_it_is_named(
    benches: Any, tmp_path: Path
) -> None:
    allowed = tmp_path / "allowed"
    allowed.mkdir()
    async with benches(script_of([]), repository_roots=(str(allowed), "git.example")) as bench:
        (allowed / "link").symlink_to(bench.repository)
        ways = [
            str(bench.repository),
            str(allowed / "link"),
            f"{allowed}/../user/money",
            f"file://{bench.repository}",
            "https://other.example/money.git",
        ]
        for repository in ways:
            assert_said(
                "a repository outside the allowed roots",
                await refused(bench, repository),
                repository=repository,
                roots=f"{allowed}, git.example",
            )


async def test_content_outside_the_allowed_roots_is_not_reached_through_a_folder_within(
    benches: Any, tmp_path: Path
) -> None:
    allowed = tmp_path / "allowed"
    (allowed / "file").mkdir(parents=True)
    (allowed / "linked").mkdir()
    async with benches(script_of([]), repository_roots=(str(allowed),)) as bench:
        secret = bench.repository / ".git"
        (allowed / "file" / ".git").write_text(f"gitdir: {secret}\n")
        (allowed / "linked" / ".git").symlink_to(secret)
        git(allowed, "clone", "--quiet", "--shared", str(bench.repository), "borrowed")
        kept = {"file": secret, "linked": secret, "borrowed": secret / "objects"}
        for name, folder in kept.items():
            assert_said(
                "a repository whose content lies outside the allowed roots",
                await refused(bench, allowed / name),
                repository=allowed / name,
                folder=folder,
                roots=allowed,
            )


async def test_content_outside_the_roots_of_the_policy_is_not_reached_either(
    benches: Any, tmp_path: Path
) -> None:
    allowed, policy = tmp_path / "allowed", tmp_path / "policy.toml"
    (allowed / "file").mkdir(parents=True)
    policy.write_text(f'v = 1\nroots = ["{allowed}"]\n')
    async with benches(script_of([]), policy=policy) as bench:
        (allowed / "file" / ".git").write_text(f"gitdir: {bench.repository / '.git'}\n")
        git(allowed, "clone", "--quiet", "--shared", str(bench.repository), "borrowed")
        for name in ("file", "borrowed"):
            said = await refused(bench, allowed / name)
            assert f"keeps its content in '{bench.repository}" in said
            assert said.endswith("have the operator add it to the 'roots' of the policy.")
