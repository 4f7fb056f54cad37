"""Every setting once: its variable, its example, and a sentence for what cannot be used."""

import re
from pathlib import Path

import pytest

from perdure.contracts.errors import ConfigurationError
from perdure.contracts.model import Role
from perdure.contracts.task import Safety
from perdure.settings import PROJECT_FOLDER, Settings, example, load_settings, variable_of

VARIABLES = [variable_of(field) for field in Settings.model_fields]


@pytest.fixture(autouse=True)
def _no_variables_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in VARIABLES:
        monkeypatch.delenv(variable, raising=False)


def test_the_example_file_is_what_the_settings_say() -> None:
    assert (PROJECT_FOLDER / ".env.example").read_text() == example(), (
        "run: python -m perdure.settings > .env.example"
    )


def test_every_setting_stands_in_the_example_with_a_meaning() -> None:
    shown = re.findall(r"^# ([A-Z_]+)=", example(), flags=re.MULTILINE)
    assert shown == VARIABLES
    assert all(info.description for info in Settings.model_fields.values())


def test_the_example_file_changes_nothing_when_it_is_used(tmp_path: Path) -> None:
    uncommented = re.sub(r"^# ([A-Z_]+=)", r"\1", example(), flags=re.MULTILINE)
    (tmp_path / ".env").write_text(uncommented)
    bare = tmp_path / "bare"
    bare.mkdir()
    assert load_settings(tmp_path).model_dump(exclude={"home"}) == load_settings(bare).model_dump(
        exclude={"home"}
    )


def test_paths_start_at_the_project_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERDURE_MODEL_SCRIPT", "scripts/fix.json")
    settings = load_settings(tmp_path)
    assert (settings.home, settings.model_script) == (tmp_path / ".perdure", tmp_path / "scripts/fix.json")


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text("PERDURE_TASK_QUEUE=file\nPERDURE_MAX_SAFETY=Standard\n")
    monkeypatch.setenv("PERDURE_TASK_QUEUE", "environment")
    settings = load_settings(tmp_path)
    assert (settings.task_queue, settings.max_safety) == ("environment", Safety.STANDARD)


def test_lists_are_comma_separated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERDURE_REPOSITORY_ROOTS", "/srv/code, github.com,")
    monkeypatch.setenv("PERDURE_MODEL_DECIDE", "a/one,b/two")
    settings = load_settings(tmp_path)
    assert settings.repository_roots == ("/srv/code", "github.com")
    assert settings.models[Role.DECIDE] == ("a/one", "b/two")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PERDURE_BUDGET_USD", "much"),
        ("PERDURE_BUDGET_STEPS", "-1"),
        ("PERDURE_MAX_SAFETY", "reckless"),
        ("PERDURE_TEMPORAL_PORT", "70000"),
        ("PERDURE_LOG_FORMAT", "xml"),
        ("PERDURE_MODEL_PLAN", " , "),
    ],
)
def test_a_bad_value_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=f"{variable} cannot be used: "):
        load_settings(tmp_path)


def test_a_misspelt_variable_is_refused_with_the_near_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PERDURE_MAX_SAVETY", "autonomous")
    with pytest.raises(
        ConfigurationError, match=r"PERDURE_MAX_SAVETY is set.*did you mean PERDURE_MAX_SAFETY"
    ):
        load_settings(tmp_path)


def test_secrets_do_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "gsk_hush")
    monkeypatch.setenv("PERDURE_DATABASE_URL", "postgresql://ada:hush@db/perdure")
    monkeypatch.setenv("TEMPORAL_API_KEY", "hush")
    settings = load_settings(tmp_path)
    assert "hush" not in f"{settings!r} {settings} {settings.model_dump_json()}"


def test_temporals_own_variables_come_from_both_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text("TEMPORAL_ADDRESS=file:7233\nTEMPORAL_NAMESPACE=file\n")
    monkeypatch.setenv("TEMPORAL_NAMESPACE", "environment")
    settings = load_settings(tmp_path)
    assert settings.temporal_address == "file:7233"
    assert settings.temporal_environment["TEMPORAL_ADDRESS"] == "file:7233"
    assert settings.temporal_environment["TEMPORAL_NAMESPACE"] == "environment"
