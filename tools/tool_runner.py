"""Runs and previews calls for the steps: hands each tool its context, and shortens what comes out for the model."""

import asyncio
import functools
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from perdure.contracts.calls import CallKey, CallSummary, Effect, SandboxLevel, ToolCall
from perdure.contracts.envelopes import Trust
from perdure.contracts.errors import ToolRejected
from perdure.contracts.judging import CallFacts, Judgement, Named, Standing
from perdure.contracts.names import READ_OUTPUT, WHOLE_OUTPUT
from perdure.contracts.outcomes import NOT_AHEAD, Operation, RanAhead, RanCall
from perdure.contracts.repositories import host_of, is_path
from perdure.safety.demanded_level import held_to_level
from perdure.safety.display import inline_code
from perdure.safety.egress import PackageRequest
from perdure.safety.environment import environment_for
from perdure.safety.operations import Ruling, Seal, operation_digest
from perdure.safety.origins import trust_of
from perdure.safety.policy import Policy
from perdure.safety.remembering import why_not_remembered
from perdure.safety.sandbox import Sandbox
from perdure.safety.secrets import Screen, Screens, holds_marker, marker
from perdure.workspace.file_states import FileStates
from perdure.workspace.remotes import Remote
from perdure.workspace.working_copy import WorkingCopy
from tools.ahead.running import do_as_ahead, run_ahead
from tools.model_view import for_model
from tools.named_arguments import named_here
from tools.programs import environment_of
from tools.registry import Outline, Registry
from tools.searching.services import Searching
from tools.tool_schemas import (
    OUTPUT_CHARACTERS,
    AsksModel,
    Effects,
    FilesAt,
    FindsPackages,
    Outputs,
    Seen,
    Toolchain,
    ToolContext,
    ToolOutput,
    Touches,
    no_files,
    no_outputs,
)

SHOWN_TOUCHED = 20
MOST_CHANGED_PATHS = 100
"""As many are kept with a result, and as many files that it showed."""

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
        find_packages: FindsPackages | None = None,
        searching: Searching | None = None,
        known: Collection[str] | None = None,
        on_package_request: Callable[[str, PackageRequest], None] = lambda task_id, request: None,
        screens: Screens | None = None,
    ) -> None:
        self._registry = registry
        self._policy = policy
        self._sandbox = sandbox
        self._toolchain = toolchain
        self._ledger = ledger
        self._find_packages = find_packages
        self._searching = searching or Searching()
        self._known = registry.names if known is None else known
        """Tools whose schemas every model sees; of the others a malformed call brings the schema."""
        self._on_package_request = on_package_request
        self._screens = screens or Screens()

    def summarize(self, call: ToolCall) -> Outline:
        """Title, effect, digest of the arguments, time limit and what they name; ToolRejected for what cannot run."""
        try:
            outline = self._registry.summarize(call)
            if outline.effect is not Effect.READ:
                refuse_markers(call)
            return outline._replace(title=self._screens.worker.text(outline.title))
        except ToolRejected as error:
            if call.tool in self._known or call.tool not in self._registry.names or holds_markers(call):
                raise
            schema = self._registry.schemas(names=(call.tool,))[0]
            parameters = json.dumps(schema.parameters, ensure_ascii=False, separators=(",", ":"))
            raise ToolRejected(
                f"{error.message.rstrip()}\nIts arguments: {parameters}\n", error.hint
            ) from error

    def judge(self, facts: CallFacts) -> Judgement:
        """What the policy says, and what this host's sandbox makes of it."""
        return held_to_level(self._policy.judge(facts), facts.effect, self._sandbox.level)

    @property
    def policy_digest(self) -> str:
        """Changes whenever a rule of the policy does."""
        return self._policy.digest

    def why_not_remembered(self, call: ToolCall, summary: CallSummary) -> str:
        """Why a yes to such a call holds once only; empty where it may be remembered for exactly this call."""
        return why_not_remembered(
            effect=summary.effect,
            people=summary.people,
            assurance=summary.assurance,
            command=self._registry.summarize(call).named.command,
        )

    def rules_digest(self, standing: Standing) -> str:
        """Digest of all rules that judge such calls."""
        return self._policy.digest_for(standing)

    async def run(
        self,
        call: ToolCall,
        *,
        copy: WorkingCopy,
        key: CallKey,
        requested_at: datetime,
        beat: Callable[[str], None],
        approved: Mapping[str, Any],
        approved_by: str = "",
        read_only: bool = False,
        outputs: Outputs = no_outputs,
        seen: Seen | None = None,
        files_at: FilesAt = no_files,
        questions: AsksModel | None = None,
        ahead: RanAhead = NOT_AHEAD,
    ) -> RanCall:
        """Run one call; ToolRejected when it refuses to do anything. What was run ahead is done and not run again."""
        context = self.context(copy=copy, key=key, requested_at=requested_at, beat=beat, approved=approved)
        context = replace(context, outputs=outputs, seen=seen, files_at=files_at, approved_by=approved_by)
        context = replace(context, read_only=read_only)
        context = replace(context, model=questions)
        if ahead.digest:
            output = await do_as_ahead(self._registry, call, context, ahead)
        else:
            output = await self._registry.run(call, context)
        output = await redacted(output, self._screens.of(key.task_id))
        ran = ran_call(output, key=key, limit=self._registry.output_limit(call.tool))
        return replace(ran, trust=self._trust(call, output.content), ahead=ahead.digest)

    async def run_ahead(
        self,
        call: ToolCall,
        *,
        copy: WorkingCopy,
        key: CallKey,
        requested_at: datetime,
        beat: Callable[[str], None],
        allowed: bool,
    ) -> RanAhead:
        """What the call changes, where one program changes it, the policy has it ``allowed``, and it can be found out."""
        if self._registry.summarize(call).effect is not Effect.RUN_WRITING:
            return NOT_AHEAD
        if not self._registry.can_run_ahead(call):
            return RanAhead(why_not="only one program without network can be")
        if not allowed:
            return RanAhead(why_not="the policy does not let it be")
        context = self.context(copy=copy, key=key, requested_at=requested_at, beat=beat, approved={})
        return await run_ahead(self._registry, call, context)

    def _trust(self, call: ToolCall, output: str) -> Trust:
        """Who vouches for what the call gave."""
        return trust_of(
            call.tool,
            self._registry.summarize(call)[1],
            arguments=json.dumps(call.arguments, ensure_ascii=False),
            output=output,
            from_server=self._registry.is_of_server(call.tool),
        )

    async def worked_out(self, call: ToolCall, copy: WorkingCopy) -> Named | None:
        """Where its paths lead; branch, remote and host of a call that publishes. None where it names nothing of that."""
        outline = self._registry.summarize(call)
        if outline.effect is not Effect.PUBLISH or copy.remote is None:
            changes = outline.effect.changes_workspace
            here = await asyncio.to_thread(named_here, copy, outline.named, changes=changes)
            return None if here == outline.named else here
        remote = Remote(copy.remote)
        branches = (*outline.named.branches, await copy.git.branch())
        hosts = () if is_path(copy.remote) else (host_of(copy.remote),)
        return replace(outline.named, branches=branches, remotes=(remote.shown,), hosts=hosts)

    async def operation(
        self,
        call: ToolCall,
        *,
        copy: WorkingCopy,
        key: CallKey,
        requested_at: datetime,
        summary: CallSummary,
        seen: Seen | None = None,
        files_at: FilesAt = no_files,
        questions: AsksModel | None = None,
        ahead: RanAhead = NOT_AHEAD,
    ) -> Operation:
        """Exactly what the call would do now: its digest covers files, branch, environment, policy, sandbox and call."""
        context = self.context(
            copy=copy, key=key, requested_at=requested_at, beat=lambda _: None, approved={}
        )
        context = replace(context, files_at=files_at)
        arguments = self._registry.canonical_arguments(call)
        preview = await self._registry.preview(call, replace(context, seen=seen, model=questions))
        policy_digest, sandbox = self._policy.digest, self._sandbox.level.value
        facts = {**preview.facts, **({"ahead": ahead.digest} if ahead.digest else {})}
        seal = Seal(
            tool=call.tool,
            arguments=arguments,
            # As the files are, not as they were recorded: somebody beside the task may have changed them since.
            tree=await FileStates(copy).now(),
            head=await copy.git.head(),
            working_directory=str(arguments.get("working_directory", ".")),
            environment=environment_for(environment_of(self._toolchain)),
            ruling=Ruling.of(summary, policy_digest=policy_digest, sandbox=sandbox),
            key=key,
            facts=facts,
        )
        screen = self._screens.of(key.task_id)
        return Operation(
            digest=operation_digest(seal),
            title=screen.text(preview.title),
            preview=screen.text(
                self._with_level(f"{preview.markdown}{_touched(self._registry.touches(call))}{_ahead(ahead)}")
            ),
            facts=facts,
            pushed=preview.pushed,
            policy_digest=policy_digest,
            sandbox=sandbox,
            sealed=seal.content(),
            left_out=preview.left_out + ahead.left_out,
            whole=ahead.whole,
        )

    @property
    def sandbox_level(self) -> SandboxLevel:
        """How much of the sandbox holds on this host."""
        return self._sandbox.level

    @property
    def sandbox_found(self) -> tuple[SandboxLevel, tuple[str, ...]]:
        """The level, why it is no better one, and what it leaves open."""
        return self._sandbox.level, self._sandbox.report.sentences

    def _with_level(self, markdown: str) -> str:
        """The preview, with the sandbox's level above all else where it is not the best."""
        if self._sandbox.level is SandboxLevel.A:
            return markdown
        return f"**Sandbox {self._sandbox.report.summary}**\n\n{markdown}"

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
            find_packages=self._find_packages,
            searching=self._searching,
            on_package_request=functools.partial(self._on_package_request, key.task_id),
            approved=approved,
            screen=self._screens.of(copy.origin.task_id),
        )


def holds_markers(call: ToolCall) -> bool:
    """Whether an argument holds what stands in our own words for a credential that was taken out."""
    return holds_marker(json.dumps(call.arguments, ensure_ascii=False))


def refuse_markers(call: ToolCall) -> None:
    """ToolRejected for arguments that would put our marker where a credential stands."""
    if holds_markers(call):
        raise ToolRejected(
            f"An argument of {call.tool!r} holds {marker('…')!r}, which stands only in what you are shown: in the file is "
            "a credential, and this call would lose it. Nothing was done.",
            "Change the lines around it and leave its line as it is: make the searched text end before that line and a second "
            "one begin after it. To use the value in a program, let the program read it from its file or environment.",
        )


async def redacted(output: ToolOutput, screen: Screen) -> ToolOutput:
    """The output without credentials: before it is shortened, so that none is cut in two and no longer seen."""
    return replace(
        output,
        content=await screen.text_beside(output.content),
        summary=screen.text(output.summary),
        changed_paths=tuple(screen.text(path) for path in output.changed_paths),
        seen=screen.value(output.seen),
    )


def ran_call(output: ToolOutput, *, key: CallKey, limit: int = OUTPUT_CHARACTERS) -> RanCall:
    """The output shortened for the model, with the whole of it kept where something was left out."""
    attachments = [(each.name, each.data, each.media_type) for each in output.artifacts]
    shown = output.content
    if len(shown) > limit:

        def rest(line: int) -> str:
            asked = json.dumps({"step": key.step, "call": key.call_index, "start": line})
            return f"for all of it send {READ_OUTPUT} {asked}"

        data = shown.encode("utf-8", "backslashreplace")
        attachments.append((WHOLE_OUTPUT, data, "text/plain; charset=utf-8"))
        shown = for_model(shown, limit=limit, rest=rest)
    return RanCall(
        ok=output.ok,
        for_model=shown,
        excerpt=output.summary,
        commit=output.commit,
        pushed=output.pushed,
        changed_paths=output.changed_paths[:MOST_CHANGED_PATHS],
        duration_s=output.duration_s,
        loads=output.loads,
        seen=dict(list(output.seen.items())[:MOST_CHANGED_PATHS]),
        attachments=tuple(attachments),
    )


def _ahead(ahead: RanAhead) -> str:
    """What the call did in a throw-away view, or why it was not run there."""
    if ahead.digest:
        return f"\n\n{ahead.card}"
    return (
        f"\n\n**Not run ahead**: {ahead.why_not}. What it changes is seen only afterwards."
        if ahead.why_not
        else ""
    )


def _touched(touches: Touches) -> str:
    """What the call will change, as a line of a preview; empty where the preview's own words say as much."""
    named = [*touches.paths[:SHOWN_TOUCHED], *touches.refs[:SHOWN_TOUCHED]]
    if not named or touches.paths == (".",):
        return ""
    more = len(touches.paths) + len(touches.refs) - len(named)
    shown = ", ".join(inline_code(each, 200) for each in named)
    return f"\n\nChanges {shown}" + (f" and {more} more" if more else "")
