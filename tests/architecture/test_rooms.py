"""The rooms keep their places: layers, names, verdicts, locked packages, and what files may hold."""

import itertools
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from perdure.contracts.calls import Author, Effect, Verdict
from perdure.contracts.judging import CallFacts, Standing
from perdure.contracts.task import Mode, Safety
from perdure.safety.policy import Policy
from tools.__main__ import main as write_dictionary
from tools.registry import Registry

PROJECT = Path(__file__).resolve().parents[2]
ROOMS = ("activities", "perdure", "tools", "workflows")
FOLDERS = ("benchmarks", "examples", "scripts", "tests")
FILES = ("starter", "worker")
LONGEST_FILE = 400
CODE = {".py", ".pyi", ".sh", ".sql", ".toml"}


def tracked(*arguments: str) -> list[str]:
    """What ``git ls-files`` says, whoever owns the checkout."""
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", *arguments],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [name for name in listed.stdout.split("\0") if name]


def texts() -> dict[str, str]:
    """Every tracked text file that is still there, by its path."""
    found: dict[str, str] = {}
    for name in tracked():
        file = PROJECT / name
        if file.is_file() and b"\0" not in (data := file.read_bytes()):
            found[name] = data.decode("utf-8", "replace")
    return found


# Layers


def configuration(project: Path) -> dict[str, Any]:
    """The project's pyproject.toml."""
    return tomllib.loads((project / "pyproject.toml").read_text())


def rooms_without_a_layer(project: Path) -> set[str]:
    """Packages that no layer names, and those whose folder import-linter cannot see."""
    rules = configuration(project)["tool"]["importlinter"]
    layers = next(contract["layers"] for contract in rules["contracts"] if contract["type"] == "layers")
    named = {name.strip() for layer in layers for name in layer.split("|")}
    readers = next(c for c in rules["contracts"] if "settings" in c["name"])
    folders = {file.parent.relative_to(project) for room in ROOMS for file in (project / room).rglob("*.py")}
    folders |= {
        file.parent.relative_to(project)
        for file in project.glob("*/*.py")
        if file.parent.name not in FOLDERS and not file.parent.name.startswith(".")
    }
    wanted = {
        ".".join(folder.parts[:2] if folder.parts[0] == "perdure" else folder.parts[:1]) for folder in folders
    }
    unseen = {str(folder) for folder in folders if not (project / folder / "__init__.py").is_file()}
    unbound = wanted - {"perdure"} - set(readers["source_modules"])
    roots = {folder.parts[0] for folder in folders} ^ set(rules["root_packages"])
    # What lies between the rooms is for entry points alone.
    between = {f"perdure.{file.stem}" for file in (project / "perdure").glob("[!_]*.py")}
    loose = between ^ set(readers["forbidden_modules"])
    return (wanted - {"perdure"}) ^ named | unseen | unbound | roots | loose


def copied(folder: Path) -> Path:
    """The rooms and their rules in a folder of their own."""
    shutil.copy(PROJECT / "pyproject.toml", folder)
    for room in ROOMS:
        shutil.copytree(PROJECT / room, folder / room, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def lint_imports(project: Path) -> tuple[int, str]:
    """Exit code and words of import-linter on the project."""
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [str(program), "--no-cache"], cwd=project, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_every_room_has_its_layer() -> None:
    assert rooms_without_a_layer(PROJECT) == set()


@pytest.mark.parametrize("room", ["perdure/queues", "dispatch", "perdure/memory/vectors"])
def test_a_room_without_a_layer_is_noticed(tmp_path: Path, room: str) -> None:
    project = copied(tmp_path)
    (project / room).mkdir()
    (project / room / "queue.py").write_text("")
    assert rooms_without_a_layer(project) != set()


def test_a_file_between_the_rooms_is_noticed(tmp_path: Path) -> None:
    project = copied(tmp_path)
    (project / "perdure" / "helpers.py").write_text("")
    assert rooms_without_a_layer(project) == {"perdure.helpers"}


def test_the_rooms_import_only_what_lies_below(tmp_path: Path) -> None:
    code, said = lint_imports(copied(tmp_path))
    assert code == 0, said
    assert "0 broken" in said


def test_each_forbidden_import_is_caught(tmp_path: Path) -> None:
    project = copied(tmp_path)
    for file, line in {
        "workflows/card.py": "import perdure.memory.record",
        "activities/judge.py": "from tools.registry import Registry",
        "perdure/safety/policy.py": "import perdure.workspace.git",
        "perdure/client/events.py": "import asyncpg",
        "perdure/llm/prompts.py": "import perdure.settings",
    }.items():
        path = project / file
        path.write_text(f"{path.read_text()}\n{line}\n")
    code, said = lint_imports(project)
    assert code == 1
    rules = configuration(PROJECT)["tool"]["importlinter"]["contracts"]
    assert [rule["name"] for rule in rules if f"{rule['name']} BROKEN" not in said] == []


def test_workflow_code_that_is_not_deterministic_is_caught() -> None:
    code = (
        "import os\nimport random\nimport time\nfrom datetime import datetime\n\n"
        "print(time.time(), random.random(), datetime.now(), os.environ)\n"
    )
    ruff = str(Path(sys.executable).with_name("ruff"))
    options = ["--no-cache", "--output-format=concise", "--stdin-filename=workflows/clock.py"]
    done = subprocess.run(
        [ruff, "check", *options, "-"],
        cwd=PROJECT,
        input=code,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    banned = re.findall(r"TID251 `([\w.]+)`", done.stdout)
    assert set(banned) == {"random", "time.time", "datetime.datetime.now", "os.environ"}


# Names


def test_nothing_installed_takes_the_name_of_a_room(tmp_path: Path) -> None:
    names = [*ROOMS, *FOLDERS, *FILES]
    code = "import importlib.util, sys; print(*[n for n in sys.argv[1:] if importlib.util.find_spec(n)], sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-I", "-c", code, *names], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def test_only_entry_points_read_the_environment() -> None:
    allowed = {
        "perdure/embedded/guard.py",
        "perdure/memory/embedder_set_up.py",
        # It attacks: what its environment holds is what it looks for.
        "perdure/safety/break_out.py",
        "perdure/settings.py",
        "starter.py",
        "tools/__main__.py",
        "tools/node/set_up.py",
        "worker.py",
    }
    reading = re.compile(r"\bos\.(environ|getenv)\b|from os import .*\b(environ|getenv)\b")
    rooms = {
        name
        for name, text in texts().items()
        if name.endswith(".py") and not name.startswith(FOLDERS) and reading.search(text)
    }
    assert rooms <= allowed


# Tools and verdicts


def test_the_tool_dictionary_is_fresh() -> None:
    assert write_dictionary(["--check"]) == 0


def test_every_tool_has_a_verdict_whatever_it_does_and_wherever() -> None:
    policy, tools = Policy.load(), Registry.discover().dictionary()["tools"]
    judged = {
        (name, effect, mode, safety, author): policy.judge(
            CallFacts(name, Effect(effect), Standing(mode, safety, author))
        )
        for name, described in tools.items()
        for effect, mode, safety, author in itertools.product(described["effects"], Mode, Safety, Author)
    }
    assert len(judged) >= len(tools) * len(Mode) * len(Safety) * len(Author)
    assert {found.verdict for found in judged.values()} == set(Verdict)
    assert [
        key for key, found in judged.items() if not re.fullmatch(r"[a-z-]+: [A-Z].+\.", found.reason)
    ] == []
    leaving = {
        key for key, found in judged.items() if key[1] == "publish" and found.verdict in ("allow", "bounded")
    }
    assert leaving == set()


# Packages


def locked() -> dict[str, tuple[str, list[str]]]:
    """Version and hashes of each locked package, by name."""
    lines = (PROJECT / "requirements.lock").read_text().replace("\\\n", " ").splitlines()
    found: dict[str, tuple[str, list[str]]] = {}
    for line in lines:
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        requirement, *hashes = re.split(r"\s+--hash=", line.strip())
        parsed = Requirement(requirement)
        (only,) = parsed.specifier
        assert (only.operator, parsed.url) == ("==", None), line
        found[parsed.name.lower().replace("_", "-")] = (only.version, hashes)
    return found


def test_every_locked_package_is_pinned_by_version_and_hash() -> None:
    packages = locked()
    assert len(packages) > 50
    bad = {
        name: hashes
        for name, (_, hashes) in packages.items()
        if not hashes or [each for each in hashes if not re.fullmatch(r"sha256:[0-9a-f]{64}", each)]
    }
    assert bad == {}
    assert "://" not in (PROJECT / "requirements.lock").read_text()


def test_the_lock_holds_what_the_project_asks_for_and_nothing_unwanted() -> None:
    project = configuration(PROJECT)
    asked = [*project["project"]["dependencies"], *project["dependency-groups"]["dev"]]
    asked += itertools.chain(*project["project"]["optional-dependencies"].values())
    packages = locked()
    wrong: dict[str, str] = {}
    for requirement in map(Requirement, asked):
        version, _ = packages.get(requirement.name.lower(), ("", []))
        if not version or not requirement.specifier.contains(version, prereleases=True):
            wrong[requirement.name] = version
    assert wrong == {}
    # Model access is ours alone; this one reads the environment and calls home when it is imported.
    assert "litellm" not in packages


# Files


def test_files_of_code_are_short_enough_to_read() -> None:
    long = {
        name: count
        for name, text in texts().items()
        if Path(name).suffix in CODE and (count := len(text.splitlines())) > LONGEST_FILE
    }
    assert long == {}


def test_no_file_names_a_machine_or_a_registry() -> None:
    home = r"(?<![\w.$])/(?:root|work)/\w|(?<![\w.$])/home/(?!(?:ada|somebody|f)\b)\w"
    hosts = r"\b(?:pypi|npmjs|pythonhosted|jsr|crates|rubygems)\.(?:org|com|io)\b|proxy\.golang"
    found = {
        name: sorted({match[0] for match in re.finditer(f"{home}|{hosts}", text)})
        for name, text in texts().items()
    }
    assert {name: words for name, words in found.items() if words} == {}


def test_nothing_that_is_ignored_is_tracked() -> None:
    assert tracked("--cached", "--ignored", "--exclude-standard") == []
    assert "worker.py" in tracked()
