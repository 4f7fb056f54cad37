"""What is wrong with a file of tests before it is run: each fault a sentence for the model."""

import ast
from collections.abc import Iterator, Sequence

ASSERTING = ("assert", "raises", "warns", "fail", "approx_equal")
SKIPPING = {"skip", "skipif", "skipIf", "skipUnless", "skipTest", "xfail", "importorskip", "expectedFailure"}
PATCHING = {"patch", "object", "setattr", "multiple", "dict"}


def faults_of(text: str, module: str, names: Sequence[str]) -> list[str]:
    """Sentences; none where the tests are worth running."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError) as error:
        return [f"The test file does not parse: {error}."]
    tests = list(_tests(tree))
    if not tests:
        return ["The file holds no test: no function's name begins with test_."]
    faults = [f"It never imports {module!r}."] if not _imports(tree, module) else []
    faults += _skips(tree)
    last = {name.rpartition(".")[2] for name in names}
    faults += sorted({fault for node in ast.walk(tree) for fault in _replaced(node, last)})
    asserting = {
        node.name for node in ast.walk(tree) if isinstance(node, FUNCTIONS) and _asserts(node, frozenset())
    }
    for test in tests:
        if not _asserts(test, frozenset(asserting - {test.name})):
            faults.append(f"{test.name} asserts nothing that depends on the code.")
    return faults


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def _tests(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in tree.body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        yield from (each for each in inner if isinstance(each, FUNCTIONS) and each.name.startswith("test"))


def _imports(tree: ast.Module, module: str) -> bool:
    parent, _, name = module.rpartition(".")
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and any(each.name == module for each in node.names):
            return True
        if isinstance(node, ast.ImportFrom) and (
            node.module == module or (node.module == parent and any(each.name == name for each in node.names))
        ):
            return True
    return False


def _skips(tree: ast.Module) -> list[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Attribute, ast.Name)):
            name = node.attr if isinstance(node, ast.Attribute) else node.id
            if name in SKIPPING:
                found.add(
                    f"line {node.lineno} skips a test or expects it to fail ({name}); every test has to run."
                )
    return sorted(found)


def _replaced(node: ast.AST, names: set[str]) -> Iterator[str]:
    """Places where what is tested is put out of the way."""
    said = "line {} replaces {!r}, which is what has to be tested."
    if isinstance(node, ast.Call):
        called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        given = [each.value for each in node.args if isinstance(each, ast.Constant)]
        for value in given if called in PATCHING else ():
            if isinstance(value, str) and value.rpartition(".")[2] in names:
                yield said.format(node.lineno, value.rpartition(".")[2])
    if isinstance(node, ast.Assign):
        for target in node.targets:
            name = target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
            if name in names:
                yield said.format(node.lineno, name)
    if isinstance(node, (*FUNCTIONS, ast.ClassDef)) and node.name in names:
        yield said.format(node.lineno, node.name)


def _asserts(test: ast.AST, helpers: frozenset[str]) -> bool:
    """Whether it checks something that is not settled before the code has run."""
    for node in ast.walk(test):
        if isinstance(node, ast.Assert) and _depends(node.test):
            return True
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in helpers or (name.startswith(ASSERTING) and (name != "fail") and _has_value(node)):
                return True
    return False


def _has_value(call: ast.Call) -> bool:
    """Whether an argument of the assertion depends on something; assert_called() has none and needs none."""
    return not call.args or any(_depends(each) for each in call.args)


def _depends(expression: ast.expr) -> bool:
    """Whether names take part, and it is no comparison of something with itself."""
    if isinstance(expression, ast.Compare) and len(expression.comparators) == 1:
        return ast.dump(expression.left) != ast.dump(expression.comparators[0]) and _names(expression)
    if isinstance(expression, ast.BoolOp) and isinstance(expression.op, ast.Or):
        return all(_depends(each) for each in expression.values)
    return _names(expression)


def _names(expression: ast.expr) -> bool:
    return any(isinstance(node, (ast.Name, ast.Call, ast.Attribute)) for node in ast.walk(expression))
