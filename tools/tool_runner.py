"""Runs and previews calls for the steps: hands each tool its context, and shortens what comes out for the model."""

import functools
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from perdure.contracts.calls import Author, CallKey, Effect, ToolCall, Verdict
from perdure.contracts.outcomes import Operation, RanCall
from perdure.contracts.task import Mode, Safety
from perdure.safety.egress import PackageRequest
from perdure.safety.environment import environment_for
from perdure.safety.operations import operation_digest
from perdure.safety.policy import Policy
from perdure.safety.sandbox import Sandbox
from perdure.workspace.working_copy import WorkingCopy
from tools.model_view import for_model
from tools.programs import environment_of
from tools.registry import Outline, Registry
from tools.tool_schemas import Effects, Packages, Toolchain, ToolContext, ToolOutput

MODEL_CHARACTERS = 8_000
WHOLE_OUTPUT = "output.txt"

Ledger = Callable[[str, datetime], Effects]
"""The effects ledger of a task (by its id), with the time its entries are dated with."""


class ToolRunner:
    """The registry, the sandbox and the ledger together."""

    def __init__(
        self,
        registry: Registry,
        policy: Policy,
        sandbox: Sandbox,
        toolchain: Toolchain,
        ledger: Ledger,
        *,
        packages: Packages | None = None,
        on_package_request: Callable[[str, PackageRequest], None] = lambda task_id, request: None,
    ) -> None:
        self._registry = registry
        self._policy = policy
        self._sandbox = sandbox
        self._toolchain = toolchain
        self._ledger = ledger
        self._packages = packages or Packages()
        self._on_package_request = on_package_request

    def summarize(self, call: ToolCall) -> Outline:
        """Title, effect, digest of the arguments and time limit; ToolRejected for what cannot run."""
        return self._registry.summarize(call)

    def judge(self, *, effect: Effect, mode: Mode, safety: Safety, author: Author) -> tuple[Verdict, str]:
        """The policy's verdict and its reason."""
        return self._policy.judge(effect=effect, mode=mode, safety=safety, author=author)

    async def run(
        self,
        call: ToolCall,
        *,
        copy: WorkingCopy,
        key: CallKey,
        requested_at: datetime,
        beat: Callable[[str], None],
        approved: Mapping[str, Any],
    ) -> RanCall:
        """Run one call; ToolRejected when it refuses to do anything."""
        context = self.context(copy=copy, key=key, requested_at=requested_at, beat=beat, approved=approved)
        return ran_call(await self._registry.run(call, context))

    async def operation(
        self,
        call: ToolCall,
        *,
        copy: WorkingCopy,
        key: CallKey,
        requested_at: datetime,
        rule: str,
        tree: str,
    ) -> Operation:
        """Exactly what the call would do now: its digest covers files, branch, environment, rule and sandbox."""
        context = self.context(
            copy=copy, key=key, requested_at=requested_at, beat=lambda _: None, approved={}
        )
        arguments = self._registry.canonical_arguments(call)
        preview = await self._registry.preview(call, context)
        digest = operation_digest(
            tool=call.tool,
            arguments=arguments,
            tree=tree,
            head=await copy.git.head(),
            working_directory=str(arguments.get("working_directory", ".")),
            environment=environment_for(environment_of(self._toolchain)),
            rule=rule,
            sandbox_level=self._sandbox.level,
            extra=preview.facts,
        )
        return Operation(
            digest=digest,
            title=preview.title,
            preview=preview.markdown,
            facts=preview.facts,
            pushed=preview.pushed,
        )

    def context(
        self,
        *,
        copy: WorkingCopy,
        key: CallKey,
        requested_at: datetime,
        beat: Callable[[str], None],
        approved: Mapping[str, Any],
    ) -> ToolContext:
        """What a tool is handed."""
        return ToolContext(
            copy=copy,
            sandbox=self._sandbox,
            key=key,
            requested_at=requested_at,
            toolchain=self._toolchain,
            beat=beat,
            effects=self._ledger(key.task_id, requested_at),
            packages=self._packages,
            on_package_request=functools.partial(self._on_package_request, key.task_id),
            approved=approved,
        )


def ran_call(output: ToolOutput) -> RanCall:
    """The output shortened for the model, with the whole of it kept where something was left out."""
    attachments = [(each.name, each.data, each.media_type) for each in output.attachments]
    shown = output.text
    if len(output.text) > MODEL_CHARACTERS:
        shown = for_model(output.text, limit=MODEL_CHARACTERS, artifact_name=WHOLE_OUTPUT)
        data = output.text.encode("utf-8", "backslashreplace")
        attachments.append((WHOLE_OUTPUT, data, "text/plain; charset=utf-8"))
    first_line = output.text.strip().partition("\n")[0]
    return RanCall(
        ok=output.ok,
        for_model=shown,
        excerpt=output.excerpt or first_line,
        commit=output.commit,
        pushed=output.pushed,
        attachments=tuple(attachments),
    )
