"""analyze_dependencies finds circles, and packages that are missing or unused."""

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench
from tools.dependencies.graphs import cycles_of, mermaid_of


async def test_python_circles_and_packages_are_found(bench: Bench) -> None:
    bench.put("app/first.py", "import app.second\nimport yaml\n")
    bench.put("app/second.py", "from app import first\n")
    bench.put("pyproject.toml", '[project]\nname = "app"\nversion = "1"\ndependencies = ["requests"]\n')
    output = await bench.run("analyze_dependencies", mermaid=True)
    assert output.summary.startswith("4 modules, ")
    assert "cycle: app.first → app.second → app.first" in output.content
    assert "yaml (app/first.py:2)" in output.content
    assert "unused (declared, but never imported):\n  requests (pyproject.toml)" in output.content
    assert '"app.first"' in output.content
    assert output.artifacts[0].data.startswith(b"flowchart LR\n")


async def test_what_is_the_projects_own_is_not_missing(bench: Bench) -> None:
    bench.put("src/shop/__init__.py", "")
    bench.put(
        "src/shop/cart.py",
        "from shop import prices\nimport prices\nimport scripts_of_ours\nimport loose.part\n",
    )
    bench.put("src/shop/prices.py", "")
    bench.put("src/loose/part.py", "import yaml\n")
    bench.put("scripts/scripts_of_ours.py", "")
    bench.put("pyproject.toml", '[project]\nname = "shop"\nversion = "1"\n')
    content = (await bench.run("analyze_dependencies")).content
    missing = content.partition("missing (imported, but not declared):\n")[2].partition("most imported")[0]
    assert [line.split()[0] for line in missing.splitlines()] == ["prices", "yaml"]


async def test_nothing_of_the_project_is_imported(bench: Bench) -> None:
    bench.put("app/evil.py", "raise SystemExit('ran')\n")
    assert (await bench.run("analyze_dependencies")).summary.startswith("3 modules, ")


async def test_javascript_circles_and_packages_are_found(bench: Bench) -> None:
    bench.put("web/package.json", '{"name": "web", "type": "module", "dependencies": {"left-pad": "1"}}')
    bench.put("web/a.js", 'import "./b.js";\nimport "react";\nimport "node:fs";\n')
    bench.put("web/b.js", 'import "./a.js";\n')
    output = await bench.run("analyze_dependencies", path="web")
    assert "cycle: a.js → b.js → a.js" in output.content
    assert "missing (imported, but not declared):\n  react (a.js)" in output.content
    assert "unused (declared, but never imported):\n  left-pad" in output.content
    around = await bench.run("analyze_dependencies", path="web", module="b.js")
    assert "b.js imports: a.js\nimported by: a.js" in around.content


async def test_refuses_modules_that_are_not_there(bench: Bench) -> None:
    with pytest.raises(ToolRejected, match=r"no module 'app\.mone'") as refused:
        await bench.run("analyze_dependencies", module="app.mone")
    assert refused.value.hint == "Send one of: app.money."


def test_each_group_has_one_shortest_circle() -> None:
    edges = {"a": {"b"}, "b": {"c", "a"}, "c": {"a"}, "d": {"a"}, "e": {"e"}, "f": {"g"}, "g": set[str]()}
    assert cycles_of(edges) == [["a", "b", "a"], ["e", "e"]]


def test_a_large_graph_is_drawn_by_packages() -> None:
    edges = {f"p.part{n % 3}.module{n}": {f"p.part{(n + 1) % 3}.module{n + 1}"} for n in range(200)}
    assert mermaid_of(edges).count("-->") == 3
