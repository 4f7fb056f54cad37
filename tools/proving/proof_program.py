"""Runs a file of tests once for each set of files. Runs inside the sandbox, by the project's interpreter.

pytest and its plugins are loaded once. Before the first file of the project is loaded, the process forks for each set,
so that no run sees what another one loaded. Files in temporary folders are removed after each; what else could pass from
one run to the next (files written elsewhere, programs started, a run that had to be killed) ends the whole, and the
remaining sets need a sandbox of their own.
"""

import json
import os
import resource
import signal
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

REPORT = Path("/tmp/perdure-proof.json")
OUTPUT = Path("/tmp/perdure-proof.txt")
TEMPORARY = ("/tmp/", "/dev/")
WRITING = os.O_WRONLY | os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_TRUNC
CHANGES = {"os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.truncate", "os.link", "os.symlink"}
STARTS = {"subprocess.Popen", "os.fork", "os.forkpty", "os.exec", "os.posix_spawn", "os.system"}


class Watch:
    """What the tests do beside testing."""

    def __init__(self) -> None:
        self.written: set[str] = set()
        self.started = False

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event in STARTS:
            self.started = True
        elif event == "open":
            if isinstance(arguments[2], int) and arguments[2] & WRITING:
                self._note(arguments[0])
        elif event in CHANGES:
            self._note(arguments[0])

    def _note(self, path: object) -> None:
        if isinstance(path, (str, bytes, Path)):
            place = os.path.realpath(os.fsdecode(path))
            if not f"{place}/".startswith(TEMPORARY) and "__pycache__" not in place:
                self.written.add(place)


class Proof:
    """The plugin: forks for each set of files, and in each child says how every test ended."""

    def __init__(self, request: "dict[str, Any]") -> None:
        self.request = request
        self.is_run = False
        self.watch = Watch()
        self.cases: dict[str, dict[str, Any]] = {}
        self.errors: list[str] = []

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_load_initial_conftests(
        self, early_config: pytest.Config, args: "list[str]"
    ) -> "Generator[None]":
        """Here plugins are loaded, and nothing of the project."""
        if early_config.pluginmanager.hasplugin("xdist"):
            # Other processes would not tell this one how their tests ended.
            place = args.index("--") if "--" in args else len(args)
            args[place:place] = ["-n", "0"]
        if not self.request["alone"]:
            if _of_project(Path(self.request["root"])):
                _say(self.request, {"alone": True})
                os._exit(0)
            _fork_for_each(self.request)
        self.is_run = True
        sys.addaudithook(self.watch)
        yield

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: "pytest.CallInfo[Any]"
    ) -> "Generator[None, Any]":
        """Keep the worst of set-up, call and tear-down."""
        report = (yield).get_result()
        known = self.cases.setdefault(item.nodeid, {"outcome": "passed", "asserted": False, "detail": ""})
        if report.skipped or hasattr(report, "wasxfail"):
            known["outcome"] = "skipped"
        elif report.failed:
            known["outcome"] = "failed"
            known["asserted"] = call.excinfo is not None and isinstance(
                call.excinfo.value, (AssertionError, pytest.fail.Exception)
            )
            known["detail"] = str(report.longrepr)[-6000:]

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep what could not be loaded."""
        if report.failed:
            self.errors.append(str(report.longrepr)[-6000:])

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """Write it all down; a child ends here, since its summary costs more than its tests."""
        told = {"cases": self.cases, "errors": self.errors, "written": sorted(self.watch.written)}
        REPORT.write_text(json.dumps({**told, "started": self.watch.started}))
        if not self.request["alone"]:
            sys.stdout.flush()
            os._exit(0)


def _of_project(root: Path) -> bool:
    """Whether a file of the project is loaded already, such as where a plugin is what is tested."""
    files = (getattr(module, "__file__", None) for module in list(sys.modules.values()))
    return any(file and root in Path(file).parents and "site-packages" not in file for file in files)


def _fork_for_each(request: "dict[str, Any]") -> None:
    """Return in each child; the parent never does."""
    before = set(_temporary())
    for job in request["jobs"]:
        began = time.monotonic()
        originals = {Path(path): Path(path).read_bytes() if Path(path).exists() else None for path in job}
        child = os.fork()
        if child == 0:
            os.setsid()
            if request["cpu_s"]:
                resource.setrlimit(resource.RLIMIT_CPU, (request["cpu_s"], request["cpu_s"] + 1))
            _prepare(job)
            return
        ended, cpu_s = _waited(child, began + request["time_s"])
        told = _told(ended)
        told |= {"duration_s": time.monotonic() - began, "cpu_s": cpu_s}
        _say(request, told)
        if told["ended"] or told["written"] or told["started"]:
            break
        for place, data in originals.items():
            place.unlink() if data is None else place.write_bytes(data)
        for place in sorted(set(_temporary()) - before, reverse=True):
            place.rmdir() if place.is_dir() and not place.is_symlink() else place.unlink()
    os._exit(0)


def _temporary() -> "Generator[Path]":
    """Everything in temporary folders, and nothing that is mounted below them."""
    for top in (Path("/tmp"), Path("/dev/shm")):
        device = top.stat().st_dev
        for folder, folders, files in os.walk(top):
            yield from (Path(folder, name) for name in (*folders, *files))
            folders[:] = [name for name in folders if Path(folder, name).lstat().st_dev == device]


def _prepare(job: "dict[str, str]") -> None:
    """Write the files, and turn what is printed to a file."""
    for path, text in job.items():
        place = Path(path)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode("utf-8", "surrogateescape"))
        # No stored bytecode is of a file this old, so none is taken for that of this one.
        os.utime(place, (1, 1))
    output = os.open(OUTPUT, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(output, 1)
    os.dup2(output, 2)


def _waited(child: int, until: float) -> "tuple[str, float]":
    """Why a child has no report to be believed, or nothing; and the seconds of processor time it took."""
    killed = False
    while True:
        ended, status, usage = os.wait4(child, os.WNOHANG)
        if ended:
            break
        if not killed and time.monotonic() > until:
            killed = True
            os.killpg(child, signal.SIGKILL)
        time.sleep(0.01)
    cpu_s = usage.ru_utime + usage.ru_stime
    if killed:
        return "it ran into its time limit", cpu_s
    code = os.waitstatus_to_exitcode(status)
    return (f"ended by signal {-code}" if code < 0 else "" if REPORT.exists() else f"exit code {code}"), cpu_s


def _told(ended: str) -> "dict[str, Any]":
    """The report of a run, with the end of what it printed."""
    printed = OUTPUT.read_bytes()[-6000:].decode("utf-8", "replace") if OUTPUT.exists() else ""
    empty: dict[str, Any] = {"cases": {}, "errors": [], "written": [], "started": False}
    told: dict[str, Any] = json.loads(REPORT.read_text()) if not ended else empty
    return {**told, "ended": ended, "output": printed}


def _say(request: "dict[str, Any]", told: "dict[str, Any]") -> None:
    os.write(request["answers"], f"\n{request['border']}{json.dumps(told)}\n".encode())


def main(request: "dict[str, Any]") -> None:
    """Run pytest; each run's end is one line after the border."""
    request["answers"] = os.dup(1)
    sys.path[0] = str(Path.cwd())
    began = time.monotonic()
    if request["alone"]:
        _prepare(request["jobs"][0])
    proof = Proof(request)
    code = int(pytest.main(request["options"], plugins=[proof]))
    sys.stdout.flush()
    sys.stderr.flush()
    if request["alone"]:
        told = _told("" if REPORT.exists() else f"exit code {code}")
        _say(request, {**told, "duration_s": time.monotonic() - began, "cpu_s": time.process_time()})
    elif not proof.is_run:
        # The options or the configuration were refused before anything could be forked.
        _say(request, {**_told(f"exit code {code}"), "duration_s": time.monotonic() - began, "cpu_s": 0.0})
    os._exit(code)


if __name__ == "__main__":
    main(json.load(sys.stdin))
