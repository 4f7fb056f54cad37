"""A real browser before the session's Web UI, and a worker on the queue that people start their tasks on."""

import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright, expect
from temporalio.client import Client

from perdure.contracts.names import TASK_QUEUE
from perdure.embedded.stack import Stack
from tests.end_to_end.web_ui import WAIT_MS, WIDTH, WebUi
from tests.workflows.conftest import FIX, READ, TESTS, Bench, bench_of, script_of

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
COMMAND = "sed -i 's/Rounds/Truncates/' README.md # <template>"
"""What the scripted model wants to run first, with a tag that would hide all that follows; the test refuses it."""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """The system's chromium, without a window."""
    program = shutil.which("chromium")
    if program is None:
        pytest.fail(
            "The tests of the Web UI need a browser, and there is no 'chromium' on PATH. "
            "hint: apt-get install chromium",
            pytrace=False,
        )
    expect.set_options(timeout=WAIT_MS)
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=program, headless=True, args=ARGUMENTS)
        yield running
        await running.close()


@pytest_asyncio.fixture(loop_scope="session")
async def web_ui(
    browser: Browser, stack: Stack, temporal_client: Client, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[WebUi]:
    """A fresh window; its last sight is kept, which explains a failure best."""
    context = await browser.new_context(
        viewport={"width": WIDTH, "height": 1100},
        color_scheme="light",
        locale="en-GB",
        timezone_id="UTC",
        reduced_motion="reduce",
    )
    context.set_default_timeout(WAIT_MS)
    page = await context.new_page()
    window = WebUi(
        page,
        stack.addresses.web_ui,
        tmp_path_factory.mktemp("pictures"),
        temporal_client,
        stack.addresses.namespace,
    )
    yield window
    await window.picture("last")
    await context.close()


@pytest_asyncio.fixture(loop_scope="session")
async def bench(
    stack: Stack, temporal_client: Client, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Bench]:
    """A worker whose model reads, wants a command that writes, edits, and tests."""
    command = ("execute_command", {"command": COMMAND, "writes": True})
    script = script_of([[READ], [command], [FIX], [TESTS]])
    folder = tmp_path_factory.mktemp("code")
    async with bench_of(
        stack, temporal_client, database_url, folder, script, task_queue=TASK_QUEUE
    ) as running:
        yield running
        query = f"TaskQueue = '{TASK_QUEUE}' AND ExecutionStatus = 'Running'"
        async for each in temporal_client.list_workflows(query):
            running.handles.append(temporal_client.get_workflow_handle(each.id))
