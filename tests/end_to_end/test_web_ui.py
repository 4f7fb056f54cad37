"""Whole tasks from the Temporal Web UI alone, in a real browser: started, found, watched, decided."""

import contextlib
import json
import re
from pathlib import Path
from typing import Any

from playwright.async_api import expect
from pydantic import BaseModel

from perdure.contracts.decisions import AnswerQuestion, Decide
from perdure.contracts.names import TASK_QUEUE
from perdure.contracts.task import TaskRequest
from tests.end_to_end.conftest import COMMAND
from tests.end_to_end.web_ui import WAIT_MS, WebUi
from tests.workflows.conftest import Bench, git, until

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "web-ui.md"
NAME = "round-amounts"
REQUEST = "Amounts come out a cent too low. Round to the nearest cent."
WAITING = 'PerdureNeeds="approval"'
REASON = "The text is right as it is."


async def pushed_branches(bench: Bench) -> dict[str, str]:
    """Branches that the task left at the remote, with their commits; empty where there are none after some looks."""

    async def look() -> dict[str, str] | None:
        return {name: commit for name, commit in bench.remote_branches().items() if name != "main"} or None

    with contextlib.suppress(TimeoutError):
        return await until(look, within_s=20)
    return {}


async def test_a_task_is_started_found_and_decided_from_the_web_ui_alone(web_ui: WebUi, bench: Bench) -> None:
    task = {"request": REQUEST, "repository": str(bench.repository)}
    await web_ui.start(NAME, task_queue=TASK_QUEUE, task=task)
    await until(lambda: found(web_ui))
    await web_ui.open(NAME)

    first = await web_ui.pending_decision()
    await expect(web_ui.card.get_by_role("heading")).to_contain_text(first["approval_id"])
    await expect(web_ui.card.locator("pre code").first).to_have_text(f"│ {COMMAND}\n")
    await expect(web_ui.card.get_by_role("listitem").filter(has_text="no network")).to_be_visible()
    unknown = {**first, "approval_id": "feedfacefeed"}
    assert "No approval 'feedfacefeed' is pending" in await web_ui.send_update("decide", unknown)
    denial = {**first, "verdict": "deny", "reason": REASON, "by": "ada"}
    assert await web_ui.send_update("decide", denial) == ""

    push = await web_ui.pending_decision(but=first["approval_id"])
    shown = await web_ui.card.get_by_role("main").inner_text()
    await web_ui.picture("approval", height=1400)
    assert bench.remote_branches().keys() == {"main"}
    assert any(REASON in asked.body.decode() for asked in bench.models.requests)
    assert push["verdict"] == "approve"
    assert await web_ui.send_update("decide", {**push, "by": "ada"}) == ""

    await expect(web_ui.status).to_have_text("Completed", timeout=WAIT_MS)
    await web_ui.tab("Timeline")
    for summary in ("read_file money/rounding.py", "edit_file money/rounding.py", "git_push"):
        await expect(web_ui.page.get_by_role("listitem").filter(has_text=summary).last).to_be_visible()
    await expect(web_ui.result).to_contain_text('"status": "completed"')
    await expect(web_ui.result).to_contain_text('"pushed": true')
    await web_ui.picture("timeline", height=1300)
    pushed = await pushed_branches(bench)
    assert len(pushed) == 1, f"{bench.remote_branches()}, {await web_ui.result.inner_text()}"
    for branch, commit in pushed.items():
        assert branch in shown
        assert commit in shown
        assert git(bench.remote, "show", f"{branch}:README.md") == "# Money\n\nRounds amounts."
    await until(lambda: gone(web_ui))


async def test_input_without_a_field_fails_at_once_and_the_page_names_the_field(
    web_ui: WebUi, bench: Bench
) -> None:
    await web_ui.start("no-repository", task_queue=TASK_QUEUE, task={"request": REQUEST})
    await expect(web_ui.status).to_have_text("Failed", timeout=WAIT_MS)
    await expect(web_ui.result).to_contain_text("field 'repository' is missing")
    await expect(web_ui.page.get_by_role("button", name="Event ")).to_have_count(0)
    await web_ui.picture("refused")
    assert bench.models.requests == []


def test_the_documented_json_is_what_the_task_takes() -> None:
    models: dict[str, type[BaseModel]] = {
        "request": TaskRequest,
        "approval_id": Decide,
        "question_id": AnswerQuestion,
    }
    blocks = re.findall(r"^```json\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    values: list[dict[str, Any]] = [json.loads(block) for block in blocks]
    assert {next(iter(value)) for value in values} == set(models)
    for value in values:
        models[next(iter(value))].model_validate(value)


async def found(web_ui: WebUi) -> bool | None:
    """True once the list of tasks that wait names the task."""
    return await web_ui.listed(WAITING, names=NAME) or None


async def gone(web_ui: WebUi) -> bool | None:
    """True once the list of tasks that wait no longer names it."""
    return not await web_ui.listed(WAITING, names=NAME) or None
