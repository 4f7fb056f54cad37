"""The type check of files that are not there yet."""

import json
from collections.abc import Sequence

from tools.node.checks import Check, typescript_check
from tools.node.configurations import compiler_of, configuration_of
from tools.node.conventions import Conventions
from tools.node.projects import Project, seen_inside
from tools.test_frameworks.tree import within

CONFIGURATION = ".perdure-draft.tsconfig.json"
"""Beside the configuration that it extends, in the view that is thrown away."""


def type_check_of(
    project: Project, conventions: Conventions, scripts: Sequence[str]
) -> tuple[Check | None, dict[str, str]]:
    """A type check of new files and what they import, under the configuration that would compile them; None where there
    is none. With it what has to be written beside the files."""
    configuration = configuration_of(project)
    if configuration is None or not scripts:
        return None, {}
    if configuration.endswith("jsconfig.json") and not conventions.typescript:
        return None, {}
    base = compiler_of(project.files, configuration, scripts[0])
    folder, _, name = base.rpartition("/")
    place = within(folder or ".", CONFIGURATION)
    content = {
        "extends": f"./{name}",
        "compilerOptions": {"noEmit": True, "composite": False},
        "files": [seen_inside(path) for path in scripts],
        # What declares modules and names for all files.
        "include": ["**/*.d.ts"],
        "references": [],
    }
    return typescript_check(project, place), {seen_inside(place): json.dumps(content)}
