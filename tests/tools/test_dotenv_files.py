"""Files with credentials show their names alone, and are changed by a person's word."""

import pytest

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from perdure.safety.secrets.env_files import is_dotenv
from tests.tools.conftest import Bench, call

TEXT = '# Payments\nAPI_KEY=sk_test_notreal\nexport NAME = "two\nlines of it"\n\nEMPTY=\nstray words\n'


async def test_values_are_hidden_and_names_shown(bench: Bench) -> None:
    bench.put(".env", TEXT)
    output = await bench.run("read_file", path=".env")
    assert output.content.endswith(
        "hold credentials\n1\t# Payments\n2\tAPI_KEY=[hidden]\n3\texport NAME = [hidden]\n4\t[hidden]\n5\t\n"
        "6\tEMPTY=\n7\t[hidden]"
    )
    assert not output.seen


async def test_values_are_hidden_behind_a_link_as_well(bench: Bench) -> None:
    bench.put(".env", TEXT)
    (bench.copy.root / "plain.txt").symlink_to(".env")
    assert "notreal" not in (await bench.run("read_file", path="plain.txt")).content
    with pytest.raises(ToolRejected, match="only written by its own name"):
        await bench.run("write_file", path="plain.txt", content="x\n")
    with pytest.raises(ToolRejected, match="only written by its own name"):
        await bench.run("edit_file", path="plain.txt", blocks=[{"search": "EMPTY=", "replace": "EMPTY=1"}])
    assert bench.text(".env") == TEXT


@pytest.mark.parametrize("path", [".env", "app/.env.production", "secrets.env", ".ENV"])
def test_changing_one_needs_a_word(bench: Bench, path: str) -> None:
    writing = call("write_file", path=path, content="x")
    editing = call("edit_file", path=path, blocks=[{"search": "a", "replace": "b"}])
    patching = call("edit_file", patch=f"*** Begin Patch\n*** Add File: {path}\n+x\n*** End Patch")
    for one in (writing, editing, patching):
        assert bench.registry.summarize(one).effect is Effect.DESTRUCTIVE


@pytest.mark.parametrize("path", [".env.example", "env.py", "app/environment", ".envrc.md", "a.env.sample"])
def test_examples_and_others_are_ordinary_files(path: str) -> None:
    assert not is_dotenv(path)
