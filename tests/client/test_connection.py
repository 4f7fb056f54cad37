"""Which server is asked: the argument, Temporal's own configuration, the running stack, the default."""

import os
from pathlib import Path

import pytest

from perdure.client import PerdureClient, ServerUnreachable
from perdure.client.connection import find_server, running_stack
from perdure.contracts.errors import ConfigurationError
from perdure.embedded.component import ProcessFacts
from perdure.embedded.ports import free_port
from perdure.embedded.record import Addresses, record_of, write_record

ADDRESSES = Addresses(
    temporal="127.0.0.1:4711",
    namespace="shop",
    web_ui="http://127.0.0.1:4712",
    database_url="postgresql://perdure:hush@/perdure",
    others={"models": "http://127.0.0.1:4713"},
)


def write_stack(home: Path, *, owner: int) -> None:
    """What a running stack writes, by its own code."""
    processes = [ProcessFacts("temporal", os.getpid(), 0)]
    write_record(home / "stack.json", record_of(owner=owner, addresses=ADDRESSES, processes=processes))


def test_the_given_address_wins(tmp_path: Path) -> None:
    write_stack(tmp_path, owner=os.getpid())
    found = find_server(address="a:1", home=tmp_path, environment={"TEMPORAL_ADDRESS": "b:2"})
    assert (found.address, found.source) == ("a:1", "the given address")


def test_temporals_own_configuration_comes_before_the_running_stack(tmp_path: Path) -> None:
    write_stack(tmp_path, owner=os.getpid())
    environment = {"TEMPORAL_ADDRESS": "b:2", "TEMPORAL_NAMESPACE": "n", "TEMPORAL_API_KEY": "k"}
    found = find_server(home=tmp_path, environment=environment)
    assert found.address == "b:2"
    assert (found.config.get("namespace"), found.config.get("api_key")) == ("n", "k")


def test_the_running_stack_gives_address_and_namespace(tmp_path: Path) -> None:
    write_stack(tmp_path, owner=os.getpid())
    found = find_server(home=tmp_path, environment={})
    assert (found.address, found.config.get("namespace")) == ("127.0.0.1:4711", "shop")
    running = running_stack(tmp_path)
    assert running is not None
    assert running.model_dump() == ADDRESSES.model_dump()
    assert "hush" not in repr(running)


def test_a_stack_whose_owner_died_does_not_count(tmp_path: Path) -> None:
    write_stack(tmp_path, owner=os.getpid())
    file = tmp_path / "stack.json"
    text = file.read_text()
    started = text.split('"started": ')[1].split("\n")[0].rstrip(",")
    file.write_text(text.replace(f'"started": {started}', '"started": 1', 1))
    assert running_stack(tmp_path) is None
    assert find_server(home=tmp_path, environment={}).address == "127.0.0.1:7233"


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"v": 9}'])
def test_a_stack_file_of_another_kind_does_not_count(tmp_path: Path, content: str) -> None:
    (tmp_path / "stack.json").write_text(content)
    assert running_stack(tmp_path) is None


def test_a_profile_that_is_not_there_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"zz.*TEMPORAL_PROFILE"):
        find_server(environment={"TEMPORAL_PROFILE": "zz"})


async def test_a_server_that_is_not_there_is_named_with_what_to_do() -> None:
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(ServerUnreachable, match=f"{address}.*Connection refused.*starter.py up"):
        async with PerdureClient.connect(address, environment={}):
            pass
