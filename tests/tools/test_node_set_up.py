"""The JavaScript tools are installed by npm from a lock that names no registry, once, with whatever Node can do it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from perdure.settings import PROJECT_FOLDER
from starter import check_node
from tools.node.locating import (
    TOOLCHAIN,
    Node,
    find_node,
    find_node_modules,
    is_installed,
    npm_of,
    stamp_of,
    versions_in,
)
from tools.node.set_up import NotInstalled, install
from tools.tool_schemas import Toolchain

LOCK = json.loads((TOOLCHAIN / "package-lock.json").read_text())


def program(folder: Path, name: str, text: str) -> Path:
    """An executable of the name."""
    file = folder / name
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)
    return file


def test_the_lock_names_versions_and_digests_and_no_registry() -> None:
    packages = {name: facts for name, facts in LOCK["packages"].items() if name}
    assert packages
    assert [
        name for name, facts in packages.items() if not facts.get("integrity") or "resolved" in facts
    ] == []
    assert "omit-lockfile-registry-resolved=true" in (TOOLCHAIN / ".npmrc").read_text()
    assert (
        LOCK["packages"][""]["dependencies"]
        == json.loads((TOOLCHAIN / "package.json").read_text())["dependencies"]
    )
    assert "://" not in (TOOLCHAIN / "node.lock").read_text()


def test_typescript_and_babel_stay_on_the_releases_that_have_an_interface() -> None:
    versions = {
        name: LOCK["packages"][f"node_modules/{name}"]["version"] for name in ("typescript", "@babel/core")
    }
    assert versions["typescript"].startswith("6.0.")
    assert versions["@babel/core"].startswith("7.")


def test_set_up_has_installed_them_and_does_nothing_again() -> None:
    node_modules = find_node_modules()
    assert node_modules is not None
    assert "typescript 6.0." in versions_in(node_modules)
    again = [sys.executable, "-m", "tools.node.set_up", "--required"]
    done = subprocess.run(again, cwd=PROJECT_FOLDER, capture_output=True, text=True, check=True)
    assert "Nothing to install" in done.stdout


@pytest.mark.parametrize(
    ("version", "recent"),
    [
        ("18.20.4", False),
        ("20.18.9", False),
        ("20.19.0", True),
        ("22.12.0", False),
        ("22.13.0", True),
        ("23.9.0", False),
        ("26.0.0", True),
    ],
)
def test_a_node_is_recent_where_the_newest_of_the_tools_runs_on_it(
    tmp_path: Path, version: str, recent: bool
) -> None:
    bin_folder, npm = tmp_path / "bin", tmp_path / "lib/node_modules/npm/bin/npm-cli.js"
    bin_folder.mkdir()
    npm.parent.mkdir(parents=True)
    npm.touch()
    there = program(bin_folder, "node", f"echo 'v{version} {bin_folder}/node'")
    found = find_node({"PATH": str(bin_folder)})
    assert (found is not None and found.program == there and found.shown_version == version) is recent


def test_a_shim_leads_to_the_program_and_one_without_a_version_is_none(
    tmp_path: Path, toolchain: Toolchain
) -> None:
    program(tmp_path, "node", f'exec {toolchain.node} "$@"')
    found = find_node({"PATH": str(tmp_path)})
    assert found is not None
    assert found.program == toolchain.node
    program(tmp_path, "node", "echo 'no version is set' >&2; exit 126")
    broken = find_node({"PATH": str(tmp_path)})
    assert broken is None or broken.program != tmp_path / "node"


def test_what_was_cut_short_is_not_taken_for_installed_and_is_made_good(
    tmp_path: Path, toolchain: Toolchain
) -> None:
    source, folder = tmp_path / "toolchain", tmp_path / "node"
    source.mkdir()
    write_lock(source, "isarray")
    node = find_node(os.environ)
    assert node is not None
    install(folder, node=node, environment=os.environ, toolchain=source)
    assert is_installed(folder, source)
    assert (folder / "node_modules" / "isarray").is_dir()
    stamp_of(folder).unlink()
    shutil.rmtree(folder / "node_modules")
    assert not is_installed(folder, source)
    install(folder, node=node, environment=os.environ, toolchain=source)
    assert (folder / "node_modules" / "isarray").is_dir()
    (source / "package.json").write_text((source / "package.json").read_text().replace("2.0.5", "2.0.4"))
    assert not is_installed(folder, source)
    with pytest.raises(NotInstalled, match=r"(?s)failed with exit code 1: .*package-lock\.json"):
        install(folder, node=node, environment=os.environ, toolchain=source)
    assert not stamp_of(folder).exists()


async def test_doctor_says_which_node_and_which_tools(toolchain: Toolchain) -> None:
    node, tools = await check_node()
    assert (node.state, tools.state) == ("ok", "ok")
    assert str(toolchain.node) in node.detail
    assert "eslint 10." in tools.detail


def test_a_node_without_npm_says_so(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    node = program(tmp_path / "bin", "node", "")
    assert npm_of(node) is None
    with pytest.raises(NotInstalled, match="has no npm beside it"):
        install(tmp_path / "there", node=Node(node, (24, 0, 0)), environment={})


def write_lock(folder: Path, name: str) -> None:
    """A project of one package, with the lock that npm writes for it."""
    (folder / "package.json").write_text(
        json.dumps({"name": "demo", "version": "1.0.0", "dependencies": {name: "2.0.5"}})
    )
    shutil.copy(TOOLCHAIN / ".npmrc", folder)
    locking = [
        "npm",
        "install",
        "--package-lock-only",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--loglevel=error",
    ]
    subprocess.run(locking, cwd=folder, check=True, capture_output=True)
