"""New files for a project: formatted, linted and type-checked as it does, in a view that is thrown away; then written."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from perdure.contracts.errors import ToolRejected
from perdure.safety.display import for_display
from perdure.safety.secrets.cutting import beginning
from tools.diagnostics import Diagnostic, Severity
from tools.editing.changes import Replacement, open_for_change, preview_of_changes, write_all
from tools.node.batch import BatchCommand, run_batch
from tools.node.checks import (
    INSTALL,
    Check,
    eslint_check,
    eslint_result,
    prettier_check,
    prettier_result,
    typescript_result,
    uses_prettier,
)
from tools.node.conventions import Conventions
from tools.node.findings import listed
from tools.node.projects import Project, seen_inside
from tools.node.refining import INSTRUCTIONS, Refinement, faults_of, material_of
from tools.node.type_checks import type_check_of
from tools.proving.rounds import Judged
from tools.proving.rounds import proved as answered
from tools.proving.sources import asked_model
from tools.test_frameworks.tree import SCRIPT
from tools.text_files import TextFile
from tools.tool_schemas import Preview, ToolContext, ToolOutput

LONGEST_S = 240.0
GRACE_S = 60.0
LONGEST_REFUSAL = 1_500
PACKAGES_MISSING = re.compile(
    r"TS(?:2307|2875|7016|7026|2792)\b|ERR_MODULE_NOT_FOUND|Cannot find (?:module|package)"
)


@dataclass(frozen=True)
class Draft:
    """Files to be written, and what is said with them."""

    project: Project
    conventions: Conventions
    files: Mapping[str, str]
    """Texts by path from the workspace root."""
    purpose: str
    """What they are for: for the model that refines them."""
    notes: tuple[str, ...] = ()
    overwrite: bool = False
    wishes: str = ""
    """What a model is to make of them; empty where the template is all that is wanted."""


@dataclass(frozen=True)
class Proved:
    """A draft that passed."""

    changes: tuple[Replacement, ...]
    checks: tuple[str, ...]
    """Which programs passed it, and what could not be checked, a sentence each."""
    warnings: tuple[Diagnostic, ...] = ()
    notes: tuple[str, ...] = ()
    refined: str = ""
    """What became of the wishes, a sentence; empty where there were none."""


async def proved(context: ToolContext, draft: Draft) -> Proved:
    """The files as they would be written; ToolRejected with the diagnostics where the project's own checks find errors."""
    _refuse_what_is_there(draft)
    plain = await _checked(context, draft)
    if not draft.wishes.strip():
        return plain
    try:
        better = await _refined(context, draft, plain)
    except ToolRejected as error:
        said = f"This is the template alone; the wishes are not in it: {error.message.strip()}"
        return replace(plain, refined=beginning(said, LONGEST_REFUSAL))
    return replace(better, refined=f"Refined by {asked_model(context)}, and checked again.")


async def _refined(context: ToolContext, draft: Draft, plain: Proved) -> Proved:
    """The draft with the wishes in it; ToolRejected where no answer passes what the template has passed."""
    made = {change.path: change.after.text for change in plain.changes}

    async def judge(answer: Refinement) -> Judged[Proved]:
        faults = faults_of(answer, made)
        if faults:
            return Judged(None, faults)
        texts = {**made, **{each.path: each.text for each in answer.files}}
        try:
            return Judged(await _checked(context, replace(draft, files=texts)))
        except ToolRejected as error:
            return Judged(None, [error.message])

    return await answered(
        context,
        instructions=INSTRUCTIONS,
        material=material_of(draft.purpose, draft.wishes, made),
        answer=Refinement,
        judge=judge,
        what="refinement",
    )


def previewed(title: str, done: Proved) -> Preview:
    """The files as a diff, with what became of the wishes."""
    preview = preview_of_changes(title, done.changes)
    said = for_display(done.refined, 600)
    return replace(preview, markdown=f"{said}\n\n{preview.markdown}") if said else preview


async def written(context: ToolContext, draft: Draft) -> ToolOutput:
    """Prove the draft and write all of it or nothing."""
    done = await proved(context, draft)
    write_all(context.copy.files, done.changes)
    paths = [change.path for change in done.changes]
    parts = [f"Wrote {', '.join(paths)}.", done.refined, *done.checks, *done.notes, listed(done.warnings)]
    parts += [f"\n{change.path}\n{change.after.text.rstrip()}" for change in done.changes]
    return ToolOutput(
        content="\n".join(filter(None, parts)),
        summary=". ".join(filter(None, (f"wrote {', '.join(paths)}", done.refined.partition("\n")[0]))),
        changed_paths=tuple(paths),
        diagnostics=done.warnings,
    )


def _refuse_what_is_there(draft: Draft) -> None:
    there = [path for path in draft.files if draft.project.files.exists(path)]
    if there and not draft.overwrite:
        raise ToolRejected(
            f"{', '.join(map(repr, there))} {'exists' if len(there) == 1 else 'exist'} already; nothing was written.",
            "Choose another name, or send overwrite: true to replace it.",
        )


async def _checked(context: ToolContext, draft: Draft) -> Proved:
    scripts = [path for path in draft.files if SCRIPT.fullmatch(path)]
    found, checks, texts, settled = await _round(context, draft, scripts, fix=True)
    if not settled:
        # What ESLint mended is formatted once more, and must then be right by both.
        found, checks, texts, _ = await _round(context, replace(draft, files=texts), scripts, fix=False)
    errors = [each for each in found if each.severity is Severity.ERROR]
    if errors:
        _refuse(errors, texts)
    changes = [_change(draft, path, text) for path, text in texts.items()]
    return Proved(tuple(changes), tuple(checks), tuple(found), draft.notes)


async def _round(
    context: ToolContext, draft: Draft, scripts: Sequence[str], *, fix: bool
) -> tuple[list[Diagnostic], list[str], dict[str, str], bool]:
    """Diagnostics, what ran, the texts afterwards, and whether Prettier still agrees after ESLint's fixes."""
    project = draft.project
    formatting = _formatting(draft, list(draft.files))
    linting = eslint_check(project, scripts, fix="write" if fix else "none")
    compiling, configuration = type_check_of(project, draft.conventions, scripts)
    looking = tuple(word for word in formatting.command.argv if word != "--write")
    commands = [formatting.command, linting.command, BatchCommand(looking, project.inside)]
    commands += [compiling.command] if compiling else []
    inside = {seen_inside(path): text for path, text in draft.files.items()}
    batch = await run_batch(
        context,
        commands,
        time_s=LONGEST_S,
        write={**inside, **linting.write, **configuration},
        read=list(inside),
        throw_away=True,
    )
    found = prettier_result(batch.results[0], folder=project.folder)[1]
    found = [each for each in found if each.severity is Severity.ERROR]
    found += eslint_result(batch.results[1]).diagnostics
    checks = [
        f"Formatted by {formatting.program.shown}; {linting.program.shown} found no error.",
        linting.note,
    ]
    if compiling:
        result = typescript_result(batch.results[3], folder=project.folder)
        found += [each for each in result if each.path in draft.files or each.path == project.folder]
        checks.append(f"{compiling.program.shown} found no error.")
    else:
        checks.append("Types were not checked, because the project has no tsconfig.json.")
    texts = {path: batch.files[seen_inside(path)] or text for path, text in draft.files.items()}
    return found, [check for check in checks if check], texts, not batch.results[2].out.strip()


def _refuse(errors: Sequence[Diagnostic], files: Mapping[str, str]) -> None:
    said = listed(errors)
    missing = any(PACKAGES_MISSING.search(f"{each.rule} {each.message}") for each in errors)
    drafts = "\n".join(f"\n{path}\n{text}" for path, text in files.items())
    raise ToolRejected(
        f"The project's own checks do not pass what was made, so nothing was written:\n{said}\n{beginning(drafts, 4_000)}",
        INSTALL
        if missing
        else "Send it again with what the errors name changed, such as the type of a field.",
    )


def _change(draft: Draft, path: str, text: str) -> Replacement:
    if draft.project.files.exists(path):
        before, data = open_for_change(draft.project.files, path)
        after = before.with_text(text)
        return Replacement(path, before, data, after, after.encoded())
    after = TextFile(path, text)
    return Replacement(path, None, None, after, after.encoded())


def _formatting(draft: Draft, paths: Sequence[str]) -> Check:
    """Prettier as the project sets it up, else with what its sources look like."""
    check = prettier_check(draft.project, paths, write=True)
    if uses_prettier(draft.project):
        return check
    conventions = draft.conventions
    options = [f"--{'' if conventions.single_quotes else 'no-'}single-quote"]
    options += ["--semi"] if conventions.semicolons else ["--no-semi"]
    options += ["--use-tabs"] if conventions.indent == "\t" else [f"--tab-width={len(conventions.indent)}"]
    options = [option for option in options if option not in {"--semi", "--no-single-quote"}]
    position = check.command.argv.index("--")
    argv = (*check.command.argv[:position], *options, *check.command.argv[position:])
    return Check(check.program, BatchCommand(argv, check.command.cwd), check.write)
