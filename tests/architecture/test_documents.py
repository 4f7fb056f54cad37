"""What the documents say is true: targets, commands, settings, examples, links and pictures."""

import ast
import importlib
import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree

import pytest
from pydantic import BaseModel

from perdure.client.command_line.application import app
from perdure.contracts.decisions import AnswerQuestion, Decide
from perdure.contracts.maintenance import MaintenanceRequest
from perdure.contracts.task import TaskRequest
from perdure.settings import Settings, variable_of

PROJECT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://|#)([^)\s#]+)")
MENTIONED = re.compile(r"`((?:docs|examples|scripts|perdure|tests|workflows|activities|tools)/[\w./-]*)`")


def documents() -> list[Path]:
    """Every document of the project, the sample repository's included."""
    found = [*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md"), *(PROJECT / "examples").rglob("*.md")]
    return sorted(found)


def blocks(document: Path, language: str) -> list[str]:
    """The code blocks of one language."""
    return [text for found, text in FENCE.findall(document.read_text()) if found == language]


def targets() -> dict[str, str]:
    """Each target of the Makefile with its help line."""
    lines = (PROJECT / "Makefile").read_text().splitlines()
    found = (re.match(r"([a-z]+):.*?(?:## (.+))?$", line) for line in lines if not line.startswith("\t"))
    return {match[1]: match[2] or "" for match in found if match}


def settings_rows() -> Iterator[str]:
    """The rows of the README's table of settings."""
    for field, info in Settings.model_fields.items():
        default = shown(info.default)
        meaning = " ".join((info.description or "").split()).replace("|", "\\|")
        yield f"| `{variable_of(field)}` | {f'`{default}`' if default else ''} | {meaning} |"


def shown(default: object) -> str:
    """A default as a person would write it."""
    if default is None:
        return ""
    if isinstance(default, tuple):
        return ",".join(str(part) for part in cast("tuple[object, ...]", default))
    return f"{default:.10g}" if isinstance(default, float) else str(default)


def test_every_target_is_named_as_phony_and_has_a_line_of_help() -> None:
    phony = re.search(r"^\.PHONY: (.+)$", (PROJECT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None
    assert sorted(phony[1].split()) == sorted(targets())
    assert [name for name, line in targets().items() if not line] == []


def test_help_lists_every_target() -> None:
    # These tests may run under make themselves, which would say where it is.
    command = ["make", "--no-print-directory", "help"]
    shown = subprocess.run(command, cwd=PROJECT, check=True, capture_output=True, text=True).stdout
    assert {line.split()[1] for line in shown.splitlines()} == set(targets())


def test_documents_name_only_targets_that_exist() -> None:
    named: dict[str, set[str]] = {}
    for document in documents():
        code = [text for _, text in FENCE.findall(document.read_text())]
        code += re.findall(r"`([^`\n]+)`", document.read_text())
        for text in code:
            for target in re.findall(r"(?:^|\s)make ([a-z]+)", text):
                named.setdefault(target, set()).add(document.name)
    assert named
    assert {target: files for target, files in named.items() if target not in targets()} == {}


def test_documents_name_only_commands_that_exist() -> None:
    known = {command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands}
    known |= {group.name for group in app.registered_groups if isinstance(group.name, str)}
    named = {
        command: document.name
        for document in documents()
        for command in re.findall(r"starter\.py ([a-z]+)", document.read_text())
    }
    assert named
    assert {command: name for command, name in named.items() if command not in known} == {}


def test_the_readme_explains_every_setting_as_the_code_does() -> None:
    readme = (PROJECT / "README.md").read_text()
    missing = [row for row in settings_rows() if row not in readme]
    assert not missing, "README.md lacks these rows:\n" + "\n".join(missing)


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(PROJECT)))
def test_python_in_documents_compiles_and_imports_what_exists(document: Path) -> None:
    for code in blocks(document, "python"):
        tree = ast.parse(code)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "perdure":
                module = importlib.import_module(node.module or "")
                assert [each.name for each in node.names if not hasattr(module, each.name)] == []


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(PROJECT)))
def test_json_in_documents_is_json(document: Path) -> None:
    for text in blocks(document, "json"):
        json.loads(text)


def test_the_json_to_paste_is_what_the_workflow_takes() -> None:
    def model_of(value: dict[str, Any]) -> type[BaseModel]:
        return {
            "request": TaskRequest,
            "repository": MaintenanceRequest,
            "approval_id": Decide,
            "question_id": AnswerQuestion,
        }[next(iter(value))]

    pasted = [json.loads(text) for text in blocks(PROJECT / "README.md", "json")]
    kinds = {model_of(value) for value in pasted}
    assert kinds == {TaskRequest, MaintenanceRequest, Decide, AnswerQuestion}
    for value in pasted:
        model_of(value).model_validate(value)


def test_every_field_of_a_request_is_named_where_the_web_ui_is_explained() -> None:
    fields = TaskRequest.model_fields
    section = (PROJECT / "README.md").read_text().partition("### From the Temporal Web UI")[2]
    section = section.partition("\n### ")[0]
    assert [name for name in fields if f"`{name}`" not in section and f'"{name}"' not in section] == []
    optional = [name for name, field in fields.items() if not field.is_required()]
    said = f"optional: {', '.join(optional)}."
    assert said in (PROJECT / "docs" / "web-ui.md").read_text()


@pytest.mark.parametrize("document", documents(), ids=lambda path: str(path.relative_to(PROJECT)))
def test_files_that_a_document_names_exist(document: Path) -> None:
    text = document.read_text()
    linked = [name for name in LINK.findall(text) if not (document.parent / name).exists()]
    assert linked == []
    if document.is_relative_to(PROJECT / "examples"):
        return
    mentioned = [name for name in MENTIONED.findall(text) if not (PROJECT / name).exists()]
    assert mentioned == []


def test_every_page_is_reached_from_the_index_and_the_index_from_the_readme() -> None:
    index = PROJECT / "docs" / "README.md"
    assert index in linked_from(PROJECT / "README.md")
    reached: set[Path] = set()
    waiting = [index]
    while waiting:
        page = waiting.pop()
        if page not in reached:
            reached.add(page)
            waiting += linked_from(page) & set((PROJECT / "docs").rglob("*.md"))
    assert set((PROJECT / "docs").rglob("*.md")) - reached == set()


def linked_from(page: Path) -> set[Path]:
    """The pages that a page links to; a folder stands for the pages in it, which is what is shown of it."""
    targets = {(page.parent / name).resolve() for name in LINK.findall(page.read_text())}
    return {each for target in targets for each in (target.glob("*.md") if target.is_dir() else [target])}


def test_pictures_are_well_formed_and_say_what_they_show() -> None:
    pictures = sorted((PROJECT / "docs").rglob("*.svg"))
    assert pictures
    for picture in pictures:
        root = ElementTree.parse(picture).getroot()
        parts = {child.tag.rpartition("}")[2] for child in root}
        assert {"title", "desc"} <= parts, picture.name


def test_the_changelog_keeps_its_form() -> None:
    text = (PROJECT / "CHANGELOG.md").read_text()
    assert text.startswith("# Changelog\n")
    assert "## [Unreleased]" in text
    kinds = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}


def test_decisions_are_numbered_without_gaps_and_have_a_status() -> None:
    files = sorted((PROJECT / "docs" / "decisions").glob("*.md"))
    assert [int(file.name[:4]) for file in files] == list(range(1, len(files) + 1))
    for file in files:
        text = file.read_text()
        assert text.startswith(f"# {int(file.name[:4])}. "), file.name
        assert "**Status:**" in text, file.name


def test_set_up_names_no_registry() -> None:
    named = {
        name: re.findall(r"--(?:extra-)?index-url|--find-links|https?://\S+", (PROJECT / name).read_text())
        for name in ("Makefile", "scripts/setup.sh", ".ci/run", "requirements.lock", "pyproject.toml")
    }
    assert {name: found for name, found in named.items() if found} == {}


def test_scripts_are_executable_and_parse() -> None:
    for name, shell in (("scripts/setup.sh", "sh"), (".ci/run", "bash")):
        script = PROJECT / name
        assert script.stat().st_mode & 0o100, name
        subprocess.run([shell, "-n", str(script)], check=True)
