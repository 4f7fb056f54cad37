"""Questions, maintenance and schedules from the Temporal Web UI, in a real browser."""

import re
from datetime import timedelta
from pathlib import Path

from playwright.async_api import expect

from perdure.client import PerdureClient, ScheduleTerms, ScheduleTimes
from perdure.contracts.maintenance import MaintenanceRequest
from perdure.contracts.names import MAINTENANCE_RUN, TASK_QUEUE
from tests.end_to_end.test_web_ui import REQUEST
from tests.end_to_end.web_ui import WAIT_MS, WebUi
from tests.workflows.conftest import Bench, git, make_repository, until

UPCOMING = 5
"""How many of a schedule's next runs the Web UI lists."""

UNTIDY = {
    "conftest.py": "",
    "money.py": "import os\n\n\ndef cents(amount):\n    return amount * 100\n",
    "test_money.py": "from money import cents\n\n\ndef test_cents():\n    assert cents(2) == 200\n",
}


async def test_a_spent_budget_is_asked_about_and_extended_from_the_web_ui(
    web_ui: WebUi, bench: Bench
) -> None:
    task = {"request": REQUEST, "repository": str(bench.repository), "budget": {"steps": 1}}
    await web_ui.start("spent-budget", task_queue=TASK_QUEUE, task=task)
    shown = await web_ui.pending_answer()
    await web_ui.picture("question", height=1100)
    assert shown["choice"] in {"extend", "wrap_up", "stop"}
    refused = {**shown, "choice": "perhaps"}
    assert "perhaps" in await web_ui.send_update("answer", refused)
    extended = {**shown, "choice": "extend", "budget": {"steps": 40}, "by": "ada"}
    assert await web_ui.send_update("answer", extended) == ""
    # The next thing that it needs is an approval, which it can only ask for in its second step.
    assert (await web_ui.pending_decision())["verdict"] == "approve"
    await expect(web_ui.card.get_by_text("40")).to_be_visible()


async def test_maintenance_is_started_and_its_push_approved_from_the_web_ui(
    web_ui: WebUi, bench: Bench, tmp_path: Path
) -> None:
    repository, remote = make_repository(tmp_path, UNTIDY)
    request = {"repository": str(repository), "playbook": "python-hygiene"}
    await web_ui.start("tidy-money", task_queue=TASK_QUEUE, task=request, kind=MAINTENANCE_RUN)
    push = await web_ui.pending_decision()
    await web_ui.picture("maintenance", height=1400)
    assert await web_ui.send_update("decide", {**push, "by": "ada"}) == ""
    await expect(web_ui.status).to_have_text("Completed", timeout=WAIT_MS)
    await web_ui.tab("Timeline")
    await expect(web_ui.result).to_contain_text("The branch was pushed.")
    assert "perdure/python-hygiene" in git(remote, "for-each-ref", "--format=%(refname:short)")


async def test_a_schedule_is_seen_paused_and_resumed_in_the_web_ui(web_ui: WebUi, bench: Bench) -> None:
    client = PerdureClient(bench.client, task_queue=TASK_QUEUE)
    schedules = client.schedules
    request = MaintenanceRequest(repository=str(bench.repository), playbook="python-hygiene", user="ada")
    times = ScheduleTimes(every=timedelta(days=1), offset=timedelta(hours=4))
    await schedules.create("tidy-every-night", request, times=times, terms=ScheduleTerms(made_by="ada"))
    try:
        await web_ui.schedule("tidy-every-night")
        page = web_ui.page
        next_runs = (await schedules.describe("tidy-every-night")).next_runs
        await expect(page.get_by_text(f"{UPCOMING} Upcoming Runs")).to_be_visible(timeout=WAIT_MS)
        # Without the last one: a run may become due between the page and the question.
        for each in next_runs[: UPCOMING - 1]:
            shown = re.compile(rf"^{each.day} {each:%b}t? {each.year}, 4:00:00")
            await expect(page.get_by_text(shown)).to_be_visible(timeout=WAIT_MS)
        await web_ui.picture("schedule", height=1000)
        dialog = page.get_by_role("dialog")
        for button, reason, rests in (
            ("Pause", "The release is near.", True),
            ("Unpause", "The release is out.", False),
        ):
            await page.get_by_role("button", name=button, exact=True).first.click()
            await dialog.get_by_role("textbox").fill(reason)
            await dialog.get_by_role("button", name=button, exact=True).click()

            async def heard(rests: bool = rests) -> bool | None:
                return (await schedules.describe("tidy-every-night")).paused is rests or None

            await until(heard)
            assert reason in (await schedules.describe("tidy-every-night")).note
            if rests:
                await web_ui.picture("schedule-paused", height=1000)
    finally:
        await schedules.delete("tidy-every-night")
