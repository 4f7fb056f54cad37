"""benchmark_code compares versions in turns and says what is beyond the noise."""

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench


async def test_compares_the_files_as_they_are_with_the_last_commit(bench: Bench) -> None:
    slow = "import time\n\n\ndef total(prices):\n    time.sleep(0.05)\n    return sum(prices)\n"
    bench.put("app/money.py", slow)
    output = await bench.run(
        "benchmark_code", code="total([1, 2])", setup="from app.money import total", against="HEAD", rounds=2
    )
    assert output.ok, output.content
    assert "times slower than HEAD, beyond the noise." in output.summary
    assert "time.sleep" in output.content
    assert bench.text("app/money.py") == slow


async def test_times_javascript(bench: Bench) -> None:
    call = {"language": "javascript", "code": "x += 1", "setup": "let x = 0", "rounds": 2}
    output = await bench.run("benchmark_code", **call)
    assert output.summary.startswith("code: "), output.content


async def test_code_that_fails_says_how(bench: Bench) -> None:
    output = await bench.run("benchmark_code", code="1 / 0", rounds=2)
    assert not output.ok
    assert "ZeroDivisionError" in output.content
    with pytest.raises(ToolRejected, match="other code or with an earlier version"):
        await bench.run("benchmark_code", code="1", other_code="2", against="HEAD")
