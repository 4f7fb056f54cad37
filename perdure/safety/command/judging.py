"""The verdict on a line that the strict reader takes: what each of its commands does, in the folder where it runs."""

from collections.abc import Iterable
from dataclasses import replace
from posixpath import normpath

from perdure.safety.command.arguments import Argument, Finding, Scene, argument_of, ask, shown
from perdure.safety.command.feeding import fed_by_names, hunts_in_history, shows_harmless_variables
from perdure.safety.command.kinds import text
from perdure.safety.command.options import judge_arguments
from perdure.safety.command.paths import NOTHING, outside, secret
from perdure.safety.command.programs import Program, programs
from perdure.safety.command.readers import (
    judge_echo,
    judge_find,
    judge_printf,
    judge_set,
    judge_tar,
    judge_test,
)
from perdure.safety.command.words import (
    Group,
    HereDocument,
    Loop,
    Node,
    Pipeline,
    Redirect,
    Sequence,
    Simple,
)
from perdure.safety.command.wrappers import SHELLS, WRAPPERS, Script, assignment, judge_shell

PLACES = ("/bin/", "/usr/bin/")
"""Where a program may be named by its path."""
MOST_ROUNDS = 40
MOST_WRAPPERS = 20
_READERS = {
    "echo": judge_echo,
    "printf": judge_printf,
    "set": judge_set,
    "tar": judge_tar,
    "test": judge_test,
}


class Judge:
    """Walks over the commands of one line. ``script`` judges the text that a shell within the line is given."""

    def __init__(self, script: Script) -> None:
        self._script = script
        self._rounds = 0
        self._wrappers = 0

    def findings(self, node: Node, scene: Scene) -> tuple[list[Finding], Scene]:
        """What is wrong with the commands, and the scene in which the next one runs."""
        if isinstance(node, Simple):
            return self._simple(node, scene)
        if isinstance(node, Pipeline):
            return self._pipeline(node, scene), scene
        if isinstance(node, Sequence):
            return self._sequence(node, scene)
        if isinstance(node, Group):
            return self._group(node, scene)
        return self._loop(node, scene), scene

    def _sequence(self, node: Sequence, scene: Scene) -> tuple[list[Finding], Scene]:
        """One after the other. Only behind ``&&`` it is certain that a change of the folder took place."""
        found: list[Finding] = []
        before = scene.folders
        for operator, step in node.steps:
            if operator != "&&":
                scene = replace(scene, folders=scene.folders | before)
            before = before | scene.folders
            findings, scene = self.findings(step, scene)
            found += findings
        return found, replace(scene, folders=scene.folders | before)

    def _pipeline(self, node: Pipeline, scene: Scene) -> list[Finding]:
        found: list[Finding] = []
        members = list(node.members)
        for place, member in enumerate(members):
            inner = replace(scene, is_fed=scene.is_fed or place > 0)
            words = _words_of(member, inner)
            following = _words_of(members[place + 1], inner) if place + 1 < len(members) else []
            if shows_harmless_variables(words, following) and isinstance(member, Simple):
                found += self._redirects(member.redirects, inner)
            elif place and (joined := self._fed(members[:place], member, inner)) is not None:
                found += joined
            else:
                found += self.findings(member, inner)[0]
            hunted = hunts_in_history(words, following)
            found += [hunted] if hunted else []
        return found

    def _fed(self, before: list[Node], right: Node, scene: Scene) -> list[Finding] | None:
        """What is wrong with a command that gets names of files, or a part of the environment; None for anything else."""
        words = [_words_of(node, scene) for node in before]
        command = _words_of(right, scene)
        if not command or not isinstance(right, Simple) or not all(words):
            return None
        fed = fed_by_names(words, command)
        if fed is None:
            return None
        found = self.command(fed.command, scene) + self._redirects(right.redirects, scene)
        if fed.searches_everything:
            name, *arguments = fed.command
            found += self.command([name, Argument("-r", "-r"), *arguments, Argument(".", ".")], scene)
        return found

    def _group(self, node: Group, scene: Scene) -> tuple[list[Finding], Scene]:
        found = self._redirects(node.redirects, scene)
        inner = replace(scene, is_fed=scene.is_fed or _feeds(node.redirects))
        folders = scene.folders
        for body in node.bodies:
            findings, after = self.findings(body, replace(inner, folders=folders))
            found += findings
            folders |= after.folders
        return found, scene if node.is_subshell else replace(scene, folders=folders)

    def _loop(self, node: Loop, scene: Scene) -> list[Finding]:
        found = self._redirects(node.redirects, scene)
        items = [argument_of(word, scene.variables) for word in node.items]
        unknown = next((item for item in items if not item.is_known or item.has_tilde), None)
        if unknown or node.variable.isupper() or not items:
            return [
                *found,
                ask(f"The loop over {node.variable!r} has words that are not known before it runs."),
            ]
        folders = scene.folders
        for item in items:
            self._rounds += 1
            if self._rounds > MOST_ROUNDS:
                return [*found, ask(f"The loop over {node.variable!r} has more than {MOST_ROUNDS} rounds.")]
            inner = replace(scene, folders=folders, variables={**scene.variables, node.variable: item})
            findings, after = self.findings(node.body, inner)
            found += findings
            if after.folders != folders:
                return [*found, ask(f"The loop over {node.variable!r} changes the folder.")]
        return found

    def _simple(self, node: Simple, scene: Scene) -> tuple[list[Finding], Scene]:
        found = self._redirects(node.redirects, scene)
        for word in node.assignments:
            finding = assignment(argument_of(word, {}))
            found += [finding] if finding else []
        inner = replace(scene, is_fed=scene.is_fed or _feeds(node.redirects))
        if not node.words:
            return [*found, ask("The line changes a variable or a file without running a program.")], scene
        words = [argument_of(word, scene.variables) for word in node.words]
        name = words[0]
        if name.text == "cd" and name.is_known and not name.is_pattern:
            findings, scene = _folder_changed(words[1:], scene)
            return found + findings, scene
        if name.raw == "[[":
            return found + judge_test(words[1:-1], inner, doubled=True), scene
        return found + self.command(words, inner), scene

    def command(self, words: list[Argument], scene: Scene) -> list[Finding]:
        """What is wrong with one command and its arguments."""
        program, arguments = words[0], words[1:]
        if not program.is_known or program.is_pattern or program.has_tilde:
            return [ask(f"The program {shown(program.raw)} is not known before it runs.")]
        name = next(
            (program.text.removeprefix(place) for place in PLACES if program.text.startswith(place)),
            program.text,
        )
        if name != program.text and name in {"time", "[", "command", "builtin", "set", "type", "cd"}:
            return [ask(f"The program {shown(program.text)} is another than the shell's own {name!r}.")]
        if name in WRAPPERS:
            return self._wrapped(name, arguments, scene)
        if name in SHELLS:
            return judge_shell(name, arguments, scene, self._script)
        if name == "find":
            return judge_find(arguments, scene, self.command)
        if name == "[":
            if not arguments or arguments[-1].text != "]":
                return [ask("A test has no closing bracket.")]
            return judge_test(arguments[:-1], scene)
        return self._program(name, arguments, scene)

    def _wrapped(self, name: str, arguments: list[Argument], scene: Scene) -> list[Finding]:
        if self._wrappers == MOST_WRAPPERS:
            return [ask(f"More than {MOST_WRAPPERS} programs run one another.")]
        self._wrappers += 1
        found = WRAPPERS[name](arguments, scene, self.command)
        self._wrappers -= 1
        return found

    def _program(self, name: str, arguments: list[Argument], scene: Scene) -> list[Finding]:
        known = programs()
        program = known.get(name)
        if program is None or " " in name:
            return [ask(f"The program {shown(name)} is not among those that run without asking.")]
        if program.entry.reader in _READERS:
            return _READERS[program.entry.reader](arguments, scene)
        if not program.entry.subcommands:
            return judge_arguments(name, program, arguments, scene)
        place = _subcommand_place(program, arguments)
        before, following = arguments[:place], arguments[place:]
        found = judge_arguments(name, program, before, scene)
        if not following:
            return found or ([] if before else [ask(f"The command {name!r} names nothing to do.")])
        full, used = f"{name} {following[0].text}", 1
        if len(following) > 1 and f"{full} {following[1].text}" in known:
            full, used = f"{full} {following[1].text}", 2
        if any(not one.is_known or one.is_pattern for one in following[:used]) or full not in known:
            return [ask(f"The command {shown(full)} is not among those that run without asking.")]
        return found + judge_arguments(full, known[full], following[used:], scene)

    def _redirects(self, redirects: Iterable[Redirect], scene: Scene) -> list[Finding]:
        found = [_redirected(redirect, scene) for redirect in redirects]
        return [finding for finding in found if finding]


def _subcommand_place(program: Program, arguments: list[Argument]) -> int:
    """Where the subcommand stands: behind the program's own options and their values."""
    place = 0
    while place < len(arguments) and arguments[place].text.startswith("-"):
        option = program.options.get(arguments[place].text)
        place += 2 if option and option.kind and not option.is_optional else 1
    return min(place, len(arguments))


def _folder_changed(arguments: list[Argument], scene: Scene) -> tuple[list[Finding], Scene]:
    if len(arguments) != 1 or arguments[0].text in {"", "-"} or arguments[0].is_pattern:
        return [ask("The command 'cd' goes to a folder that is not named plainly.")], scene
    argument = arguments[0]
    if found := outside(argument, scene) or secret(argument.text):
        return [found], scene
    target = argument.text
    if target.startswith("/"):
        target = normpath(target).removeprefix(normpath(scene.workspace)).strip("/")
        return [], replace(scene, folders=frozenset([target]))
    places = {normpath(f"./{folder}/{target}") for folder in scene.folders}
    return [], replace(scene, folders=frozenset("" if place == "." else place for place in places))


def _words_of(node: Node, scene: Scene) -> list[Argument]:
    """The words of a plain command; none of anything else."""
    if not isinstance(node, Simple) or node.assignments:
        return []
    return [argument_of(word, scene.variables) for word in node.words]


def _feeds(redirects: Iterable[Redirect]) -> bool:
    return any(redirect.operator in {"<", "<<", "<<<"} for redirect in redirects)


def _redirected(redirect: Redirect, scene: Scene) -> Finding | None:
    """Why a redirection may do more than read a file of the workspace or throw output away."""
    if isinstance(redirect.target, HereDocument):
        return None
    target = argument_of(redirect.target, scene.variables)
    if target.is_known and not target.is_pattern and not target.has_tilde:
        if redirect.operator == "<<<":
            return text(target, scene)
        if redirect.operator in {">&", "<&"} and target.text in {"0", "1", "2", "-"}:
            return None
        if target.text == NOTHING and redirect.operator not in {"<&", "<>"}:
            return None
        if redirect.operator == "<" and redirect.descriptor in {"", "0"}:
            return outside(target, scene) or secret(target.text)
    return ask(f"The redirection {redirect.operator}{shown(target.raw)} writes a file or is not certain.")
