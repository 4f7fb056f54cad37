"""How a repository is built and tested, as its own files say."""

import configparser
import posixpath
import re
from collections.abc import Iterator, Mapping

from perdure.contracts.errors import ToolRejected
from tools.summaries.tree import Section, Tree, listed, table_of, texts_of
from tools.symbols.outlines import Outline
from tools.test_frameworks.commands import Unable
from tools.test_frameworks.plans import planned
from tools.titles import one_line, shown_path
from tools.tool_schemas import ToolContext

MOST_OF_A_KIND = 6
MOST_SCRIPTS = 14
MOST_TARGETS = 16
MOST_CI_FILES = 5
MOST_CI_COMMANDS = 4
LOCKS = {
    "uv.lock": "uv", "poetry.lock": "Poetry", "pdm.lock": "PDM", "Pipfile.lock": "Pipenv", "package-lock.json": "npm",
    "pnpm-lock.yaml": "pnpm", "yarn.lock": "Yarn", "bun.lock": "Bun", "bun.lockb": "Bun", "Cargo.lock": "Cargo",
    "go.sum": "Go modules", "Gemfile.lock": "Bundler", "composer.lock": "Composer",
}  # fmt: skip
OTHERS = {
    "Cargo.toml": "cargo build, cargo test", "go.mod": "go build ./..., go test ./...", "pom.xml": "mvn package, mvn test",
    "build.gradle": "gradle build", "build.gradle.kts": "gradle build", "CMakeLists.txt": "cmake", "meson.build": "meson",
    "noxfile.py": "nox", "Gemfile": "bundle install", "composer.json": "composer install",
    ".pre-commit-config.yaml": "pre-commit run --all-files",
}  # fmt: skip
TARGET = re.compile(r"^([A-Za-z0-9][\w./-]*)\s*:(?![=:])[^#\n]*?(?:##\s*(.*))?$", re.MULTILINE)
CI = re.compile(
    r"(?:.*/)?\.github/workflows/[^/]+\.ya?ml|(?:.*/)?\.gitlab-ci\.yml|(?:.*/)?\.circleci/config\.yml"
)
USUAL = (
    "build",
    "test",
    "lint",
    "typecheck",
    "type-check",
    "types",
    "check",
    "format",
    "dev",
    "start",
    "release",
)
RAN = {"run", "script", "command"}


async def building_of(context: ToolContext, tree: Tree, outlines: Mapping[str, Outline]) -> Section:
    """Package managers, scripts, targets, test frameworks and what continuous integration runs."""
    lines = [
        *_managers(tree),
        *_python(tree),
        *_scripts(tree),
        *_targets(tree),
        *_others(tree),
        *await _frameworks(context, tree),
        *_ci(tree, outlines),
    ]
    return Section("Build and test", lines or ["Nothing says how."])


def dependencies_of(tree: Tree) -> Section | None:
    """What the outermost packages need to run."""
    lines: list[str] = []
    for path in [*tree.manifests("pyproject.toml"), *tree.manifests("package.json")]:
        if len(lines) == MOST_OF_A_KIND:
            break
        if path.endswith(".json"):
            names = sorted(table_of(tree.json(path), "dependencies"))
        else:
            content = tree.toml(path)
            needed = texts_of(table_of(content, "project").get("dependencies"))
            names = [re.split(r"[\s\[<>=!~;@(]", each.strip(), maxsplit=1)[0] for each in needed]
            names += [
                name for name in table_of(content, "tool", "poetry", "dependencies") if name != "python"
            ]
        if names:
            lines.append(f"{_shown(tree, path)}: {one_line(listed(names, 20), 400)}")
    return Section("Depends on", lines) if lines else None


def _managers(tree: Tree) -> Iterator[str]:
    found = [(name, tree.at(lock)) for lock, name in LOCKS.items() if tree.at(lock) in tree.paths]
    if found:
        yield f"locked packages: {', '.join(f'{name} ({_shown(tree, lock)})' for name, lock in found)}"
    requirements = [
        path for path in tree.paths if re.match(r"requirements.*\.txt\Z", posixpath.basename(path))
    ]
    if requirements:
        yield f"pip install -r: {listed((_shown(tree, path) for path in requirements), MOST_OF_A_KIND)}"


def _python(tree: Tree) -> Iterator[str]:
    for path in tree.manifests("pyproject.toml")[:MOST_OF_A_KIND]:
        content = tree.toml(path)
        if not content:
            yield f"{_shown(tree, path)} cannot be read as TOML"
            continue
        said: list[str] = []
        wanted = table_of(content, "project").get("requires-python")
        said += [f"Python {wanted}"] if isinstance(wanted, str) else []
        backend = table_of(content, "build-system").get("build-backend")
        said += [f"built by {backend}"] if isinstance(backend, str) else []
        groups = [
            *table_of(content, "dependency-groups"),
            *table_of(content, "project", "optional-dependencies"),
        ]
        said += [f"groups {listed(dict.fromkeys(groups), 10)}"] if groups else []
        tools = [
            name for name in table_of(content, "tool") if name not in {"poetry", "setuptools", "hatch", "uv"}
        ]
        said += [f"configures {listed(tools, 10)}"] if tools else []
        environments = list(table_of(content, "tool", "tox", "env"))
        said += [f"tox environments {listed(environments, 10)}"] if environments else []
        if said:
            yield f"{_shown(tree, path)}: {one_line('; '.join(said), 400)}"
    for path in tree.named("tox.ini")[:1]:
        parser = configparser.ConfigParser(interpolation=None, strict=False)
        try:
            parser.read_string(tree.text(path))
        except configparser.Error:
            # tox itself says what is wrong with the file.
            continue
        environments = parser.get("tox", "envlist", fallback=parser.get("tox", "env_list", fallback=""))
        if environments.strip():
            yield f"tox environments: {one_line(' '.join(environments.split()))}"


def _scripts(tree: Tree) -> Iterator[str]:
    for path in tree.manifests("package.json")[:MOST_OF_A_KIND]:
        content = tree.json(path)
        if not content:
            yield f"{_shown(tree, path)} cannot be read as JSON"
            continue
        manager, node = content.get("packageManager"), table_of(content, "engines").get("node")
        # A digest may follow the manager's version.
        said = [f"with {manager.partition('+')[0]}"] if isinstance(manager, str) else []
        said += [f"Node {node}"] if isinstance(node, str) else []
        scripts = {name: text for name, text in table_of(content, "scripts").items() if isinstance(text, str)}
        if said:
            yield f"{_shown(tree, path)}: {one_line(', '.join(said))}"
        if scripts:
            first = sorted(scripts, key=lambda name: _script_rank(name, scripts))[:MOST_SCRIPTS]
            shown = [f"{one_line(name, 30)} ({one_line(scripts[name], 60)})" for name in first]
            more = f" and {len(scripts) - len(shown)} more" if len(scripts) > len(shown) else ""
            yield f"scripts of {_shown(tree, path)}: {', '.join(shown)}{more}"


def _script_rank(name: str, scripts: Mapping[str, str]) -> tuple[int, int]:
    """What people start first, in its usual order, then its parts, then others; at last what runs by itself around another."""
    head = name.partition(":")[0]
    is_hook = any(name == f"{when}{other}" for when in ("pre", "post") for other in scripts)
    known = USUAL.index(head) if head in USUAL else len(USUAL)
    return (3 if is_hook else 2 if known == len(USUAL) else 1 if ":" in name else 0), known


def _targets(tree: Tree) -> Iterator[str]:
    for name, by in (("Makefile", "make"), ("justfile", "just"), ("Justfile", "just")):
        found = TARGET.findall(tree.text(tree.at(name)))
        targets = dict.fromkeys(target for target, _ in found)
        help_of = {target: words for target, words in found if words}
        shown = [f"{each} ({one_line(help_of[each], 50)})" if each in help_of else each for each in targets]
        if shown:
            yield f"{by} targets: {listed(shown, MOST_TARGETS)}"


def _others(tree: Tree) -> Iterator[str]:
    for name, command in OTHERS.items():
        if tree.at(name) in tree.paths:
            yield f"{name}: {command}"


async def _frameworks(context: ToolContext, tree: Tree) -> list[str]:
    """What run_tests would run, and why."""
    context.beat("looking for tests")
    try:
        commands = await planned(context, framework="auto", paths=[tree.folder], pattern="")
    except ToolRejected as refusal:
        return [f"tests: {refusal.message}"]
    lines = [
        f"tests: {each.framework} in {shown_path(each.folder)} cannot be started here: {each.why}"
        if isinstance(each, Unable)
        else f"tests: run_tests runs {each.framework} in {shown_path(each.folder)}"
        + (f", since {each.why}" if each.why else "")
        for each in commands[:MOST_OF_A_KIND]
    ]
    return lines + (
        [f"[{len(commands) - MOST_OF_A_KIND} more test runs]"] if len(commands) > MOST_OF_A_KIND else []
    )


def is_ci(path: str) -> bool:
    """Whether a file says what continuous integration runs."""
    return bool(CI.fullmatch(path))


def _ci(tree: Tree, outlines: Mapping[str, Outline]) -> Iterator[str]:
    files = [path for path in outlines if is_ci(path)]
    # What tests and builds first, then what only labels issues.
    files.sort(key=lambda path: (not re.search(r"test|ci|build|check|lint", posixpath.basename(path)), path))
    others: list[str] = []
    for path in files:
        ran: dict[str, None] = {}
        for entry in outlines[path].entries:
            text = entry.signature.partition(":")[2].strip()
            if entry.name in RAN and text and not text.startswith(("object of", "list of")):
                ran[one_line(re.sub(r"^[|>][+-]?\s*", "", text), 90)] = None
        if not ran or len(files) - len(others) > MOST_CI_FILES:
            others.append(path)
            continue
        shown = list(ran)[:MOST_CI_COMMANDS]
        more = f" and {len(ran) - len(shown)} more" if len(ran) > len(shown) else ""
        yield f"CI {_shown(tree, path)}: {' · '.join(shown)}{more}"
    if others:
        yield f"other CI files: {listed((_shown(tree, path) for path in others), 10)}"


def _shown(tree: Tree, path: str) -> str:
    return shown_path(tree.shown(path))
