"""Starts Node's own test runner."""

from functools import partial
from pathlib import Path

from tools.test_frameworks.commands import REPORT, Command, Helper, Selection, Unable
from tools.test_frameworks.invocations import invocation_of
from tools.test_frameworks.javascript_runners import Group, ids_in
from tools.test_frameworks.lines import cases_of
from tools.test_frameworks.tree import seen_from

REPORTER_AT = "/tmp/reporter.mjs"
REPORTER = Path(__file__).with_name("node_reporter.mjs")


def node_command(group: Group, selection: Selection, node: Path) -> Command | Unable:
    """``node --test`` on the group's files, with the loaders that the package's script names."""
    options = invocation_of(group.package.test_script if group.package else "", "node").options
    if not group.files:
        return Unable("node", group.folder, "There are no test files for node --test; name them in paths.")
    argv = [str(node), "--test", *options]
    argv += [f"--test-reporter={REPORTER_AT}", f"--test-reporter-destination={REPORT}"]
    argv += ["--test-reporter=spec", "--test-reporter-destination=stdout"]
    # Whether a pattern means a test's own name or all names on the way to it differs between Node's releases, so
    # for ids the whole of their files runs.
    argv += [f"--test-name-pattern={selection.pattern}"] if selection.pattern else []
    # Which folders Node searches differs between its releases, so it is given files.
    argv += [f"./{seen_from(group.folder, path).removeprefix('./')}" for path in group.files]
    return Command(
        "node",
        group.folder,
        tuple(argv),
        partial(cases_of, folder=group.folder),
        group.why,
        Helper(REPORTER_AT, REPORTER.read_text()),
        ids_in(selection, group),
    )
