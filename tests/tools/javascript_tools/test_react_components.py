"""generate_react_component writes what the project's own checks pass, in the project's own way, or nothing at all."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench
from tests.tools.javascript_tools.conftest import NEXT_PAGES, PLAIN_REACT, Shop

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
    async def better(purpose: str, files: Mapping[str, str]) -> Mapping[str, str]:
        return {
            path: text.replace("<span>{title}</span>", "<h2>{title}</h2>") for path, text in files.items()
        }

    async def worse(purpose: str, files: Mapping[str, str]) -> Mapping[str, str]:
        return {path: text.replace("{title}", "{titel}") for path, text in files.items()}

    def refined(by: Any) -> Bench:
        return replace(next_app, context=replace(next_app.context, refine=by))

    await refined(better).run("generate_react_component", name="HeadLine", props=PROPS[:1])
    assert "<h2>{title}</h2>" in next_app.text("src/components/head-line.tsx")
    output = await refined(worse).run("generate_react_component", name="SubLine", props=PROPS[:1])
    assert "<span>{title}</span>" in next_app.text("src/components/sub-line.tsx")
    assert "What the model made of it did not pass and was left out" in output.content


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
