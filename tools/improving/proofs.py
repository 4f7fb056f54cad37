"""Proves a patch: it applies, parses, gives linters nothing new to say, and the tests that passed still pass."""

import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from perdure.contracts.errors import ToolRejected
from tools.checking.project_checks import project_checks
from tools.diagnostics import Diagnostic, Severity
from tools.editing.changes import Change
from tools.editing.script_gate import refuse_broken_files
from tools.editing.symbols import Symbol
from tools.improving.patched import Unpatched, patched
from tools.improving.subjects import Subject, with_texts
from tools.improving.suggestions import Judgement, Suggestion, Suggestions
from tools.improving.weaker_tests import is_test_file
from tools.proving.mutants import mutants_of
from tools.proving.parts import Weighed
from tools.proving.sources import Source
from tools.proving.suites import compared, suite_run
from tools.test_comparison import RecordedTests
from tools.text_files import TextFile
from tools.titles import one_line
from tools.tool_schemas import ToolContext

RUN_S = 120
ALL_S = 600.0
MOST_SUGGESTIONS = 8
NUMBERS = re.compile(r"\d+")
FUNCTIONS = ("function", "method")


@dataclass
class Prover:
    """Weighs the suggestions of one call. With ``on_top`` each patch is tried on those that were proved before it."""

    context: ToolContext
    subject: Subject
    on_top: bool = False
    files: dict[str, TextFile] = field(default_factory=dict[str, TextFile])
    _before: RecordedTests | None = None
    _no_tests: str = ""
    _noticed: dict[tuple[str, str], bool] = field(default_factory=dict[tuple[str, str], bool])
    _titles: set[str] = field(default_factory=set[str])
    _until: float = 0.0

    def __post_init__(self) -> None:
        self.files = {path: source.file for path, source in self.subject.sources.items()}
        self._until = time.monotonic() + ALL_S

    async def weigh(self, answer: Suggestions) -> Weighed[Judgement]:
        """What holds of the suggestions, and what is wrong with the others."""
        held: list[tuple[str, Judgement]] = []
        faults: list[str] = []
        for number, suggestion in enumerate(answer.suggestions, 1):
            title = repr(one_line(suggestion.title))
            try:
                if number > MOST_SUGGESTIONS:
                    raise Unpatched(f"it is one too many; at most {MOST_SUGGESTIONS} are looked at.")
                judgement = await self._judged(suggestion)
            except Unpatched as fault:
                faults.append(f"{title}: {fault}")
            else:
                held.append((title, judgement))
        return Weighed(held, faults)

    async def _judged(self, suggestion: Suggestion) -> Judgement:
        """The suggestion with what is proved of it; Unpatched where it does not hold."""
        wrong = self.subject.has_line(suggestion.path, suggestion.first_line, suggestion.last_line)
        if wrong:
            raise Unpatched(wrong)
        if not suggestion.title.strip() or not suggestion.reason.strip():
            raise Unpatched("it gives no reason.")
        if not suggestion.patch:
            return Judgement(suggestion, {}, {})
        base = dict(self.files)
        try:
            changed = patched(base, suggestion.patch)
            await refuse_broken_files(
                self.context, [_change(base[path], file) for path, file in changed.items()]
            )
        except ToolRejected as refusal:
            raise Unpatched(refusal.message) from refusal
        proofs, doubts = ["The patch applies exactly and parses."], list[str]()
        await self._tested(changed, proofs, doubts)
        await self._checked(changed, proofs, doubts)
        judgement = Judgement(
            suggestion,
            {path: base[path].text for path in changed},
            {path: file.text for path, file in changed.items()},
            tuple(proofs),
            tuple(doubts),
        )
        if self.on_top and judgement.is_proved:
            self.files.update(changed)
        return judgement

    def _trial(self, changed: Mapping[str, TextFile]) -> ToolContext:
        """Programs see the patch, on top of those that were kept where that is wanted."""
        original = self.subject.sources
        texts = {
            path: file for path, file in {**self.files, **changed}.items() if file is not original[path].file
        }
        return with_texts(self.context, {path: file.encoded() for path, file in texts.items()})

    async def _checked(self, changed: Mapping[str, TextFile], proofs: list[str], doubts: list[str]) -> None:
        known = self.subject.checked
        if not known.results:
            doubts.append("No linter or type checker could look at it.")
            return
        found = await project_checks(self._trial(changed), list(self.subject.sources), types="where set up")
        if found is None or len(found.results) < len(known.results):
            said = " ".join(found.not_run if found else [])
            raise Unpatched(f"linters and type checkers do not run any more with the patch. {said}")
        new = new_diagnostics(known.diagnostics, found.diagnostics)
        if new:
            raise Unpatched(f"with the patch there is a new finding: {'; '.join(map(str, new[:4]))}.")
        proofs.append(f"Nothing new is found by {', '.join(each.program for each in found.results)}.")
        doubts += known.not_run

    async def _tested(self, changed: Mapping[str, TextFile], proofs: list[str], doubts: list[str]) -> None:
        before = await self._tests_before()
        if before is None:
            doubts.append(self._no_tests)
            return
        if time.monotonic() > self._until:
            doubts.append("There was no time left to run the tests with it.")
            return
        comparison = await compared(self._trial(changed), before, self.subject.tests, time_s=RUN_S)
        if not comparison.held:
            raise Unpatched(f"tests do not hold with the patch: {comparison.sentence()}")
        unnoticed = [each for each in self._functions(changed) if not await self._notices(before, *each)]
        proofs.append(f"Tests that passed before and still pass: {comparison.passed_before}.")
        if unnoticed:
            names = ", ".join(symbol.name for _, symbol in unnoticed)
            doubts.append(
                f"No test notices when {names} does nothing, so the tests say nothing of this patch."
            )
        elif not self._functions(changed) and not all(map(is_test_file, changed)):
            doubts.append("No function is changed, so it is not known whether a test looks at what is.")

    async def _tests_before(self) -> RecordedTests | None:
        """How the tests end on the files as they are; None where none of them passes, with the reason kept."""
        if self._before is not None or self._no_tests:
            return self._before
        if not self.subject.tests:
            self._no_tests = "There are no tests for it."
            return None
        try:
            ran = await suite_run(self.context, self.subject.tests, time_s=RUN_S)
        except ToolRejected as refusal:
            self._no_tests = f"The tests cannot be run: {refusal.message}"
            return None
        if "passed" not in ran.outcomes().values():
            said = "; ".join(run.why or run.said for run in ran.runs)
            self._no_tests = f"No test passes on the code as it is ({said})."
            return None
        self._before = ran
        return ran

    def _functions(self, changed: Mapping[str, TextFile]) -> list[tuple[Source, Symbol]]:
        """The innermost functions whose text differs, those of tests aside."""
        found: list[tuple[Source, Symbol]] = []
        for path, file in changed.items():
            if is_test_file(path):
                continue
            source = self.subject.sources[path]
            start, stop = _span(source.data, file.text.encode("utf-8", "surrogateescape"))
            touched = [
                each
                for each in source.symbols
                if each.kind in FUNCTIONS and each.start < max(stop, start + 1) and start < each.stop
            ]
            found += [
                (source, each)
                for each in touched
                if not any(
                    each is not one and each.start <= one.start and one.stop <= each.stop for one in touched
                )
            ]
        return found

    async def _notices(self, before: RecordedTests, source: Source, symbol: Symbol) -> bool:
        """Whether a test fails when the function does nothing."""
        known = self._noticed.get((source.path, symbol.name))
        if known is None:
            mutants = mutants_of(source.language, source.data, symbol)
            worst = [each for each in mutants if each.empties] or mutants[:1]
            known = False
            if worst:
                text = source.file.with_text(worst[-1].source.decode("utf-8", "surrogateescape"))
                trial = with_texts(self.context, {source.path: text.encoded()})
                after = await suite_run(trial, self.subject.tests, time_s=RUN_S)
                old, new = before.outcomes(), after.outcomes()
                known = any(new.get(case) == "failed" for case, how in old.items() if how == "passed")
            self._noticed[source.path, symbol.name] = known
        return known


def new_diagnostics(before: Sequence[Diagnostic], after: Sequence[Diagnostic]) -> list[Diagnostic]:
    """What is said now and was not before, wherever it stands; notices are no findings."""
    known = Counter(map(_without_place, before))
    found: list[Diagnostic] = []
    for each in after:
        known[_without_place(each)] -= 1
        if known[_without_place(each)] < 0 and each.severity is not Severity.INFORMATION:
            found.append(each)
    return found


def _without_place(each: Diagnostic) -> tuple[str, str, str, str]:
    return each.path, each.source, each.rule, NUMBERS.sub("0", each.message)


def _change(before: TextFile, after: TextFile) -> Change:
    return Change(after.path, before, before.encoded(), after, after.encoded())


def _span(before: bytes, after: bytes) -> tuple[int, int]:
    """The bytes of the old text between what both have at their beginnings and ends."""
    start, most = 0, min(len(before), len(after))
    while start < most and before[start] == after[start]:
        start += 1
    end = 0
    while end < most - start and before[-1 - end] == after[-1 - end]:
        end += 1
    return start, len(before) - end
