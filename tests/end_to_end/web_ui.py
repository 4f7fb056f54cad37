"""The Temporal Web UI as a person uses it: every method is what hands and eyes do, nothing goes around the page."""

import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, unquote

from playwright.async_api import FrameLocator, Locator, Page, expect
from temporalio.client import Client, WorkflowQueryFailedError

from perdure.contracts.decisions import Pending
from perdure.contracts.names import CODING_TASK
from tests.workflows.conftest import until

WAIT_MS = 120_000
"""How long a page may take to show what it should on a busy machine."""
RENEW_EVERY_S = 5.0
"""How long a page has to fetch and draw what it was asked for, before it is asked again."""
WIDTH = 1640
LAST_OF_KIND = "/workflows?query=WorkflowType"
"""How the start form asks for the last run of the type that it starts."""


@dataclass
class WebUi:
    """One window on the Web UI."""

    page: Page
    address: str
    pictures: Path
    """Folder for screenshots."""
    client: Client
    """Tells when there is something to see; what is seen and done goes through the page alone."""
    namespace: str = field(default="default")
    workflow_id: str = field(default="")
    """Whose page is open."""

    @property
    def status(self) -> Locator:
        """The badge beside the workflow's name."""
        return self.page.get_by_role("main").get_by_role("status").first

    @property
    def result(self) -> Locator:
        """The panel that shows what the workflow returned or why it failed."""
        return self.page.get_by_role("textbox", name="Result")

    @property
    def card(self) -> FrameLocator:
        """The rendered current details."""
        return self.page.frame_locator("#user-metadata-current-details")

    async def start(
        self, workflow_id: str, *, task_queue: str, task: Mapping[str, Any], kind: str = CODING_TASK
    ) -> None:
        """Open the start form by the bookmark that knows queue and type, fill in the rest, follow the link it gives."""
        bookmark = f"workflows/start-workflow?taskQueue={quote(task_queue)}&workflowType={kind}"
        data = self.page.get_by_role("textbox", name="Data")
        async with self.page.expect_response(lambda answer: LAST_OF_KIND in answer.url) as last:
            await self.page.goto(self._url(bookmark))
        if (await (await last.value).json()).get("executions"):
            # The form brings the input of the last run of this type, late on a busy machine, and over what is typed.
            await expect(data).not_to_have_text("")
        await expect(self.page.get_by_label("Task Queue")).to_have_value(task_queue)
        await expect(self.page.get_by_label("Workflow Type")).to_have_value(kind)
        await self.page.get_by_label("Workflow ID").fill(workflow_id)
        await data.fill(json.dumps(task, indent=2))
        await expect(self.page.get_by_text("Task Queue is Active")).to_be_visible(timeout=WAIT_MS)
        await self.picture("start-form" if kind == CODING_TASK else f"start-form-{kind}", height=960)
        # By keyboard: the button moves under the pointer while the form puts the JSON in order.
        await self.page.get_by_role("main").get_by_role("button", name="Start Workflow").press("Enter")
        self.workflow_id = workflow_id
        await self.page.get_by_role("link", name="Workflow started successfully").click()
        assert await self._given() == task
        await expect(self.page.get_by_role("heading", name=workflow_id)).to_be_visible(timeout=WAIT_MS)

    async def _given(self) -> Any:
        """The input that the run was really started with."""
        async for event in self.client.get_workflow_handle(self.workflow_id).fetch_history_events():
            given = event.workflow_execution_started_event_attributes.input.payloads
            return json.loads(given[0].data)
        return None

    async def listed(self, query: str, *, names: str) -> bool:
        """Whether the list of workflows that the query finds names this workflow."""
        await self.page.goto(self._url(f"workflows?query={quote(query)}"))
        # The table has its name only once the answer is there.
        links = self.page.get_by_role("table", name="Workflows").get_by_role("link")
        nothing = self.page.get_by_role("heading", name="No Workflows Found")
        await expect(links.or_(nothing).first).to_be_visible(timeout=WAIT_MS)
        return await links.filter(has_text=names).count() > 0

    async def open(self, workflow_id: str) -> None:
        """Follow the link in the list."""
        self.workflow_id = workflow_id
        await self.page.get_by_role("link", name=workflow_id, exact=True).click()
        await expect(self.page.get_by_role("heading", name=workflow_id)).to_be_visible(timeout=WAIT_MS)

    async def tab(self, name: str) -> None:
        """Open one of the workflow's tabs."""
        await self.page.get_by_role("tab", name=name).click()

    async def pending_decision(self, *, but: str = "") -> dict[str, Any]:
        """The JSON to paste, once the card shows one for another approval than ``but``."""
        return await self._to_paste("approval_id", but=but)

    async def pending_answer(self) -> dict[str, Any]:
        """The JSON to paste, once the card shows one for a question."""
        return await self._to_paste("question_id")

    async def _to_paste(self, handle: str, *, but: str = "") -> dict[str, Any]:
        await until(lambda: self._needs_another(but))
        await self.tab("User Metadata")
        frames = self.page.locator("#user-metadata-current-details")
        renewed_at = 0.0

        async def look() -> str | None:
            nonlocal renewed_at
            if time.monotonic() - renewed_at > RENEW_EVERY_S:
                # What is shown is renewed by this key only, and says so. Each time it fetches all anew, so on a busy
                # machine a page that is asked again before it has drawn never draws.
                await self.page.keyboard.press("r")
                renewed_at = time.monotonic()
            drawn: list[str] = await frames.evaluate_all("frames => frames.map(frame => frame.src)")
            ids = re.findall(rf'"{handle}": "(\w+)"', unquote("".join(drawn)))
            return next((each for each in ids if each != but), None)

        block = self.card.locator("code.language-json").filter(has_text=await until(look))
        return cast("dict[str, Any]", json.loads(await block.inner_text()))

    async def _needs_another(self, but: str) -> bool | None:
        """True once the run waits for a person, for another approval than ``but``."""
        try:
            pending = await self.client.get_workflow_handle(self.workflow_id).query(
                "pending", result_type=Pending
            )
        except WorkflowQueryFailedError:
            # Before its first step a run answers nothing.
            return None
        return any(each.id != but for each in (*pending.approvals, *pending.questions)) or None

    async def send_update(self, name: str, argument: Mapping[str, Any]) -> str:
        """Send an update from the page's own dialog; returns why it was refused, empty where it was taken."""
        await self.page.get_by_role("button", name="More Actions").click()
        await self.page.get_by_role("menuitem", name="Send an Update").click()
        dialog = self.page.get_by_role("dialog")
        await dialog.get_by_role("button", name="Select an Update").click()
        await self.page.get_by_role("option", name=name).click()
        await dialog.get_by_role("textbox", name="Data").fill(json.dumps(argument, indent=2))
        await dialog.get_by_role("button", name="Submit").press("Enter")
        refusal = dialog.get_by_role("alert").filter(has_text="hint:")

        async def look() -> str | None:
            if await refusal.count():
                return await refusal.inner_text()
            return "" if await dialog.is_hidden() else None

        answer = await until(look)
        if answer:
            await dialog.get_by_text("Cancel", exact=True).click()
            await expect(dialog).to_be_hidden(timeout=WAIT_MS)
        return answer

    async def schedule(self, schedule_id: str) -> None:
        """Follow the schedule's link in the list of schedules."""
        await self.page.goto(self._url("schedules"))
        await self.page.get_by_role("link", name=schedule_id).first.click()
        await expect(self.page.get_by_role("heading", name=schedule_id)).to_be_visible(timeout=WAIT_MS)

    async def picture(self, name: str, *, height: int = 1100) -> None:
        """Keep what a window of this height shows, once no passing message covers it."""
        await expect(self.page.get_by_role("button", name="Close", exact=True)).to_have_count(
            0, timeout=WAIT_MS
        )
        await self.page.set_viewport_size({"width": WIDTH, "height": height})
        await self.page.screenshot(path=self.pictures / f"{name}.png")

    def _url(self, path: str) -> str:
        return f"{self.address}/namespaces/{self.namespace}/{path}"
