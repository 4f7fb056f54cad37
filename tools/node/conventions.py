"""How a project writes its JavaScript, found by reading it: language, folders, names, quotes, styles, tests, stories."""

import posixpath
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from tools.node.checks import uses_prettier
from tools.node.configurations import configuration_of, option_of
from tools.node.projects import Project
from tools.test_frameworks.tree import SKIPPED_FOLDERS, within

Styling = Literal["css-modules", "tailwind", "styled-components", "plain"]
Naming = Literal["pascal", "kebab", "camel", "snake"]
Runner = Literal["vitest", "jest", "node", ""]

READ_BYTES = 16 * 1024
READ_FILES = 150
WALKED_ENTRIES = 20_000
SKIPPED = {*SKIPPED_FOLDERS, ".next", "out", "coverage", "storybook-static", ".turbo", "public"}
SOURCE = re.compile(r"(?!.*\.d\.[cm]?ts\Z).+\.[cm]?[jt]sx?\Z")
TEST = re.compile(r"\.(test|spec)\.[cm]?[jt]sx?\Z")
STORY = re.compile(r"\.stories\.[cm]?[jt]sx?\Z")
COMPONENT = re.compile(r"(?!.*\.(test|spec|stories)\.).+\.[jt]sx\Z")
#: Names that a framework gives its files, which say nothing of how a project names its own.
GIVEN_NAMES = {
    "page",
    "layout",
    "loading",
    "error",
    "not-found",
    "template",
    "default",
    "route",
    "index",
    "main",
    "_app",
    "_document",
}
WORDS = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z0-9]+|[A-Z]+")
FORMS: dict[Naming, re.Pattern[str]] = {
    "pascal": re.compile(r"[A-Z][A-Za-z0-9]*"),
    "kebab": re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)+"),
    "snake": re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)+"),
    "camel": re.compile(r"[a-z]+[A-Z][A-Za-z0-9]*"),
}


@dataclass(frozen=True)
class Conventions:
    """What a new file should be like."""

    typescript: bool
    module: bool
    """ES modules and not CommonJS, for files that Node itself loads."""
    source_folder: str
    """``src`` or the project's own folder, from the workspace root."""
    component_folder: str
    naming: Naming
    folder_for_each: bool
    default_export: bool
    arrow: bool
    interface: bool
    imports_react: bool
    styling: Styling
    style_ending: str
    runner: Runner
    test_ending: str
    test_folder: str
    """``__tests__`` beside the file, or nothing where tests stand beside it."""
    has_testing_library: bool
    globals_in_tests: bool
    storybook: str
    """The package that stories take their types from, or nothing."""
    single_quotes: bool
    semicolons: bool
    indent: str
    formatted: bool
    """Whether Prettier formats the project, and so decides what the three before say."""

    def file_name(self, name: str) -> str:
        """A name as the project writes those of files."""
        return named(name, self.naming)


@dataclass(frozen=True)
class Source:
    """A file that was read, as far as its beginning."""

    path: str
    text: str


def named(name: str, form: Naming) -> str:
    """The words of a name in another form."""
    words = [word.lower() for word in WORDS.findall(name)] or [name.lower()]
    if form == "kebab":
        return "-".join(words)
    if form == "snake":
        return "_".join(words)
    capital = "".join(word[:1].upper() + word[1:] for word in words)
    return capital if form == "pascal" else capital[:1].lower() + capital[1:]


def conventions_of(project: Project) -> Conventions:
    """The conventions, read from the manifest, the configurations and a bounded number of sources."""
    paths = source_paths(project)
    sources = read_sources(project, paths)
    own = [each for each in sources if posixpath.basename(each.path).split(".")[0] not in GIVEN_NAMES]
    components = [each for each in own if COMPONENT.fullmatch(each.path)]
    texts = [each.text for each in sources]
    dependencies = project.dependencies
    configuration = configuration_of(project)
    typescript = (
        bool(configuration and configuration.endswith("tsconfig.json")) or "typescript" in dependencies
    )
    tests = [path for path in paths if TEST.search(path)]
    styling, ending = _styling(project, components, paths)
    runner, uses_globals = _runner(project)
    return Conventions(
        typescript=typescript,
        module=typescript
        or project.package.content.get("type") == "module"
        or _mostly(texts, r"^import .* from ", r"\brequire\("),
        source_folder=_source_folder(project),
        component_folder=_component_folder(project, components),
        naming=_naming(posixpath.basename(each.path).split(".")[0] for each in components),
        folder_for_each=_folder_for_each([each for each in sources if COMPONENT.fullmatch(each.path)]),
        default_export=_mostly(
            [each.text for each in components],
            r"^export default ",
            r"^export (?:const|function|class) [A-Z]",
            ties=True,
        ),
        arrow=_mostly(
            [each.text for each in components],
            r"^(?:export )?const [A-Z]\w*(?:: [^=]+)? = (?:\(|memo|forwardRef|async \()",
            r"\bfunction [A-Z]\w*\(",
        ),
        interface=_mostly(
            texts, r"^(?:export )?interface \w*Props\b", r"^(?:export )?type \w*Props\b", ties=True
        ),
        imports_react=_imports_react(project, configuration, components),
        styling=styling,
        style_ending=ending,
        runner=runner,
        test_ending="spec" if sum(".spec." in path for path in tests) * 2 > len(tests) else "test",
        test_folder="__tests__"
        if sum("/__tests__/" in f"/{path}" for path in tests) * 2 > len(tests)
        else "",
        has_testing_library="@testing-library/react" in dependencies,
        globals_in_tests=uses_globals,
        storybook=_storybook(dependencies),
        single_quotes=_quotes(texts),
        semicolons=_mostly(
            texts, r"^(?:import|export|const) .*;$", r"^(?:import|export|const) .*[^;{(,\[>]$", ties=True
        ),
        indent=_indent(texts),
        formatted=uses_prettier(project),
    )


def source_paths(project: Project) -> list[str]:
    """The project's own files of JavaScript, TypeScript and styles, shallow ones first; a bounded walk."""
    found: list[str] = []
    folders, left = [project.folder], WALKED_ENTRIES
    for folder in folders:
        for entry in project.files.list(folder):
            left -= 1
            path = within(folder, entry.name)
            if entry.kind == "folder" and entry.name not in SKIPPED and left > 0:
                folders.append(path)
            elif entry.kind == "file" and (SOURCE.fullmatch(path) or path.endswith((".css", ".scss"))):
                found.append(path)
    return found


def read_sources(project: Project, paths: Sequence[str]) -> list[Source]:
    """The beginnings of the first sources, those with components before others."""
    chosen = [path for path in paths if SOURCE.fullmatch(path) and not re.search(r"\.config\.\w+\Z", path)]
    chosen.sort(key=lambda path: not COMPONENT.fullmatch(path))
    return [
        Source(path, project.files.read(path, limit_bytes=READ_BYTES).decode("utf-8", "replace"))
        for path in chosen[:READ_FILES]
    ]


def _mostly(texts: Iterable[str], this: str, that: str, *, ties: bool = False) -> bool:
    """Whether more lines are of the one form than of the other; ``ties`` where neither is."""
    one, other = re.compile(this, re.MULTILINE), re.compile(that, re.MULTILINE)
    balance = sum(len(one.findall(text)) - len(other.findall(text)) for text in texts)
    return balance > 0 or (balance == 0 and ties)


def _quotes(texts: Sequence[str]) -> bool:
    # Attributes of JSX are in double quotes everywhere, so only what is imported counts.
    return _mostly(texts, r"(?:from|import|require\() ?'", r"(?:from|import|require\() ?\"")


def _indent(texts: Sequence[str]) -> str:
    widths = Counter(found for text in texts for found in re.findall(r"^(\t| +)\S", text, re.MULTILINE))
    for width in ("\t", "  ", "    "):
        if widths[width] and widths[width] * 4 >= max(widths.values()):
            return width
    return "  "


def _source_folder(project: Project) -> str:
    source = within(project.folder, "src")
    is_there = project.files.exists(source) and project.files.stat(source).kind == "folder"
    return source if is_there else project.folder


def _component_folder(project: Project, components: Sequence[Source]) -> str:
    """The folder named ``components`` that holds most, else a new one of that name."""
    counts: Counter[str] = Counter()
    for each in components:
        parts = posixpath.dirname(each.path).split("/")
        if "components" in parts:
            counts["/".join(parts[: parts.index("components") + 1])] += 1
    if counts:
        return counts.most_common(1)[0][0]
    return within(_source_folder(project), "components")


def _naming(names: Iterable[str]) -> Naming:
    counts: Counter[Naming] = Counter()
    for name in names:
        counts.update(form for form, pattern in FORMS.items() if pattern.fullmatch(name))
    return counts.most_common(1)[0][0] if counts else "pascal"


def _folder_for_each(components: Sequence[Source]) -> bool:
    own = [
        posixpath.splitext(each.path)[0].split("/")
        for each in components
        if "/components/" in f"/{each.path}"
    ]
    alone = sum(len(parts) > 1 and (parts[-1] == parts[-2] or parts[-1] == "index") for parts in own)
    return alone * 2 > len(own)


def _imports_react(project: Project, configuration: str | None, components: Sequence[Source]) -> bool:
    """Whether JSX needs React in scope: as the compiler is told, else as the project does."""
    option = option_of(project.files, configuration, "jsx") if configuration else None
    if option is not None:
        return option in ("react", "react-native")
    version = project.version_of("react")
    if version and version < (17,):
        return True
    return _mostly(
        [each.text for each in components],
        r"^import (?:\* as )?React\b",
        r"\A(?!.*^import (?:\* as )?React\b)",
    )


def _styling(project: Project, components: Sequence[Source], paths: Sequence[str]) -> tuple[Styling, str]:
    dependencies = project.dependencies
    ending = (
        "scss"
        if sum(path.endswith(".scss") for path in paths) * 2
        > sum(path.endswith((".css", ".scss")) for path in paths)
        else "css"
    )
    uses: Counter[Styling] = Counter()
    for each in components:
        if re.search(r"from ['\"][^'\"]+\.module\.(?:css|scss)['\"]", each.text):
            uses["css-modules"] += 1
        if re.search(r"from ['\"]styled-components['\"]", each.text):
            uses["styled-components"] += 1
        if "tailwindcss" in dependencies and re.search(
            r"className=\"[^\"]*\b(?:flex|p[xytblr]?-\d|m[xytblr]?-\d|text-|bg-)", each.text
        ):
            uses["tailwind"] += 1
    if uses:
        return uses.most_common(1)[0][0], ending
    if "tailwindcss" in dependencies:
        return "tailwind", ending
    if "styled-components" in dependencies:
        return "styled-components", ending
    has_modules = any(re.search(r"\.module\.(css|scss)\Z", path) for path in paths)
    return ("css-modules" if has_modules or "next" in dependencies else "plain"), ending


def _runner(project: Project) -> tuple[Runner, bool]:
    """The runner, and whether it gives tests their functions without an import."""
    choice = project.package.choice[0]
    if choice == "jest":
        return "jest", True
    if choice == "vitest":
        pattern = re.compile(r"(vitest|vite)\.config\.[cm]?[jt]s")
        configuration = project.nearest(pattern)
        text = (
            project.files.read(configuration, limit_bytes=READ_BYTES).decode("utf-8", "replace")
            if configuration
            else ""
        )
        return "vitest", bool(re.search(r"\bglobals:\s*true", text))
    return ("node" if choice == "node" else ""), False


def _storybook(dependencies: frozenset[str]) -> str:
    frameworks = (
        "@storybook/nextjs-vite",
        "@storybook/nextjs",
        "@storybook/react-vite",
        "@storybook/react-webpack5",
        "@storybook/react",
    )
    return next((name for name in frameworks if name in dependencies), "")
