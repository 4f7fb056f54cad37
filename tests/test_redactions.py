"""Which credentials of an installation are known to its screens."""

from pathlib import Path

from perdure.redactions import worker_secrets
from perdure.settings import Settings
from tests.tools.mcp_servers import write_servers


def test_what_mcp_servers_are_given_to_sign_in_with_is_known(tmp_path: Path) -> None:
    file = write_servers(
        tmp_path,
        tickets={"command": "tickets", "env": {"TICKETS_TOKEN": "of-the-environment-81c2"}},
        search={
            "url": "https://bot:of-the-address-77d1@search.example/mcp",
            "headers": {
                "Authorization": "Bearer of-the-header-90f3",
                "X-Api-Key": "of-the-key-4412",
                "Accept": "application/json",
            },
        },
    )
    settings = Settings.model_construct().model_copy(update={"home": tmp_path, "mcp_servers": file})
    known = {each.value for each in worker_secrets(settings, {})}
    assert known >= {
        "of-the-environment-81c2",
        "of-the-address-77d1",
        "of-the-header-90f3",
        "of-the-key-4412",
    }
    assert "application/json" not in known
