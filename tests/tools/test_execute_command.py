"""execute_command runs in the sandbox and says plainly how it ended."""

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench


async def test_gives_output_and_exit_code(bench: Bench) -> None:
    output = await bench.run("execute_command", command="echo out; echo err >&2; exit 3")
    assert output.content.startswith("out\nerr\n[exit code 3 after ")
    assert not output.ok
    assert output.summary.startswith("exit code 3")


async def test_one_short_line_of_output_is_told_with_how_it_ended(bench: Bench) -> None:
    output = await bench.run("execute_command", command="echo ' ruff 1.2.3'")
    assert output.summary.startswith("ruff 1.2.3 [exit code 0 after ")
    longer = await bench.run("execute_command", command="printf 'x%.0s' {1..200}")
    assert longer.summary.startswith("exit code 0 after ")


async def test_says_that_there_was_no_output(bench: Bench) -> None:
    output = await bench.run("execute_command", command="true")
    assert output.ok
    assert output.content.startswith("[no output; exit code 0 after ")


async def test_is_bash_and_runs_where_it_is_told(bench: Bench) -> None:
    output = await bench.run("execute_command", command="[[ $PWD == */app ]] && ls", working_directory="app")
    assert output.content.startswith("__init__.py\nmoney.py\n[exit code 0")


async def test_cannot_write_and_says_how_it_could(bench: Bench) -> None:
    output = await bench.run("execute_command", command="echo x > made.txt")
    assert not output.ok
    assert "send it again with writes=true" in output.content
    assert not bench.copy.files.exists("made.txt")


async def test_writes_where_it_was_allowed_to(bench: Bench) -> None:
    output = await bench.run(
        "execute_command", command="echo x > app/made.txt && cat app/made.txt", writes=True
    )
    assert output.ok, output.content
    assert bench.text("app/made.txt") == "x\n"


async def test_cannot_touch_git_even_where_it_may_write(bench: Bench) -> None:
    output = await bench.run(
        "execute_command", command="echo x > .git/hooks/post-commit || rm -r .git", writes=True
    )
    assert not output.ok
    assert (await bench.copy.git.status()) == []


async def test_git_heeds_no_program_that_a_repository_among_the_files_names(bench: Bench) -> None:
    script = (
        "git init -q nested && cd nested && git config core.fsmonitor 'touch /tmp/ran;' && mkdir hooks"
        " && printf '#!/bin/sh\\ntouch /tmp/ran' > hooks/post-index-change && chmod +x hooks/post-index-change"
        " && git config core.hooksPath hooks && touch a && git add a && git status --short; ls /tmp/ran;"
        " git init -q --bare ../bare && git -C ../bare log"
    )
    output = await bench.run("execute_command", command=script, writes=True)
    assert "A  a" in output.content
    assert "cannot access '/tmp/ran'" in output.content
    assert "cannot use bare repository" in output.content


async def test_sees_neither_the_environment_of_the_worker_nor_a_network(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "secret-of-the-worker")
    output = await bench.run("execute_command", command="env; cat /proc/1/environ | tr '\\0' '\\n'")
    assert "secret-of-the-worker" not in output.content
    assert "CI=1" in output.content
    python = "import socket; socket.create_connection(('1.1.1.1', 53), 2)"
    assert not (await bench.run("execute_command", command=f'python -c "{python}"')).ok


async def test_is_killed_at_its_time_limit(bench: Bench) -> None:
    output = await bench.run("execute_command", command="echo begun; sleep 60", timeout_s=1)
    assert output.content.startswith("begun\n[killed after 1.")
    assert "by its time limit of 1 s, peak memory " in output.content
    assert not output.ok


async def test_is_killed_where_it_writes_without_end(bench: Bench) -> None:
    output = await bench.run("execute_command", command="yes", timeout_s=30)
    assert "by its output limit of" in output.content


async def test_shows_bytes_that_are_no_text(bench: Bench) -> None:
    output = await bench.run("execute_command", command=r"printf 'a\xffb\r\n'")
    assert output.content.startswith("a\\xffb\n[exit code 0")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"command": "ls \0"}, "NUL"),
        ({"command": "ls", "working_directory": "nowhere"}, "There is no 'nowhere'"),
        ({"command": "ls", "working_directory": "README.md"}, "is a file"),
        ({"command": "ls", "working_directory": "../.."}, "outside"),
        ({"command": "ls", "working_directory": "/etc"}, "outside"),
        ({"command": "ls", "timeout_s": 601}, "from 1 to 600"),
    ],
)
async def test_refuses_what_cannot_run(bench: Bench, arguments: dict[str, object], said: str) -> None:
    with pytest.raises(ToolRejected, match=said):
        await bench.run("execute_command", **arguments)


async def test_previews_the_exact_command_and_its_bounds(bench: Bench) -> None:
    command = "rm -rf build\n# \u202e harmless ```"
    preview = await bench.preview("execute_command", command=command, working_directory="app", writes=True)
    assert preview.title.startswith("execute_command (writes) in app: rm -rf build\\n# \\u202e")
    assert "````\n│ rm -rf build\n│ # \\u202e harmless ```\n````" in preview.markdown
    assert "in `app` of the workspace" in preview.markdown
    assert "**may change the files of the workspace**" in preview.markdown
    assert "limits: 60 s, 2,048 MiB" in preview.markdown
    assert "environment: " in preview.markdown
    assert preview.facts == {
        "argv": ["/bin/bash", "-c", command],
        "working_directory": "app",
        "writes": True,
        "named": {},
    }
    assert len(preview.markdown) < 4_000


async def test_runs_a_program_with_arguments_as_they_are(bench: Bench) -> None:
    output = await bench.run("execute_command", argv=["printf", "%s|", "$HOME", "a b", "*"])
    assert output.content.startswith("$HOME|a b|*|\n[exit code 0")
    preview = await bench.preview("execute_command", argv=["rm", "a b"], writes=True)
    assert preview.title == "execute_command (writes): rm 'a b'"
    assert preview.facts["argv"] == ["rm", "a b"]


@pytest.mark.parametrize("arguments", [{}, {"command": " "}, {"command": "ls", "argv": ["ls"]}])
async def test_takes_exactly_one_way_to_say_what_runs(bench: Bench, arguments: dict[str, object]) -> None:
    with pytest.raises(ToolRejected, match="Exactly one of command and argv"):
        await bench.run("execute_command", **arguments)


async def test_a_program_that_is_not_there_is_said_to_be_so(bench: Bench) -> None:
    output = await bench.run("execute_command", argv=["no-such-program"])
    assert not output.ok
    assert "no-such-program" in output.content
    assert "[exit code 127 after" in output.content


async def test_says_which_signal_ended_it_and_how_much_memory_it_held(bench: Bench) -> None:
    output = await bench.run("execute_command", command="kill -SEGV $$")
    assert "[exit code 139 (SIGSEGV) after" in output.content
    held = await bench.run(
        "execute_command", command="python -c 'import time; x = b\"x\" * 90_000_000; time.sleep(1)'"
    )
    assert held.ok
    most = int(held.content.rpartition(" MiB]")[0].rpartition(", peak memory ")[2])
    assert 86 <= most <= 200


async def test_is_killed_where_it_takes_more_than_it_asked_for(bench: Bench) -> None:
    eats = "python -c 'import time; x = [b\"x\" * 10_000_000 for _ in range(30)]; time.sleep(20)'"
    output = await bench.run("execute_command", command=eats, memory_mb=64, timeout_s=30)
    assert not output.ok
    assert "MemoryError" in output.content or "by its memory limit of 64 MiB" in output.content
    prints = await bench.run("execute_command", command="yes", output_kb=2)
    assert "by its output limit of 2,048 bytes" in prints.content


async def test_forks_without_end_end_at_the_limit_of_processes(bench: Bench) -> None:
    output = await bench.run(
        "execute_command", command="f() { f | f & }; f; wait; sleep 30", processes=20, timeout_s=3
    )
    assert not output.ok
    assert (await bench.run("execute_command", command="echo fine")).ok


async def test_what_ignores_signals_is_ended_all_the_same(bench: Bench) -> None:
    output = await bench.run(
        "execute_command", command="trap '' TERM INT HUP; while true; do sleep 1; done", timeout_s=1
    )
    assert "by its time limit of 1 s" in output.content


async def test_a_failed_write_is_explained_also_where_the_program_says_nothing(bench: Bench) -> None:
    output = await bench.run("execute_command", command="touch made.txt 2>/dev/null")
    assert "send it again with writes=true" in output.content
    assert "writes=true" not in (await bench.run("execute_command", command="ls nowhere")).content
