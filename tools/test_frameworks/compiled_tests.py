"""Finds the tests of Go and Rust, and starts ``go test`` and ``cargo test`` without network."""

import posixpath
import re
from collections.abc import Sequence
from functools import partial

from perdure.workspace.paths import Files
from tools.test_frameworks import cargo_report, go_report
from tools.test_frameworks.commands import REPORT, Command, Selection, Unable
from tools.test_frameworks.tree import beginning, file_of, upwards, within
from tools.tool_schemas import Toolchain

OF_COMPILED = ("go", "cargo")
MANIFESTS = {"go": "go.mod", "cargo": "Cargo.toml"}
SUFFIXES = {"go": "_test.go", "cargo": ".rs"}
RUST_TEST = re.compile(r"#\[(?:\w+::)*test\b|^\s*//[/!] ```", re.MULTILINE)
MODULE = re.compile(r"^module\s+\"?([^\s\"]+)", re.MULTILINE)
PLACES = "/usr/local/go/bin:/usr/lib/go/bin:/usr/local/cargo/bin:/usr/local/bin:/usr/bin:/bin"
GO_ENVIRONMENT = (
    "GOCACHE=/tmp/go-cache", "GOPATH=/tmp/go", "GOPROXY=off", "GOTOOLCHAIN=local", "GOFLAGS=-buildvcs=false",
)  # fmt: skip
ONLY_REPORT = f'"$@" >{REPORT}'
REPORT_AND_OUTPUT = f'"$@" >{REPORT} 2>&1; code=$?; cat {REPORT}; exit $code'


class CompiledTests:
    """Sorts files by the module or workspace that they are of, and makes the commands."""

    def __init__(self, files: Files, toolchain: Toolchain) -> None:
        self._files = files
        self._toolchain = toolchain

    def commands(
        self, found: Sequence[str], selection: Selection, framework: str = ""
    ) -> list[Command | Unable]:
        """One for each module with tests; ``framework`` is the one that the caller wants."""
        made: list[Command | Unable] = []
        for name in OF_COMPILED:
            if framework and framework != name:
                continue
            for folder, files in sorted(self.by_folder(name, found).items()):
                make = self._go if name == "go" else self._cargo
                made.append(make(folder, files, selection))
        return made

    def go_list(self, arguments: Sequence[str]) -> list[str]:
        """The command line of ``go list``."""
        return list(self._started("go", GO_ENVIRONMENT, ["list", *arguments], '"$@"'))

    def by_folder(self, name: str, found: Sequence[str]) -> dict[str, list[str]]:
        """Files with tests by the module or Cargo workspace that they belong to."""
        folders: dict[str, list[str]] = {}
        for path in found:
            if not path.endswith(SUFFIXES[name]) or {"target", "vendor", "testdata"} & set(path.split("/")):
                continue
            if name == "cargo" and not RUST_TEST.search(beginning(self._files, path)):
                continue
            above = [
                folder for folder in upwards(path) if self._files.exists(within(folder, MANIFESTS[name]))
            ]
            if above:
                # A crate of a workspace is tested from the workspace, which has the lock.
                folders.setdefault(above[-1] if name == "cargo" else above[0], []).append(path)
        return folders

    def _go(self, folder: str, files: Sequence[str], selection: Selection) -> Command | Unable:
        module = MODULE.search(beginning(self._files, within(folder, "go.mod")))
        chosen = bool(selection.paths or selection.ids)
        packages = sorted({posixpath.dirname(path) or "." for path in files})
        wanted = [f"./{posixpath.relpath(package, folder)}" for package in packages] if chosen else ["./..."]
        names = sorted({one.partition("::")[2].partition("/")[0] for one in selection.ids} - {""})
        pattern = selection.pattern or (f"^({'|'.join(map(re.escape, names))})$" if names else "")
        argv = ["test", "-json", *([f"-run={pattern}"] if pattern else []), *wanted]
        reader = partial(go_report.cases_of, folder=folder, module=module[1] if module else "")
        return Command(
            "go", folder, self._started("go", GO_ENVIRONMENT, argv, ONLY_REPORT), reader,
            "its module has test files", ids=tuple(one for one in selection.ids if _of(one, folder, "go")),
        )  # fmt: skip

    def _cargo(self, folder: str, files: Sequence[str], selection: Selection) -> Command | Unable:
        argv = ["test", "--offline", "--no-fail-fast", "--color=never"]
        if selection.paths or selection.ids:
            crates = {self._crate(path) for path in files}
            names = [name for crate in sorted(crates) if (name := self._name(crate))]
            argv += [word for name in names for word in ("--package", name)] or ["--workspace"]
        else:
            argv.append("--workspace")
        argv += [selection.pattern] if selection.pattern else []
        return Command(
            "cargo", folder, self._started("cargo", ["CARGO_HOME=/tmp/cargo"], argv, REPORT_AND_OUTPUT),
            partial(cargo_report.cases_of, folder=folder), "its crates have tests",
            ids=tuple(one for one in selection.ids if _of(one, folder, "cargo")),
        )  # fmt: skip

    def _crate(self, path: str) -> str:
        return next(
            (folder for folder in upwards(path) if self._files.exists(within(folder, "Cargo.toml"))), "."
        )

    def _name(self, crate: str) -> str:
        text = beginning(self._files, within(crate, "Cargo.toml"))
        found = re.search(r"^\[package\][^\[]*?^name\s*=\s*[\"']([\w-]+)", text, re.MULTILINE | re.DOTALL)
        return found[1] if found else ""

    def _started(
        self, name: str, environment: Sequence[str], argv: Sequence[str], shell: str
    ) -> tuple[str, ...]:
        program = self._toolchain.go if name == "go" else self._toolchain.cargo
        first = f"{program.parent}:" if program else ""
        return (
            "/usr/bin/env", *environment, f"PATH={first}{PLACES}", "/bin/sh", "-c",
            f"command -v {name} >/dev/null || {{ echo '{name} is not installed on this worker, so its tests cannot run.';"
            f" exit 127; }}\n{shell}", "sh", name, *argv,
        )  # fmt: skip


def _of(one: str, folder: str, name: str) -> bool:
    path = file_of(one)
    inside = folder == "." or path == folder or path.startswith(f"{folder}/")
    return inside and (
        path.endswith(".rs") if name == "cargo" else "." not in posixpath.basename(path) or path == "."
    )
