"""Summarise a repository."""

import asyncio
import hashlib
import json
import time

from pydantic import Field

from perdure.contracts.calls import Effect
from perdure.workspace.file_states import FileStates
from tools.paths import WorkspacePath, existing_folder
from tools.searching.code_index import store_of
from tools.summaries.summary import summary_of
from tools.tool_schemas import Arguments, ToolContext, ToolOutput, tool

EDITION = 1
"""Changes whenever the same files would be summarised otherwise."""
OUTPUT_CHARACTERS = 16_000


class SummarizeCodebase(Arguments):
    """Summarise a repository: languages, entry points, how to build and test, main modules, owners."""

    path: WorkspacePath = Field(default=".", min_length=1, description="Only this folder.")


@tool(
    SummarizeCodebase,
    title=lambda a: f"summarize_codebase {a.path}",
    effect=Effect.READ,
    timeout_s=480,
    output_limit=OUTPUT_CHARACTERS,
)
async def summarize_codebase(arguments: SummarizeCodebase, context: ToolContext) -> ToolOutput:
    """The summary; that of the same files is made once."""
    folder = existing_folder(context.copy, arguments.path)
    context.beat("looking for changes")
    # Who changed what is said as well, so the last commit counts beside the files.
    parts = [
        EDITION,
        folder,
        await FileStates(context.copy).now(),
        await context.copy.git.head(),
        context.model is not None,
    ]
    key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    store = store_of(context)
    kept = await asyncio.to_thread(store.summary, key)
    if kept is not None:
        return ToolOutput(content=kept, summary=f"{kept.splitlines()[0]} (kept from before)")
    made = await summary_of(context, folder)
    if made.is_whole:
        await asyncio.to_thread(store.keep_summary, key, made.text, now=int(time.time()))
    return ToolOutput(content=made.text, summary=made.head)
