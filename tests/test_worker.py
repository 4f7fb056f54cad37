"""The composition root's own decisions: which database, which models, and when it refuses to start."""

import gc
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from temporalio.client import Client

from perdure.contracts.errors import ConfigurationError
from perdure.contracts.model import Message, Role
from perdure.contracts.steps import ModelStep
from perdure.contracts.task import Mode, Safety
from perdure.contracts.transcript import Entry, EntryKind
from perdure.installation import (
    database_url_of,
    deployment_of,
    found,
    model_settings_of,
    required,
    search_attributes_registered,
)
from perdure.interpreter import rare_collections
from perdure.llm.model_settings import GROQ_URL
from perdure.memory.contexts import Contexts
from perdure.settings import PROJECT_FOLDER, Settings
from tools.registry import Registry
from worker import Assembly

URL = "postgresql://ada:secret@db.example/perdure"


def settings_of(home: Path, **changes: Any) -> Settings:
    """Settings as if nothing but these were set."""
    return Settings.model_construct().model_copy(update={"home": home, **changes})


@pytest.fixture
def running_home(tmp_path: Path) -> Path:
    """A home on which a stack runs, as far as its file says: it belongs to this very process."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    started = Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19]
    (tmp_path / "stack.json").write_text(
        f'{{"boot": "{boot}", "owner": {{"pid": {os.getpid()}, "started": {started}}}, "addresses": {{'
        f'"temporal": "127.0.0.1:7233", "namespace": "default", "database_url": "{URL}",'
        '"others": {"models": "http://127.0.0.1:8899"}}}'
    )
    return tmp_path


def test_the_database_is_the_settings_and_else_the_stacks(running_home: Path, tmp_path: Path) -> None:
    assert database_url_of(settings_of(running_home)) == URL
    own = settings_of(running_home, database_url=SecretStr("postgresql://other"))
    assert database_url_of(own) == "postgresql://other"
    with pytest.raises(ConfigurationError, match="PERDURE_DATABASE_URL") as refused:
        database_url_of(settings_of(tmp_path / "empty"))
    assert "starter.py up" in refused.value.hint


def test_a_stack_that_died_has_no_database(running_home: Path) -> None:
    file = running_home / "stack.json"
    file.write_text(file.read_text().replace(f'"pid": {os.getpid()}', '"pid": 4194305'))
    with pytest.raises(ConfigurationError):
        database_url_of(settings_of(running_home))


def test_models_are_groqs_where_there_is_a_key(running_home: Path) -> None:
    key, script = SecretStr("key-for-tests"), Path("script.json")
    models = model_settings_of(settings_of(running_home, groq_api_key=key, model_script=script))
    assert (models.key(), models.root_url(), models.scripted) == ("key-for-tests", GROQ_URL, False)
    elsewhere = settings_of(running_home, groq_api_key=key, groq_base_url="http://127.0.0.1:9/")
    assert model_settings_of(elsewhere).root_url() == "http://127.0.0.1:9"


def test_models_are_a_scripts_where_there_is_no_key(running_home: Path) -> None:
    models = model_settings_of(settings_of(running_home, model_script=Path("script.json")))
    assert (models.root_url(), models.scripted) == ("http://127.0.0.1:8899", True)
    given = settings_of(running_home, model_script=Path("s.json"), groq_base_url="http://127.0.0.1:9")
    assert model_settings_of(given).root_url() == "http://127.0.0.1:9"


def test_without_key_and_script_no_model_is_made_up(running_home: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="GROQ_API_KEY"):
        model_settings_of(settings_of(running_home)).key()
    with pytest.raises(ConfigurationError, match="GROQ_BASE_URL"):
        model_settings_of(settings_of(tmp_path / "empty", model_script=Path("s.json"))).root_url()


def test_every_role_has_the_models_of_the_settings(running_home: Path) -> None:
    models = model_settings_of(settings_of(running_home, model_plan=("large",), model_timeout_s=7.0))
    assert models.models[Role.PLAN] == ("large",)
    assert set(models.models) == set(Role)
    assert models.timeout_s == 7.0


def test_tools_that_the_dictionary_does_not_describe_are_refused() -> None:
    file = PROJECT_FOLDER / "tool_dictionary.json"
    Registry.discover().refuse_stale(file)
    with pytest.raises(ConfigurationError, match=r"tool_dictionary\.json") as refused:
        Registry({}).refuse_stale(file)
    assert "make dictionary" in refused.value.hint


def test_programs_are_found_beside_the_interpreter_and_on_the_path() -> None:
    assert required("rg") == Path(sys.executable).with_name("rg")
    shell = found("sh")
    assert shell is not None
    assert shell.is_absolute()
    assert found("no-such-program-anywhere") is None
    with pytest.raises(ConfigurationError, match="'no-such-program-anywhere' is not installed"):
        required("no-such-program-anywhere")


class OneEntry:
    """A transcript of one entry."""

    def __init__(self, entry: Entry) -> None:
        self._entry = entry

    async def entries(self, task_id: str, head: str, *, above: int = -1) -> list[Entry]:
        """The entry."""
        return [self._entry]


@pytest.mark.parametrize(
    ("role", "last"),
    [
        (Role.PLAN, "Make the plan now."),
        (Role.DECIDE, "Fix it."),
        (Role.REFLECT, "Look back now. Why: a call failed."),
        (Role.SYNTHESIZE, "Report now."),
    ],
)
async def test_each_role_is_asked_for_its_own_answer(role: Role, last: str) -> None:
    body = {"v": 1, "request": "Fix it.", "repository": "r", "mode": "change", "safety": "cautious"}
    entry = Entry(task_id="t", depth=0, step=0, kind=EntryKind.REQUEST, body=body, at="").sealed()
    step = ModelStep(
        task_id="t",
        step=1,
        head=entry.digest,
        mode=Mode.CHANGE,
        safety=Safety.CAUTIOUS,
        trigger="a call failed",
    )
    assembly = Assembly(Contexts(OneEntry(entry)))
    messages = await assembly(entry, (), role=role, step=step, budget_tokens=10_000)
    assert messages[0].role == "system"
    assert last in messages[-1].content
    asked = Message(role="user", content=last)
    assert (asked in messages) is (role is not Role.DECIDE)


async def test_search_attributes_count_only_where_all_have_our_types(
    temporal_client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    assert await search_attributes_registered(temporal_client)
    nowhere = Client(temporal_client.service_client, namespace="no-such-namespace")
    assert not await search_attributes_registered(nowhere)
    assert "run without them" in caplog.text


def test_a_setting_that_nobody_knows_ends_the_process_with_a_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(PROJECT_FOLDER / "worker.py")],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "PERDURE_HOMME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout) == (7, "")
    assert (
        done.stderr
        == "PERDURE_HOMME is set, but no setting has this name. hint: did you mean PERDURE_HOME?\n"
    )


def test_garbage_is_collected_rarely_while_a_worker_runs_and_as_before_afterwards() -> None:
    before = gc.get_threshold()
    with rare_collections():
        assert gc.get_threshold()[0] > 10 * before[0]
        assert gc.get_freeze_count() > 1_000
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_no_thread_is_started_for_a_process_that_the_worker_waits_for() -> None:
    program = """
import asyncio, sys, threading
from perdure.interpreter import watch_children_without_threads

async def main():
    process = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE)
    print(threading.active_count())
    process.stdin.close()
    print(await process.wait())

watch_children_without_threads()
asyncio.run(main())
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT_FOLDER, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["1", "0"], done.stderr


@pytest.mark.parametrize("only", [{"deployment": "shop"}, {"build_id": "2026-11-28"}])
def test_half_of_a_version_is_refused_with_a_sentence(tmp_path: Path, only: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="belong together, and only one of them is set") as refused:
        deployment_of(settings_of(tmp_path, **only))
    assert refused.value.hint == "set both, or neither where any worker may take any run."
