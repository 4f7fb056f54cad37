"""``policy``: checks policy files, explains verdicts rule by rule, and tries a change on what was called before."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perdure.client.command_line.exit_codes import ExitCode
from perdure.client.command_line.output import Output, clean
from perdure.client.command_line.session import Action, Session
from perdure.contracts.calls import Effect
from perdure.contracts.errors import InvalidInput
from perdure.contracts.judging import Named, Standing
from perdure.contracts.task import TaskRequest
from perdure.safety.policy import Explanation, Policy
from perdure.safety.policy_backtest import Change, Suggestion, cases_in, changes, suggestions

SHOWN_CHANGES = 200


@dataclass(frozen=True)
class Files:
    """The files that are given in place of those that the settings name."""

    administrator: Path | None
    users: Path | None


@dataclass(frozen=True)
class Asked:
    """The call that is to be explained."""

    line: str
    tool: str
    arguments: str
    writes: bool
    standing: Standing
    branch: str
    remote: str
    request: Path | None
    """A task's request, whose policy counts."""


def check(files: Files) -> Action:
    """Read every file and try every example."""

    async def action(session: Session) -> ExitCode:
        policy = _policy(session, files)
        if session.output.as_json:
            session.output.data({"digest": policy.digest, "files": list(policy.files), "ok": True})
            return ExitCode.OK
        for name, rules, examples in policy.files:
            session.output.line(f"{name}: {rules} rules, {examples} examples hold")
        session.output.line(f"digest {policy.digest}")
        return ExitCode.OK

    return action


def explain(files: Files, asked: Asked) -> Action:
    """Say what becomes of a call and why."""

    async def action(session: Session) -> ExitCode:
        policy = _policy(session, files)
        if bool(asked.line) == bool(asked.tool):
            raise InvalidInput(
                "Exactly one of a line of shell and --tool says what is to be explained.", "give one of them."
            )
        if asked.arguments and not asked.tool:
            raise InvalidInput(
                "--arguments are those of a tool, and a line of shell has none.", "name the tool by --tool."
            )
        tool = asked.tool or "execute_command"
        arguments = (
            _object(asked.arguments) if asked.tool else {"command": asked.line, "writes": asked.writes}
        )
        facts = session.installation.policy_desk().facts(tool, arguments, _with_rules(asked))
        if asked.branch or asked.remote:
            named = facts.named
            facts = type(facts)(
                facts.tool, facts.effect, facts.standing,
                Named(named.command, named.paths, (*named.branches, *filter(None, [asked.branch])),
                      tuple(filter(None, [asked.remote])), named.hosts),
            )  # fmt: skip
        found = policy.explain(facts)
        if session.output.as_json:
            session.output.data(_described(found, facts.effect))
        else:
            _show(session.output, found, facts.effect)
        return ExitCode.OK

    return action


def suggest(files: Files, *, corpora: Path | None, tasks: int) -> Action:
    """Try the given files on recorded calls, and suggest rules for what people always approve."""

    async def action(session: Session) -> ExitCode:
        desk = session.installation.policy_desk()
        before = Policy.load(desk.administrator, desk.users)
        after = _policy(session, files)
        calls = list(await desk.recorded(tasks=tasks)) if tasks else []
        if corpora is not None:
            calls += cases_in(corpora)
        changed, suggested = changes(before, after, calls), suggestions(after, calls)
        if session.output.as_json:
            session.output.data(
                {
                    "calls": len(calls),
                    "changes": [_change(each) for each in changed],
                    "suggestions": [{"approvals": each.approvals, "rule": each.text} for each in suggested],
                }
            )
        else:
            _tell(session.output, len(calls), changed, suggested)
        return ExitCode.OK

    return action


def _policy(session: Session, files: Files) -> Policy:
    desk = session.installation.policy_desk()
    return Policy.load(files.administrator or desk.administrator, files.users or desk.users)


def _object(text: str) -> dict[str, Any]:
    try:
        value: Any = json.loads(text or "{}")
    except ValueError as error:
        raise InvalidInput(f"--arguments is no JSON: {error}.", "give one JSON object.") from error
    if not isinstance(value, dict):
        raise InvalidInput("--arguments is no JSON object.", 'give one such as \'{"path": "a"}\'.')
    return value  # pyright: ignore[reportUnknownVariableType]


def _with_rules(asked: Asked) -> Standing:
    if asked.request is None:
        return asked.standing
    try:
        request = TaskRequest.model_validate_json(asked.request.read_bytes())
    except (OSError, ValueError) as error:
        raise InvalidInput(
            f"The request {str(asked.request)!r} cannot be used: {error}",
            "give a file of one task's request.",
        ) from error
    given = asked.standing
    return Standing(
        given.mode, given.safety, given.author, given.untrusted, given.user or request.user,
        given.repository or request.repository, request.policy,
    )  # fmt: skip


def _described(found: Explanation, effect: Effect) -> dict[str, Any]:
    judgement, analysis = found.judgement, found.analysis
    return {
        "effect": effect.value,
        "verdict": judgement.verdict.value,
        "reason": judgement.reason,
        "people": judgement.people,
        "assurance": judgement.assurance.value,
        "least_sandbox": judgement.least_sandbox,
        "analysis": None
        if analysis is None
        else {"verdict": analysis.verdict.value, "reason": analysis.reason},
        "rules": [
            {
                "layer": each.layer,
                "rule": each.rule,
                "verdict": each.verdict,
                "reason": each.reason,
                "loosens": each.loosens,
                "stands": each.stands,
            }
            for each in found.matches
        ],
    }


def _show(output: Output, found: Explanation, effect: Effect) -> None:
    judgement = found.judgement
    output.line(f"{judgement.verdict.value}: {judgement.reason}", "bold")
    output.line(f"effect {effect.value}")
    if found.analysis is not None:
        output.line(f"the line of shell: {found.analysis.verdict.value}: {found.analysis.reason}")
    if judgement.people > 1 or judgement.assurance.value != "claimed":
        output.line(f"approved by {judgement.people} people, at least {judgement.assurance.value}")
    if judgement.least_sandbox is not None:
        output.line(f"needs a sandbox of level {judgement.least_sandbox.value}")
    for each in found.matches:
        said = "demands" if each.verdict is None else each.verdict.value
        note = " (loosens)" if each.loosens else "" if each.stands else " (loosened by the administrator)"
        output.show(clean(f"  {each.layer}  {each.rule}: {said}{note}", "dim"))


def _change(each: Change) -> dict[str, Any]:
    return {
        "where": each.call.where,
        "call": each.call.title,
        "loosened": each.loosens,
        "before": each.before.verdict.value,
        "after": each.after.verdict.value,
        "reason": each.after.reason,
    }


def _tell(output: Output, calls: int, changed: list[Change], suggested: list[Suggestion]) -> None:
    output.line(f"{calls} calls: {len(changed)} would be judged otherwise", "bold")
    for each in changed[:SHOWN_CHANGES]:
        way = "loosened" if each.loosens else "narrowed"
        said = f"{each.before.verdict.value} → {each.after.verdict.value}"
        output.line(f"{way} {said}: {each.call.title} ({each.call.where})", "yellow" if each.loosens else "")
    if len(changed) > SHOWN_CHANGES:
        output.line(f"and {len(changed) - SHOWN_CHANGES} more; --json has all")
    for each in suggested:
        output.line(f"approved {each.approvals} times; a rule for the administrator's file:", "bold")
        output.line(each.text)
