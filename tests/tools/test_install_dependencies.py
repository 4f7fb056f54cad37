"""install_dependencies takes a project's packages from the configured hosts, runs none of them, and says what it did."""

import asyncio
import io
import json
import os
import sys
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from perdure.contracts.errors import ConfigurationError, ToolRejected
from perdure.safety.egress import PackageRequest
from perdure.safety.package_hosts import PackageHost
from tests.tools.conftest import Bench
from tools.packages.package_registries import RUN_PIP, RUN_PIP_ALONE, PackageSources, find_packages
from tools.packages.python_packages import python_plan
from tools.test_frameworks.cases import UnreadableReport
from tools.test_frameworks.lines import cases_of
from tools.tool_schemas import Packages, Toolchain


@pytest.fixture
def requests() -> list[PackageRequest]:
    return []


@pytest.fixture
def online(bench: Bench, packages: Packages, requests: list[PackageRequest]) -> Bench:
    """The bench with package hosts."""
    context = replace(bench.context, packages=packages, on_package_request=requests.append)
    return replace(bench, context=context)


def nowhere(bench: Bench) -> Bench:
    """The bench with registries of which no host is allowed."""
    packages = Packages(
        hosts=(PackageHost("packages.example"),),
        npm_registry="https://registry.example/",
        python_indexes=("https://index.example/simple",),
    )
    return replace(bench, context=replace(bench.context, packages=packages))


async def test_npm_ci_installs_what_the_lock_says_and_runs_no_script(
    online: Bench, requests: list[PackageRequest]
) -> None:
    online.put(
        "package.json",
        json.dumps(
            {
                "name": "demo",
                "version": "1.0.0",
                "scripts": {"preinstall": "touch ran", "postinstall": "touch ran"},
                "dependencies": {"isarray": "2.0.5"},
            }
        ),
    )
    online.put(
        ".npmrc", "ignore-scripts=false\nscript-shell=/bin/sh\nregistry=https://evil.example/\nomit=dev\n"
    )
    unlocked = await online.run("install_dependencies")
    assert unlocked.ok, unlocked.content
    assert "There is no lock file" in unlocked.content
    assert not online.copy.files.exists("package-lock.json")
    # The lock that npm wrote for itself holds what a lock of the project would.
    lock = json.loads(online.text("node_modules/.package-lock.json"))
    lock["packages"][""] = {"name": "demo", "version": "1.0.0", "dependencies": {"isarray": "2.0.5"}}
    online.put("package-lock.json", json.dumps(lock))
    output = await online.run("install_dependencies", ecosystem="node")
    assert output.ok, output.content
    assert "npm ci --ignore-scripts: exit code 0" in output.content
    assert "isarray 2.0.5" in output.content
    assert online.copy.files.exists("node_modules/isarray/package.json")
    assert not online.copy.files.exists("ran")
    assert {change.path for change in await online.copy.git.status()} == {
        ".npmrc",
        "package.json",
        "package-lock.json",
    }
    assert requests
    # A connection to the registry may break, and npm asks again; none may be refused.
    assert {one.verdict for one in requests} <= {"allowed", "failed"}


async def test_pip_installs_the_project_with_what_its_tests_need(
    online: Bench, requests: list[PackageRequest]
) -> None:
    online.put(
        "pyproject.toml",
        '[build-system]\nrequires = ["setuptools>=61.2"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "billing"\nversion = "1.0"\ndependencies = []\n'
        '[project.optional-dependencies]\ntest = ["iniconfig>=2"]\n'
        '[tool.setuptools]\npackages = ["app"]\n',
    )
    online.put(
        "requirements-dev.txt", "--index-url https://evil.example/simple\nx @ git+https://evil.example/x\n"
    )
    online.put(
        "setup.py",
        "import socket, setuptools\ntry: socket.create_connection(('127.0.0.1', 3128), 1)\n"
        "except OSError: pass\nelse: raise SystemExit('a way out')\nsetuptools.setup()\n",
    )
    output = await online.run("install_dependencies")
    assert output.ok, output.content
    assert "iniconfig 2" in output.content
    assert "billing 1.0" in output.content
    assert "extra 'test'" in output.content
    assert (
        "Not installed: 'x @ git+https://evil.example/x': packages are never taken from Git" in output.content
    )
    assert "options of a requirements file are not followed" in output.content
    run = await online.run("execute_command", command=".venv/bin/python -c 'import iniconfig, app.money'")
    assert run.ok, run.content
    assert {change.path for change in await online.copy.git.status()} == {
        "pyproject.toml",
        "requirements-dev.txt",
        "setup.py",
    }
    # A connection to the registry may break, and npm asks again; none may be refused.
    assert {one.verdict for one in requests} <= {"allowed", "failed"}


async def test_a_refused_host_is_named_with_the_setting(bench: Bench) -> None:
    offline = nowhere(bench)
    offline.put("package.json", '{"dependencies": {"isarray": "2.0.5"}}')
    output = await offline.run("install_dependencies")
    assert not output.ok
    assert "registry.example:443 is not one of the hosts in PERDURE_PACKAGE_HOSTS" in output.content
    assert "registry.example:443 is not one of the hosts" in output.summary
    assert "Only these hosts can be reached: packages.example:443" in output.content


@pytest.mark.parametrize(
    "source", ["git+https://x.example/a.git", "owner/name", "github:owner/name", "git@x.example:a/b.git"]
)
async def test_packages_from_git_are_refused_before_anything_runs(bench: Bench, source: str) -> None:
    offline = nowhere(bench)
    offline.put("package.json", json.dumps({"devDependencies": {"left": source}}))
    with pytest.raises(ToolRejected, match="takes 'left' from a Git repository"):
        await offline.run("install_dependencies")
    with pytest.raises(ToolRejected, match="takes 'left' from a Git repository"):
        await offline.preview("install_dependencies")


async def test_a_committed_node_modules_is_left_alone(bench: Bench) -> None:
    offline = nowhere(bench)
    offline.put("package.json", "{}")
    offline.put("node_modules/a/index.js", "1\n")
    await offline.copy.git.commit("Vendor", at=offline.context.requested_at)
    with pytest.raises(ToolRejected, match="has 'node_modules' in its commits"):
        await offline.run("install_dependencies")


async def test_says_where_nothing_can_be_installed(bench: Bench) -> None:
    with pytest.raises(ToolRejected, match=r"has no package\.json"):
        await nowhere(bench).run("install_dependencies")
    bench.put("package.json", "{}")
    with pytest.raises(ToolRejected, match="names no package hosts"):
        await bench.run("install_dependencies")


async def test_the_preview_shows_commands_hosts_and_what_is_written(bench: Bench) -> None:
    offline = nowhere(bench)
    offline.put("package.json", "{}")
    offline.put("requirements.txt", "pytest\n")
    preview = await offline.preview("install_dependencies")
    assert "npm install --no-save" in preview.markdown
    assert "pip download --only-binary :all: pytest" in preview.markdown
    assert "packages.example:443" in preview.markdown
    assert preview.facts["writes"] == ["node_modules", ".venv"]


async def test_credentials_stay_outside_and_named_hosts_are_all(tmp_path: Path, toolchain: Toolchain) -> None:
    (tmp_path / "authority.pem").write_text("authority")
    environment = {
        **os.environ,
        "PIP_INDEX_URL": "https://user:secret@index.example/simple",
        "PIP_CERT": str(tmp_path / "authority.pem"),
    }
    found = await find_packages(
        python=Path(sys.executable), node=None, named=("registry.example:8443",), environment=environment
    )
    assert found.hosts == (PackageHost("registry.example", 8443, may_be_private=True),)
    assert found.python_indexes[0] == "https://index.example/simple"
    assert found.certificates["PIP_CERT"] == b"authority"
    derived = await find_packages(python=Path(sys.executable), node=None, named=(), environment=environment)
    assert derived.hosts == (PackageHost("index.example", 443),)


async def test_npm_and_pip_are_asked_once_and_only_by_a_tool_that_reaches_them(
    bench: Bench, tmp_path: Path
) -> None:
    asked = tmp_path / "asked"
    python = tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\necho >> "{asked}"\n[ -e "{tmp_path}/mended" ] && exec "{sys.executable}" "$@"\nexit 1\n'
    )
    python.chmod(0o755)
    sources = PackageSources(python=python, node=None, named=(), environment=os.environ)
    lazy = replace(bench, context=replace(bench.context, find_packages=sources))
    lazy.put("requirements.txt", "pytest\n")
    await lazy.run("list_directory")
    assert not asked.exists()
    with pytest.raises(ToolRejected, match="does not say where packages come from") as refused:
        await lazy.run("install_dependencies")
    assert "The operator has to mend the configuration" in refused.value.hint
    (tmp_path / "mended").touch()
    shown = [await lazy.preview("install_dependencies") for _ in range(2)]
    assert all(each.facts["hosts"] for each in shown)
    assert asked.read_text() == "\n\n"


def test_a_host_that_is_none_is_refused_before_anything_is_asked() -> None:
    with pytest.raises(ConfigurationError, match="PERDURE_PACKAGE_HOSTS"):
        PackageSources(python=Path(sys.executable), node=None, named=("no host",), environment={})


async def test_dependencies_that_only_the_build_knows_are_said_to_be_left_out(bench: Bench) -> None:
    bench.put("setup.py", "from setuptools import setup\nsetup(name='demo', install_requires=['isarray'])\n")

    assert python_plan(bench.context.copy.files, ".").left_out == [
        "install_requires of 'setup.py': it is not read"
    ]

    bench.put("pyproject.toml", '[project]\nname = "demo"\ndynamic = ["dependencies"]\n')

    assert python_plan(bench.context.copy.files, ".").left_out == [
        "dependencies that 'pyproject.toml' calls dynamic: only the project's build knows them"
    ]


CALLS_HOME = (
    "import socket\ntry: socket.create_connection(('127.0.0.1', 3128), 1)\n"
    "except OSError: pass\nelse: open('/workspace/a-way-out', 'w').close()\n"
    "import setuptools\nsetuptools.setup(name='inside', version='1')\n"
)


async def test_a_requirement_never_names_a_folder_or_an_archive_that_pip_would_build(online: Bench) -> None:
    online.put("inside/package/setup.py", CALLS_HOME)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        tar.add(online.copy.root / "inside/package/setup.py", "inside-1/setup.py")
    named = ("inside.tar.gz", "inside==1.tar.gz")
    for name in named:
        (online.copy.root / name).write_bytes(archive.getvalue())
    online.put("requirements.txt", "\n".join(["inside/package", *named, "inside.tar.gz[extra]"]))
    output = await online.run("install_dependencies", ecosystem="python")
    assert not online.copy.files.exists("a-way-out")
    assert output.ok, output.content
    assert output.content.count("it names no package of an index") == 4


@pytest.mark.parametrize(
    "line",
    [
        "a",
        "zope.interface",
        "a[b, c] >=1,<2",
        "a (>=1)",
        "a==1.*",
        "a===1+local.2",
        "a ~= 1.0 ; python_version < '3' and extra == 'b'",
        "a==1.0 --hash=sha256:abcd",
    ],
)
async def test_names_with_versions_and_conditions_are_requirements(bench: Bench, line: str) -> None:
    bench.put("requirements.txt", line)
    plan = python_plan(bench.context.copy.files, ".")
    assert (plan.groups, plan.left_out) == ([[" ".join(line.split())]], [])


@pytest.mark.parametrize(
    "line",
    [
        "a/b",
        "a=1",
        "a b",
        "a==1/2",
        "a.ZIP",
        "a.whl [b]",
        "a @ https://x.example/a.whl",
        "a --editable ./b",
        "a; python_version > '3' -e ./b",
        "a; python_version > '3' --editable ./b",
        "${HOME}",
    ],
)
async def test_everything_else_is_left_out_and_said(bench: Bench, line: str) -> None:
    bench.put("requirements.txt", line)
    plan = python_plan(bench.context.copy.files, ".")
    assert plan.groups == []
    assert len(plan.left_out) == 1


@pytest.mark.parametrize(("program", "runs"), [(RUN_PIP, True), (RUN_PIP_ALONE, False)])
async def test_a_downloaded_package_cannot_have_another_one_built(
    tmp_path: Path, program: str, runs: bool
) -> None:
    source, wheels = tmp_path / "source", tmp_path / "wheels"
    source.mkdir()
    wheels.mkdir()
    (source / "pyproject.toml").write_text(
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    (source / "backend.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n")
    with zipfile.ZipFile(wheels / "outside-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr(
            "outside-1.dist-info/METADATA",
            f"Metadata-Version: 2.1\nName: outside\nVersion: 1\nRequires-Dist: inside @ file://{source}\n",
        )
        wheel.writestr(
            "outside-1.dist-info/WHEEL",
            "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        wheel.writestr("outside-1.dist-info/RECORD", "")
    options = ("--no-index", "--find-links", str(wheels), "--only-binary", ":all:", "--dest", str(tmp_path))
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-S", "-c", program, "download", *options, "outside",
        env={"PIP_CONFIG_FILE": "/dev/null"}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert (tmp_path / "ran").exists() is runs, said.decode()
    assert runs or b"no other program is started" in said


async def test_a_folder_of_the_project_that_is_called_like_a_build_keeps_what_is_written_later(
    online: Bench,
) -> None:
    online.put(".gitignore", "*.log\n")
    online.put("build/ours.py", "ours = 1\n")
    await online.copy.git.commit("Build scripts", at=online.context.requested_at)
    online.put(
        "setup.py",
        "import pathlib, setuptools\npathlib.Path('build/made.txt').write_text('made')\n"
        "pathlib.Path('other.egg-info').mkdir(exist_ok=True)\npathlib.Path('other.egg-info/x').write_text('made')\n"
        "setuptools.setup(name='demo', version='1', packages=[])\n",
    )
    output = await online.run("install_dependencies", ecosystem="python")
    assert output.ok, output.content
    online.put("build/later.py", "later = 1\n")
    assert {change.path for change in await online.copy.git.status()} == {"setup.py", "build/later.py"}


async def test_files_nested_without_end_are_refused_with_a_sentence(bench: Bench) -> None:
    offline = nowhere(bench)
    offline.put("pyproject.toml", "a = " + "[" * 50_000)
    with pytest.raises(ToolRejected, match=r"pyproject\.toml' is not valid TOML"):
        await offline.run("install_dependencies", ecosystem="python")
    offline.put("package.json", "[" * 200_000)
    with pytest.raises(ToolRejected, match=r"package\.json' is not valid JSON"):
        await offline.run("install_dependencies", ecosystem="node")
    with pytest.raises(ToolRejected, match="No tests for"):
        await offline.run("run_tests", framework="jest")
    with pytest.raises(UnreadableReport):
        cases_of(b"[" * 200_000)


@pytest.mark.parametrize(
    "group", ['"pytest"', "5", "{ include-group = 'test' }", "[5, { include-group = 'test' }]"]
)
async def test_a_dependency_group_that_is_no_list_of_names_asks_for_nothing(bench: Bench, group: str) -> None:
    bench.put("pyproject.toml", f"[dependency-groups]\ntest = {group}\n")
    assert python_plan(bench.context.copy.files, ".").groups == []
