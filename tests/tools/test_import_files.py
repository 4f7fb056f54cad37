"""Which files import which is read from their text, also where a file does not parse."""

from tests.tools.conftest import Bench
from tools.dependencies.centrality import ranks_of
from tools.dependencies.import_files import FileImports, file_imports
from tools.searching.file_list import listed_files

PYTHON = '''"""A text.

from app import never
"""
from app.money import (
    total,  # the sum
    average as mean,
)
import app.money as m, os
if True:
    from . import sibling
import broken, \\
    missing_one
'''
SCRIPT = """import type { Price } from './price'
import {
  total,
  mean as middle,
} from "@/money.js"
export * from './shapes'
import 'side-effect'
// import x from './price'
const lazy = () => import('./lazy'), old = require("../old")
import { Shared } from '@acme/shared'
"""


async def graph_of(bench: Bench) -> FileImports:
    return await file_imports(bench.context, await listed_files(bench.context, "."))


async def test_python_and_scripts_are_resolved_to_files(bench: Bench) -> None:
    bench.put("pkg/__init__.py", "")
    bench.put("pkg/main.py", PYTHON)
    bench.put("pkg/sibling.py", "")
    bench.put("src/lib/util.py", "def (:\n")
    bench.put("script.py", "import lib.util\nimport broken\nfrom app import *\n")
    bench.put("broken.py", "def (:\nimport script\n")
    bench.put(
        "tsconfig.json", '{"compilerOptions": {"baseUrl": ".", "paths": {"@/*": ["web/*"]}}} // a comment'
    )
    bench.put("web/ui/page.tsx", SCRIPT)
    for path in (
        "web/money.ts",
        "web/ui/price.ts",
        "web/ui/shapes/index.ts",
        "web/ui/lazy.jsx",
        "web/old.cjs",
    ):
        bench.put(path, "export {}\n")
    bench.put("packages/shared/package.json", '{"name": "@acme/shared", "main": "dist/index.js"}')
    bench.put("packages/shared/src/index.ts", "")
    (bench.copy.root / "odd\udcff.py").write_bytes(b"import app.money\n")
    graph = await graph_of(bench)
    found = {path: sorted({target for _, target in lines}) for path, lines in graph.statements.items()}
    assert found == {
        "pkg/main.py": ["app/money.py", "broken.py", "pkg/sibling.py"],
        "script.py": ["app/__init__.py", "broken.py", "src/lib/util.py"],
        "broken.py": ["script.py"],
        "odd\udcff.py": ["app/money.py"],
        "web/ui/page.tsx": [
            "packages/shared/src/index.ts",
            "web/money.ts",
            "web/old.cjs",
            "web/ui/lazy.jsx",
            "web/ui/price.ts",
            "web/ui/shapes/index.ts",
        ],
    }
    names = {
        (line.path, line.line, line.last_line): line.names for line, _ in graph.statements["pkg/main.py"]
    }
    assert names[("pkg/main.py", 5, 8)] == ("total", "average")
    of_money = {
        (line.path, line.line, line.last_line): line.names for line in graph.importers["web/money.ts"]
    }
    assert of_money == {("web/ui/page.tsx", 2, 5): ("total", "mean")}
    assert graph.complete


def test_what_much_is_built_on_ranks_high_and_all_ranks_are_one() -> None:
    ranks = ranks_of(
        {"a": {"base", "b"}, "b": {"base"}, "c": {"base", "elsewhere"}, "base": set(), "alone": set()}
    )
    assert max(ranks, key=lambda name: ranks[name]) == "base"
    assert ranks["b"] > ranks["alone"]
    assert abs(sum(ranks.values()) - 1) < 1e-6
    assert ranks_of({}) == {}
