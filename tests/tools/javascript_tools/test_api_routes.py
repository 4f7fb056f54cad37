"""generate_api_route writes handlers that refuse wrong input when they really run, for each framework."""

import json
from typing import Any

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench
from tests.tools.javascript_tools.conftest import EXPRESS, FASTIFY, NEXT_PAGES, Shop

BODY: list[dict[str, Any]] = [
    {"name": "name"},
    {"name": "count", "type": "integer"},
    {"name": "tags", "type": "string[]", "required": False},
]
GOOD = {"name": "cup", "count": 2}
BAD = {"name": "cup", "count": "two", "tags": "none"}


async def test_the_app_router_uses_the_projects_zod(next_app: Bench) -> None:
    output = await next_app.run(
        "generate_api_route", path="/api/orders/[id]", methods=["GET", "PUT"], body=BODY
    )
    assert output.changed_paths == ("src/app/api/orders/[id]/route.ts",)
    text = next_app.text("src/app/api/orders/[id]/route.ts")
    assert "import { z } from 'zod'" in text
    assert "const Input = z.object({" in text
    assert "params: Promise<{ id: string }>" in text
    next_app.put(
        "src/app/api/orders/route.test.ts",
        "import { expect, it } from 'vitest'\nimport { PUT } from './[id]/route'\n"
        "const call = (body: string) =>\n  PUT(new Request('http://x/', { method: 'PUT', body }), { params: Promise.resolve({ id: '7' }) })\n"
        f"it('answers', async () => expect(await (await call('{json.dumps(GOOD)}')).json()).toEqual({{ id: '7', input: {json.dumps(GOOD)} }}))\n"
        f"it('refuses', async () => expect((await call('{json.dumps(BAD)}')).status).toBe(400))\n"
        "it('refuses what is no JSON', async () => expect((await call('{')).status).toBe(400))\n",
    )
    tests = await next_app.run("run_tests", paths=["src/app/api/orders/route.test.ts"])
    assert tests.ok, tests.content


async def test_the_pages_router_answers_wrong_methods_too(shop: Shop) -> None:
    bench = shop.become(NEXT_PAGES)
    output = await bench.run("generate_api_route", path="/api/orders", methods=["GET", "POST"], body=BODY)
    assert output.changed_paths == ("pages/api/orders.ts",)
    text = bench.text("pages/api/orders.ts")
    assert 'problems.push("count must be integer");' in text
    assert "response.status(405)" in text
    with pytest.raises(ToolRejected, match="is no API route"):
        await bench.run("generate_api_route", path="/orders")


async def test_express_gets_a_router_and_is_told_how_to_mount_it(shop: Shop) -> None:
    bench = shop.become(EXPRESS)
    output = await bench.run("generate_api_route", path="/orders/:id", methods=["GET", "PATCH"], body=BODY)
    assert output.changed_paths == ("src/routes/Orders.ts",)
    assert 'ordersRouter.patch("/orders/:id", (request, response) => {' in bench.text(
        "src/routes/Orders.ts"
    ).replace("'", '"')
    assert "add app.use(ordersRouter) after app.use(express.json())" in output.content
    assert "TypeScript 5.9.3 of the project found no error." in output.content


async def test_fastify_checks_by_its_own_schema_when_it_really_runs(shop: Shop) -> None:
    bench = shop.become(FASTIFY)
    output = await bench.run("generate_api_route", path="/orders", methods=["POST"], body=BODY)
    assert output.changed_paths == ("src/routes/Orders.js",)
    script = (
        "const app = require('fastify')(); app.register(require('./src/routes/Orders.js').ordersRoutes);"
        "const send = (payload) => app.inject({ method: 'POST', url: '/orders', payload });"
        f"(async () => {{ const good = await send({json.dumps(GOOD)}); const bad = await send({json.dumps(BAD)});"
        "console.log(good.statusCode, good.body, bad.statusCode); })()"
    )
    run = await bench.run(
        "execute_command", command=f'node -e "{script.replace(chr(34), chr(92) + chr(34))}"'
    )
    assert run.content.startswith('201 {"input":{"name":"cup","count":2}} 400'), run.content


async def test_refuses_what_makes_no_sense(next_app: Bench, bench: Bench) -> None:
    with pytest.raises(ToolRejected, match="Only POST, PUT and PATCH take a body"):
        await next_app.run("generate_api_route", path="/api/x", methods=["GET"], body=BODY)
    with pytest.raises(ToolRejected, match="'name' is named twice"):
        await next_app.run("generate_api_route", path="/api/x", methods=["POST"], body=[BODY[0], BODY[0]])
    with pytest.raises(ToolRejected, match="does not depend on express"):
        await next_app.run("generate_api_route", path="/x", framework="express")
    bench.put("package.json", "{}")
    with pytest.raises(ToolRejected, match="does not depend on next, express or fastify"):
        await bench.run("generate_api_route", path="/api/x")
