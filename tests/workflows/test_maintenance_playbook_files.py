"""A playbook that cannot be followed fails its run before anything is copied, with the sentence that says what to mend."""

from pathlib import Path

from temporalio.api.enums.v1 import EventType

from tests.workflows.conftest import Benches, script_of
from tests.workflows.own_playbooks import IGNORING, changing, filed, playbook
from tests.workflows.test_maintenance_run import approval_of, failure, maintain, repository_of

GOOD = playbook([changing("tidy", "true")])


#: What is written instead of what, and what is said of it, by the playbook's name.
FAULTS = {
    "no-toml": ("v = 1", "v = ", "is not valid TOML"),
    # Stands for one byte, which is no UTF-8.
    "no-text": ('title = "Own"', 'title = "\udcff"', "is not valid TOML"),
    "unknown-field": ("[[step]]", "[[step]]\ncomit = 'x'", "step.0.comit: Extra inputs are not permitted"),
    "missing-field": (
        'title = "Own"',
        "",
        "title: Field required. hint: docs/maintenance.md has every field.",
    ),
    "unknown-tool": ("execute_command", "run_everything", "step:tidy, call 1: There is no tool"),
    "unknown-argument": ("writes = true", "writing = true", "'writing'"),
}


async def test_a_playbook_that_cannot_be_used_fails_the_run_with_its_fault(
    benches: Benches, tmp_path: Path
) -> None:
    settings = filed(tmp_path / "playbooks", GOOD)
    for name, (old, new, _) in FAULTS.items():
        assert old in GOOD
        text = GOOD.replace(old, new, 1).encode(errors="surrogateescape")
        (tmp_path / "playbooks" / f"{name}.toml").write_bytes(text)
    async with benches(script_of([]), **settings) as bench:
        repository, _ = repository_of(bench, IGNORING)
        for name, (_, _, said) in FAULTS.items():
            handle = await maintain(bench, repository, playbook=name)
            error = await failure(handle)
            assert error.type == "ConfigurationError"
            assert said in error.message
            assert f"{name}" in error.message
            result = error.details[0]
            assert (result["status"], result["summary"]) == ("failed", error.message)
            # Waiting mends no file, so it was not tried again.
            started = [
                event.activity_task_started_event_attributes.attempt
                async for event in handle.fetch_history_events()
                if event.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_STARTED
            ]
            assert started == [1]
        assert not list((bench.folder / "home" / "workspaces").glob("*"))


async def test_a_playbook_that_the_system_cannot_read_fails_the_run_with_the_reason(
    benches: Benches, tmp_path: Path
) -> None:
    settings = filed(tmp_path / "playbooks", "")
    file = tmp_path / "playbooks" / "own.toml"
    file.unlink()
    # A file that is there, may be opened, and gives an input/output error, whoever reads it.
    file.symlink_to("/proc/self/mem")
    async with benches(script_of([]), **settings) as bench:
        repository, _ = repository_of(bench, IGNORING)
        error = await failure(await maintain(bench, repository, playbook="own"))
        assert error.type == "ConfigurationError"
        assert f"The playbook {str(file)!r} cannot be read: " in error.message
        assert "hint: " in error.message


async def test_a_playbook_that_changes_under_way_is_followed_as_it_was(
    benches: Benches, tmp_path: Path
) -> None:
    settings = filed(
        tmp_path / "playbooks", playbook([changing("one", "echo 1 > one.txt"), changing("two", "true")])
    )
    async with benches(script_of([]), **settings) as bench:
        repository, _ = repository_of(bench, IGNORING)
        handle = await maintain(bench, repository, playbook="own")
        # The overloads of the SDK's method are partly untyped.
        await handle.execute_update("attach")  # pyright: ignore[reportUnknownMemberType]
        (tmp_path / "playbooks" / "own.toml").write_text("nonsense")
        await bench.decide(handle, await approval_of(handle), "approve")
        result = await handle.result()
        assert (result["status"], result["pushed"]) == ("completed", True)
