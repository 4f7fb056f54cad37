"""Projects that have ESLint, TypeScript and Prettier of their own: those of this installation under further names."""

import asyncio
import json
import subprocess

from tests.tools.conftest import Bench

VERSIONS = {"eslint": "*", "typescript": "*", "prettier": "*"}


async def put_own_programs(bench: Bench, **manifest: object) -> None:
    """A package.json that depends on the programs, and node_modules that has them."""
    modules = bench.context.toolchain.node_modules
    assert modules is not None, "set-up installs them: make setup"
    bench.put("package.json", json.dumps({"name": "shop", "devDependencies": VERSIONS, **manifest}))
    linking = f"cp -al '{modules}' '{bench.copy.root}' 2>/dev/null || cp -a '{modules}' '{bench.copy.root}'"
    await asyncio.to_thread(subprocess.run, ["sh", "-c", linking], check=True)
    bench.copy.keep_out(["node_modules"])
