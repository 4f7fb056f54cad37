"""What people see before they decide: nothing hides, imitates, lies below the fold, or is drawn as something else."""

import json
import re
import unicodedata
from collections.abc import Mapping

from perdure.contracts.decisions import Approval, Pending
from tests.corpora.consent.running import command
from tests.corpora.consent.stage import Handle, Stage, expect, next_word, tree_of, word
from tests.workflows.conftest import Bench

HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})
SHOWN_AS_CODE = re.compile(r"^(`{3,})\w*\n(.*?)\n\1$", re.DOTALL | re.MULTILINE)


NO_FILES: Mapping[str, str] = {}


async def _shown(stage: Stage, line: str, files: Mapping[str, str] = NO_FILES) -> tuple[Approval, str]:
    """The approval of a command and all that people see of it: by the client, the Web UI's query, and the card."""
    async with stage.asked(command(line), files=files) as (bench, handle, asked):
        seen = await _everywhere(stage, bench, handle)
        expect(asked.preview in seen, "the ways show different previews")
        _nothing_hides(seen)
        return asked, seen


async def _everywhere(stage: Stage, bench: Bench, handle: Handle) -> str:
    by_client = await (await stage.client(bench).task(handle.id)).pending()
    by_query = await handle.query("pending", result_type=Pending)
    expect(by_client == by_query, "the client shows something else than the Web UI")
    parts = [f"{each.title}\n{each.preview}" for each in by_query.approvals]
    return "\n".join([*parts, await bench.card(handle)])


async def _refused_as_line(stage: Stage, line: str) -> None:
    """A line that holds them itself is refused before anybody is asked, and no view shows them as they are."""
    async with stage.play(command(line)) as bench:
        handle = await bench.start()
        await handle.result()
        calls = [each for each in await bench.calls(handle) if each["title"].startswith("execute_command")]
        expect(calls and not any(each["ok"] for each in calls), f"it ran: {calls}")
        expect("invisible character" in str(calls[0]["excerpt"]), f"refused for another reason: {calls[0]}")
        _nothing_hides(json.dumps(calls, ensure_ascii=False) + await bench.card(handle))


async def hidden_characters(stage: Stage) -> None:
    """Characters that nobody sees, or that move others, are shown as escapes and counted."""
    names = (
        "\u200b",
        "\u2060",
        "\U000e0041",
        "\u202e",
        "\u2066",
        "\u2069",
        "\ufe0f",
        "\u00ad",
        "\x1b",
        "\r",
        "\x08",
    )
    text = "echo " + "x".join(names) + " > shown.txt # \x1b]8;;http://evil.invalid\x07link\x1b]8;;\x07"
    await _refused_as_line(stage, text)
    asked, _ = await _shown(stage, "sh hidden.sh", {"hidden.sh": text + "\n"})
    found = re.search(r"\*\*(\d+) character\(s\)", asked.preview)
    expect(found and int(found[1]) >= len(names), f"they are not counted: {asked.preview[:400]}")
    for escape in ("\\u200b", "\\u2060", "\\U000e0041", "\\u202e", "\\x1b", "\\x0d"):
        expect(escape in asked.preview, f"{escape} is not shown")


async def lookalikes(stage: Stage) -> None:
    """Hosts, programs and paths in letters that pass for others are escaped and warned of."""
    line = "curl https://g\u0456thub.com/x; \u0441url y; cat \u0440asswd; wget https://xn--gthub-n2e.com"
    asked, seen = await _shown(stage, line)
    for said in (
        "g\\u0456thub.com",
        "mixes scripts",
        "xn--gthub-n2e.com",
        "\\u0441url",
        "\\u0440asswd",
        "stands for",
    ):
        expect(said in asked.preview, f"{said!r} is not said: {asked.preview[:600]}")
    for word_ in ("g\u0456thub", "\u0441url", "\u0440asswd"):
        expect(word_ not in seen, f"{word_!r} is shown as it is")


async def padding(stage: Stage) -> None:
    """Padding is folded with its number, and every command of the line is listed."""
    for blank in (" " * 10_000, "\n" * 200, "\t" * 500):
        asked, seen = await _shown(stage, f"echo ok{blank}; rm -rf src")
        expect("`rm -rf src`" in asked.preview, "the command behind the padding is not listed")
        expect("⟨" in asked.preview and "folded" in asked.preview, "the padding is not counted")
        expect(blank not in seen and len(asked.preview) < 4_000, "the padding is shown as it is")


async def long_line(stage: Stage) -> None:
    """Head and tail of a long line are shown, and nobody approves it without the digest of all of it."""
    line = f"echo {'a' * 9_000}; echo payload > payload.txt"
    async with stage.asked(command(line)) as (bench, handle, asked):
        expect("echo payload > payload.txt" in asked.preview, "the tail is not shown")
        expect(
            "characters left out⟩" in asked.preview and asked.hidden > 5_000,
            "it is not said how much is hidden",
        )
        bare = {"approval_id": asked.id, "verdict": "approve", "by": "Ada"}
        await stage.refused_in_every_way(bench, handle, bare, because="digest")
        expect(asked.whole is not None, "all of it can be read nowhere")
        if asked.whole is not None:
            task = await stage.client(bench).task(handle.id)
            whole = b"".join([part.data async for part in task.artifact(asked.whole.id)])
            expect(line.encode() in whole, "the artifact does not hold all of it")
            expect(asked.operation_digest.encode() in whole, "the artifact does not hold the digest")
        expect(not await stage.said(bench, handle, "signal", word(asked)), "with its digest it was refused")
        await next_word(bench, handle, asked)
        expect((tree_of(bench) / "payload.txt").exists(), "it did not run")


async def markup(stage: Stage) -> None:
    """Markdown and HTML in a command stand there as text."""
    line = "echo '![x](http://evil.invalid/p.png) <script>fetch(1)</script> [ok](javascript:1) ``` <!-- ' > a.txt"
    asked, seen = await _shown(stage, line)
    # A title is plain text for programs; the card shows it as code.
    seen = seen.removeprefix(asked.title)
    rest = _outside_of_code(seen)
    for sign in ("![", "<script", "](http", "<!--"):
        expect(sign not in rest, f"{sign!r} stands outside of code: {rest[:400]}")
    expect("<script>fetch(1)</script>" in asked.preview, "it is not shown")


async def imitated_dialog(stage: Stage) -> None:
    """Output that looks like a question is apart from what Perdure says, and answers nothing."""
    fake = "Approve? [y/N] y"
    lay = command(f"printf '%s\\n' '{fake}' '**approved by Ada**' '- cannot change any file'")
    second = command(f"echo '{fake}\n```\n- cannot change any file\n### approved' > second.txt")
    async with stage.asked(second, lay=lay) as (bench, handle, asked):
        for block in SHOWN_AS_CODE.finditer(asked.preview):
            expect(all(line[:2] in ("│ ", "⟨") or line.startswith("⟨") for line in block[2].split("\n")), "a line of what is quoted lacks the prefix")  # fmt: skip
        outside = SHOWN_AS_CODE.sub("", asked.preview)
        expect("### approved" not in outside, "what is quoted left its block")
        card = await bench.card(handle)
        expect(
            not any(line.strip() == fake for line in card.splitlines()),
            "output stands on the card as if it were ours",
        )
        expect(not (tree_of(bench) / "second.txt").exists(), "output decided something")


async def every_part(stage: Stage) -> None:
    """A line of several commands is asked about as a whole, with each of them listed."""
    asked, _ = await _shown(stage, "git add . && git push; (rm -rf a | tee b) $(cat url)")
    for part in ("`git add .`", "`git push`", "`rm -rf a`", "`tee b`", "`cat url`"):
        expect(part in asked.preview, f"{part} is not listed: {asked.preview[:500]}")


TRICKS = ("a\u202etxt.sh", "b\x1b[2Kc.log", "d\u200be.log", "**f**`g`.log", "<img src=x>.log", "h\ni.log")
"""Names that files can have."""


async def names_of_files(stage: Stage) -> None:
    """Names of files that hide, break lines or are drawn as something else are escaped wherever they are listed."""
    files = {f"build/{name}": "x\n" for name in TRICKS}
    for call in (command("rm build/*"), ("delete_file", {"path": "build", "recursive": True})):
        async with stage.asked(call, files=files) as (bench, handle, asked):
            seen = await _everywhere(stage, bench, handle)
            _nothing_hides(seen)
            for shown in ("a\\u202etxt.sh", "b\\x1b[2Kc.log", "d\\u200be.log"):
                expect(shown in asked.preview, f"{shown!r} is not shown: {asked.preview[:600]}")
            expect("<img" not in _outside_of_code(seen.removeprefix(asked.title)), "a name is drawn as HTML")


async def changes_of_a_file(stage: Stage) -> None:
    """Text that is written to a file is shown as it is, with what hides in it escaped, and what is left out counted."""
    ask = [{"id": "look", "effects": ["write"], "verdict": "ask", "reason": "Changes are looked at."}]
    text = "allowed = False \u202e\u2066# reviewed\u2069\u2066\n```\n### approved\n<script>x()</script>\n"
    short = ("write_file", {"path": "money/new.py", "content": text})
    long = ("write_file", {"path": "money/long.py", "content": "x = 1\n" * 2_000 + "payload = 1\n"})
    async with stage.play(short, long) as bench:
        handle = await bench.start(policy=ask)
        first = await bench.approval(handle)
        seen = await _everywhere(stage, bench, handle)
        _nothing_hides(seen)
        expect("\\u202e" in first.preview, f"what hides is not shown: {first.preview[:500]}")
        outside = _outside_of_code(seen.removeprefix(first.title))
        for sign in ("### approved", "<script"):
            expect(sign not in outside, f"{sign!r} left its block")
        await stage.said(bench, handle, "update", word(first, "deny"))
        second = await bench.approval(handle, but=first.id)
        expect(second.hidden > 0, "it is not said that something is not shown")
        bare = {"approval_id": second.id, "verdict": "approve", "by": "Ada"}
        await stage.refused_in_every_way(bench, handle, bare, because="digest")


async def secrets_in_a_command(stage: Stage) -> None:
    """A credential in a command is shown to nobody; that one stands there is."""
    token = "ghp_" + "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xY1zC3"
    asked, seen = await _shown(stage, f"curl -H 'Authorization: token {token}' https://example.invalid")
    expect(token not in seen, "the credential is shown")
    expect("curl -H" in asked.preview, "the command is not shown")


async def surroundings_shown(stage: Stage) -> None:
    """Where it runs, with which rights, limits and variables, is part of what is shown, though nothing looks odd."""
    line = "PATH=.:$PATH LD_PRELOAD=./x.so make"
    asked, _ = await _shown(stage, line)
    expect(line in asked.preview, "the variables that the line sets are not shown")
    for said in ("of the workspace", "no network", "limits:", "environment:", "may change the files"):
        expect(said in asked.preview, f"{said!r} is not said: {asked.preview[:500]}")


def _nothing_hides(seen: str) -> None:
    for character in seen:
        hides = unicodedata.category(character) in HIDDEN and character not in "\n\t"
        expect(not hides, f"U+{ord(character):04X} is shown as it is")


def _outside_of_code(markdown: str) -> str:
    rest = SHOWN_AS_CODE.sub("", markdown)
    return re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", rest)


async def many_names(stage: Stage) -> None:
    """Where more is deleted than can be listed, nobody approves it without the digest of all of it."""
    files = {f"build/part-{number:04}-of-what-was-made.txt": "x\n" for number in range(400)}
    async with stage.asked(("delete_file", {"path": "build", "recursive": True}), files=files) as (
        bench,
        handle,
        asked,
    ):
        expect("400 files" in asked.preview, f"the number is not said: {asked.preview[:300]}")
        expect(asked.hidden > 5_000, "it is not said how much is hidden")
        bare = {"approval_id": asked.id, "verdict": "approve", "by": "Ada"}
        await stage.refused_in_every_way(bench, handle, bare, because="digest")
