"""An explanation cites lines that exist, and names that stand there."""

from typing import Any

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench
from tests.tools.test_generate_tests import asking

POINT = {"text": "`total` adds the prices.", "first_line": 1, "last_line": 2, "names": ["total", "sum"]}
GOOD: dict[str, Any] = {"summary": "Sums and means of prices.", "points": [POINT]}


async def test_an_explanation_names_the_lines_of_each_point_and_what_is_not_proved(bench: Bench) -> None:
    bench, model = asking(bench, GOOD)
    output = await bench.run("explain_code", path="app/money.py", symbol="total")
    assert "- app/money.py:1-2: `total` adds the prices." in output.content
    assert "Not proved: what is said of them." in output.content
    assert "1\tdef total(prices):" in model.asked[0]
    assert "average" not in model.asked[0]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"last_line": 40}, "app/money.py:1-40 is cited, but the file has the lines 1 to 6."),
        ({"first_line": 0}, "app/money.py:0-2 is cited, but the file has the lines 1 to 6."),
        ({"first_line": 3, "last_line": 2}, "is cited, but the file has"),
        (
            {"first_line": 3, "last_line": 4, "names": []},
            "app/money.py:3-4 is cited, but nothing stands there.",
        ),
        ({"names": ["average"]}, "'average' does not stand in app/money.py:1-2."),
        ({"text": "`round_up` is called."}, "'round_up', of which a point speaks, does not stand"),
    ],
)
async def test_a_citation_that_does_not_hold_is_refused(
    bench: Bench, change: dict[str, Any], said: str
) -> None:
    bench, model = asking(bench, {**GOOD, "points": [{**POINT, **change}]})
    with pytest.raises(ToolRejected) as refusal:
        await bench.run("explain_code", path="app/money.py")
    assert said in refusal.value.message
    assert said in model.asked[1]


async def test_a_corrected_explanation_is_taken_and_one_without_points_is_not(bench: Bench) -> None:
    mended, _ = asking(bench, {**GOOD, "points": []}, GOOD)
    assert (await mended.run("explain_code", path="app/money.py")).ok
    empty, _ = asking(bench, {**GOOD, "points": []})
    with pytest.raises(ToolRejected, match="no point that cites lines"):
        await empty.run("explain_code", path="app/money.py")


async def test_the_values_of_an_env_file_are_shown_to_no_model(bench: Bench) -> None:
    bench.put("deploy/.env", "PASSWORD=hidden-one\n")
    (bench.copy.root / "deploy" / "link.txt").symlink_to(".env")
    for path in ("deploy/.env", "deploy/link.txt"):
        asked, model = asking(bench, GOOD)
        with pytest.raises(ToolRejected, match="holds values that no model is shown"):
            await asked.run("explain_code", path=path)
        assert not model.asked
