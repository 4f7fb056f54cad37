"""What is wrong with a file of JavaScript or TypeScript tests before it is run: each fault a sentence for the model."""

import posixpath
import re
from collections.abc import Iterator, Sequence

import tree_sitter

from tools.editing.symbols import language_name, text_of, tree_of
from tools.node.exports import unquoted, walk
from tools.node.refining import silenced
from tools.syntax import syntax_error

TESTS = {"test", "it"}
GROUPS = {"describe", "suite"}
#: What else a chain that begins with one of these may be told.
SKIPPING = {"skip", "todo", "skipIf", "runIf", "failing", "fails", "only", "expectFailure"}
SKIPPED_NAMES = {"xit", "xtest", "xdescribe", "fit", "fdescribe"}
FUNCTIONS = {"arrow_function", "function_expression", "function_declaration", "generator_function"}
NAMES = {
    "identifier",
    "member_expression",
    "call_expression",
    "subscript_expression",
    "await_expression",
    "this",
}
SETTLED = {"undefined", "NaN", "Infinity"}
ASSERT_MODULES = {"assert", "node:assert", "assert/strict", "node:assert/strict"}
MOCKING = {"mock", "doMock", "unstable_mockModule", "setMock", "module", "importMock"}
SPYING = {"spyOn", "method", "getter", "replaceProperty", "stub"}
ENDINGS = re.compile(r"(?:/index)?\.[cm]?[jt]sx?\Z|/index\Z")


def faults_of(text: str, place: str, source: str, names: Sequence[str]) -> list[str]:
    """Sentences; none where the tests of ``source``, which would stand in ``place``, are worth running."""
    data = text.encode("utf-8", "surrogatepass")
    error = syntax_error(place, data)
    if error:
        return [f"The test file does not parse: {error}."]
    root = tree_of(language_name(place), data).root_node
    tests = [node for node in walk(root) if _is_test(node)]
    if not tests:
        return ["The file holds no test: nothing calls test or it with a function."]
    faults = list(_imports(root, place, source))
    faults += _skips(root)
    faults += sorted(set(_replaced(root, {name.rpartition(".")[2] for name in names}, place, source)))
    faults += [f"In the test file {said}" for said in silenced(root)]
    asserting = _Asserting(root)
    for node in tests:
        said = asserting.fault_of(node)
        if said:
            faults.append(f"The test {_title(node)!r} {said}")
    return faults


def _chain(node: tree_sitter.Node | None) -> list[str]:
    """The names of ``a.b.c``, of ``a.b(…).c`` as well; empty where it begins with something else."""
    names: list[str] = []
    while node is not None:
        if node.type == "member_expression":
            names.append(text_of(node.child_by_field_name("property")))
            node = node.child_by_field_name("object")
        elif node.type in {"call_expression", "non_null_expression"}:
            node = node.child_by_field_name("function") or next(iter(node.named_children), None)
        else:
            return [*reversed([*names, text_of(node)])] if node.type == "identifier" else []
    return []


def _arguments(call: tree_sitter.Node) -> list[tree_sitter.Node]:
    found = call.child_by_field_name("arguments")
    return [each for each in found.named_children if each.type != "comment"] if found is not None else []


def _is_test(node: tree_sitter.Node) -> bool:
    if node.type != "call_expression":
        return False
    chain = _chain(node.child_by_field_name("function"))
    is_function = any(each.type in FUNCTIONS for each in _arguments(node))
    return bool(chain) and (chain[0] in TESTS or chain[:2] == ["t", "test"]) and is_function


def _title(call: tree_sitter.Node) -> str:
    first = next(iter(_arguments(call)), None)
    return unquoted(first)[:80] if first is not None and "string" in first.type else "without a name"


def leads_to(specifier: str, place: str, source: str) -> bool:
    """Whether an import in ``place`` means the source, by a relative path or by an alias of a folder above it."""
    wanted = ENDINGS.sub("", source)
    if specifier.startswith("."):
        found = posixpath.normpath(posixpath.join(posixpath.dirname(place), specifier))
        return ENDINGS.sub("", found) == wanted
    _, _, inner = specifier.partition("/")
    return bool(inner) and f"/{wanted}".endswith(f"/{ENDINGS.sub('', inner)}")


def _specifiers(root: tree_sitter.Node) -> Iterator[tuple[tree_sitter.Node, str]]:
    """Everything that is imported, and where."""
    for node in walk(root):
        if node.type in {"import_statement", "export_statement"}:
            found = node.child_by_field_name("source")
            if found is not None:
                yield node, unquoted(found)
        elif node.type == "call_expression":
            called = text_of(node.child_by_field_name("function"))
            first = next(iter(_arguments(node)), None)
            if called in {"require", "import"} and first is not None and "string" in first.type:
                yield node, unquoted(first)


def _imports(root: tree_sitter.Node, place: str, source: str) -> Iterator[str]:
    found = list(_specifiers(root))
    if not any(leads_to(specifier, place, source) for _, specifier in found):
        yield f"It never imports {source!r}."
    for node, specifier in found:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(place), specifier))
        if specifier.startswith(("/", "file:")) or (specifier.startswith(".") and target.startswith("..")):
            line = node.start_point.row + 1
            yield f"line {line} imports {specifier!r}, which is outside of the workspace."


def _skips(root: tree_sitter.Node) -> list[str]:
    found: set[str] = set()
    for node in walk(root):
        name = ""
        if node.type == "call_expression":
            chain = _chain(node.child_by_field_name("function"))
            if chain and (chain[0] in TESTS | GROUPS or chain[0] in {"t", "context", "ctx"}):
                name = next((each for each in chain[1:] if each in SKIPPING), "")
            if chain and chain[0] in SKIPPED_NAMES:
                name = chain[0]
            if chain and chain[0] in TESTS | GROUPS:
                options = [option for each in _arguments(node) if (option := _skipping_option(each))]
                name = name or next(iter(options), "")
        if name:
            found.add(
                f"line {node.start_point.row + 1} leaves tests out or expects them to fail ({name}); every test has to run."
            )
    return sorted(found)


def _skipping_option(argument: tree_sitter.Node) -> str:
    for pair in argument.named_children if argument.type == "object" else ():
        key = unquoted(pair.child_by_field_name("key"))
        if key in SKIPPING and text_of(pair.child_by_field_name("value")) != "false":
            return key
    return ""


def _replaced(root: tree_sitter.Node, names: set[str], place: str, source: str) -> Iterator[str]:
    """Places where what is tested is put out of the way."""
    for node in walk(root):
        line, found = node.start_point.row + 1, ""
        if node.type == "call_expression":
            called = text_of(node.child_by_field_name("function")).rpartition(".")[2]
            texts = [unquoted(each) for each in _arguments(node) if "string" in each.type]
            if called in MOCKING and any(leads_to(each, place, source) for each in texts):
                found = source
            elif called in SPYING:
                found = next((each for each in texts if each in names), "")
        elif node.type == "assignment_expression":
            left = node.child_by_field_name("left")
            last = text_of(left).rpartition(".")[2]
            found = last if last in names else ""
        elif node.type in {"function_declaration", "class_declaration"}:
            name = text_of(node.child_by_field_name("name"))
            found = name if name in names else ""
        elif node.type == "variable_declarator":
            name, value = text_of(node.child_by_field_name("name")), node.child_by_field_name("value")
            taken = value is not None and re.search(r"\b(?:require|import)\(", text_of(value)) is not None
            is_member = value is not None and value.type in {"member_expression", "identifier"}
            found = name if name in names and not taken and not is_member else ""
        if found:
            yield f"line {line} replaces {found!r}, which is what has to be tested."


class _Asserting:
    """Which calls of a file check something that is not settled before the code has run."""

    def __init__(self, root: tree_sitter.Node) -> None:
        self._called = {"assert"} | set(_assertions_of(root))
        self._helpers = set[str]()
        self._helpers |= {name for name, body in _functions(root) if "value" in self._kinds(body)}

    def fault_of(self, test: tree_sitter.Node) -> str:
        """What is wrong with a test, or nothing."""
        kinds: set[str] = set()
        for each in _arguments(test):
            if each.type in FUNCTIONS:
                kinds |= self._kinds(each)
        if "value" in kinds:
            return ""
        if "snapshot" in kinds:
            return "asserts nothing but a snapshot, which is taken from whatever the code does."
        return "asserts nothing that depends on the code."

    def _kinds(self, body: tree_sitter.Node) -> set[str]:
        calls = [node for node in walk(body) if node.type == "call_expression"]
        return {kind for call in calls if (kind := self._kind(call))}

    def _kind(self, call: tree_sitter.Node) -> str:
        function = call.child_by_field_name("function")
        chain = _chain(function)
        if not chain or function is None:
            return ""
        given = _arguments(call)
        if chain[0] == "expect" and len(chain) > 1:
            subject = _expected(function)
            if subject is None:
                return ""
            if "snapshot" in chain[-1].lower():
                return "snapshot"
            return "value" if _depends([subject, *given]) else ""
        if chain[0] in self._called or chain[:2] == ["t", "assert"]:
            if "snapshot" in chain[-1].lower():
                return "snapshot"
            return "value" if chain[-1] != "fail" and _depends(given) else ""
        if chain[0] in self._helpers:
            return "value"
        return ""


def _expected(matcher: tree_sitter.Node) -> tree_sitter.Node | None:
    """What stands in ``expect(…)`` at the beginning of a chain with a matcher; None where there is no such call."""
    node: tree_sitter.Node | None = matcher.child_by_field_name("object")
    while node is not None and node.type == "member_expression":
        node = node.child_by_field_name("object")
    if node is None or node.type != "call_expression":
        return None
    return next(iter(_arguments(node)), None)


def _depends(given: Sequence[tree_sitter.Node]) -> bool:
    """Whether names take part, and it is no comparison of something with itself."""
    if len(given) > 1 and text_of(given[0]) == text_of(given[1]):
        return False
    found = (node for each in given for node in walk(each))
    return any(node.type in NAMES and text_of(node) not in SETTLED for node in found)


def _assertions_of(root: tree_sitter.Node) -> Iterator[str]:
    """The names under which a file knows what Node's module of assertions has."""
    for node, specifier in _specifiers(root):
        if specifier not in ASSERT_MODULES:
            continue
        bound = node.parent if node.type == "call_expression" else node
        for each in walk(bound) if bound is not None else ():
            named = each.type in {"identifier", "shorthand_property_identifier_pattern"}
            if named and text_of(each) != "require":
                yield text_of(each)


def _functions(root: tree_sitter.Node) -> Iterator[tuple[str, tree_sitter.Node]]:
    """Functions of the file, by their names."""
    for node in walk(root):
        value = node.child_by_field_name("value") if node.type == "variable_declarator" else node
        if value is not None and value.type in FUNCTIONS and (name := node.child_by_field_name("name")):
            yield text_of(name), value
