"""What docs are compared with: what code can raise, what it takes, and that nothing but docs changes in a file."""

import pytest

from tools.documenting.facts import Parameter
from tools.documenting.python_docs import differs, with_docstrings
from tools.documenting.python_facts import python_facts
from tools.documenting.script_docs import differs as script_differs
from tools.documenting.script_docs import with_comments
from tools.documenting.script_facts import script_facts
from tools.editing.symbols import symbols_of, tree_of

RAISING = """\
class OwnError(LookupError): ...

def direct(x):
    raise OwnError(x)

def caught(x):
    try:
        return direct(x)
    except LookupError:
        return int(x)

def through(x):
    return direct(x)

def again(x):
    try:
        return x[0]
    except KeyError as error:
        raise error

def elsewhere(x):
    return x.fetch()
"""


@pytest.mark.parametrize(
    ("name", "raised", "can", "cannot", "is_open"),
    [
        ("direct", {"OwnError"}, {"OwnError"}, {"KeyError"}, False),
        ("caught", set[str](), {"ValueError"}, {"OwnError", "KeyError"}, False),
        ("through", set[str](), {"OwnError"}, {"ZeroDivisionError"}, False),
        ("again", {"KeyError"}, {"KeyError", "IndexError"}, {"OwnError"}, False),
        ("elsewhere", set[str](), {"AttributeError"}, {"OwnError"}, True),
    ],
)
def test_what_a_function_can_raise_is_read_from_its_file(
    name: str, raised: set[str], can: set[str], cannot: set[str], is_open: bool
) -> None:
    facts = python_facts(RAISING)[name]
    assert facts.raised == raised
    assert can <= facts.raisable
    assert not cannot & facts.raisable
    assert facts.open_ended is is_open


@pytest.mark.parametrize(
    "text",
    [
        "def f(): return 1\n",
        "def f(a={'x': 1}, *, b: 'dict[str, int]' = {}) -> 'int':  # why\n    # first\n    return 1\n",
        "class f:\n    @property\n    def g(self):\n        '''Old\n\n        words.'''\n",
        "class f: pass",
        "if True:\n\tdef f(x=(lambda: 1)):\n\t\t'old'; return 1\n",
        "@decorated(1,\n    2)\nasync def f(\n    é,\n): é = 'é'; return é\n",
        "def f():\n    @g\n    def inner(): ...\n    return inner\n",
        "def f():\r\n    return 1\r\n",
    ],
)
@pytest.mark.parametrize("said", ["Words.", 'Say "x"', "Back\\slash\n\n>>> f('\\n')\n'x'"])
def test_a_docstring_changes_nothing_else_wherever_it_stands(text: str, said: str) -> None:
    end = "\r\n" if "\r" in text else "\n"
    after = with_docstrings(text, {"f": said}, end)
    assert differs(text, after, {"f": said}) == ""
    assert differs(text, after.replace("1", "2"), {"f": said}) == (
        "code would change with it" if "1" in text else ""
    )


SCRIPT = b"""
export function direct(a: number, b: string = 'x', ...rest: string[]): Promise<number> {
  if (!a) throw new RangeError('no')
  return Promise.resolve(a)
}
export const through = async ({ title, n = 2 }: Props) => direct(1)
function* steps(this: Props, x?: number) { try { throw new TypeError('no') } catch { yield JSON.parse('1') } }
class Box { constructor(private size = 1) {} get area() { return this.size } empty(): void {} static async away() { await fetch('/') } }
"""


def test_what_typescript_says_of_itself_is_read_from_its_tree() -> None:
    facts = script_facts(SCRIPT, symbols_of("typescript", SCRIPT, tree_of("typescript", SCRIPT)))
    direct, through, steps = facts["direct"], facts["through"], facts["steps"]
    assert direct.parameters == (
        Parameter("a", "number"),
        Parameter("b", "string", "'x'"),
        Parameter("...rest", "string[]"),
    )
    assert (direct.asynchronous, direct.gives, direct.return_type) == (False, True, "Promise<number>")
    assert direct.raised == {"RangeError"}
    assert through.parameters == (
        Parameter("options", "Props"),
        Parameter("options.title"),
        Parameter("options.n", "", "2"),
    )
    assert (through.asynchronous, through.gives) == (True, True)
    assert "RangeError" in through.raisable
    assert steps.parameters == (Parameter("x", "number"),)
    assert (steps.generator, steps.raised, "SyntaxError" in steps.raisable) == (True, set(), True)
    assert facts["Box"].parameters == (Parameter("size", "", "1"),)
    assert (facts["Box.area"].gives, facts["Box.empty"].gives) == (True, False)
    assert (facts["Box.away"].asynchronous, facts["Box.away"].open_ended) == (True, True)


@pytest.mark.parametrize(
    "text",
    [
        "function f() {}\n",
        "#!/usr/bin/env node\n// Words.\nexport default async function f() {}\n",
        "/** Old. */\nexport const f = () => 1;\n",
        "const a = 1\n\n// @ts-ignore\nfunction f(x) { return <b/> }",
        "class f {\r\n}\r\n",
    ],
)
def test_a_comment_changes_nothing_else_wherever_it_stands(text: str) -> None:
    end = "\r\n" if "\r" in text else "\n"
    said = "Words.\n\n@example\nf() // => 1"
    after = with_comments(text, "tsx", {"f": said}, end)
    assert script_differs("tsx", text, after, {"f": said}) == ""
    assert script_differs("tsx", text, after + "f()", {"f": said}) == "code would change with it"
    assert (
        script_differs("tsx", text, text, {"f": said})
        == "the comment of 'f' would not read as it was written"
    )
    assert after.count("\n") == after.count(end)
