"""Names, digests, keys and places that are written otherwise: what nearly fits does not fit."""

import base64
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from perdure.client.signing import SigningKey
from perdure.contracts.decisions import Decide
from perdure.contracts.errors import PerdureError
from perdure.safety.approvers import Approvers
from tests.corpora.consent.policies import policy
from tests.corpora.consent.running import command
from tests.corpora.consent.stage import Bench, Handle, Stage, expect, next_word, tree_of, word
from tests.corpora.consent.timing import RAN, WRITES
from tests.workflows.conftest import calls_of, make_repository, script_of, until

SECOND = command("echo second > second.txt")
SAME_AS_ADA = ("ada", "ADA ", "Ａｄａ", "\u0410da", "Ad\u0430", "Ada\ufe0f", "Ada\u200b", "Ada.", "\u1d00da")
SAME_AS_CAROL = ("carol", "\u0421arol", "Car\u043el", "caroI", "CAR0L", "Carol\u3164")
TOUCH = command("touch made.txt")


async def digests_that_nearly_fit(stage: Stage) -> None:
    """What is too long to be shown takes the operation's own digest: no shorter one, none that only begins or looks like it."""
    async with stage.asked(command(f"echo {'a' * 9_000}; echo ran >> {RAN}"), SECOND) as (
        bench,
        handle,
        asked,
    ):
        digest = asked.operation_digest
        wide = "".join(chr(ord(each) + 0xFEE0) for each in digest[:12])
        near = (
            digest[:11],
            f" {digest[:12]}",
            f"{digest[:12]} ",
            f"0x{digest[:12]}",
            digest[1:],
            wide,
            "*" * 12,
            asked.id,
        )
        near += (f"{digest[:12]}{'0' * 52}", digest[::-1], asked.shown_digest, asked.policy_digest)  # fmt: skip
        for each in near:
            await stage.refused_in_every_way(bench, handle, word(asked, operation_digest=each))
        await stage.refused_in_every_way(bench, handle, {**word(asked), "operation_digest": ""})
        expect(not (tree_of(bench) / RAN).exists(), "it ran")
        taken = await stage.said(bench, handle, "update", word(asked, operation_digest=digest[:12].upper()))
        expect(not taken, f"the digest itself was refused: {taken}")
        await next_word(bench, handle, asked)
        expect((tree_of(bench) / RAN).read_text() == "ran\n", "it did not run exactly once")


async def one_person_spelled_otherwise(stage: Stage) -> None:
    """No spelling of who approved already, or of who asked, is the second person."""
    file = policy(stage.folder / "spelled", "people = 2")
    async with stage.asked(WRITES, SECOND, policy=file, task={"user": "Carol"}) as (bench, handle, asked):
        expect(not await stage.said(bench, handle, "update", word(asked)), "the first approval was refused")
        still = asked
        for name in (*SAME_AS_ADA, *SAME_AS_CAROL):
            for way in ("update", "signal", "client"):
                await stage.said(bench, handle, way, word(asked, by=name))
            still = await bench.approval(handle)
            expect(still.id == asked.id, f"{name!r} counts as another person")
        expect([each.by for each in still.consents] == ["Ada"], f"who approved so far: {still.consents}")
        expect(not (tree_of(bench) / RAN).exists(), "it ran")
        expect(not await stage.said(bench, handle, "client", word(asked, by="Bob")), "the second was refused")
        await bench.approval(handle, but=asked.id)
        expect((tree_of(bench) / RAN).read_text() == "ran\n", "two people were not enough")


async def changed_after_the_decision(stage: Stage) -> None:
    """What was approved and did not run yet is neither edited nor denied: the first word stands, and it alone."""
    async with stage.asked(WRITES, SECOND) as (bench, handle, asked):
        await handle.signal("pause")
        expect(not await stage.said(bench, handle, "update", word(asked)), "the approval was not taken")
        edited = {"command": f"echo other >> {RAN}", "writes": True}
        for by in ("Ada", "Bob"):
            edit = word(asked, "edit", arguments=edited, by=by)
            expect(await stage.said(bench, handle, "update", edit), "an approved call was edited")
            expect(
                await stage.said(bench, handle, "client", edit), "an approved call was edited by the client"
            )
            await stage.refused_in_every_way(
                bench, handle, word(asked, "deny", by=by), because="already decided"
            )
        await handle.signal("resume")
        await bench.approval(handle, but=asked.id)
        expect((tree_of(bench) / RAN).read_text() == "ran\n", "what ran is not what was approved")


async def keys_that_do_not_fit(stage: Stage) -> None:
    """Where a signature is demanded, all that stands on a card, keys of other kinds and signed bytes of others are none."""
    folder = stage.folder / f"keys-{id(stage)}"
    file = policy(folder, 'assurance = "signed"')
    ada = SigningKey.create(folder / "ada.pem")
    approvers = _other_keys_are_refused(folder, ada)
    async with stage.asked(WRITES, WRITES, policy=file, approvers=approvers) as (bench, handle, asked):
        # Whoever saw the card, or was sent a link to it, knows all of this.
        seen = word(asked, operation_digest=asked.operation_digest)
        await stage.refused_in_every_way(bench, handle, seen, because="a name alone does not count")
        task_id = handle.first_execution_run_id or ""
        good = ada.signed(Decide.model_validate(word(asked)), asked, task_id=task_id).signature
        raw = base64.b64decode(good)
        odd = [
            base64.b64encode(each).decode() for each in (raw[:-1], raw + raw, bytes(64), raw[32:] + raw[:32])
        ]
        odd += [
            base64.b64encode(_bare(folder / "ada.pem").sign(each)).decode()
            for each in _other_bytes(asked, task_id)
        ]
        for each in odd:
            for way in ("update", "signal"):
                expect(
                    await stage.said(bench, handle, way, word(asked, signature=each)),
                    f"{each} was taken by {way}",
                )
        expect(
            not await stage.said(bench, handle, "update", word(asked, signature=good)), "Ada's was refused"
        )
        # The signature stands in the history now, for all to read; the same call is asked a second time.
        second = await bench.approval(handle, but=asked.id)
        for way in ("update", "signal"):
            expect(
                await stage.said(bench, handle, way, word(second, signature=good)), "a signature counts twice"
            )
        expect((tree_of(bench) / RAN).read_text() == "ran\n", "it did not run exactly once")


def _other_keys_are_refused(folder: Path, ada: SigningKey) -> Path:
    """The register with Ada's key; keys of other kinds are none that can be registered or that sign."""
    approvers = folder / "approvers.toml"
    other = folder / "rsa.pem"
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    other.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    other.chmod(0o600)
    for attempt in (lambda: SigningKey.read(other), lambda: Approvers(approvers).check()):
        approvers.write_text('[approvers.Ada]\nkeys = ["' + base64.b64encode(bytes(64)).decode() + '"]\n')
        approvers.chmod(0o600)
        try:
            attempt()
        except PerdureError:
            continue
        expect(condition=False, why="a key of another kind was taken")
    approvers.write_text(f'[approvers.Ada]\nkeys = ["{ada.public}"]\n')
    return approvers


def _bare(file: Path) -> ed25519.Ed25519PrivateKey:
    """The key itself, which signs whatever it is given."""
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    key = load_pem_private_key(file.read_bytes(), password=None)
    assert isinstance(key, ed25519.Ed25519PrivateKey)
    return key


def _other_bytes(asked: Any, task_id: str) -> list[bytes]:
    """What somebody may get signed who may not get this decision signed."""
    texts = (
        asked.id,
        asked.operation_digest,
        asked.title,
        asked.preview,
        asked.shown_digest,
        f"approve {asked.id}",
        task_id,
    )
    return [text.encode() for text in texts]


async def remembered_elsewhere(stage: Stage) -> None:
    """What is remembered for a repository is nothing for its neighbours, whatever they are called, nor at another level."""
    async with stage.asked(TOUCH, task={"safety": "standard"}, max_safety="autonomous") as (
        bench,
        handle,
        first,
    ):
        why = await stage.said(bench, handle, "client", word(first, remember="repository"))
        expect(not why, f"it was not remembered: {why}")
        await next_word(bench, handle, first)
        await handle.terminate("the scene goes on in other tasks")
        neighbour, _ = make_repository(bench.folder / "money")
        twin = bench.repository.with_name("Money")
        neighbour.rename(twin)
        places = {
            "its neighbour": str(twin),
            "itself, spelled otherwise": f"{bench.repository}/../{bench.repository.name}/",
        }
        for what, place in places.items():
            await _asks(stage, bench, what, {"request": "Again.", "repository": place, "safety": "standard"})
        cautious = {"request": "Again.", "repository": str(bench.repository), "safety": "cautious"}
        await _asks(stage, bench, "itself, at the cautious level", cautious)


async def _asks(stage: Stage, bench: Bench, what: str, request: dict[str, Any]) -> None:
    handle = await bench.start(request)
    asked = await bench.approval(handle)
    if asked.tool == "execute_command":
        stage.remarks.append(f"asked again in {what}")
    else:
        expect(what != "its neighbour" and "cautious" not in what, f"what was remembered counts in {what}")
        stage.remarks.append(f"not asked again in {what}")
    await handle.terminate("the scene goes on in other tasks")


async def revoked_before_it_runs(stage: Stage) -> None:
    """A grant that is revoked after a call was found to be covered, and before it runs, covers it no more."""
    slow = {"for": "decide", "turn": 1, "delay_ms": 4_000, "calls": calls_of([TOUCH])}
    script = script_of([[TOUCH], [TOUCH]], before=[slow])
    async with stage.asked(script=script) as (bench, handle, first):
        expect(not await stage.said(bench, handle, "client", word(first, remember="task")), "not remembered")

        async def ran() -> bool | None:
            return bool(await bench.calls(handle)) or None

        await until(ran)
        await handle.signal("pause")
        await _found_covered(handle)
        [grant] = await stage.client(bench).grants.list(repository=str(bench.repository))
        await stage.client(bench).grants.revoke(grant.id, by="Ada", reason="no more")
        (tree_of(bench) / "made.txt").unlink()
        await handle.signal("resume")
        asked = await bench.approval(handle)
        expect(asked.title == first.title, "it ran by a grant that was revoked")
        expect(not (tree_of(bench) / "made.txt").exists(), "it ran")


async def _found_covered(handle: Handle) -> None:
    async def look() -> bool | None:
        lines: list[dict[str, Any]] = await handle.query("transcript")
        return any(line["title"].startswith("not asked: ") for line in lines) or None

    await until(look)
