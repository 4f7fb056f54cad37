"""Finding tools by words, and the room that what is offered takes."""

import json

import pytest

from perdure.contracts.errors import ConfigurationError
from perdure.eager_tools import eager_tools_of
from perdure.settings import Settings
from tests.tools.conftest import Bench
from tools.registry import Registry


@pytest.mark.parametrize(
    ("query", "best"),
    [
        ("commit my changes", "git_commit"),
        ("installing missing dependencies", "install_dependencies"),
        ("find a file by its name", "search_files"),
        ("running the tests", "run_tests"),
        ("push to the remote", "git_push"),
        ("searching file contents with a regular expression", "grep_search"),
        ("git_diff", "git_diff"),
        ("overview of the repository", "summarize_codebase"),
        ("gather callers and tests of a symbol", "get_context"),
        ("remove a file", "delete_file"),
        ("history of commits", "git_log"),
        ("undo changes to a file", "git_restore"),
        ("make a branch", "create_branch"),
    ],
)
def test_the_tool_that_does_it_comes_first(registry: Registry, query: str, best: str) -> None:
    assert registry.find(query, limit=3)[0].name == best


def test_a_search_gives_the_same_tools_every_time(registry: Registry) -> None:
    found = registry.find("branch commit file", limit=8)
    assert Registry.discover().find("file commit branch", limit=8) == found


async def test_what_is_found_is_loaded_with_its_arguments(bench: Bench) -> None:
    output = await bench.run("find_tools", query="create a new branch", limit=2)
    assert output.loads[0] == "create_branch"
    assert output.summary == f"found {', '.join(output.loads)}"
    shown = output.content.splitlines()[2]
    assert json.loads(shown)["properties"]["name"]["description"] == "Name of the new branch."


async def test_it_never_finds_itself(bench: Bench) -> None:
    assert (
        "find_tools"
        not in (await bench.run("find_tools", query="find_tools find further tools", limit=4)).loads
    )


async def test_where_nothing_fits_it_names_what_there_is(bench: Bench) -> None:
    output = await bench.run("find_tools", query="zzz qqq")
    assert output.content.startswith("No tool fits 'zzz qqq'. There are: ")
    assert "create_branch, " in output.content
    assert output.loads == ()


@pytest.mark.parametrize("mode", ["change", "plan", "answer"])
def test_what_a_task_begins_with_takes_less_than_2500_tokens(registry: Registry, mode: str) -> None:
    names: tuple[str, ...] = Settings.model_fields[f"eager_tools_{mode}"].default
    schemas = registry.schemas(names=("find_tools", *names))
    assert {schema.name for schema in schemas} == {"find_tools", *names}
    assert len(names) <= 8
    wire = [{"type": "function", "function": schema.model_dump(mode="json")} for schema in schemas]
    assert len(json.dumps(wire, separators=(",", ":"))) / 4 < 2_500


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("read_file", "read_fil"), "PERDURE_EAGER_TOOLS_PLAN names 'read_fil', which is no tool"),
        (("read_file",) * 9, "PERDURE_EAGER_TOOLS_PLAN names 9 tools; a model is offered at most 8"),
    ],
)
def test_a_set_that_cannot_be_offered_is_refused(
    registry: Registry, names: tuple[str, ...], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        eager_tools_of(Settings(eager_tools_plan=names), registry.names)
