"""What ``doctor`` and ``versions`` say of Valkey and Chroma: neither is needed, so neither is a failure."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from perdure.embedded.ports import free_port
from perdure.embedded.stack import Stack
from perdure.looks import STORES, check_store, store_version
from perdure.settings import Settings
from tests.sentences import assert_said


def settings_with(home: Path, **urls: str) -> Settings:
    return Settings(home=home, **{name: SecretStr(url) for name, url in urls.items()})  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("name", STORES)
async def test_one_that_does_not_run_is_no_trouble(tmp_path: Path, name: str) -> None:
    [finding] = await check_store(settings_with(tmp_path), name)
    assert (finding.state, finding.detail) == ("ok", "embedded, not running")
    assert (await store_version(settings_with(tmp_path), name)).problem == "none is known"


async def test_one_that_runs_is_shown_with_its_version(
    stack: Stack, stack_home: Path, tmp_path: Path
) -> None:
    url = stack.addresses.others["valkey"]
    given = settings_with(tmp_path, redis_url=url)
    version = (await store_version(given, "valkey")).version
    assert version
    for settings, whose in ((given, "given by PERDURE_REDIS_URL"), (settings_with(stack_home), "embedded")):
        [finding] = await check_store(settings, "valkey")
        assert (finding.state, finding.detail) == ("ok", f"{version}, {whose}")


async def test_one_that_is_away_is_a_warning_that_says_what_it_costs(tmp_path: Path) -> None:
    port = free_port()
    settings = settings_with(
        tmp_path, redis_url=f"redis://:secret@127.0.0.1:{port}", chroma_url=f"http://127.0.0.1:{port}"
    )
    for name, case in (("valkey", "Valkey is away"), ("chroma", "Chroma is away")):
        [finding] = await check_store(settings, name)
        assert finding.state == "warning"
        assert_said(case, finding.detail)
        assert "until then tasks go on without it, more slowly" in finding.hint
        assert "secret" not in f"{finding}"
