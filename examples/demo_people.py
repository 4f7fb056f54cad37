"""The person of the demo: at a terminal a real one, elsewhere one who was told what to say."""

import asyncio
import sys

from rich.markup import escape
from rich.panel import Panel

from examples.demo_view import View
from perdure.client import events
from perdure.client.handle import TaskHandle
from perdure.contracts.decisions import Approval

_ANSWER_S = 30.0


class Person:
    """Decides approvals and answers questions."""

    def __init__(self, view: View, *, may_approve: bool) -> None:
        """``may_approve``: whether, without a terminal, the demo was told to approve."""
        self._view = view
        self._may_approve = may_approve

    async def decide(self, handle: TaskHandle, asked: events.ApprovalAsked) -> Approval | None:
        """Show the exact operation, then approve or deny it; gives what was approved."""
        approval = await self.waiting(handle, asked.approval_id)
        if approval is None:
            return None
        self._view.show_approval(approval)
        if sys.stdin.isatty():
            said = await self.typed("[bold]Approve this? y/n[/] ")
            if said is not None and said.lower() in {"y", "yes"}:
                await handle.approve(approval.id, by="you")
                return approval
            reason = await self.typed("Why not? ") if said is not None else None
            await handle.deny(approval.id, reason=reason or "The person said no.", by="you")
        elif self._may_approve:
            self._view.line(
                "[yellow]There is no terminal to ask at; the demo was told to approve, so it approves.[/]"
            )
            await handle.approve(approval.id, reason="The demo was told to approve.", by="demo")
            return approval
        else:
            self._view.line("[yellow]There is no terminal to ask at, and --approve was not given: denied.[/]")
            await handle.deny(approval.id, reason="Nobody was there to ask.", by="demo")
        return None

    async def answer(self, handle: TaskHandle) -> None:
        """Answer what the task asks; without a terminal the last choice, which is what no answer would mean."""
        for question in (await handle.pending()).questions:
            self._view.console.print(Panel(escape(question.text), title="[bold yellow]A question[/]"))
            choice = question.choices[-1]
            if sys.stdin.isatty():
                prompt = f"[bold]{escape(' / '.join(question.choices))}[/]: "
                while (said := await self.typed(prompt)) is not None and said not in question.choices:
                    self._view.line("[dim]one of the words, please[/]")
                choice = choice if said is None else said
            else:
                self._view.line(f"[yellow]There is no terminal to ask at; the answer is {choice!r}.[/]")
            await handle.answer(question.id, choice, by="demo")

    async def typed(self, prompt: str) -> str | None:
        """The next line from the terminal; None at its end (Ctrl-D)."""
        self._view.console.print(prompt, end="", highlight=False)
        # A thread that waits in input() could not be cancelled, so Ctrl-C would be noticed only after the next Enter.
        ready, loop = asyncio.Event(), asyncio.get_running_loop()
        loop.add_reader(sys.stdin, ready.set)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(sys.stdin)
        line = sys.stdin.readline()
        return line.strip() if line else None

    async def waiting(self, handle: TaskHandle, approval_id: str) -> Approval | None:
        """The approval once the workflow waits for it; None when it was decided elsewhere, such as in the Web UI."""
        for _ in range(int(_ANSWER_S / 0.1)):
            for approval in (await handle.pending()).approvals:
                if approval.id == approval_id:
                    return approval
            if not (await handle.describe()).open:
                return None
            await asyncio.sleep(0.1)
        return None
