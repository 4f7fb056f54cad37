"""Where this installation's packages come from: what npm and pip are set up with, without anybody's credentials."""

import ast
import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from perdure.contracts.errors import ConfigurationError, ToolRejected
from perdure.safety.host_environment import passed_on
from perdure.safety.package_hosts import PackageHost
from tools.node.locating import npm_of
from tools.tool_schemas import Packages, ToolContext

ANSWER_S = 60.0

PIP = """
import runpy, sys
from pathlib import Path
try:
    import ensurepip
    wheels = sorted((Path(ensurepip.__file__).parent / "_bundled").glob("pip-*.whl"))
except ImportError:
    wheels = []
wheels += sorted(Path("/usr/share/python-wheels").glob("pip-*.whl"))
if not wheels:
    sys.exit("this Python has no ensurepip; on Debian and its relatives the package python3-venv has it")
sys.path.insert(0, str(wheels[0]))
"""
"""Begins a program that uses the pip which comes with Python: no package of an environment runs beside it."""

RUN = "runpy.run_module('pip', run_name='__main__', alter_sys=True)\n"
RUN_PIP = PIP + RUN

ALONE = """
def refuse(event, _):
    if event in ("subprocess.Popen", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system"):
        raise PermissionError("while packages are downloaded no other program is started")
sys.addaudithook(refuse)
"""
RUN_PIP_ALONE = PIP + ALONE + RUN
"""pip that can start no program: it would start one only to build something, which runs what was downloaded."""

ASK_PIP = (
    PIP.replace("sys.exit(", "sys.exit(print('[]') and ")
    + """
import json
from pip._internal.models.index import PyPI
print(json.dumps([PyPI.simple_url, "https://" + PyPI.file_storage_domain]), flush=True)
sys.argv[1:] = ["config", "list"]
"""
    + RUN
)
"""Says pip's default index and the host of its files, and then what pip is set up with: it is slow to load twice."""

AUTHORITIES = {
    "NODE_EXTRA_CA_CERTS": "NODE_EXTRA_CA_CERTS",
    "PIP_CERT": "PIP_CERT",
    "SSL_CERT_FILE": "SSL_CERT_FILE",
    "REQUESTS_CA_BUNDLE": "REQUESTS_CA_BUNDLE",
}
"""Variables of the worker's that name files of certificate authorities."""


PACKAGE_SETTINGS = ("npm_config_", "NPM_CONFIG_", "PIP_", *AUTHORITIES)
"""Beginnings of the names of variables that npm and pip are set up by."""
CREDENTIALS = ("auth", "token", "password", "secret")
"""Words in the names of those by which they sign in, which neither needs to say where packages come from."""


class PackageSources:
    """Finds them once, when the first tool asks; a host that is no host is refused before."""

    def __init__(
        self, *, python: Path, node: Path | None, named: Sequence[str], environment: Mapping[str, str]
    ) -> None:
        for text in named:
            PackageHost.parse(text)
        self._python, self._node, self._named, self._environment = python, node, named, environment
        self._asking = asyncio.Lock()
        self._found: Packages | None = None

    async def __call__(self) -> Packages:
        """What npm and pip say; ConfigurationError where they do not, and then the next call asks again."""
        async with self._asking:
            if self._found is None:
                self._found = await find_packages(
                    python=self._python, node=self._node, named=self._named, environment=self._environment
                )
            return self._found


async def with_packages(context: ToolContext) -> ToolContext:
    """The context with what there is to reach; ToolRejected where this installation is set up wrongly."""
    if context.find_packages is None:
        return context
    try:
        return replace(context, packages=await context.find_packages(), find_packages=None)
    except ConfigurationError as error:
        raise ToolRejected(
            error.message, f"The operator has to {error.hint}" if error.hint else ""
        ) from error


async def find_packages(
    *, python: Path, node: Path | None, named: Sequence[str], environment: Mapping[str, str]
) -> Packages:
    """What the worker's user has configured; ``named`` are the hosts of the setting, which then are all."""
    hosts = {PackageHost.parse(text) for text in named}
    npm = npm_of(node) if node else None
    npm_settings, (indexes, files_host, pip_certificates) = await asyncio.gather(
        _npm_settings(node, npm, environment), _python_indexes(python, environment)
    )
    registry = _without_credentials(npm_settings.get("registry", ""))
    if not named:
        urls = [*([registry] if registry else []), *indexes, *([files_host] if files_host else [])]
        hosts = {PackageHost.of_url(url) for url in urls}
    certificates = {name: environment.get(name, "") for name in AUTHORITIES}
    certificates["npm_config_cafile"] = npm_settings.get("cafile", "")
    certificates["PIP_CERT"] = certificates["PIP_CERT"] or pip_certificates
    contents = {
        name: await asyncio.to_thread(_content, name, path) for name, path in certificates.items() if path
    }
    return Packages(tuple(sorted(hosts)), registry, indexes, contents)


async def _npm_settings(
    node: Path | None, npm: Path | None, environment: Mapping[str, str]
) -> dict[str, str]:
    """The registry and the certificate authorities that npm would use outside any project; none without npm."""
    if node is None or npm is None:
        return {}
    said = await _answer([str(node), str(npm), "config", "list", "--json"], environment)
    settings: dict[str, object] = json.loads(said)
    return {name: value for name in ("registry", "cafile") if isinstance(value := settings.get(name), str)}


async def _python_indexes(python: Path, environment: Mapping[str, str]) -> tuple[tuple[str, ...], str, str]:
    """pip's indexes, the host of the files of its own default index where that is used, and its authorities."""
    line, _, listed = (await _answer([str(python), "-I", "-S", "-c", ASK_PIP], environment)).partition("\n")
    defaults: list[str] = json.loads(line)
    if not defaults:
        return (), "", ""
    default, files_host = defaults
    settings = _pip_settings(listed)
    index = (
        settings.get("index-url")
        or environment.get("UV_DEFAULT_INDEX")
        or environment.get("UV_INDEX_URL")
        or default
    )
    extra = settings.get("extra-index-url", "").split()
    indexes = tuple(map(_without_credentials, [index, *extra]))
    public = urlsplit(default).hostname in {urlsplit(each).hostname for each in indexes}
    return indexes, files_host if public else "", settings.get("cert", "")


def _pip_settings(listed: str) -> dict[str, str]:
    """The settings of ``pip config list`` by their names; the environment's beat those of downloads, and so on."""
    found: dict[str, str] = {}
    for section in ("global", "install", "download", ":env:"):
        for line in listed.splitlines():
            name, _, value = line.partition("=")
            if name.startswith(f"{section}."):
                found[name.removeprefix(f"{section}.")] = str(ast.literal_eval(value))
    return found


async def _answer(argv: Sequence[str], environment: Mapping[str, str]) -> str:
    """What a program of this installation prints, asked outside any project."""
    process = await asyncio.create_subprocess_exec(
        *argv,
        cwd="/",
        env=passed_on(environment, beginnings=PACKAGE_SETTINGS, but=CREDENTIALS),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(ANSWER_S):
            out, words = await process.communicate()
    except TimeoutError as error:
        raise ConfigurationError(
            f"{argv[0]!r} did not say within {ANSWER_S:g} s where packages come from."
        ) from error
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise ConfigurationError(
            f"{argv[0]!r} does not say where packages come from: {words.decode('utf-8', 'replace').strip()[-500:]}",
            "mend the configuration of npm or pip of the worker's user",
        )
    return out.decode()


def _without_credentials(url: str) -> str:
    """The URL without user and password: a sandboxed program is given neither."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _content(name: str, path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ConfigurationError(
            f"The file of certificate authorities {path!r}, which {name} names, cannot be read: {error.strerror}."
        ) from error
