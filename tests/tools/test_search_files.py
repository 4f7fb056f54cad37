"""search_files finds a path by what a person remembers of it."""

import os

import pytest

from perdure.contracts.errors import ToolRejected
from tests.tools.conftest import Bench
from tools.searching.path_ranking import ranked

PATHS = (
    "app/controllers/user_controller.py",
    "app/controllers/order_controller.py",
    "app/models/user.py",
    "app/models/user_settings.py",
    "app/api/login.ts",
    "app/ui/login.ts",
    "tests/test_user.py",
    "tests/user/test_order.py",
    "src/PaymentService.java",
    "docs/user.md",
    "README.md",
)


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("user.py", "app/models/user.py"),
        ("user", "docs/user.md"),
        ("user controller", "app/controllers/user_controller.py"),
        ("controller user", "app/controllers/user_controller.py"),
        ("usrctl", "app/controllers/user_controller.py"),
        ("uc.py", "app/controllers/user_controller.py"),
        ("api/login", "app/api/login.ts"),
        ("ui/login", "app/ui/login.ts"),
        ("paymentservice", "src/PaymentService.java"),
        ("paymnt servce", "src/PaymentService.java"),
        ("PS.java", "src/PaymentService.java"),
        ("readme", "README.md"),
        ("order_contoller", "app/controllers/order_controller.py"),
        ("app/models/user_settings.py", "app/models/user_settings.py"),
    ],
)
def test_the_path_that_is_meant_comes_first(query: str, first: str) -> None:
    assert ranked(query, PATHS)[0] == first


@pytest.mark.parametrize("query", ["zzz", "user zzz", "quaternion"])
def test_what_fits_nothing_finds_nothing(query: str) -> None:
    assert ranked(query, PATHS) == []


def test_the_order_of_the_list_does_not_matter() -> None:
    assert ranked("user", PATHS) == ranked("user", PATHS[::-1])


def test_many_paths_that_fit_are_all_there_with_the_likeliest_first() -> None:
    paths = [f"pages/page_{number:05}/index.html" for number in range(5_000)] + ["index.html"]
    found = ranked("index.html", paths)
    assert found[0] == "index.html"
    assert sorted(found) == sorted(paths)


async def test_finds_files_and_leaves_out_what_git_ignores(bench: Bench) -> None:
    bench.put("build/money.py", "x")
    output = await bench.run("search_files", query="mony")
    assert output.content == "1 of 4 files fit 'mony'\napp/money.py"
    assert (await bench.run("search_files", query="qqq")).content == (
        "None of 4 files in . has a path like 'qqq'."
    )


async def test_narrows_by_folder_and_glob(bench: Bench) -> None:
    bench.put("lib/money.ts", "x")
    assert (await bench.run("search_files", query="money", path="lib")).content.endswith("\nlib/money.ts")
    output = await bench.run("search_files", query="money", glob="*.py")
    assert output.content.endswith("\napp/money.py")


async def test_shows_as_many_as_asked(bench: Bench) -> None:
    for number in range(30):
        bench.put(f"page{number}.html", "x")
    output = await bench.run("search_files", query="page", limit=4)
    assert output.content.startswith("30 of 34 files fit 'page'; the best 4\n")
    assert len(output.content.splitlines()) == 5


async def test_takes_odd_names_as_they_are(bench: Bench) -> None:
    for name in ("-rf needle", "na\nme needle", "näme needle"):
        bench.put(name, "x")
    (bench.copy.root / os.fsdecode(b"bad\xff needle")).touch()
    (bench.copy.root / "away needle").symlink_to("/etc")
    output = await bench.run("search_files", query="needle")
    assert sorted(output.content.splitlines()[1:]) == [
        "'bad\\udcff needle'",
        "'na\\nme needle'",
        "-rf needle",
        "näme needle",
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"query": " / "}, "no part of a name"),
        ({"query": "x", "path": "../.."}, "outside"),
        ({"query": "x", "path": "/etc"}, "outside"),
        ({"query": "x", "path": "README.md"}, "is a file"),
        ({"query": "x", "path": "nowhere"}, "There is no 'nowhere'"),
        ({"query": "x", "glob": "[["}, "were not listed"),
    ],
)
async def test_refuses_what_cannot_be_searched(bench: Bench, arguments: dict[str, str], said: str) -> None:
    with pytest.raises(ToolRejected, match=said):
        await bench.run("search_files", **arguments)
