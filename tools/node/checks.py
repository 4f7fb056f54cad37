"""The command lines of TypeScript, ESLint and Prettier on a project, and what their answers mean."""

import json
import posixpath
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from perdure.contracts.errors import ToolRejected
from perdure.safety.secrets.cutting import beginning, ending
from tools.diagnostics import Diagnostic
from tools.node.batch import BatchCommand, Ended
from tools.node.findings import EslintReport, eslint_findings, prettier_findings, typescript_findings
from tools.node.projects import (
    FLAT_CONFIGURATION,
    OLD_CONFIGURATION,
    PRETTIER_CONFIGURATION,
    NodeProgram,
    Project,
    our_modules,
    seen_inside,
)

REPORTER = Path(__file__).with_name("eslint_report.cjs")
REPORTER_AT = "/tmp/perdure/eslint_report.cjs"
CONFIGURATION_AT = "/tmp/perdure/eslint.config.mjs"
MISSING = (
    "ERR_MODULE_NOT_FOUND",
    "MODULE_NOT_FOUND",
    "Cannot find module",
    "Cannot find package",
    "TS2307",
    "TS2875",
)
INSTALL = "Send install_dependencies, so that the project's own packages are there, and then this again."
Fix = Literal["none", "answer", "write"]
"""Whether ESLint mends what it can: not at all, in its answer alone, or in the files as well."""
FIXING: dict[Fix, list[str]] = {"none": [], "answer": ["--fix-dry-run"], "write": ["--fix"]}
OUR_RULES = """
import { createRequire } from "node:module";
const require = createRequire(FOLDER);
const globals = require("globals");
const typescript = require("typescript-eslint");
export default [
  { ignores: ["**/dist/**", "**/build/**", "**/.next/**", "**/coverage/**", "**/*.min.js"] },
  require("@eslint/js").configs.recommended,
  { languageOptions: { globals: { ...globals.browser, ...globals.node, ...globals.jest } } },
  { languageOptions: { parserOptions: { ecmaFeatures: { jsx: true } } } },
  ...typescript.configs.recommended.map((each) => ({ ...each, files: ["**/*.{ts,tsx,mts,cts}"] })),
];
"""
"""For projects without a configuration of ESLint: only what the two sets call recommended."""


@dataclass(frozen=True)
class Check:
    """One program's command, and what it needs beside the project's files."""

    program: NodeProgram
    command: BatchCommand
    write: dict[str, str] = field(default_factory=dict[str, str])
    note: str = ""
    """What people should know of how it runs."""


def typescript_check(project: Project, configuration: str) -> Check:
    """A type check of everything that a configuration compiles; nothing is written but a record in /tmp."""
    program = project.program("typescript")
    argv = [*program.argv, "-p", seen_inside(configuration), "--noEmit", "--pretty", "false"]
    # Some configurations must be incremental and others name a place for its record: both hold like this.
    record = f"/tmp/{configuration.replace('/', '-')}.tsbuildinfo"
    argv += ["--incremental", "--tsBuildInfoFile", record]
    note = "" if program.is_own or "typescript" not in project.dependencies else _not_installed("TypeScript")
    return Check(program, BatchCommand(tuple(argv), project.inside), note=note)


def typescript_result(ended: Ended, *, folder: str) -> list[Diagnostic]:
    """What tsc found; ToolRejected where it could not run."""
    found = typescript_findings(ended.out, folder=folder)
    if ended.code != 0 and not found:
        raise ToolRejected(f"TypeScript could not run: {ending(ended.said, 1_500)}", _hint(ended.said))
    return found


def eslint_check(project: Project, paths: Sequence[str], *, fix: Fix) -> Check:
    """ESLint on the paths, all of the project where there are none; mended texts stand in its answer."""
    program = project.program("eslint")
    write = {REPORTER_AT: REPORTER.read_text()}
    argv, note = [*program.argv], ""
    flat, old = project.nearest(FLAT_CONFIGURATION), project.nearest(OLD_CONFIGURATION)
    old = old or (project.package.file if "eslintConfig" in project.package.content else None)
    if flat is None and old is None:
        argv += ["--config", CONFIGURATION_AT]
        folder = json.dumps(str(our_modules(project.context) / "of-perdure.js"))
        write[CONFIGURATION_AT] = OUR_RULES.replace("FOLDER", folder)
        note = "The project has no configuration of ESLint; the recommended rules were used."
    elif flat is None:
        if program.major >= 10:
            raise ToolRejected(
                f"The project's {old!r} is of a form that {program.shown} no longer reads.",
                INSTALL if not program.is_own else "Write an eslint.config.mjs.",
            )
        argv = [
            "/usr/bin/env",
            "ESLINT_USE_FLAT_CONFIG=false",
            *argv,
            "--ext",
            ".js,.jsx,.mjs,.cjs,.ts,.tsx,.mts,.cts",
        ]
    if not program.is_own and "eslint" in project.dependencies:
        note = _not_installed("ESLint")
    argv += ["--format", REPORTER_AT, *FIXING[fix], "--", *_seen(project, paths)]
    return Check(program, BatchCommand(tuple(argv), project.inside), write, note)


def eslint_result(ended: Ended) -> EslintReport:
    """ESLint's report; ToolRejected where it could not run."""
    report = eslint_findings(ended.out)
    if report is None or ended.code not in (0, 1):
        said = ended.said.strip()
        raise ToolRejected(
            f"ESLint could not run: {beginning(said, 1_500) or f'exit code {ended.code}'}", _hint(said)
        )
    return report


def prettier_check(project: Project, paths: Sequence[str], *, write: bool) -> Check:
    """Prettier on the paths, all of the project where there are none."""
    program = project.program("prettier")
    argv = [*program.argv, "--list-different", "--ignore-unknown", *(["--write"] if write else [])]
    argv += ["--", *_seen(project, paths)]
    note = ""
    if not program.is_own and "prettier" in project.dependencies:
        note = _not_installed("Prettier")
    elif not uses_prettier(project):
        note = "The project has no configuration of Prettier; its defaults were used."
    return Check(program, BatchCommand(tuple(argv), project.inside, listed=True), note=note)


def prettier_result(ended: Ended, *, folder: str) -> tuple[list[str], list[Diagnostic]]:
    """Files that it formats otherwise, from the workspace root, and diagnostics; ToolRejected where it could not run."""
    paths = [line for line in ended.out.splitlines() if line]
    found = prettier_findings(paths, ended.error, folder=folder)
    if ended.code not in (0, 1) and len(found) == len(paths):
        raise ToolRejected(f"Prettier could not run: {beginning(ended.said, 1_500)}", _hint(ended.said))
    return [posixpath.normpath(posixpath.join(folder, path)) for path in paths], found


def uses_prettier(project: Project) -> bool:
    """Whether the project says in any way that Prettier formats it."""
    manifest = project.package.content
    return bool(
        "prettier" in project.dependencies
        or "prettier" in manifest
        or project.nearest(PRETTIER_CONFIGURATION)
    )


def _seen(project: Project, paths: Sequence[str]) -> list[str]:
    """Paths as a program started in the project's folder names them."""
    return [posixpath.relpath(path, project.folder) for path in paths] or ["."]


def _not_installed(name: str) -> str:
    return f"The project depends on {name}, but it is not installed, so Perdure's ran. {INSTALL}"


def _hint(said: str) -> str:
    return INSTALL if any(sign in said for sign in MISSING) else "Mend what it names, and send this again."
