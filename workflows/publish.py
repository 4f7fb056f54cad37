"""Publishing: commits on the feature branch, then a push that a person approves."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from perdure.contracts.calls import CallSummary, Effect
    from perdure.contracts.continuation import OpenPublication, Undone
    from perdure.contracts.steps import ProposePublication, Publication
    from perdure.contracts.task import TaskStatus, Unpushed, Withheld
    from workflows.acting import Acting
    from workflows.moving import MovingOver
    from workflows.steps import PROPOSE_PUBLICATION
    from workflows.task_state import TaskState


async def publish(state: TaskState, acting: Acting, undone: Undone | None = None) -> bool:
    """Commit what is not committed, push what is not pushed; what is refused is withheld with its reason.

    False where work stays uncommitted, and so the task is not complete. ``undone`` is how far the task is: a publication
    that another run began is finished. Raises ``MovingOver`` where the task moves to another version instead.
    """
    undone = undone or Undone()
    begun = undone.publication
    if begun is None:
        begun = await _propose(state)
        calls = begun.publication.calls
    else:
        state.doing("finishing commits and push", TaskStatus.PUBLISHING)
        calls = undone.calls
    publication = begun.publication
    if calls:
        try:
            await acting.execute(publication.decision, calls)
        except MovingOver as moving:
            left = {"decision": moving.undone.decision, "calls": moving.undone.calls, "publication": begun}
            raise MovingOver(undone.model_copy(update=left)) from moving
    said = state.withheld[begun.withheld_before :]
    commit = _call(publication, Effect.COMMIT)
    committed = commit is None or len(state.commits) > len(publication.commits)
    if commit is not None and not committed:
        _withhold(state, said, "commit of the work", commit)
    push = _call(publication, Effect.PUBLISH)
    if push is not None and not state.pushed:
        _withhold(state, said, f"push of {state.host.branch}", push)
        state.unpushed = _why_unpushed(state, publication.decision, push.index)
    _keep_late_words(state)
    return committed


async def _propose(state: TaskState) -> OpenPublication:
    """What is there to publish, as a decision whose calls the policy judged."""
    state.next_step()
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
        commit_message=_message(state),
    )
    state.head = publication.head
    state.commits = list(publication.commits)
    # Only what the remote holds at the end counts: an earlier push may be of other commits.
    state.pushed = publication.already_pushed or None
    if publication.withheld:
        state.withheld.append(Withheld(what="push", why=publication.withheld))
    return OpenPublication(publication=publication, withheld_before=len(state.withheld))


def _message(state: TaskState) -> str:
    if not state.commits_itself:
        return ""
    return state.commit_message or state.request.request.splitlines()[0][:72]


def _call(publication: Publication, effect: Effect) -> CallSummary | None:
    return next((call for call in publication.calls if call.effect is effect), None)


def _why_unpushed(state: TaskState, decision: str, index: int) -> Unpushed:
    if (decision, index) in state.refused_by_people:
        return Unpushed.DENIED
    about = [note.kind for note in state.notes if (note.decision, note.call_index) == (decision, index)]
    return Unpushed.EXPIRED if "expired" in about else Unpushed.FAILED


def _withhold(state: TaskState, said: list[Withheld], what: str, call: CallSummary) -> None:
    """Say why something was not done, in the words of whoever refused it; once."""
    refused = next((each for each in said if each.what == call.title or call.tool in each.what), None)
    if refused is not None:
        state.withheld.remove(refused)
    state.withheld.append(Withheld(what=what, why=refused.why if refused else _last_failure(state)))


def _keep_late_words(state: TaskState) -> None:
    for note in state.take_notes():
        if note.kind == "steer":
            why = "It came after the work was finished, so the model did not read it."
            state.withheld.append(Withheld(what=f"steering: {_beginning(note.text)}", why=why))


def _beginning(text: str) -> str:
    """Up to 200 characters of whole words: what is in them is looked through when the task is closed."""
    return text if len(text) <= 200 else f"{text[:200].rpartition(' ')[0]} …"


def _last_failure(state: TaskState) -> str:
    failed = [line for line in state.lines if line.step == state.step and line.ok is False]
    return failed[-1].excerpt if failed else "It was not run, because the step before it failed."
