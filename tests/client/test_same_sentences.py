"""The client and the command line refuse what the task itself would refuse, in the same words and before the start."""

import json
from typing import Any

import pytest
from temporalio.client import Client

from perdure.client import PerdureClient
from perdure.client.command_line.exit_codes import ExitCode
from perdure.contracts.errors import InvalidInput
from tests.client.conftest import open_tasks
from tests.client.player import Player
from tests.client.shell import Shell
from tests.sentences import assert_said


@pytest.mark.parametrize(
    ("fields", "case", "known"),
    [
        ({"request": ""}, "a request without text", {}),
        ({"request": " \n"}, "a request without text", {}),
        ({"request": "x" * 200_000}, "a request that is too long", {"given": "200,000"}),
        ({"priority": 9}, "a field of the wrong kind", {"field": "priority"}),
        ({"repo": "/srv"}, "a field that is unknown", {"field": "repo"}),
    ],
)
async def test_the_client_refuses_before_anything_starts(
    client: PerdureClient,
    temporal_client: Client,
    player: Player,
    fields: dict[str, Any],
    case: str,
    known: dict[str, str],
) -> None:
    given: dict[str, Any] = {"request": "Fix it.", "repository": "/srv/shop", **fields}
    with pytest.raises(InvalidInput) as refused:
        await client.start(given.pop("request"), **given)
    assert_said(case, str(refused.value), **known)
    assert await open_tasks(temporal_client, player) == []


@pytest.mark.parametrize(
    ("request_text", "case", "known"),
    [
        (" ", "a request without text", {}),
        # The kernel hands a program no argument that is longer than 131,071 bytes.
        ("x" * 120_000, "a request that is too long", {"given": "120,000"}),
    ],
)
async def test_the_command_line_says_the_same(
    shell: Shell, request_text: str, case: str, known: dict[str, str]
) -> None:
    result = await shell.run("start", request_text, "--repository", "/srv/shop", "--json")
    problem = json.loads(result.stderr)
    assert_said(case, problem["error"], **known)
    assert result.exit_code == problem["exit_code"] == ExitCode.USAGE
