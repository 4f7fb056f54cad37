"""What a command reaches beside its own words: modules, files in folders, what patterns match, and many files at once."""

from perdure.embedded.database import connected
from tests.corpora.consent.running import command, nothing_altered
from tests.corpora.consent.stage import Stage, expect, next_word, tree_of, word

IGNORED = {".gitignore": "tools.d/\n"}
MANY = 90


async def imported_module_changed(stage: Stage) -> None:
    """The script stays as it is, and a module that it imports is rewritten."""
    files = {"run.py": "import steps\n", "steps.py": "open('ran.txt', 'a').write('as-approved\\n')\n"}
    async with stage.asked(command("python3 run.py"), files=files) as (bench, handle, asked):
        (tree_of(bench) / "steps.py").write_text("open('ran.txt', 'a').write('altered\\n')\n")
        await nothing_altered(stage, bench, handle, asked)


async def program_swapped(stage: Stage) -> None:
    """The program that is started by its path is another one, of the same length."""
    lay = command(
        "mkdir -p tools.d && printf '#!/bin/sh\\necho approved >> ran.txt\\n' > tools.d/go && chmod +x tools.d/go"
    )
    async with stage.asked(command("tools.d/go"), files=IGNORED, lay=lay) as (bench, handle, asked):
        expect("echo approved" in asked.preview, "the program's text is not shown")
        (tree_of(bench) / "tools.d" / "go").write_text("#!/bin/sh\necho altered! >> ran.txt\n")
        await nothing_altered(stage, bench, handle, asked)


async def content_behind_a_pattern_changed(stage: Stage) -> None:
    """Files that Git ignores, named by a pattern and by their folder, change in content and in nothing else."""
    lay = command("mkdir -p tools.d && echo 'echo approved >> ran.txt' > tools.d/one.sh")
    for line in ("cat tools.d/*.sh | sh", "find tools.d -type f -exec sh {} +"):
        async with stage.asked(command(line), files=IGNORED, lay=lay) as (bench, handle, asked):
            (tree_of(bench) / "tools.d" / "one.sh").write_text("echo altered! >> ran.txt\n")
            await nothing_altered(stage, bench, handle, asked)


async def many_files_named(stage: Stage) -> None:
    """A line names more files than a person is shown; the last of them, which Git ignores, changes."""
    lay = command(
        f"mkdir -p tools.d; for n in $(seq {MANY}); do echo 'echo approved >> ran.txt' > tools.d/$n.sh; done"
    )
    names = " ".join(f"tools.d/{number}.sh" for number in range(1, MANY + 1))
    async with stage.asked(command(f"cat {names} | sh"), files=IGNORED, lay=lay) as (bench, handle, asked):
        (tree_of(bench) / "tools.d" / f"{MANY}.sh").write_text("echo altered! >> ran.txt\n")
        await nothing_altered(stage, bench, handle, asked)


async def database_altered(stage: Stage) -> None:
    """Somebody writes other arguments into the stored decision after the approval was looked at."""
    async with stage.asked(command("echo looked-at > made.txt")) as (bench, handle, asked):
        async with connected(stage.servers.database_url) as connection:
            changed = await connection.fetchval(
                "WITH changed AS (UPDATE entries SET body = replace(body::text, 'looked-at', 'put-there')::json "
                "WHERE task_id = $1 AND body::text LIKE '%looked-at%' RETURNING 1) SELECT count(*) FROM changed",
                handle.first_execution_run_id,
            )
        expect(changed, "no stored decision holds the command, so nothing was shown")
        await stage.said(bench, handle, "client", word(asked))
        await next_word(bench, handle, asked)
        made = tree_of(bench) / "made.txt"
        expect(not made.exists() or made.read_text() == "looked-at\n", "what was put there ran")
