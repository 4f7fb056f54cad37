"""Publishing: commits on the feature branch, then a push that a person approves."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from perdure.contracts.calls import Effect
    from perdure.contracts.steps import ProposePublication, Publication
    from perdure.contracts.task import TaskStatus, Withheld
    from workflows.loop import Loop
    from workflows.steps import PROPOSE_PUBLICATION
    from workflows.task_state import TaskState


async def publish(state: TaskState, loop: Loop) -> None:
    """Commit what is not committed, push what is not pushed; what is refused is withheld with its reason."""
    state.step += 1
    state.doing("preparing commits and push", TaskStatus.PUBLISHING)
    publication = await state.host.run(
        PROPOSE_PUBLICATION,
        ProposePublication,
        Publication,
        number=state.step,
        head=lambda: state.head,
        summary="see what is not committed and not pushed",
        base_commit=state.host.workspace.base_commit,
        remote=state.host.workspace.remote,
        commit_message=state.commit_message or state.request.request.splitlines()[0][:72],
    )
    state.head = publication.head
    state.commits = list(publication.commits)
    if publication.withheld:
        state.withheld.append(Withheld(what="push", why=publication.withheld))
    before = len(state.notes)
    if publication.calls:
        await loop.execute(publication.decision, publication.calls)
    wants_push = any(call.effect is Effect.PUBLISH for call in publication.calls)
    if wants_push and not state.pushed:
        notes = state.notes[before:]
        why = notes[-1].text if notes else _last_failure(state)
        state.withheld.append(Withheld(what=f"push of {state.host.workspace.branch}", why=why))
    state.notes.clear()


def _last_failure(state: TaskState) -> str:
    failed = [line for line in state.lines if line.step == state.step and line.ok is False]
    return failed[-1].excerpt if failed else "It was not run, because the step before it failed."
