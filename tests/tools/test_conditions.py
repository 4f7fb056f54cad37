"""A playbook's conditions hold where their signs are seen in the working copy."""

import tomllib

import pytest

from perdure.maintenance.playbook import Playbook
from tests.tools.conftest import Bench
from tools.conditions import unmet_conditions

UNMET = {"precheck": "It does not hold."}


def with_precheck(condition: str) -> Playbook:
    """A playbook with this one condition."""
    text = f"""
v = 1
title = "Tidy"
about = "Makes the repository tidy."
[[precheck]]
{condition}
otherwise = "It does not hold."
[[step]]
id = "tidy"
title = "Tidy up"
commit = "Tidy up"
[[step.call]]
tool = "execute_command"
arguments = {{ command = "true", writes = true }}
"""
    return Playbook.model_validate(tomllib.loads(text))


@pytest.fixture
def furnished(bench: Bench) -> Bench:
    bench.put("shop/cart.py", "total = 1\n")
    bench.put("pyproject.toml", '[tool.ruff.format]\nquote-style = "single"\n')
    bench.put("package.json", '{"scripts": {"lint": "eslint ."}}')
    bench.put("broken.json", "{")
    bench.put("list.json", "[]")
    return bench


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ('any = [{ file = "shop/cart.py" }]', True),
        ('any = [{ file = "shop/none.py" }]', False),
        ('any = [{ file = "**/cart.py" }]', True),
        ('any = [{ file = "**/pyproject.toml" }]', True),
        ('any = [{ file = "cart*.py" }]', False),
        ('any = [{ file = "shop/cart.py", text = "total" }]', True),
        ('any = [{ file = "**/*.py", text = "no such words" }]', False),
        ('any = [{ manifest = "pyproject.toml", has = ["tool", "ruff", "format"] }]', True),
        ('any = [{ manifest = "pyproject.toml", has = ["tool", "black"] }]', False),
        ('any = [{ manifest = "package.json", has = ["scripts", "lint", "more"] }]', False),
        ('any = [{ manifest = "broken.json", has = ["scripts"] }]', False),
        ('any = [{ manifest = "list.json", has = ["scripts"] }]', False),
        ('any = [{ manifest = "none.json", has = ["scripts"] }]', False),
        ('any = [{ passes = "test -f shop/cart.py" }]', True),
        ('any = [{ passes = "test -f none" }]', False),
        ('any = [{ passes = "echo changed > shop/cart.py" }]', False),
        ('any = [{ file = "none" }, { file = "package.json" }]', True),
        ('all = [{ file = "none" }, { file = "package.json" }]', False),
        ('none = [{ file = "none" }]', True),
        ('none = [{ file = "none" }, { file = "package.json" }]', False),
    ],
)
async def test_a_condition_holds_where_its_signs_are_seen(
    furnished: Bench, condition: str, holds: bool
) -> None:
    unmet = await unmet_conditions(with_precheck(condition), ["precheck"], furnished.context)
    assert unmet == ({} if holds else UNMET)


async def test_only_the_parts_that_are_asked_about_are_looked_at(furnished: Bench) -> None:
    playbook = with_precheck('any = [{ file = "none" }]')
    assert await unmet_conditions(playbook, ["step"], furnished.context) == {}


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ('any = [{ passes = "true" }]', "Nobody may look."),
        ('none = [{ passes = "false" }]', "Nobody may look."),
        ('any = [{ passes = "true" }, { file = "package.json" }]', ""),
        ('all = [{ passes = "true" }, { file = "none" }]', "It does not hold."),
    ],
)
async def test_a_command_that_may_not_be_run_counts_against_its_condition(
    furnished: Bench, condition: str, said: str
) -> None:
    unmet = await unmet_conditions(
        with_precheck(condition), ["precheck"], furnished.context, refusal="Nobody may look."
    )
    assert unmet == ({"precheck": said} if said else {})
