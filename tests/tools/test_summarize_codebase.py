"""summarize_codebase says what a repository consists of, how it is built, what it rests on and who answers for it."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from perdure.contracts.errors import ToolRejected
from perdure.workspace.in_place import open_in_place
from tests.tools.conftest import Bench, git
from tests.tools.test_generate_tests import asking
from tools.summaries.entry_points import route_of_file
from tools.summaries.modules import about_file

PYPROJECT = """
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "billing"
requires-python = ">=3.11"
dependencies = ["requests>=2", "pydantic[email]"]

[project.scripts]
bill = "app.cli:main"

[dependency-groups]
dev = ["pytest"]

[tool.ruff]
line-length = 100
"""
MAKEFILE = """
VALUE := 1
test: ## Run all tests
\tpytest
build: test
"""
CI = """
jobs:
  tests:
    steps:
      - uses: actions/checkout@v5
      - run: |
          pip install -e .
          pytest -q
"""
COMPOSE = "services:\n  database:\n    image: postgres\n  worker:\n    build: .\n"
CODEOWNERS = "* @acme/all\n/app/ @ada ada@example.invalid\n"
FILES: dict[str, str] = {
    "pyproject.toml": PYPROJECT,
    "Makefile": MAKEFILE,
    ".github/workflows/ci.yml": CI,
    ".github/workflows/labels.yml": "jobs: {label: {steps: [{uses: actions/labeler}]}}\n",
    "compose.yaml": COMPOSE,
    "Dockerfile": 'FROM python\nEXPOSE 80\nCMD ["bill"]\n',
    ".github/CODEOWNERS": CODEOWNERS,
    "app/cli.py": '"""The command line. More words."""\nfrom app import money\n\n\ndef main():\n    money.total([])\n',
    "app/__main__.py": "from app.cli import main\n\nmain()\n",
    "app/report.py": "from app.money import total\n\n\ndef show():\n    return total([1])\n",
    "tests/test_money.py": "from app.money import total\n\n\ndef test_total():\n    assert total([1]) == 1\n",
    "tools/once.py": "if __name__ == '__main__':\n    print('once')\n",
    "README.md": "# Billing\n\n[![badge](x)](y)\n\nBills are made of [prices](doc) and sent.\n",
}
NEXT: dict[str, str] = {
    "package.json": '{"name": "shop", "packageManager": "pnpm@10.1.0+sha512.abc", "dependencies": {"next": "16", "react": "19"},'
    ' "scripts": {"dev": "next dev", "build": "next build", "postbuild": "true", "test": "vitest run"},'
    ' "devDependencies": {"vitest": "4"}}',
    "pnpm-lock.yaml": "lockfileVersion: 9\n",
    "tsconfig.json": '{"compilerOptions": {"paths": {"@/*": ["./src/*"]}}}',
    "src/app/page.tsx": "import { price } from '@/lib/price'\n\nexport default function Home() {\n  return <b>{price()}</b>\n}\n",
    "src/app/(shop)/cart/[id]/page.tsx": "import { price } from '@/lib/price'\n\nexport default () => price()\n",
    "src/app/api/orders/route.ts": "export const GET = () => Response.json({})\n",
    "src/lib/price.ts": "/** What things cost. */\nexport function price() {\n  return 1\n}\n",
    "src/lib/price.test.ts": "import { expect, it } from 'vitest'\nimport { price } from './price'\n\nit('is one', () => expect(price()).toBe(1))\n",
}
GOOD: dict[str, Any] = {
    "purpose": "It adds prices with `total`.",
    "parts": [{"path": "app/money.py", "role": "Sums."}, {"path": "app", "role": "All of it."}],
}


def put_all(bench: Bench, files: dict[str, str]) -> None:
    for path, text in files.items():
        bench.put(path, text)


def section(content: str, title: str) -> str:
    """The part under a heading."""
    return content.partition(f"## {title}")[2].partition("\n## ")[0]


async def test_a_python_project_is_described_and_described_anew_when_a_file_changes(bench: Bench) -> None:
    put_all(bench, FILES)
    (bench.copy.root / "odd-\udcff.py").write_bytes(b"x = 1\n")
    bench.put("na\nme.py", "y = 1\n")
    first = await bench.run("summarize_codebase")
    said = first.content
    assert first.summary.startswith("billing: ")
    assert "README.md: Bills are made of prices and sent." in said
    assert "Python: 9 files" in section(said, "Languages")
    for line in (
        "command bill → app.cli:main (pyproject.toml)",
        "python -m app → app/__main__.py",
        "scripts: tools/once.py",
        'container Dockerfile: EXPOSE 80; CMD ["bill"]',
        "services of compose.yaml: database, worker",
    ):
        assert line in section(said, "Entry points")
    for line in (
        "Python >=3.11; built by setuptools.build_meta; groups dev; configures ruff",
        "make targets: test (Run all tests), build\n",
        "tests: run_tests runs pytest in .",
        "CI .github/workflows/ci.yml: pip install -e . pytest -q",
        "other CI files: .github/workflows/labels.yml",
    ):
        assert line in section(said, "Build and test")
    assert "pyproject.toml: requests, pydantic" in section(said, "Depends on")
    modules = section(said, "Main modules, by PageRank over the imports").strip().splitlines()
    assert modules[0] == "app/money.py (6 lines, imported by 2 and 1 of tests): average, total"
    assert "app/cli.py (6 lines, imported by 1): main — The command line." in modules
    owners = section(said, "Ownership")
    assert "app: @ada ada@example.invalid (100 %)" in owners
    assert "tests: @acme/all (100 %)" in owners
    assert "everything: Ada (1, 2" in owners
    assert "No model can be asked" in said
    again = await bench.run("summarize_codebase")
    assert again.content == said
    assert again.summary.endswith("(kept from before)")
    bench.put("app/report.py", "")
    changed = await bench.run("summarize_codebase")
    assert not changed.summary.endswith("(kept from before)")
    assert "imported by 1 and 1 of tests" in changed.content
    part = await bench.run("summarize_codebase", path="app")
    assert "money.py (6 lines" in part.content
    assert "tests" not in section(part.content, "Where the code is")


async def test_a_next_project_is_described_by_its_routes_scripts_and_modules(bench: Bench) -> None:
    shutil.rmtree(bench.copy.root / "app")
    put_all(bench, NEXT)
    said = (await bench.run("summarize_codebase")).content
    entries = section(said, "Entry points")
    assert (
        "Next.js pages (2): / (src/app/page.tsx), /cart/[id] (src/app/(shop)/cart/[id]/page.tsx)" in entries
    )
    assert "Next.js handlers (1): /api/orders (src/app/api/orders/route.ts)" in entries
    assert "started by scripts dev (next dev) (package.json)" in entries
    build = section(said, "Build and test")
    assert "locked packages: pnpm (pnpm-lock.yaml)" in build
    assert "package.json: with pnpm@10.1.0\n" in build
    assert (
        "scripts of package.json: build (next build), test (vitest run), dev (next dev), postbuild (true)"
        in build
    )
    assert "vitest" in build.partition("tests: ")[2]
    modules = section(said, "Main modules, by PageRank over the imports").strip().splitlines()
    assert modules[0] == "src/lib/price.ts (4 lines, imported by 2 and 1 of tests): price — What things cost."


async def test_what_is_broken_is_said_and_hides_nothing_else(bench: Bench) -> None:
    put_all(
        bench,
        {
            "pyproject.toml": "[project\n",
            "package.json": "{",
            "CODEOWNERS": "[a-z @ada\n",
            "bad.py": "def (:\n",
        },
    )
    said = (await bench.run("summarize_codebase")).content
    assert "pyproject.toml cannot be read as TOML" in said
    assert "package.json cannot be read as JSON" in said
    assert "CODEOWNERS is broken: unterminated character class" in said
    assert "app/money.py (6 lines)" in section(said, "Main modules, by length, since none imports another")


async def test_a_folder_without_history_and_an_empty_one_are_described(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "plain"
    folder.mkdir()
    folder.chmod(0o777)
    copy = await open_in_place(folder, home=tmp_path / "home", network={})
    plain = replace(bench, context=replace(bench.context, copy=copy))
    empty = (await plain.run("summarize_codebase")).content
    assert empty.startswith("plain: 0 files, 0 files of code with 0 lines")
    assert "There is no code." in empty
    assert "None is declared." in empty
    (folder / "one.py").write_text("print(1)\n")
    said = (await plain.run("summarize_codebase")).content
    assert "There is no CODEOWNERS file.\nThere is no history of these files." in said
    with pytest.raises(ToolRejected, match="There is no 'nowhere'"):
        await plain.run("summarize_codebase", path="nowhere")


async def test_the_words_of_a_model_are_looked_up_and_its_failure_is_said(bench: Bench) -> None:
    asked, model = asking(bench, {**GOOD, "parts": [{"path": "app/nothing.py", "role": "x"}]}, GOOD)
    told = await asked.run("summarize_codebase")
    assert "'app/nothing.py' is no file or folder of the repository." in model.asked[1]
    words = section(told.content, "In words")
    assert "It adds prices with `total`.\napp/money.py: Sums.\napp: All of it." in words
    assert "Not proved: what is said of them." in words
    assert told.content.index("## In words") < told.content.index("## Languages")
    kept = await asked.run("summarize_codebase")
    assert kept.content == told.content
    assert len(model.asked) == 2
    bench.put("app/other.py", "")
    lying, liar = asking(bench, {**GOOD, "purpose": "It calls `round_up`."})
    for count in (2, 4):
        said = (await lying.run("summarize_codebase")).content
        assert "The model's words are left out." in said
        assert "'round_up', of which the answer speaks, is not in the facts." in said
        assert len(liar.asked) == count, "what a model could not say is asked again another time"


async def test_owners_that_left_long_ago_do_not_stand_before_those_who_are_there(
    bench: Bench, tmp_path: Path
) -> None:
    folder = tmp_path / "old"
    folder.mkdir()
    git(folder, "init", "--quiet")
    for number in range(3):
        (folder / "one.py").write_text(f"x = {number}\n")
        git(folder, "add", "--all")
        git(
            folder,
            "commit",
            "--quiet",
            "--message",
            "Change",
            "--author",
            f"Robot[bot] <{number}@example.invalid>",
        )
    (folder / ".mailmap").write_text("Ada Lovelace <ada@example.invalid>\n")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "Name her")
    copy = await open_in_place(folder, home=tmp_path / "home", network={})
    said = (await replace(bench, context=replace(bench.context, copy=copy)).run("summarize_codebase")).content
    assert "everything: Ada Lovelace (1, 2" in said
    assert "Robot" not in said


@pytest.mark.parametrize(
    ("path", "route"),
    [
        ("app/page.tsx", "/"),
        ("src/app/(group)/blog/[slug]/page.jsx", "/blog/[slug]"),
        ("app/api/x/route.ts", "/api/x"),
        ("app/layout.tsx", None),
        ("pages/index.tsx", "/"),
        ("pages/blog/[id].js", "/blog/[id]"),
        ("pages/_app.tsx", None),
        ("lib/page.tsx", None),
    ],
)
def test_files_of_both_routers_have_their_routes(path: str, route: str | None) -> None:
    assert route_of_file(path) == route


def test_a_file_is_known_by_its_own_first_sentence_and_not_by_its_licence() -> None:
    assert about_file('#!/usr/bin/env python\n"""Counts words. And more."""\n') == "Counts words."
    assert about_file("/**\n * Sums of\n * prices.\n */\nexport {}\n") == "Sums of prices."
    assert about_file("/* Copyright 2020 */\n") == ""
    assert about_file("x = 1\n") == ""
