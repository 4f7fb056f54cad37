"""A call of every tool, for each of two real projects; a later call finds what an earlier one left."""

import json
from dataclasses import dataclass, field
from typing import Any

MONEY = "src/billing/money.py"
PAGE = "src/app/page.tsx"


@dataclass(frozen=True)
class Row:
    """One call, and words of its answer that are there only where it worked."""

    tool: str
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])
    says: tuple[str, ...] = ()
    fails: bool = False
    """The tool runs, and what it runs fails, as here it should."""
    refused: bool = False
    """Where it rightly does nothing; ``says`` is of the refusal."""


PYTHON = (
    Row("find_tools", {"query": "git_status"}, ("git_status",)),
    Row("list_directory", {"path": ".", "depth": 3}, ("money.py",)),
    Row("read_file", {"path": MONEY}, ("class Money",)),
    Row("search_files", {"query": "monney"}, (MONEY,)),
    Row("grep_search", {"pattern": "class Money"}, (MONEY,)),
    Row("semantic_search", {"query": "an amount of money rounded to cents"}, (MONEY,)),
    Row("summarize_codebase", {}, ("src/billing/money.py (", "run_tests runs pytest", "Last authors")),
    Row(
        "get_context",
        {"query": "Money"},
        ("definition: src/billing/money.py", "test: tests/", "src/billing/tax.py"),
    ),
    Row("read_output", {"step": 0, "call": 0}, ("no",), refused=True),
    Row("parse_code", {"path": MONEY}, ("Money", "parse", "total")),
    Row("find_definitions", {"symbol": "Money"}, (MONEY,)),
    Row("find_references", {"symbol": "Money", "path": MONEY}, ("src/billing/tax.py",)),
    Row("get_diagnostics", {"paths": [MONEY]}, ("ruff",)),
    Row("analyze_dependencies"),
    Row("validate_syntax", {"code": "def broken(:\n", "language": "python"}, ("1",), fails=True),
    Row("validate_syntax", {"path": MONEY}),
    Row("run_tests", {"paths": ["tests/test_money.py"]}, ("passed",)),
    Row("execute_command", {"command": "python -c 'print(6 * 7)'"}, ("42",)),
    Row("benchmark_code", {"code": "sum(range(100))", "rounds": 3}),
    Row("create_branch", {"name": "feature/words"}, ("feature/words",)),
    Row(
        "write_file", {"path": "src/billing/words.py", "content": "def count(text):\n    return len(text)\n"}
    ),
    Row(
        "edit_file",
        {"blocks": [{"path": "src/billing/words.py", "search": "len(text)", "replace": "len(text.split())"}]},
    ),
    Row("git_status", {}, ("words.py",)),
    Row("git_diff", {}, ()),
    Row("git_commit", {"message": "Count words"}, ("Count words",)),
    Row("git_log", {"limit": 2}, ("Count words", "Tests for invoices")),
    Row("git_blame", {"path": "src/billing/words.py"}, ("text.split()",)),
    Row("git_push", {}, ("pushed",)),
    Row("delete_file", {"path": "src/billing/words.py"}, ("words.py",)),
    Row("git_restore", {"paths": ["src/billing/words.py"]}, ("words.py",)),
    Row(
        "generate_type_definitions",
        {"name": "Order", "json_text": '{"id": 1, "lines": [{"sku": "a"}]}'},
        ("sku: string",),
    ),
)

NEXT = (
    Row("find_tools", {"query": "create a page"}, ("generate_nextjs_page",)),
    Row("list_directory", {"path": "src", "depth": 3}, ("page.tsx",)),
    Row("read_file", {"path": PAGE}, ("Home",)),
    Row("search_files", {"query": "pricetag"}, ("src/components/price-tag.tsx",)),
    Row("grep_search", {"pattern": "PriceTag"}, ("src/components/price-tag.tsx",)),
    Row("semantic_search", {"query": "show a price"}, ("price-tag.tsx",)),
    Row(
        "summarize_codebase",
        {},
        ("Next.js pages (1): / (src/app/page.tsx)", "src/components/price-tag.tsx ("),
    ),
    Row("get_context", {"query": "where is a price shown"}, ("function PriceTag", "price-tag.tsx")),
    Row("parse_code", {"path": "src/components/price-tag.tsx"}, ("PriceTag",)),
    Row("find_definitions", {"symbol": "PriceTag"}, ("src/components/price-tag.tsx",)),
    Row("find_references", {"symbol": "PriceTagProps"}, ("src/components/price-tag.tsx",)),
    Row("get_diagnostics", {"paths": ["src"]}, ("nothing found",)),
    Row("analyze_dependencies"),
    Row("validate_syntax", {"path": PAGE}),
    Row("typescript_check"),
    Row("eslint_check", {"paths": ["src"]}),
    Row("prettier_format", {"paths": ["src"], "check": True}),
    Row(
        "generate_react_component",
        {"name": "StockBadge", "props": [{"name": "count", "type": "number"}], "test": True},
        ("StockBadge",),
    ),
    Row("generate_nextjs_page", {"route": "/about", "title": "About us"}, ("src/app/about/page.tsx",)),
    Row("generate_api_route", {"path": "/api/orders", "methods": ["GET"]}, ("route.ts",)),
    Row("generate_type_definitions", {"name": "Order", "json_text": json.dumps({"id": 1})}, ("id: number",)),
    Row("typescript_check"),
    Row("run_tests", {}, ("passed",)),
    Row("npm_command", {"action": "run", "args": ["greet"]}, ("hello from npm",)),
    Row("execute_command", {"command": "node -e 'console.log(6 * 7)'"}, ("42",)),
    Row("create_branch", {"name": "feature/about"}, ("feature/about",)),
    Row(
        "write_file",
        {"path": "src/words.ts", "content": "export const count = (text: string) => text.length\n"},
    ),
    Row("edit_file", {"path": "src/words.ts", "op": "rename", "symbol": "count", "new_name": "length"}, ()),
    Row("git_status", {}, ("src/words.ts",)),
    Row("git_diff", {}, ()),
    Row("git_commit", {"message": "Add a page"}, ("Add a page",)),
    Row("git_log", {"limit": 1}, ("Add a page",)),
    Row("git_blame", {"path": "src/words.ts"}, ("length",)),
    Row("git_push", {}, ("pushed",)),
    Row("delete_file", {"path": "src/words.ts"}, ("words.ts",)),
    Row("git_restore", {"paths": ["src/words.ts"]}, ("words.ts",)),
)

ELSEWHERE = {
    "install_dependencies": "tests/tools/test_install_dependencies.py, with npm and pip and their package hosts",
    "explain_code": "tests/tools/test_explain_code.py, with a model",
    "generate_docs": "tests/tools/test_generate_docs.py, with a model",
    "generate_tests": "tests/tools/test_generate_tests.py, and test_generate_script_tests.py beside it, with a model",
    "suggest_improvements": "tests/tools/test_suggest_improvements.py, with a model",
}
"""Tools that need what the two projects cannot have, and the tests that run them for real."""
