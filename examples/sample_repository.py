"""Makes Git repositories with a history and a remote out of the files in ``examples/billing``, ``parcels`` and ``notices``."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parent

Commits = tuple[tuple[str, tuple[str, ...]], ...]
"""Subject of each commit and the files that come with it, oldest first."""

BILLING: Commits = (
    (
        "Money, tax and discounts",
        (
            ".gitignore",
            "README.md",
            "pyproject.toml",
            "src/billing/__init__.py",
            "src/billing/discounts.py",
            "src/billing/money.py",
            "src/billing/tax.py",
            "tests/test_discounts.py",
            "tests/test_money.py",
            "tests/test_tax.py",
        ),
    ),
    ("Invoices are the sum of their lines", ("src/billing/invoice.py",)),
    (
        "Invoice documents and a command line",
        (
            "invoices/office.json",
            "invoices/spring-order.json",
            "src/billing/__main__.py",
            "src/billing/cli.py",
            "src/billing/documents.py",
            "src/billing/statement.py",
            "tests/test_cli.py",
            "tests/test_documents.py",
        ),
    ),
    ("Tests for invoices, one from a customer's complaint", ("tests/test_invoice.py",)),
)
PARCELS: Commits = (
    (
        "Tariffs and the post",
        (
            ".gitignore",
            "README.md",
            "pyproject.toml",
            "src/parcels/__init__.py",
            "src/parcels/carriers/__init__.py",
            "src/parcels/carriers/post.py",
            "src/parcels/tariffs.py",
            "tests/test_tariffs.py",
        ),
    ),
    ("Quotes of every carrier", ("src/parcels/carriers/courier.py", "src/parcels/quotes.py", "src/parcels/surcharges.py")),
    ("Tests for quotes", ("tests/test_quotes.py",)),
)
NOTICES: Commits = (
    ("Notices of the next release", ("README.md", "VERSION", "notices/weights.md")),
    ("A script makes the notes of a release", ("scripts/release.sh",)),
)


@dataclass(frozen=True)
class SampleRepository:
    """A working repository and the bare one it calls origin."""

    path: Path
    origin: Path


def make_sample_repository(folder: Path) -> SampleRepository:
    """Make ``billing`` and its remote ``origin.git`` in the folder, which must not hold them yet."""
    return _made(EXAMPLES / "billing", BILLING, folder)


def make_untidy_repository(folder: Path) -> SampleRepository:
    """Make ``parcels`` and its remote ``origin.git`` in the folder, which must not hold them yet."""
    return _made(EXAMPLES / "parcels", PARCELS, folder)


def make_release_repository(folder: Path) -> SampleRepository:
    """Make ``notices`` and its remote ``origin.git`` in the folder, which must not hold them yet."""
    return _made(EXAMPLES / "notices", NOTICES, folder)


def _made(files: Path, commits: Commits, folder: Path) -> SampleRepository:
    path, origin = folder / files.name, folder / "origin.git"
    path.mkdir(parents=True)
    git(path, "init", "--quiet", "--initial-branch=main")
    for day, (subject, names) in enumerate(commits, start=1):
        for name in names:
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(files / name, path / name)
        git(path, "add", "--", *names)
        git(path, "commit", "--quiet", f"--message={subject}", at=f"2026-04-{day:02d}T09:00:00+0000")
    git(folder, "clone", "--quiet", "--bare", "--no-hardlinks", str(path), str(origin))
    git(path, "remote", "add", "origin", str(origin))
    git(path, "fetch", "--quiet", "origin")
    git(path, "branch", "--quiet", "--set-upstream-to=origin/main", "main")
    return SampleRepository(path, origin)


def git(folder: Path, *arguments: str, at: str | None = None) -> str:
    """What Git prints; the person's own Git settings, such as hooks and signing, stay out of it."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "LC_ALL": "C.UTF-8",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_AUTHOR_NAME": "Ada Example",
        "GIT_AUTHOR_EMAIL": "ada@example.com",
        "GIT_COMMITTER_NAME": "Ada Example",
        "GIT_COMMITTER_EMAIL": "ada@example.com",
    }
    if at is not None:
        environment |= {"GIT_AUTHOR_DATE": at, "GIT_COMMITTER_DATE": at}
    done = subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(f"git {arguments[0]} failed in {folder}: {done.stderr.strip()}")
    return done.stdout.strip()
