"""A call is run ahead in a throw-away view, and what it did there is done later, byte for byte, without running it again."""

import os
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from perdure.contracts.calls import SandboxLevel
from perdure.contracts.errors import NoLongerApproved, ToolRejected
from perdure.contracts.outcomes import RanAhead
from perdure.safety import scratch
from perdure.safety.confinement import Confinement
from perdure.safety.report import SandboxReport
from perdure.safety.sandbox import Sandbox
from perdure.workspace import written_delta
from perdure.workspace.deltas import Delta
from tests.tools.conftest import Bench, call
from tools.ahead.running import do_as_ahead, run_ahead
from tools.tool_schemas import ToolOutput

ENDINGS = ("overlay", "copy", "level B")

SCRIPTS = {
    "creates": "echo new > new.txt; mkdir -p a/b/c; echo deep > a/b/c/d; : > empty; mkdir hollow",
    "changes": "echo more >> README.md; sed -i s/total/sum_of/ app/money.py",
    "writes the same again": "cat README.md > /tmp/x; cat /tmp/x > README.md; touch app/money.py",
    "deletes": "rm README.md app/__init__.py; rm -r ignored",
    "deletes a folder whole": "rm -rf app ignored",
    "modes": "chmod 755 README.md; chmod 700 app; chmod 600 app/money.py; chmod 750 .",
    "links": "ln -s ../README.md app/link; ln -s /etc/passwd out; ln -s nowhere dangling; ln -sfn app tolink",
    "a folder becomes a file": "rm -r app; echo file > app",
    "a file becomes a folder": "rm README.md; mkdir README.md; echo x > README.md/in",
    "a file becomes a link and a link a file": "rm README.md; ln -s app README.md; rm tolink; echo x > tolink",
    "a folder made anew": "rm -r app; mkdir app; echo new > app/new.py",
    "a folder renamed": "mv app src",
    "a folder renamed by the kernel": 'python3 -c \'import os; os.rename("app", "src")\'',
    "folders swapped": "mv app t; mv ignored app; mv t ignored",
    "ignored files": "mkdir -p build/x; echo o > build/x/o; echo l > a.log; rm ignored/kept.log; echo y >> ignored/deep/y.log",
    "a hard link": "ln README.md hard; echo more >> hard",
    "shut folders": "mkdir shut; echo x > shut/x; chmod 000 shut/x; chmod 500 shut; mkdir no; echo x > no/x; chmod 000 no",
    "hostile names": "touch -- '-rf' 'a b' $'new\\nline' $'esc\\e[2J' $'bad\\xff' '**x**' '`y`'; mkdir -p 'x/.git'; echo z > x/.git/config",
    "bytes": "seq 40000 | tr '\\n' '\\0' > binary; printf 'a\\0b' > nul; printf 'a\\r\\nb' > crlf",
    "fails in the middle": "echo first > first; false && echo second > second; exit 3",
    "nothing": "cat README.md",
    "git is not there to be changed": "echo x > .git/config; rm -rf .git; echo after > after",
}


def prepared(bench: Bench) -> Bench:
    """The workspace with what a checkpoint does not hold: ignored files, folders in them, a link."""
    root = bench.copy.root
    (root / "ignored" / "deep").mkdir(parents=True)
    (root / "ignored" / "kept.log").write_text("kept\n")
    (root / "ignored" / "deep" / "y.log").write_text("y\n")
    (root / "tolink").symlink_to("README.md")
    owner = bench.context.sandbox.owner
    for path in (root, *root.rglob("*")):
        os.chown(path, owner.uid, owner.gid, follow_symlinks=False)
    return bench


def held(bench: Bench, ending: str) -> Bench:
    """The bench with a sandbox that shows throw-away views in this way."""
    given = bench.context.sandbox
    if ending == "overlay":
        return bench
    if ending == "copy":
        other = Sandbox(
            given._isolation,  # pyright: ignore[reportPrivateUsage] - the same one, shown otherwise
            owner=given.owner,
            report=given.report,
            scratch="copy",
        )
    else:
        report = SandboxReport(SandboxLevel.B)
        other = Sandbox(Confinement(given.owner), owner=given.owner, report=report, scratch="copy")
    return replace(bench, context=replace(bench.context, sandbox=other))


Tree = dict[str, tuple[str, int, bytes]]


def tree(root: Path) -> Tree:
    """Everything in a work tree: kind, permissions, content or target."""
    found: Tree = {".": ("folder", stat.S_IMODE(root.stat().st_mode), b"")}
    for path in root.rglob("*"):
        name = str(path.relative_to(root))
        if name == ".git":
            continue
        facts = path.lstat()
        mode = stat.S_IMODE(facts.st_mode)
        if stat.S_ISLNK(facts.st_mode):
            found[name] = ("link", facts.st_uid, os.fsencode(path.readlink()))
        elif stat.S_ISDIR(facts.st_mode):
            found[name] = (f"folder of {facts.st_uid}:{facts.st_gid}", mode, b"")
        else:
            found[name] = (f"file of {facts.st_uid}:{facts.st_gid}", mode, path.read_bytes())
    return found


def by_hand(line: str, folder: Path) -> None:
    """Run a line of shell as a person would who is at the folder."""
    subprocess.run(["sh", "-c", line], cwd=folder, check=True)


async def ahead(bench: Bench, script: str) -> RanAhead:
    """What the script did in a throw-away view."""
    return await run_ahead(
        bench.registry, call("execute_command", command=script, writes=True), bench.context
    )


async def done(bench: Bench, script: str, ran: RanAhead) -> ToolOutput:
    """Do it."""
    one = call("execute_command", command=script, writes=True)
    return await do_as_ahead(bench.registry, one, bench.context, ran)


def beside(bench: Bench) -> list[str]:
    """What of ours lies beside the work tree."""
    return sorted(
        path.name for path in bench.copy.folder.iterdir() if path.name.startswith((".scratch", "aside"))
    )


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("name", SCRIPTS)
async def test_what_is_done_is_what_running_it_would_have_done(
    bench: Bench, tmp_path: Path, name: str, ending: str
) -> None:
    script = SCRIPTS[name]
    bench = held(prepared(bench), ending)
    before = tree(bench.copy.root)
    ran = await ahead(bench, script)
    assert (ran.why_not, bool(ran.digest)) == ("", True)
    assert tree(bench.copy.root) == before
    assert beside(bench) == []

    kept = tmp_path / "kept"
    by_hand(f"cp -a tree {kept}", bench.copy.folder)
    directly = await bench.run("execute_command", command=script, writes=True)
    expected = tree(bench.copy.root)
    by_hand(f"rm -rf tree && cp -a {kept} tree", bench.copy.folder)

    output = await done(bench, script, ran)
    assert tree(bench.copy.root) == expected
    assert beside(bench) == []
    assert output.ok is directly.ok
    assert "did not run a second time" in output.content


NONDETERMINISTIC = "date +%N%s > x; echo $RANDOM$RANDOM; cat x"


async def test_an_approved_command_does_not_run_a_second_time(bench: Bench) -> None:
    ran = await ahead(bench, NONDETERMINISTIC)
    output = await done(bench, NONDETERMINISTIC, ran)
    delta = Delta.decoded(ran.data)
    [change] = delta.changes
    assert (change.path, change.before) == ("x", None)
    assert bench.text("x").encode() in delta.contents.values()
    assert delta.finished.output.decode().strip() in output.content
    assert "x" in output.changed_paths
    # The time that the program wrote it, which builds compare.
    assert bench.copy.root.joinpath("x").stat().st_mtime_ns == change.mtime_ns


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("mkfifo pipe", "it made 'pipe', which is a pipe"),
        (
            "echo x > fine; python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"s\")'",
            "it made 's'",
        ),
    ],
)
async def test_what_no_record_can_hold_is_said(bench: Bench, script: str, why: str, ending: str) -> None:
    ran = await ahead(held(bench, ending), script)
    assert (ran.digest, ran.data) == ("", b"")
    assert why in ran.why_not
    assert not bench.copy.files.exists("fine")
    assert beside(bench) == []


@pytest.mark.parametrize("ending", ENDINGS)
async def test_too_much_is_said_and_nothing_of_it_kept(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    monkeypatch.setattr(written_delta, "MOST_BYTES", 100_000)
    monkeypatch.setattr(written_delta, "MOST_CHANGES", 50)
    bench = held(bench, ending)
    much = await ahead(bench, "head -c 100001 /dev/zero > big")
    many = await ahead(bench, "mkdir d; cd d; for i in $(seq 200); do : > $i; done")
    assert (much.digest, many.digest) == ("", "")
    assert "it wrote more than" in much.why_not
    assert "it touched more than 50 files" in many.why_not
    # The same content many times is kept once.
    same = await ahead(bench, "for i in 1 2 3 4 5 6 7 8; do head -c 40000 /dev/zero > $i; done")
    assert same.digest
    assert beside(bench) == []


async def test_what_names_the_throw_away_folder_is_not_used(bench: Bench) -> None:
    # At level B a program knows the folder by its own name, which means nothing afterwards.
    confined = held(bench, "level B")
    assert "the name of the throw-away folder into 'where'" in (await ahead(confined, "pwd > where")).why_not
    assert "into 'to'" in (await ahead(confined, "ln -s $(pwd)/app to")).why_not
    assert (await ahead(held(bench, "copy"), "pwd > where")).digest


async def test_without_a_sandbox_nothing_is_run_ahead(bench: Bench) -> None:
    owner, report = bench.context.sandbox.owner, SandboxReport(SandboxLevel.D)
    bare = Sandbox(Confinement(owner, confines=False), owner=owner, report=report, scratch="copy")
    bench = replace(bench, context=replace(bench.context, sandbox=bare))
    ran = await ahead(bench, "echo x > made; touch /tmp/perdure-ran-at-level-d")
    assert "without a sandbox" in ran.why_not
    assert not Path("/tmp/perdure-ran-at-level-d").exists()


async def test_a_program_that_is_ended_by_a_limit_has_done_what_it_did(bench: Bench) -> None:
    one = call("execute_command", command="echo x > made; sleep 60", writes=True, timeout_s=1)
    ran = await run_ahead(bench.registry, one, bench.context)
    assert "its time limit of 1 s; 1 created" in ran.card
    output = await do_as_ahead(bench.registry, one, bench.context, ran)
    assert not output.ok
    assert bench.text("made") == "x\n"


@pytest.mark.parametrize(
    ("script", "line", "named"),
    [
        ("echo more >> README.md", "echo other > README.md", "README.md"),
        ("rm README.md", "echo other > README.md", "README.md"),
        ("echo x > a.log", "echo other > a.log", "a.log"),
        ("rm -r ignored", "echo new > ignored/new.log", "ignored"),
        ("echo x > app/new.py", "mv app gone", "app/new.py"),
        ("chmod 700 README.md", "chmod 600 README.md", "README.md"),
        ("echo x > app/new.py", "mv app moved; ln -s moved app", "app/new.py"),
    ],
)
async def test_what_changed_beside_it_stops_all_of_it(
    bench: Bench, script: str, line: str, named: str
) -> None:
    # Files that are in no tree are among them, so the tree's digest alone would not tell.
    bench = prepared(bench)
    script = f"echo first > 0first; {script}; echo last > zlast"
    ran = await ahead(bench, script)
    by_hand(line, bench.copy.root)
    before = tree(bench.copy.root)
    with pytest.raises(NoLongerApproved, match=f"'{named}' changed after the command was run ahead"):
        await done(bench, script, ran)
    assert tree(bench.copy.root) == before
    assert beside(bench) == []


async def test_an_error_in_the_middle_takes_all_of_it_back(bench: Bench) -> None:
    bench = prepared(bench)
    script = (
        "rm -r app; echo x > app; rm -r ignored; mkdir new; echo y > new/y; chmod 755 .gitignore; ln -sf new tolink; "
        "echo more >> README.md; echo z > zlast"
    )
    ran = await ahead(bench, script)
    before = tree(bench.copy.root)
    # Neither a name nor a content of it can be changed, not even by root.
    by_hand("chattr +i README.md", bench.copy.root)
    try:
        with pytest.raises(ToolRejected, match=r"'README.md' may not be changed"):
            await done(bench, script, ran)
        assert tree(bench.copy.root) == before
        assert beside(bench) == []
    finally:
        by_hand("chattr -i README.md", bench.copy.root)
    await done(bench, script, ran)
    assert (bench.text("app"), bench.text("new/y")) == ("x\n", "y\n")


async def test_what_is_as_it_shall_be_counts_as_done(bench: Bench) -> None:
    script = "echo one > one; echo two > two; rm README.md"
    ran = await ahead(bench, script)
    # As a worker leaves it that was killed in the middle.
    (bench.copy.root / "README.md").unlink()
    bench.put("one", "one\n")
    await done(bench, script, ran)
    assert (bench.text("one"), bench.text("two")) == ("one\n", "two\n")


async def test_another_program_or_another_record_is_not_done(bench: Bench) -> None:
    ran = await ahead(bench, "echo x > x")
    with pytest.raises(NoLongerApproved, match="another program"):
        await done(bench, "echo y > y", ran)
    for data in (ran.data[:-1], ran.data + b"x", b"{}", ran.data.replace(b'"path":"x"', b'"path":"../x"')):
        with pytest.raises(NoLongerApproved, match="not as it was recorded"):
            await done(bench, "echo x > x", replace(ran, data=data))
    with pytest.raises(NoLongerApproved):
        await done(
            bench, "echo x > x", replace(ran, data=ran.data.replace(b'"path":"x"', b'"path":".git/x"'))
        )
    assert not bench.copy.files.exists("x")


async def test_the_card_shows_every_change_and_nothing_of_it_hides(bench: Bench) -> None:
    script = "echo more >> README.md; rm app/__init__.py; printf 'a\\0b' > nul; echo '**bold** ```' > $'n\\nm'; ln -s /etc l; echo said"
    ran = await ahead(bench, script)
    card = ran.card
    assert "**Ran ahead in a throw-away copy**: exit code 0 after" in card
    assert "; 3 created, 1 changed, 1 deleted" in card
    for row in (
        "- created `nul` (3 bytes)",
        "- deleted `app/__init__.py` (0 bytes)",
        "created `l` (link to `/etc`)",
    ):
        assert row in card
    assert "│ +more" in card
    assert "\n**bold**" not in card
    assert "nul: not text, or long: 3 bytes" in card
    assert "│ said" in card
    assert ran.left_out == 0
    nothing = await ahead(bench, "true")
    assert "**no file changes**" in nothing.card
    assert "It said nothing." in nothing.card


async def test_what_the_card_leaves_out_is_counted_and_whole_elsewhere(bench: Bench) -> None:
    ran = await ahead(bench, "for i in $(seq 10 60); do seq $i > f$i; done")
    assert "- **and 35 more**" in ran.card
    assert ran.left_out > 1_000
    assert "f59" not in ran.card
    assert "created `f59`" in ran.whole
    assert "+++ b/f60" in ran.whole


async def test_what_killed_workers_left_is_removed(bench: Bench) -> None:
    left = bench.copy.folder / ".scratch-left"
    (left / "work" / "work").mkdir(parents=True, mode=0o700)
    (left / "work" / "work").chmod(0)
    scratch.remove_left(bench.copy.folder)
    assert left.is_dir()
    os.utime(left, (0, 0))
    assert (await ahead(bench, "true")).digest
    assert not left.exists()
