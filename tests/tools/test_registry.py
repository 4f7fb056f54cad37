"""Finding, describing and checking calls."""

import json
from typing import Any

import pytest

from perdure.contracts.calls import Effect, ToolCall
from perdure.contracts.errors import ConfigurationError, ToolRejected
from perdure.contracts.judging import Named
from tests.tools.conftest import Bench
from tools.__main__ import DICTIONARY, main
from tools.registry import Registry, refuse_unseen_changes
from tools.tool_schemas import ANYTHING, Arguments, ToolContext, ToolOutput, Touches, tool

ALL = (
    "analyze_dependencies",
    "benchmark_code",
    "create_branch",
    "delete_file",
    "edit_file",
    "eslint_check",
    "execute_command",
    "explain_code",
    "find_definitions",
    "find_references",
    "find_tools",
    "generate_api_route",
    "generate_docs",
    "generate_nextjs_page",
    "generate_react_component",
    "generate_tests",
    "generate_type_definitions",
    "get_context",
    "get_diagnostics",
    "git_blame",
    "git_commit",
    "git_diff",
    "git_log",
    "git_push",
    "git_restore",
    "git_status",
    "grep_search",
    "install_dependencies",
    "list_directory",
    "npm_command",
    "parse_code",
    "prettier_format",
    "read_file",
    "read_output",
    "run_tests",
    "search_files",
    "semantic_search",
    "suggest_improvements",
    "summarize_codebase",
    "typescript_check",
    "validate_syntax",
    "write_file",
)


def asked(tool: str, **arguments: Any) -> ToolCall:
    return ToolCall(index=0, call_id="c", tool=tool, arguments=arguments)


def refusal(registry: Registry, call: ToolCall) -> str:
    with pytest.raises(ToolRejected) as caught:
        registry.summarize(call)
    return str(caught.value)


def test_finds_every_tool_by_its_file(registry: Registry) -> None:
    assert registry.names == ALL


def test_the_committed_dictionary_is_what_the_tools_say(registry: Registry) -> None:
    written: object = json.loads(DICTIONARY.read_text())
    assert written == registry.dictionary()


def test_check_tells_a_stale_dictionary_from_a_fresh_one(
    tmp_path: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "dictionary.json"
    assert main(["--check", "--file", str(file)]) == 1
    assert "stale" in capsys.readouterr().err
    assert main(["--file", str(file)]) == 0
    assert main(["--check", "--file", str(file)]) == 0
    file.write_text(file.read_text().replace("Read a text file", "Read a file"))
    assert main(["--check", "--file", str(file)]) == 1


def test_no_schema_takes_much_of_a_small_window(registry: Registry) -> None:
    tokens = {
        schema.name: len(json.dumps({"type": "function", "function": schema.model_dump(mode="json")})) / 4
        for schema in registry.schemas()
    }
    assert {name for name, count in tokens.items() if count > 500} == set()


def test_every_argument_but_the_obvious_ones_is_described(registry: Registry) -> None:
    bare = [
        f"{schema.name}.{name}"
        for schema in registry.schemas()
        for name, field in schema.parameters["properties"].items()
        if "description" not in field
    ]
    assert bare == [
        "edit_file.blocks",
        "edit_file.ranges",
        "edit_file.op",
        "edit_file.kind",
        "edit_file.new_name",
        "grep_search.ignore_case",
        "run_tests.framework",
    ]


def test_leaves_out_tools_that_could_only_be_denied(registry: Registry) -> None:
    denied = {effect for effect in Effect if effect.changes_anything}
    names = {schema.name for schema in registry.schemas(denied=denied)}
    assert names == set(ALL) - {
        "delete_file",
        "generate_api_route",
        "generate_docs",
        "generate_nextjs_page",
        "generate_react_component",
        "generate_tests",
        "write_file",
        "edit_file",
        "git_commit",
        "create_branch",
        "git_push",
        "git_restore",
        "install_dependencies",
    }


def test_says_in_the_dictionary_which_effects_are_possible(registry: Registry) -> None:
    entry = registry.dictionary()["tools"]["execute_command"]
    assert entry["effect"] == "depends on arguments"
    assert entry["effects"] == ["run", "run_writing"]
    assert entry["effect_classes"] == ["execute"]
    assert entry["output_limit"] == 8_000


def test_says_before_it_runs_what_a_call_would_change(registry: Registry) -> None:
    blocks = [{"path": "b.py", "search": "x", "replace": "y"}, {"search": "x", "replace": "y"}]
    assert registry.touches(asked("edit_file", path="/workspace/a.py", blocks=blocks)).paths == (
        "b.py",
        "a.py",
    )
    assert registry.touches(asked("create_branch", name="new")).refs == ("HEAD", "refs/heads/new")
    assert registry.touches(asked("read_file", path="a.py")) == Touches()
    assert registry.touches(asked("execute_command", command="ls")) == Touches()
    assert registry.touches(asked("execute_command", command="ls", writes=True)) == ANYTHING


def test_a_tool_that_changes_something_without_a_preview_is_refused() -> None:
    class Shred(Arguments):
        """Shred."""

    @tool(Shred, title=lambda _: "shred", effect=Effect.DESTRUCTIVE, timeout_s=1)
    async def shred(arguments: Shred, context: ToolContext) -> ToolOutput:
        return ToolOutput("shredded")

    with pytest.raises(
        ConfigurationError, match=r"'shred' may have the effect 'destructive', but has no preview"
    ):
        refuse_unseen_changes(shred)


async def test_every_output_has_a_summary_and_a_duration(bench: Bench) -> None:
    output = await bench.run("git_status")
    assert output.summary == output.content.partition("\n")[0]
    assert 0 < output.duration_s < 60
    assert (await bench.run("write_file", path="new.py", content="x = 1\n")).changed_paths == ("new.py",)


def test_summarizes_a_call_with_the_effect_of_its_arguments(registry: Registry) -> None:
    reading = registry.summarize(asked("execute_command", command="ls", timeout_s=5))
    writing = registry.summarize(asked("execute_command", command="ls", timeout_s=5, writes=True))
    assert (reading.effect, writing.effect) == (Effect.RUN, Effect.RUN_WRITING)
    assert reading.arguments_digest != writing.arguments_digest
    assert reading.timeout_s == 35


def test_says_what_the_arguments_name(registry: Registry) -> None:
    edits = [{"path": "/workspace/a/./b.py", "search": "", "replace": "x"}, {"search": "", "replace": "y"}]
    named = {
        name: registry.summarize(asked(name, **arguments)).named
        for name, arguments in {
            "execute_command": {"argv": ["echo", "a b"], "working_directory": "docs/"},
            "edit_file": {"path": "c.py", "blocks": edits},
            "git_diff": {"paths": ["a", "b/../c"]},
            "create_branch": {"name": "topic"},
            "git_push": {},
        }.items()
    }
    assert named == {
        "execute_command": Named(command="echo 'a b'", paths=("docs",)),
        "edit_file": Named(paths=("c.py", "a/b.py")),
        # Where ``b`` is a link, ``b/../c`` is another file than ``c``.
        "git_diff": Named(paths=("a", "c", "b/../c")),
        "create_branch": Named(branches=("topic",)),
        "git_push": Named(),
    }


def test_the_same_arguments_spelled_otherwise_have_the_same_digest(registry: Registry) -> None:
    plain = registry.summarize(asked("read_file", path="a.py"))
    spelled = registry.summarize(asked("read_file", path="/workspace/a.py", start="1", limit=None))
    assert plain == spelled


def test_names_near_tools_for_an_unknown_one(registry: Registry) -> None:
    message = refusal(registry, asked("readfile", path="a"))
    assert "There is no tool 'readfile'. Near it: read_file" in message
    assert "Send find_tools" in message


@pytest.mark.parametrize("name", ["__class__", "", "A" * 20_000, "read_file\x1b[2K", "delete_everything"])
def test_refuses_odd_tool_names_in_a_short_sentence(registry: Registry, name: str) -> None:
    message = refusal(registry, asked(name))
    assert message.startswith("There is no tool ")
    assert len(message) < 600
    assert "\x1b" not in message


def test_names_each_bad_field_and_what_is_expected(registry: Registry) -> None:
    message = refusal(registry, asked("read_file", start="first", limit=9_999, lines=3))
    assert "'path' is missing; expected text: Path from the workspace root." in message
    assert "'start' is 'first'; expected a whole number from 1 to 10000000." in message
    assert "'limit' is 9999; expected a whole number from 1 to 2000." in message
    assert "'lines' is no field of it; the fields are: path, more, start, limit." in message


def test_names_bad_fields_inside_a_list(registry: Registry) -> None:
    message = refusal(registry, asked("edit_file", blocks=[{"path": "a", "find": "x", "replace": 3}]))
    assert "'blocks.0.search' is missing; expected text" in message
    assert "'blocks.0.find' is no field of it; the fields are: path, search, replace." in message
    assert "'blocks.0.replace' is 3; expected text" in message


def test_says_that_json_was_sent_inside_a_text(registry: Registry) -> None:
    message = refusal(registry, asked("edit_file", blocks='[{"search": "a", "replace": "b"}]'))
    assert "'blocks' is JSON inside a text; expected an array of objects" in message


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"path": 123}, "'path' is 123; expected text"),
        ({"path": None}, "'path' is null; expected text"),
        ({"path": ""}, "'path' is ''; expected text"),
        ({"path": "a", "limit": 10**400}, "'limit' is a number that is too large"),
        ({"path": "a", "limit": 1.5}, "'limit' is 1.5; expected a whole number"),
        ({"path": "bad\udcff.txt"}, "'path' is"),
    ],
)
def test_refuses_wrong_types(registry: Registry, arguments: dict[str, Any], said: str) -> None:
    assert said in refusal(registry, asked("read_file", **arguments))


def test_takes_a_number_written_as_text(registry: Registry) -> None:
    assert registry.canonical_arguments(asked("read_file", path="a", limit="3"))["limit"] == 3


def test_tells_why_arguments_could_not_be_read(registry: Registry) -> None:
    call = ToolCall(index=0, call_id="c", tool="read_file", problem="it ends in the middle of a text")
    assert "it ends in the middle of a text" in refusal(registry, call)


def test_titles_hold_no_hidden_characters_and_are_short(registry: Registry) -> None:
    outline = registry.summarize(asked("execute_command", command="rm \u202e -rf x\x1b[2K" + "y" * 500))
    assert len(outline.title) <= 120
    assert "\\u202e" in outline.title
    assert "\x1b" not in outline.title
