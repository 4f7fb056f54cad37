"""Two hundred invented credentials in the files, commands and lines where people leave them, and as much that only looks like one."""

from collections import Counter
from pathlib import Path

from tests.corpora import secrets

CASES = Path(__file__).parent / "cases" / "secrets.json"


async def test_every_invented_credential_is_taken_out_and_nothing_else() -> None:
    results = await secrets.run(CASES, "")
    assert [(one.id, one.why) for one in results if one.miss] == []
    kinds = Counter(one.group for one in results)
    assert kinds["credential"] >= 190
    assert kinds["no credential"] >= 180
