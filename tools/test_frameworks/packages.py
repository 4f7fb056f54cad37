"""What a package.json says about tests: which framework, and why that one."""

import json
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, cast

from perdure.workspace.paths import Files
from tools.test_frameworks.tree import within

FRAMEWORKS = ("vitest", "jest", "mocha")
CONFIGURATIONS = {
    "vitest": re.compile(r"vitest\.(config|workspace)\.[cm]?[jt]s(on)?"),
    "jest": re.compile(r"jest\.config\.([cm]?[jt]s|json)"),
    "mocha": re.compile(r"\.mocharc\.([cm]?js|jsonc?|ya?ml)|\.mocharc"),
}
#: A framework's name as a word of a script, also as the path of its program.
NAMED = re.compile(r"(?:^|[\s/;&|(\"'])(?P<name>vitest|jest|mocha)(?:\.[cm]?js)?(?=$|[\s;&|)\"'])")
NODE_TEST = re.compile(r"\bnode\b[^;&|]*\s--test(?=$|[\s\"'])")
#: Where a script starts another one.
OTHER_SCRIPT = re.compile(r"\b(?:npm|pnpm|yarn|bun)\s+(?:run\s+)?(?:-[\w-]+\s+)*([\w:.-]+)(?:\s+--(?=\s))?")
#: What a script makes that its tests may need.
BUILDS = re.compile(
    r"\b(?:tsc(?! --noEmit)|tsup|build|compile|babel|swc|esbuild|rollup|webpack)\b(?![\w/.-]*register)"
)
PLACEHOLDER = "no test specified"
HOPS = 4
LONGEST_SCRIPT = 20_000
LARGEST_BYTES = 1024**2


@dataclass(frozen=True)
class Package:
    """One package.json."""

    folder: str
    content: dict[str, Any]
    names: frozenset[str]
    """What lies beside it."""

    @property
    def file(self) -> str:
        """Its path."""
        return within(self.folder, "package.json")

    @cached_property
    def dependencies(self) -> frozenset[str]:
        """Names of everything it depends on."""
        kinds = ("dependencies", "devDependencies", "peerDependencies", "optionalDependencies")
        return frozenset(name for kind in kinds for name in self._texts(kind))

    @cached_property
    def test_script(self) -> str:
        """The script that ``npm test`` comes to, with the scripts that it starts in their places; or nothing."""
        scripts = self._texts("scripts")
        text = scripts.get("test", "")
        for _ in range(HOPS):
            text = OTHER_SCRIPT.sub(lambda found: scripts.get(found.group(1), found.group()), text)[
                :LONGEST_SCRIPT
            ]
        return "" if PLACEHOLDER in text else text

    @cached_property
    def choice(self) -> tuple[str, str]:
        """The framework and the reason, or two empty texts."""
        script = self.test_script
        started = NAMED.search(script) or NODE_TEST.search(script)
        chosen = (started.groupdict().get("name") or "node") if started else ""
        # Vitest and Jest translate what they load; the others may need what is built.
        if started and chosen in {"mocha", "node"} and BUILDS.search(script, 0, started.start()):
            return "script", f"the test script of {self.file} builds before it tests"
        if started:
            return chosen, f"the test script of {self.file} starts it"
        if framework := self.configured:
            return framework, f"it is configured beside {self.file}"
        for framework in FRAMEWORKS:
            if framework in self.dependencies:
                return framework, f"{self.file} depends on it"
        if script:
            return "script", f"the test script of {self.file} starts no framework that is known here"
        return "", ""

    @property
    def configured(self) -> str:
        """The framework with a configuration here, or nothing."""
        for framework, name in CONFIGURATIONS.items():
            if framework in self.content or any(map(name.fullmatch, self.names)):
                return framework
        return ""

    @property
    def decides(self) -> bool:
        """Whether its script or a configuration names the framework, so that no package above has a say."""
        return bool(self.test_script or self.configured)

    def members(self, files: Files) -> tuple[str, ...]:
        """Patterns of the folders that belong to its workspace."""
        listed: Any = self.content.get("workspaces", [])
        if isinstance(listed, dict):
            listed = cast(dict[str, Any], listed).get("packages", [])
        found = [str(one) for one in cast(list[Any], listed)] if isinstance(listed, list) else []
        other = within(self.folder, "pnpm-workspace.yaml")
        if files.exists(other):
            text = files.read(other, limit_bytes=LARGEST_BYTES).decode("utf-8", "replace")
            found += re.findall(r"^\s*-\s*['\"]?([^'\"#\n]+?)['\"]?\s*$", text, re.MULTILINE)
        return tuple(pattern.removeprefix("./").rstrip("/") for pattern in found)

    def _texts(self, key: str) -> dict[str, str]:
        value: Any = self.content.get(key)
        if not isinstance(value, dict):
            return {}
        return {name: text for name, text in cast(dict[str, Any], value).items() if isinstance(text, str)}


class Packages:
    """The package.json files of a workspace, read once each."""

    def __init__(self, files: Files) -> None:
        self._files = files
        self._known: dict[str, Package | None] = {}

    def of(self, folder: str) -> Package | None:
        """The package of exactly this folder; None where there is none that can be read."""
        if folder not in self._known:
            self._known[folder] = self._read(folder)
        return self._known[folder]

    def belongs(self, package: Package) -> bool:
        """Whether it is the root, a member of the root's workspace, or the root has no say at all."""
        root = self.of(".")
        if package.folder == "." or root is None or not root.choice[0]:
            return True
        return any(fnmatchcase(package.folder, pattern) for pattern in root.members(self._files))

    def _read(self, folder: str) -> Package | None:
        path = within(folder, "package.json")
        if not self._files.exists(path) or self._files.stat(path).kind != "file":
            return None
        try:
            content: Any = json.loads(self._files.read(path, limit_bytes=LARGEST_BYTES))
        except (ValueError, RecursionError):
            return None
        if not isinstance(content, dict):
            return None
        names = frozenset(entry.name for entry in self._files.list(folder))
        return Package(folder, cast(dict[str, Any], content), names)
