"""What an administrator's policy demands: two people, signatures, and more than when it was asked."""

from pathlib import Path

from perdure.client.signing import SigningKey
from perdure.contracts.decisions import Decide
from tests.corpora.consent.running import command
from tests.corpora.consent.stage import Stage, expect, next_word, tree_of, word
from tests.corpora.consent.timing import RAN, WRITES

RULE = """
v = 1

[[rule]]
id = "programs-that-write-demand-more"
effects = ["run_writing"]
{demands}
reason = "More than one look is wanted at what programs may change."
matches = [{{ effect = "run_writing" }}]
does_not_match = [{{ effect = "read" }}]
"""


def policy(folder: Path, demands: str) -> Path:
    """An administrator's policy file that demands this of programs that write."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "policy.toml"
    file.write_text(RULE.format(demands=demands))
    return file


async def two_people(stage: Stage) -> None:
    """Two different people must approve; who asked is none of them, and one denial denies."""
    file = policy(stage.folder / "two", "people = 2")
    async with stage.asked(
        WRITES, command("echo second > second.txt"), policy=file, task={"user": "Carol"}
    ) as (bench, handle, asked):
        await stage.refused_in_every_way(
            bench, handle, word(asked, by="carol"), because="who asked for the task"
        )
        expect(not await stage.said(bench, handle, "update", word(asked)), "the first approval was refused")
        await stage.said(bench, handle, "client", word(asked, by="ADA "))
        still = await bench.approval(handle)
        expect([each.by for each in still.consents] == ["Ada"], f"who approved so far: {still.consents}")
        expect(not (tree_of(bench) / RAN).exists(), "one person was enough")
        expect("approved so far" in await bench.card(handle), "the card does not say who approved")
        expect(not await stage.said(bench, handle, "signal", word(asked, by="Bob")), "the second was refused")
        second = await bench.approval(handle, but=asked.id)
        expect((tree_of(bench) / RAN).read_text() == "ran\n", "two people were not enough")
        await stage.said(bench, handle, "update", word(second))
        await stage.said(bench, handle, "client", word(second, "deny", by="Bob"))
        await next_word(bench, handle, second)
        expect(not (tree_of(bench) / "second.txt").exists(), "it ran although one person denied it")


async def signatures(stage: Stage) -> None:
    """Where the policy demands a signature, neither a name nor another's key, nor one for something else, counts."""
    folder = stage.folder / "signed"
    file = policy(folder, 'assurance = "signed"')
    for old in folder.glob("*.pem"):
        old.unlink()
    key, stranger = (SigningKey.create(folder / f"{name}.pem") for name in ("ada", "eve"))
    approvers = folder / "approvers.toml"
    approvers.write_text(f'[approvers.Ada]\nkeys = ["{key.public}"]\n')
    approvers.chmod(0o600)
    async with stage.asked(WRITES, policy=file, approvers=approvers) as (bench, handle, asked):
        task_id = handle.first_execution_run_id or ""
        await stage.refused_in_every_way(bench, handle, word(asked), because="a name alone does not count")
        plain = Decide.model_validate(word(asked))
        forged = (
            stranger.signed(plain, asked, task_id=task_id),
            key.signed(plain, asked, task_id="another task"),
            key.signed(plain, asked, task_id=task_id).model_copy(update={"by": "Eve"}),
        )
        for each in forged:
            said = {
                "approval_id": each.approval_id,
                "verdict": "approve",
                "by": each.by,
                "signature": each.signature,
            }
            for way in ("update", "signal"):
                expect(await stage.said(bench, handle, way, said), f"a forged signature was taken by {way}")
        denied_instead = key.signed(plain.model_copy(update={"verdict": "deny"}), asked, task_id=task_id)
        turned = {**word(asked), "signature": denied_instead.signature}
        expect(await stage.said(bench, handle, "update", turned), "a signed denial was taken for an approval")
        expect(not (tree_of(bench) / RAN).exists(), "it ran")
        expect(
            not await stage.said(bench, handle, "client", word(asked, key=key)), "the signature was refused"
        )
        await next_word(bench, handle, asked)
        expect((tree_of(bench) / RAN).exists(), "it did not run")
        recorded = await bench.house.record.approvals(task_id)
        consents = [each.decided["consents"] for each in recorded if each.approval.id == asked.id]
        expect(consents[0][0]["assurance"] == "signed", f"recorded: {consents}")


async def signatures_for_oidc(stage: Stage) -> None:
    """Who is vouched for by an identity provider is no assurance yet; the one above a claimed name is shown in its place."""
    stage.remarks.append("listed: played as 'signed', since the assurance 'oidc' does not exist yet")
    await signatures(stage)


async def stricter_policy(stage: Stage) -> None:
    """An approval that was asked under a policy does not hold under a stricter one: it is asked anew."""
    file = policy(stage.folder / "stricter", "people = 2")
    async with stage.props(WRITES) as props:
        handle, asked = await stage.left(props)
        async with stage.back(props, handle, policy=file) as bench:
            first = await bench.approval(handle)
            expect(first.id == asked.id, "something else waits")
            await stage.said(bench, handle, "update", word(first))
            fresh = await bench.approval(handle, but=asked.id)
            expect(fresh.people == 2, "the new policy was not heeded")
            expect(not (tree_of(bench) / RAN).exists(), "it ran under the old policy's approval")
