"""Real projects with real packages: installed once, put anew for each test."""

import asyncio
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from perdure.contracts.calls import CallKey
from perdure.safety.sandbox import Sandbox
from perdure.workspace.workspaces import Workspaces
from tests.tools.conftest import Bench, House, Ledger
from tools.registry import Registry
from tools.tool_schemas import Toolchain, ToolContext

PROJECT = Path(__file__).with_name("next_project")
MANIFEST: dict[str, Any] = json.loads((PROJECT / "package.json").read_text())
RULES = (
    'import typescript from "typescript-eslint";\n\nexport default [\n'
    '  { ignores: ["node_modules/**", ".next/**"] },\n  ...typescript.configs.recommended,\n];\n'
)
COMPILER = {
    "target": "ES2022",
    "lib": ["dom", "dom.iterable", "esnext"],
    "strict": True,
    "skipLibCheck": True,
    "noEmit": True,
    "module": "esnext",
    "moduleResolution": "bundler",
    "isolatedModules": True,
    "incremental": True,
}


def manifest(*names: str, **content: Any) -> str:
    """A package.json that depends on these of the installed packages."""
    known: dict[str, str] = {**MANIFEST["dependencies"], **MANIFEST["devDependencies"]}
    return json.dumps(
        {"name": "shop", "version": "1.0.0", "dependencies": {name: known[name] for name in names}, **content}
    )


def tsconfig(**options: Any) -> str:
    """A tsconfig.json as a generator of projects writes it, with a comment."""
    content = {
        "compilerOptions": {**COMPILER, **options},
        "include": ["next-env.d.ts", "**/*.ts", "**/*.tsx"],
    }
    return "// made for the tests\n" + json.dumps(content)


NEXT_APP = {
    "package.json": manifest(
        "next", "react", "react-dom", "zod", "typescript", "eslint", "typescript-eslint", "prettier", "vitest",
        "jsdom", "@testing-library/react", scripts={"test": "vitest run", "greet": "node greet.mjs"},
    ),
    "tsconfig.json": tsconfig(jsx="react-jsx"),
    "next-env.d.ts": '/// <reference types="next" />\n/// <reference types="next/image-types/global" />\n',
    "eslint.config.mjs": RULES,
    ".prettierrc.json": '{ "singleQuote": true, "semi": false }\n',
    ".prettierignore": ".prettierrc.json\npackage.json\ntsconfig.json\neslint.config.mjs\n",
    "src/app/layout.tsx": "import type { ReactNode } from 'react'\n\nexport default function Layout({ children }: { children: ReactNode }) {\n  return (\n    <html lang=\"en\">\n      <body>{children}</body>\n    </html>\n  )\n}\n",
    "src/app/page.tsx": "export default function Home() {\n  return <main>Shop</main>\n}\n",
    "src/components/price-tag.tsx": "type PriceTagProps = { cents: number }\n\nexport function PriceTag({ cents }: PriceTagProps) {\n  return <b>{cents / 100}</b>\n}\n",
}  # fmt: skip
NEXT_PAGES = {
    "package.json": manifest("next", "react", "react-dom", "typescript", "eslint", "typescript-eslint", "prettier", "styled-components"),
    "tsconfig.json": tsconfig(jsx="preserve"),
    "next-env.d.ts": NEXT_APP["next-env.d.ts"],
    "eslint.config.mjs": RULES,
    "pages/index.tsx": 'import styled from "styled-components";\n\nconst Main = styled.main`\n  color: red;\n`;\n\nconst Home = () => {\n    return <Main>Shop</Main>;\n};\n\nexport default Home;\n',
    "components/PriceTag.tsx": 'import styled from "styled-components";\n\ninterface PriceTagProps {\n    cents: number;\n}\n\nconst Bold = styled.b`\n  color: blue;\n`;\n\nconst PriceTag = ({ cents }: PriceTagProps) => {\n    return <Bold>{cents}</Bold>;\n};\n\nexport default PriceTag;\n',
}  # fmt: skip
PLAIN_REACT = {
    "package.json": manifest("react", "react-dom", type="module"),
    "src/components/priceTag.jsx": "export function PriceTag({ cents }) {\n\treturn <b className='tag'>{cents}</b>\n}\n",
    "src/main.js": "import { PriceTag } from './components/priceTag.jsx'\n\nexport const all = [PriceTag]\n",
}
EXPRESS = {
    "package.json": manifest("express", "@types/express", "@types/node", "typescript", type="module"),
    "tsconfig.json": tsconfig(module="nodenext", moduleResolution="nodenext", verbatimModuleSyntax=True),
    "src/server.ts": "import express from 'express';\n\nexport const app = express();\n",
}
FASTIFY = {
    "package.json": manifest("fastify"),
    "src/server.js": 'const fastify = require("fastify");\n\nconst app = fastify();\n\nmodule.exports = { app };\n',
}


@dataclass
class Shop:
    """A workspace that has the packages, for one project after the other."""

    bench: Bench
    node_modules: Path

    def become(self, files: Mapping[str, str]) -> Bench:
        """Everything but the packages goes, and the files come."""
        root = self.bench.copy.root
        for entry in root.iterdir():
            if entry.name in {"node_modules", ".git"}:
                continue
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            else:
                entry.unlink()
        for path, text in files.items():
            self.bench.put(path, text)
        return self.bench


def installed_packages(cache: Path) -> Path:
    """The packages of the lock file; those of an earlier run where the lock is the same."""
    locked = hashlib.sha256((PROJECT / "package-lock.json").read_bytes()).hexdigest()[:16]
    folder = cache / f"next-project-{locked}"
    folder.mkdir(parents=True, exist_ok=True)
    # Processes of one run share the folder.
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "installed").exists():
            for name in ("package.json", "package-lock.json", ".npmrc"):
                shutil.copy(PROJECT / name, folder)
            command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
            subprocess.run(command, cwd=folder, check=True, env=dict(os.environ))
            (folder / "installed").touch()
    return folder / "node_modules"


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shop(
    tmp_path_factory: pytest.TempPathFactory,
    pytestconfig: pytest.Config,
    house: House,
    sandbox: Sandbox,
    toolchain: Toolchain,
    registry: Registry,
) -> Shop:
    """One workspace with everything that the projects of these tests depend on."""
    assert pytestconfig.cache is not None
    packages = await asyncio.to_thread(installed_packages, Path(pytestconfig.cache.mkdir("packages")))
    home = tmp_path_factory.mktemp("shop")
    await asyncio.to_thread(subprocess.run, ["cp", "-a", str(house.workspaces), str(home)], check=True)
    workspaces = Workspaces(home / "workspaces", owner=(sandbox.owner.uid, sandbox.owner.gid))
    copy = await workspaces.open("task-1", 1)
    # Further names of the same files where the file system allows it.
    linking = f"cp -al '{packages}' '{copy.root}' 2>/dev/null || cp -a '{packages}' '{copy.root}'"
    await asyncio.to_thread(subprocess.run, ["sh", "-c", linking], check=True)
    copy.keep_out(["node_modules"])
    context = ToolContext(
        copy=replace(copy, origin=copy.origin.model_copy(update={"remote": str(house.remote)})),
        sandbox=sandbox,
        key=CallKey(task_id="task-1", run_id="run-1", step=3, call_index=0),
        requested_at=datetime(2026, 11, 23, 12, 0, tzinfo=UTC),
        toolchain=toolchain,
        beat=lambda _: None,
        effects=Ledger(),
    )
    return Shop(Bench(context, registry, house.remote, Ledger()), packages)


@pytest.fixture
def next_app(shop: Shop) -> Bench:
    """Next.js with the app router, below src, TypeScript, single quotes, no semicolons."""
    return shop.become(NEXT_APP)
