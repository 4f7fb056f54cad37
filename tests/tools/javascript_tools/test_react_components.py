"""generate_react_component writes what the project's own checks pass, in the project's own way, or nothing at all."""

from typing import Any

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench
from tests.tools.javascript_tools.conftest import NEXT_PAGES, PLAIN_REACT, Shop
from tests.tools.test_generate_tests import asking

PROPS: list[dict[str, Any]] = [
    {"name": "title", "type": "string", "description": "What is seen first."},
    {"name": "tags", "type": "string[]", "required": False},
    {"name": "size", "type": "'small' | 'large'"},
    {"name": "isNew", "type": "boolean", "required": False},
    {"name": "onSelect", "type": "(id: string) => void"},
]


async def test_a_component_with_its_test_is_written_as_the_project_writes_them_and_the_test_passes(
    next_app: Bench,
) -> None:
    preview = await next_app.preview(
        "generate_react_component", name="ProductCard", props=PROPS, children=True, test=True
    )
    assert "+++ b/src/components/product-card.tsx" in preview.markdown
    assert not next_app.copy.files.exists("src/components/product-card.tsx")
    output = await next_app.run(
        "generate_react_component", name="ProductCard", props=PROPS, children=True, test=True
    )
    assert output.changed_paths == (
        "src/components/product-card.tsx",
        "src/components/product-card.module.css",
        "src/components/product-card.test.tsx",
    )
    text = next_app.text("src/components/product-card.tsx")
    assert text.startswith(
        "'use client'\n\nimport type { ReactNode } from 'react'\nimport styles from './product-card.module.css'\n"
    )
    assert (
        "export type ProductCardProps = {\n  /** What is seen first. */\n  title: string\n  tags?: string[]\n"
        in text
    )
    assert "export function ProductCard({" in text
    assert ";" not in text
    assert "TypeScript 5.9.3 of the project found no error." in output.content
    tests = await next_app.run("run_tests", paths=["src/components/product-card.test.tsx"])
    assert tests.ok, tests.content
    assert tests.summary.startswith("vitest: 2 passed")
    with pytest.raises(ToolRejected, match="exist already; nothing was written"):
        await next_app.run("generate_react_component", name="ProductCard", test=True)


async def test_another_projects_habits_are_followed_too(shop: Shop) -> None:
    bench = shop.become(NEXT_PAGES)
    output = await bench.run("generate_react_component", name="Banner", props=PROPS[:1])
    assert output.changed_paths == ("components/Banner.tsx",)
    text = bench.text("components/Banner.tsx")
    assert text.startswith('import styled from "styled-components";\n')
    assert "export interface BannerProps {\n  /** What is seen first. */\n  title: string;\n}\n" in text
    assert "const Banner = ({ title }: BannerProps) => {" in text
    assert text.endswith("export default Banner;\n")


async def test_a_class_in_a_project_of_plain_javascript(shop: Shop) -> None:
    bench = shop.become(PLAIN_REACT)
    output = await bench.run("generate_react_component", name="SideBar", kind="class", props=PROPS[:2])
    assert output.changed_paths == ("src/components/sideBar.jsx",)
    text = bench.text("src/components/sideBar.jsx")
    assert "import { Component } from 'react'\n" in text
    assert (
        "export class SideBar extends Component {\n\trender() {\n\t\tconst { title, tags } = this.props\n"
        in text
    )
    assert "Types were not checked, because the project has no tsconfig.json." in output.content


async def test_what_does_not_pass_is_not_written_and_its_errors_are_shown(next_app: Bench) -> None:
    props = [{"name": "owner", "type": "Customer"}]
    with pytest.raises(ToolRejected, match="so nothing was written") as refused:
        await next_app.run("generate_react_component", name="OwnerLine", props=props, test=True)
    assert "src/components/owner-line.tsx:" in refused.value.message
    assert "Cannot find name 'Customer'. [tsc TS2304]" in refused.value.message
    assert not next_app.copy.files.exists("src/components/owner-line.tsx")
    assert not next_app.copy.files.exists("src/components/owner-line.test.tsx")


async def test_a_model_betters_the_draft_and_what_does_not_pass_of_it_is_left_out(next_app: Bench) -> None:
    path = "src/components/head-line.tsx"
    text = (
        "export type HeadLineProps = { title: string };\n"
        "export function HeadLine({ title }: HeadLineProps) { return <h2>{title}</h2>; }\n"
    )

    def answers(changed: str) -> dict[str, Any]:
        return {"files": [{"path": path, "text": changed}]}

    wanted = {"name": "HeadLine", "props": PROPS[:1], "wishes": "Make it a heading.", "overwrite": True}
    bench, model = asking(
        next_app,
        answers("// @ts-nocheck\n" + text.replace("HeadLine(", "Line(")),
        answers(text.replace("{title}", "{titel}")),
    )
    output = await bench.run("generate_react_component", **wanted)
    assert "<span>{title}</span>" in bench.text(path)
    assert output.summary.endswith(
        "This is the template alone; the wishes are not in it: No answer of the model for "
        "refinement holds, also when it was told what was wrong, so none was used. The last one:"
    )
    assert "Cannot find name 'titel'" in output.content
    assert "no longer exports 'HeadLine'" in model.asked[1]
    assert "line 1 switches a check off (@ts-nocheck)" in model.asked[1]

    bench, model = asking(next_app, answers(text))
    output = await bench.run("generate_react_component", **wanted)
    # In the project's own form, without semicolons.
    assert "  return <h2>{title}</h2>\n" in bench.text(path)
    assert (
        output.summary
        == f"wrote {path}, src/components/head-line.module.css. Refined by an answer that was stored, and checked again."
    )
    assert "Wishes: Make it a heading." in model.asked[0]


async def test_refuses_what_the_project_cannot_have(next_app: Bench, bench: Bench) -> None:
    with pytest.raises(ToolRejected, match="does not depend on Storybook"):
        await next_app.run("generate_react_component", name="Card", story=True)
    with pytest.raises(ToolRejected, match="'title' is named twice"):
        await next_app.run("generate_react_component", name="Card", props=[PROPS[0], PROPS[0]])
    with pytest.raises(ToolRejected, match="its arguments are wrong"):
        await next_app.run("generate_react_component", name="card; rm")
    bench.put("package.json", "{}")
    with pytest.raises(ToolRejected, match="does not depend on react"):
        await bench.run("generate_react_component", name="Card")
