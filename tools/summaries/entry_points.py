"""Where a repository's programs begin."""

import configparser
import posixpath
import re
from collections.abc import Iterator

from perdure.safety.views import SandboxLimits, View
from tools.node.next_routes import PAGE
from tools.programs import run_program
from tools.searching.file_list import LISTED
from tools.summaries.tree import ASIDE, Section, Tree, listed, table_of
from tools.symbols.outlines import Outline
from tools.titles import one_line, shown_path
from tools.tool_schemas import ToolContext

LIMITS = SandboxLimits(time_s=60, output_bytes=16 * 1024**2)
MOST_OF_A_KIND = 8
MOST_ROUTES = 12
MOST_PACKAGES = 6
RUN_SCRIPTS = ("dev", "start", "serve", "preview", "cli")
MAIN = r"""^if __name__ == ['"]__main__['"]|^package main\b"""
DOCKER = re.compile(r"^(ENTRYPOINT|CMD|EXPOSE)\s+(.+)$", re.MULTILINE)


async def entry_points_of(context: ToolContext, tree: Tree, outlines: dict[str, Outline]) -> Section:
    """Programs, scripts, routes, containers and services; ``outlines`` are those of the YAML files."""
    lines = [
        *_python(tree),
        *await _started_as_scripts(context, tree),
        *_packages(tree),
        *_routes(tree),
        *_rust(tree),
        *_containers(tree),
        *_services(tree, outlines),
    ]
    return Section("Entry points", lines or ["None is declared."])


def _python(tree: Tree) -> Iterator[str]:
    for path in tree.manifests("pyproject.toml")[:MOST_PACKAGES]:
        content = tree.toml(path)
        scripts = {
            **table_of(content, "tool", "poetry", "scripts"),
            **table_of(content, "project", "gui-scripts"),
            **table_of(content, "project", "scripts"),
        }
        for name, target in list(scripts.items())[:MOST_OF_A_KIND]:
            yield f"command {name} → {one_line(str(target))} ({_shown(tree, path)})"
        groups = table_of(content, "project", "entry-points")
        if groups:
            counts = [f"{name} ({len(table_of(groups, name))})" for name in groups]
            yield f"plug-ins of the groups {listed(counts, MOST_OF_A_KIND)} ({_shown(tree, path)})"
    for path in tree.manifests("setup.cfg")[:MOST_PACKAGES]:
        for line in _setup_scripts(tree.text(path))[:MOST_OF_A_KIND]:
            yield f"command {one_line(line)} ({_shown(tree, path)})"
    mains = [path for path in tree.named("__main__.py") if path not in tree.of_tests and "/" in path]
    for path in mains[:MOST_OF_A_KIND]:
        module = posixpath.dirname(tree.shown(path)).removeprefix("src/").replace("/", ".")
        yield f"python -m {module} → {_shown(tree, path)}"


def _setup_scripts(text: str) -> list[str]:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(text)
        listed_scripts = parser.get("options.entry_points", "console_scripts", fallback="")
    except configparser.Error:
        return []
    return [line.replace("=", "→", 1) for line in map(str.strip, listed_scripts.splitlines()) if line]


async def _started_as_scripts(context: ToolContext, tree: Tree) -> list[str]:
    """Python files that are run as they are, and Go's programs."""
    argv = [str(context.toolchain.ripgrep), *LISTED, "--files-with-matches", "--null", "--color=never"]
    argv += ["--glob=*.py", "--glob=*.go", f"--regexp={MAIN}", "--", "./"]
    finished = await run_program(
        context, argv, view=View.READ_ONLY, limits=LIMITS, working_directory=tree.folder
    )
    found = [
        name.removeprefix("./") for name in finished.output.decode("utf-8", "surrogateescape").split("\0")
    ]
    paths = sorted(
        (path for path in found if path and not tree.tests.holds(path) and not path.endswith("__main__.py")),
        key=lambda path: (not ASIDE.isdisjoint(path.split("/")), path.count("/"), path),
    )
    scripts = [shown_path(path) for path in paths if path.endswith(".py")]
    programs = sorted({posixpath.dirname(path) or "." for path in paths if path.endswith(".go")})
    lines = [f"scripts: {listed(scripts, MOST_OF_A_KIND)}"] if scripts else []
    return lines + ([f"Go programs: {listed(map(shown_path, programs), MOST_OF_A_KIND)}"] if programs else [])


def _packages(tree: Tree) -> Iterator[str]:
    for path in tree.manifests("package.json")[:MOST_PACKAGES]:
        content = tree.json(path)
        given = content.get("bin")
        programs = {str(content.get("name", "")): given} if isinstance(given, str) else table_of(given)
        for name, target in list(programs.items())[:MOST_OF_A_KIND]:
            yield f"command {one_line(name)} → {one_line(str(target))} ({_shown(tree, path)})"
        entries = [
            f"{key} {content[key]}"
            for key in ("main", "module", "types")
            if isinstance(content.get(key), str)
        ]
        exported = list(table_of(content, "exports"))
        entries += [f"exports {listed(exported, MOST_OF_A_KIND)}"] if exported else []
        if entries:
            yield f"library {one_line(str(content.get('name', '')))}: {one_line('; '.join(entries), 200)} ({_shown(tree, path)})"
        scripts = table_of(content, "scripts")
        started = [f"{name} ({one_line(str(scripts[name]), 60)})" for name in RUN_SCRIPTS if name in scripts]
        if started:
            yield f"started by scripts {', '.join(started)} ({_shown(tree, path)})"


def _routes(tree: Tree) -> Iterator[str]:
    """Pages and handlers of Next.js, by the names of their files."""
    for manifest in tree.manifests("package.json")[:MOST_PACKAGES]:
        content = tree.json(manifest)
        if "next" not in {**table_of(content, "dependencies"), **table_of(content, "devDependencies")}:
            continue
        top = posixpath.dirname(manifest)
        pages: list[str] = []
        handlers: list[str] = []
        for path in tree.paths:
            inside = path.removeprefix(f"{top}/") if top else path
            route = route_of_file(inside) if not top or path.startswith(f"{top}/") else None
            if route is not None:
                is_handler = posixpath.basename(path).startswith("route.") or route.startswith("/api")
                (handlers if is_handler else pages).append(f"{route} ({_shown(tree, path)})")
        if pages:
            yield f"Next.js pages ({len(pages)}): {listed(sorted(pages), MOST_ROUTES)}"
        if handlers:
            yield f"Next.js handlers ({len(handlers)}): {listed(sorted(handlers), MOST_ROUTES)}"


def route_of_file(path: str) -> str | None:
    """The route that a file of the app or the pages router answers, from its package's folder; None where none."""
    parts = path.removeprefix("src/").split("/")
    router, folders, name = parts[0], parts[1:-1], parts[-1]
    if router == "app" and len(parts) > 1 and PAGE.fullmatch(name):
        return "/" + "/".join(part for part in folders if not part.startswith(("(", "@")))
    stem, ending = posixpath.splitext(name)
    if (
        router == "pages"
        and ending in {".js", ".jsx", ".ts", ".tsx"}
        and not stem.startswith("_")
        and len(parts) > 1
    ):
        return "/" + "/".join([*folders, *([] if stem == "index" else [stem])])
    return None


def _rust(tree: Tree) -> Iterator[str]:
    for path in tree.manifests("Cargo.toml")[:MOST_PACKAGES]:
        top = posixpath.dirname(path)
        place = f"{top}/src/main.rs" if top else "src/main.rs"
        if tree.text(place):
            name = table_of(tree.toml(path), "package").get("name", "")
            yield f"cargo run: {one_line(str(name))} → {_shown(tree, place)}"


def _containers(tree: Tree) -> Iterator[str]:
    files = [
        path
        for path in tree.paths
        if re.match(r"(Dockerfile|Containerfile)(\..+)?\Z", posixpath.basename(path))
    ]
    for path in sorted(files, key=lambda path: (path.count("/"), path))[:MOST_OF_A_KIND]:
        said = [f"{word} {one_line(rest.strip(), 80)}" for word, rest in DOCKER.findall(tree.text(path))]
        yield f"container {_shown(tree, path)}: {'; '.join(said[-4:]) or 'no command of its own'}"
    for line in tree.text(tree.at("Procfile")).splitlines()[:MOST_OF_A_KIND]:
        yield f"Procfile {one_line(line)}"


def _services(tree: Tree, outlines: dict[str, Outline]) -> Iterator[str]:
    for path, outline in outlines.items():
        if not is_compose(path):
            continue
        inside, names = False, list[str]()
        for entry in outline.entries:
            inside = entry.name == "services" if entry.depth == 0 else inside
            if inside and entry.depth == 1:
                names.append(entry.name)
        if names:
            yield f"services of {_shown(tree, path)}: {listed(names, 12)}"


def is_compose(path: str) -> bool:
    """Whether a file is one of Docker Compose."""
    return bool(re.fullmatch(r"(docker-)?compose([.-].+)?\.ya?ml", posixpath.basename(path)))


def _shown(tree: Tree, path: str) -> str:
    return shown_path(tree.shown(path))
