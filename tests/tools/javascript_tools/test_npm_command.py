"""npm_command reaches the registry without running anything, and runs programs without reaching anything."""

import json
from dataclasses import replace

import pytest

from perdure.contracts.calls import Effect
from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench, call
from tools.tool_schemas import Packages

SCRIPTS = {
    "greet": "node -e \"console.log('hello', ...process.argv.slice(1))\"",
    "pregreet": "touch ran",
    "postinstall": "touch ran",
}


@pytest.fixture
def online(bench: Bench, packages: Packages) -> Bench:
    bench.put("package.json", json.dumps({"name": "shop", "version": "1.0.0", "scripts": SCRIPTS}))
    return replace(bench, context=replace(bench.context, packages=packages))


async def test_packages_come_and_go_and_no_script_runs(online: Bench) -> None:
    output = await online.run("npm_command", action="install", args=["isarray@2.0.5"], dev=True)
    assert output.ok, output.content
    assert output.changed_paths == ("package.json", "package-lock.json")
    assert json.loads(online.text("package.json"))["devDependencies"] == {"isarray": "^2.0.5"}
    assert not online.copy.files.exists("ran")
    listed = await online.run("npm_command", action="ls")
    assert "isarray@2.0.5" in listed.content
    again = await online.run("npm_command", action="ci")
    assert again.ok, again.content
    gone = await online.run("npm_command", action="uninstall", args=["isarray"])
    assert gone.ok, gone.content
    assert not online.copy.files.exists("node_modules/isarray")


async def test_scripts_and_installed_programs_run_without_a_network(online: Bench) -> None:
    output = await online.run("npm_command", action="run", args=["greet", "you"])
    assert "hello you" in output.content
    assert not online.copy.files.exists("ran")
    online.put("node_modules/.bin/say", "#!/bin/sh\necho said $1\n")
    (online.copy.root / "node_modules/.bin/say").chmod(0o755)
    assert "said it" in (await online.run("npm_command", action="exec", args=["say", "it"])).content
    with pytest.raises(ToolRejected, match="nothing is downloaded to run it"):
        await online.run("npm_command", action="exec", args=["create-next-app"])
    with pytest.raises(ToolRejected, match="has no script 'build'") as refused:
        await online.run("npm_command", action="run", args=["build"])
    assert "greet" in refused.value.hint


@pytest.mark.parametrize(
    "name",
    [
        "git+https://x.example/a.git",
        "owner/name",
        "../outside",
        "--global",
        "/etc",
        "https://x.example/a.tgz",
    ],
)
async def test_only_packages_of_the_registry_are_named(online: Bench, name: str) -> None:
    with pytest.raises(ToolRejected, match="is no package of the registry"):
        await online.run("npm_command", action="install", args=[name])


async def test_the_effect_says_what_a_command_can_do_and_the_preview_shows_it(online: Bench) -> None:
    def effect(action: str, **more: object) -> Effect:
        return online.registry.summarize(call("npm_command", action=action, **more)).effect

    assert effect("install") is effect("audit") is Effect.NETWORK
    assert effect("run") is effect("ls") is Effect.RUN
    assert effect("rebuild") is effect("test", writes=True) is Effect.RUN_WRITING
    preview = await online.preview("npm_command", action="install", args=["zod"])
    assert "--ignore-scripts" in preview.markdown
    assert preview.facts["hosts"]


async def test_without_package_hosts_nothing_is_reached(bench: Bench) -> None:
    bench.put("package.json", "{}")
    with pytest.raises(ToolRejected, match="names no package hosts"):
        await bench.run("npm_command", action="audit")
