"""generate_nextjs_page follows the router that the project has, and its pages pass the project's own checks."""

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench
from tests.tools.javascript_tools.conftest import NEXT_PAGES, Shop

SOURCE = "https://shop.example/api/products"


@pytest.mark.parametrize("data", ["static", "server", "client"])
async def test_a_page_of_the_app_router_with_a_parameter(next_app: Bench, data: str) -> None:
    output = await next_app.run(
        "generate_nextjs_page", route="/blog/[slug]", title="Blog post", data=data, source=SOURCE
    )
    path = "src/app/blog/[slug]/page.tsx"
    assert output.changed_paths == (path,)
    text = next_app.text(path)
    assert "function BlogPostPage(" in text
    signs = {
        "static": [
            "generateStaticParams",
            "force-static",
            "params: Promise<{ slug: string }>",
            "const { slug } = await params",
        ],
        "server": ["force-dynamic", "cache: 'no-store'", "title: 'Blog post'"],
        "client": ["'use client'", "useParams<{ slug: string }>()", "controller.abort()"],
    }
    for sign in signs[data]:
        assert sign in text


@pytest.mark.parametrize("data", ["static", "server", "client"])
async def test_a_page_of_the_pages_router_with_a_parameter(shop: Shop, data: str) -> None:
    bench = shop.become(NEXT_PAGES)
    output = await bench.run(
        "generate_nextjs_page", route="/docs/[...parts]", title="Docs & more", data=data, source=SOURCE
    )
    assert output.changed_paths == ("pages/docs/[...parts].tsx",)
    text = bench.text("pages/docs/[...parts].tsx")
    assert "const DocsMorePage = (" in text
    signs = {
        "static": ["getStaticPaths", "GetStaticProps<"],
        "server": ["export const getServerSideProps: GetServerSideProps<"],
        "client": ["useEffect(() => {", "const { query } = useRouter();"],
    }
    for sign in signs[data]:
        assert sign in text


async def test_a_route_that_something_answers_already_is_refused(next_app: Bench) -> None:
    next_app.put("src/app/(shop)/about/page.tsx", "export default function A() {\n  return null\n}\n")
    with pytest.raises(ToolRejected, match=r"'src/app/\(shop\)/about/page.tsx' already answers '/about'"):
        await next_app.run("generate_nextjs_page", route="about", title="About")
    next_app.put("pages/items/[id].tsx", "export default function A() {\n  return null\n}\n")
    with pytest.raises(ToolRejected, match=r"'pages/items/\[id\].tsx' already answers"):
        await next_app.run("generate_nextjs_page", route="/items/[slug]", title="Item", router="app")


@pytest.mark.parametrize(
    ("route", "said"),
    [
        ("/a/../b", "is no part of a route"),
        ("/[a]/[a]", "names a parameter twice"),
        ("/[...a]/b", "stands before the end"),
        ("/a b", "is no part"),
    ],
)
async def test_routes_that_next_would_not_take_are_refused(next_app: Bench, route: str, said: str) -> None:
    with pytest.raises(ToolRejected, match=said):
        await next_app.run("generate_nextjs_page", route=route, title="A")


async def test_a_project_without_that_router_or_without_next_is_refused(
    next_app: Bench, bench: Bench
) -> None:
    with pytest.raises(ToolRejected, match="The project has app as the folder"):
        await next_app.run("generate_nextjs_page", route="/a", title="A", router="pages")
    with pytest.raises(ToolRejected, match="has no host to be fetched from"):
        await next_app.run("generate_nextjs_page", route="/a", title="A", data="server", source="/api/a")
    bench.put("package.json", "{}")
    with pytest.raises(ToolRejected, match="does not depend on next"):
        await bench.run("generate_nextjs_page", route="/a", title="A")
