"""Tasks that use tools of MCP servers, whose effects nobody can take back."""

from pathlib import Path
from typing import Any

import pytest

from perdure.contracts.task import Safety
from tests.tools.mcp_servers import lines_of, program, serving, write_servers
from tests.workflows.conftest import Call, script_of

WORDS = {"text": "one two three"}


async def test_a_task_uses_tools_of_servers_by_program_and_by_address(benches: Any, tmp_path: Path) -> None:
    looks = {"count_words": "read"}
    async with serving(tmp_path) as url:
        file = write_servers(
            tmp_path,
            near={**program(tmp_path), "effects": looks},
            far={"url": url, "effects": looks},
            broken={"command": "/bin/false"},
        )
        turns: list[list[Call]] = [[("near__count_words", WORDS)], [("far__count_words", WORDS)]]
        async with benches(script_of(turns), mcp_servers=file) as bench:
            handle = await bench.start(mode="answer")
            assert (await handle.result())["status"] == "completed"
            told = b"".join(each.body for each in bench.models.requests).decode()
            assert told.count("3 words counted by the server") >= 2
            assert not [name for name in bench.house.registry.names if name.startswith("broken")]


async def test_a_call_with_an_effect_is_approved_and_sent_once(benches: Any, tmp_path: Path) -> None:
    file = write_servers(tmp_path, things=program(tmp_path))
    turns: list[list[Call]] = [[("things__record", {"what": "a line"})]]
    async with benches(script_of(turns), mcp_servers=file) as bench:
        handle = await bench.start()
        approval = await bench.approval(handle)
        assert "record" in approval.preview
        assert "a line" in approval.preview
        assert "outside of the sandbox" in approval.preview
        assert lines_of(tmp_path, "recorded") == 0
        await bench.decide(handle, approval, "approve")
        await bench.finish(handle)
        assert lines_of(tmp_path, "recorded") == 1


@pytest.mark.parametrize("safety", [Safety.CAUTIOUS, Safety.AUTONOMOUS])
async def test_a_call_whose_server_died_before_it_answered_is_asked_about_and_not_sent_again(
    benches: Any, tmp_path: Path, safety: Safety
) -> None:
    file = write_servers(tmp_path, things={**program(tmp_path), "effects": {"count_words": "read"}})
    dying: Call = ("things__die", {"after_recording": True})
    counting: Call = ("things__count_words", WORDS)
    turns: list[list[Call]] = [[counting, dying], [counting]]
    async with benches(script_of(turns), mcp_servers=file, max_safety=Safety.AUTONOMOUS) as bench:
        handle = await bench.start(safety=safety.value)
        if safety is Safety.CAUTIOUS:
            await bench.decide(handle, await bench.approval(handle), "approve")
        question = await bench.question(handle)
        assert "things__die" in question.text
        assert "before it answered" in question.text
        look = {"question_id": question.id, "choice": "look_again", "by": "Ada"}
        await handle.execute_update("answer", look)
        question = await bench.question(handle, but=question.id)
        assert "earlier attempt" in question.text
        leave = {"question_id": question.id, "choice": "leave", "by": "Ada"}
        await handle.execute_update("answer", leave)
        result = await bench.finish(handle)
        assert lines_of(tmp_path, "recorded") == 1
        assert any("things__die" in each["what"] for each in result["withheld"])
        # The server that died was started again for the next call.
        assert lines_of(tmp_path, "started") == 2
        calls = [line for line in await bench.calls(handle) if "count_words" in line["title"]]
        assert [line["ok"] for line in calls] == [True, True]
