"""What a changed file is to the tests of each family: source, settings of all, nothing, or data that anything may read."""

import posixpath
import re
from collections.abc import Iterable, Mapping, Set
from enum import StrEnum
from typing import Literal

from tools.test_frameworks.tree import upwards

Family = Literal["python", "script", "go", "cargo"]
FAMILIES: tuple[Family, ...] = ("python", "script", "go", "cargo")
SHOWN: Mapping[Family, str] = {"python": "Python", "script": "JavaScript", "go": "Go", "cargo": "Rust"}
SOURCES: Mapping[Family, re.Pattern[str]] = {
    "python": re.compile(r".+\.pyi?\Z"),
    "script": re.compile(r".+\.(?:[cm]?[jt]sx?|vue|svelte|css|s[ac]ss|less|snap)\Z"),
    "go": re.compile(r".+\.go\Z"),
    "cargo": re.compile(r".+\.rs\Z"),
}
SETTINGS: Mapping[Family, re.Pattern[str]] = {
    "python": re.compile(
        r"pyproject\.toml|setup\.(?:py|cfg)|tox\.ini|\.?pytest\.ini|(?:requirements|constraints).*\.(?:txt|in)|"
        r"(?:poetry|uv|pdm|Pipfile)\.lock|Pipfile|noxfile\.py|\.python-version|environment\.ya?ml|\.env.*"
    ),
    "script": re.compile(
        r"package(?:-lock)?\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-(?:lock|workspace)\.yaml|bun\.lockb?|\.npmrc|"
        r"(?:ts|js)config.*\.json|(?:vitest|vite|jest|babel|next|webpack|rollup|svelte|postcss|tailwind)\.config\..+|"
        r"(?:vitest|jest)\.(?:workspace|setup|global.*)\..+|setup(?:Tests?|Files).*\.[cm]?[jt]sx?|"
        r"\.babelrc.*|\.mocharc.*|\.swcrc|\.nvmrc|\.node-version|\.env.*"
    ),
    "go": re.compile(r"go\.(?:mod|sum|work|work\.sum)"),
    "cargo": re.compile(r"Cargo\.lock|rust-toolchain(?:\.toml)?"),
}
"""Names of files that any test of a family may depend on."""
MANIFESTS: Mapping[Family, Set[str]] = {
    "python": {"pyproject.toml", "setup.py", "setup.cfg"},
    "script": {"package.json"},
    "go": {"go.mod"},
    "cargo": {"Cargo.toml"},
}
#: What people and other programs read, and no test unless it names it.
INERT = re.compile(
    r".+\.(?:md|mdx|rst|adoc|png|jpe?g|gif|ico)|(?:LICEN[CS]E|CHANGELOG|CHANGES|NOTICE|AUTHORS|CODEOWNERS|README)(?:\..+)?|"
    r"\.git(?:ignore|attributes|modules)|\.editorconfig|\.prettier.*|\.eslint.*|eslint\.config\..+|\.?ruff\.toml|"
    r"\.pre-commit-config\.yaml|mypy\.ini|pyrightconfig\.json|Makefile|Dockerfile.*|docker-compose.*"
)


class Kind(StrEnum):
    """What a file is to the tests of one family."""

    SOURCE = "source"
    SETTINGS = "settings"
    DATA = "data"
    NOTHING = "nothing"


def kind_of(path: str, family: Family, homes: Mapping[str, Set[Family]]) -> Kind:
    """What a changed file is to a family's tests; ``homes`` says which families live in a folder."""
    name = posixpath.basename(path)
    if SETTINGS[family].fullmatch(name) or (family == "cargo" and path.startswith(".cargo/")):
        return Kind.SETTINGS
    if SOURCES[family].match(path) or (family == "cargo" and name == "Cargo.toml"):
        return Kind.SOURCE
    others = any(SOURCES[each].match(path) or SETTINGS[each].fullmatch(name) for each in FAMILIES)
    if others or INERT.fullmatch(name) or path.startswith(".github/"):
        return Kind.NOTHING
    home = next((homes[each] for each in upwards(path) if each in homes), None)
    return Kind.DATA if home is not None and family in home else Kind.NOTHING


def homes_of(paths: Iterable[str]) -> dict[str, Set[Family]]:
    """Which families have sources or a manifest in each folder."""
    found: dict[str, set[Family]] = {}
    for path in paths:
        folder, name = posixpath.split(path)
        for family in FAMILIES:
            if SOURCES[family].match(name) or name in MANIFESTS[family]:
                found.setdefault(folder or ".", set()).add(family)
    return dict(found)
