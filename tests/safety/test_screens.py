"""Screens: texts, JSON and models without credentials, a task's own values among them, each text looked at once."""

import json
import os
from pathlib import Path

import pytest
from pydantic import BaseModel

from perdure.contracts.errors import ConfigurationError
from perdure.safety.secrets import KnownValue, Screens, holds_marker, marker
from perdure.safety.secrets.env_files import EnvFiles, secrets_among, values_in
from perdure.safety.secrets.harmless import allowed_in, digest_of_text, load_harmless

TOKEN = "ghp_" + "Zx9Qw8Er7T" * 4
OWN = "kD83-jfLs-93kd-LLq0-vbn2"
PASSWORD = "tr0ub4dor&3-hills"


class Line(BaseModel):
    """A model with texts at every depth."""

    title: str
    digest: str
    parts: tuple[str, ...] = ()
    facts: dict[str, str] = {}
    inner: "Line | None" = None


def test_a_model_is_redacted_at_every_depth_and_is_the_same_object_where_it_holds_nothing() -> None:
    screen = Screens([KnownValue("worker-secret", OWN)]).worker
    clean = Line(title="read_file app/money.py", digest="0" * 64, parts=("a", "b"))
    assert screen.model(clean) is clean
    dirty = Line(
        title=f"echo {TOKEN}",
        digest="1" * 64,
        facts={OWN: "x"},
        inner=Line(title="", digest="", parts=(OWN,)),
    )
    assert screen.model(dirty) == Line(
        title=f"echo {marker('github-token')}",
        digest="1" * 64,
        facts={marker("worker-secret"): "x"},
        inner=Line(title="", digest="", parts=(marker("worker-secret"),)),
    )


def test_a_field_that_is_called_a_password_is_one() -> None:
    screen = Screens().worker
    value = {"tool": "connect", "arguments": {"host": "db.example", "password": PASSWORD}}
    assert screen.value(value) == {
        "tool": "connect",
        "arguments": {"host": "db.example", "password": marker("named-secret")},
    }
    raw = json.dumps(value)
    assert json.loads(screen.arguments(raw)) == screen.value(value)
    assert screen.arguments(screen.arguments(raw)) == screen.arguments(raw)
    assert TOKEN not in screen.arguments(f'{{"broken": "{TOKEN}')


def test_digests_and_paths_stay_under_whatever_name() -> None:
    screen = Screens().worker
    value = {"token": "deadbeef" * 8, "key": "src/app/keys.py", "secret": "${SECRET}", "auth": "basic"}
    assert screen.value(value) is value


def test_a_long_text_is_looked_at_in_pieces_and_nothing_is_lost_at_their_borders() -> None:
    screen = Screens([KnownValue("worker-secret", OWN)]).worker
    for before in (65_500, 65_530, 131_060):
        text = f"{'x y ' * (before // 4)}{OWN}{' and on' * 20_000}"
        assert screen.text(text) == text.replace(OWN, marker("worker-secret"))
    long = "def f(): pass\n" * 20_000
    assert screen.text(long) is long
    assert screen.data(b"\xff\xfe" + TOKEN.encode()) == b"\xff\xfe" + TOKEN.encode()


async def test_values_of_a_trees_env_files_are_secrets_of_its_task_alone(tmp_path: Path) -> None:
    screens = Screens()
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / ".env").write_text(f"# c\nDB_PASSWORD='{PASSWORD}'\nDEBUG=true\nPORT=5432\n")
    (tmp_path / ".env.example").write_text(f"OTHER_PASSWORD={PASSWORD}x1\n")
    text = f"it is {PASSWORD}, port 5432, true"
    screen = await screens.look_at("one", tmp_path, repository="r")
    assert screen.text(text) == f"it is {marker('env-value')}, port 5432, true"
    assert screens.of("one") is screen
    assert screens.of("two", repository="r").text(text) == text
    assert await screens.look_at("one", tmp_path) is screen, "nothing changed"
    (tmp_path / "deep" / "er" / "prod.env").write_text(f"API_KEY={OWN}\n")
    screen = await screens.look_at("one", tmp_path)
    assert screen.text(OWN) == marker("env-value")
    (tmp_path / ".env").write_text("DB_PASSWORD=an0ther-one-of-these\n")
    screen = await screens.look_at("one", tmp_path)
    assert not {PASSWORD, "an0ther-one-of-these"} & set(
        screen.text(f"{PASSWORD} an0ther-one-of-these").split()
    )


def test_env_files_that_are_links_pipes_or_gone_hold_nothing_up(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text(f"A_TOKEN={OWN}\n")
    (tmp_path / ".env").symlink_to(tmp_path / "secret.txt")
    os.mkfifo(tmp_path / ".env.pipe")
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / ".env").write_text(f"A_TOKEN={OWN}\n")
    files = EnvFiles(tmp_path)
    assert files.refresh() == []
    (tmp_path / ".env").unlink()
    assert files.refresh() == []
    assert EnvFiles(tmp_path / "nowhere").refresh() == []


@pytest.mark.parametrize(
    "text",
    [
        "NODE_ENV=production",
        "DB_PASSWORD=postgres",
        "SECRET_NAME=my-app-secrets",
        "KEY_FILE=/etc/ssl/private/server.key",
        "API_KEY=your-key-here",
        "TOKEN_TTL=3600",
        "PUBLIC_URL=https://app.example.org/login",
        "AUTH_METHOD=oauth2",
        "SECRET=$OTHER",
        "PASSWORD=",
    ],
)
def test_plain_settings_are_no_secrets(text: str) -> None:
    assert values_in(text, kind="env-value") == []


def test_a_password_in_an_address_is_a_secret_and_the_address_is_none() -> None:
    found = list(
        secrets_among(
            {"DATABASE_URL": f"postgresql://app:{PASSWORD.replace('&', '%26')}@db:5432/app"}, kind="k"
        )
    )
    assert [one.value for one in found] == [PASSWORD]


def test_an_administrator_names_what_is_harmless_and_never_a_secret_of_the_worker(tmp_path: Path) -> None:
    file = tmp_path / "harmless.toml"
    file.write_text(
        f"""
        [[harmless]]
        sha256 = "{digest_of_text(TOKEN)}"
        repository = "*/shop"
        reason = "Made up for tests."

        [[harmless]]
        pattern = ".*"
        repository = "anything"
        reason = "A playground."
        """
    )
    screens = Screens([KnownValue("worker-secret", OWN)], allowed_in=allowed_in(load_harmless(file)))
    text = f"{TOKEN} {OWN}"
    assert screens.worker.text(text) == f"{marker('github-token')} {marker('worker-secret')}"
    assert screens.of("t", repository="git.example/shop").text(text) == f"{TOKEN} {marker('worker-secret')}"
    assert screens.of("u", repository="anything").text(text) == f"{TOKEN} {marker('worker-secret')}"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("[[harmless]]\nreason = 'x'\n", "exactly one of"),
        ("[[harmless]]\npattern = '('\nreason = 'x'\n", "no regular expression"),
        ("[[harmless]]\ntext = 'x'\n", "reason"),
        ("[[harmles]]\n", "harmles"),
        ("=", "cannot be read"),
    ],
)
def test_a_file_of_harmless_texts_that_cannot_be_used_is_refused(
    tmp_path: Path, content: str, told: str
) -> None:
    file = tmp_path / "harmless.toml"
    file.write_text(content)
    with pytest.raises(ConfigurationError, match=told):
        load_harmless(file)


def test_what_became_known_later_is_taken_out_from_then_on() -> None:
    screens = Screens()
    screen = screens.of("task", repository="r")
    assert screen.text(f"now {OWN}") == f"now {OWN}"
    screens.know([KnownValue("worker-secret", OWN)])
    assert holds_marker(screens.of("task").text(f"now {OWN}"))
    assert holds_marker(screens.worker.text(f"now {OWN}"))
