"""The files for a server: valid, pinned, closed to the outside, without a password, and in step with the code.

No Docker engine runs here: the image's steps are followed by hand as far as they need none.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import pytest
import yaml

from perdure.contracts.names import SEARCH_ATTRIBUTES
from perdure.settings import PROJECT_FOLDER, Settings, variable_of
from tests.architecture.dockerfile import stages_of

COMPOSE = PROJECT_FOLDER / "docker-compose.yml"
DOCKERFILE = PROJECT_FOLDER / "ops" / "Dockerfile"
SETTINGS = {variable_of(name) for name in Settings.model_fields}
PINNED = re.compile(r"[a-z0-9./-]+:\d+\.\d+[\w.-]*")
VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)(:[?-][^}]*)?\}")


def composed() -> dict[str, Any]:
    """The compose file as data."""
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return loaded


def services() -> dict[str, dict[str, Any]]:
    """Each service by its name."""
    found: dict[str, dict[str, Any]] = composed()["services"]
    return found


def test_the_compose_file_follows_the_specification() -> None:
    checker = Path(sys.executable).with_name("check-jsonschema")
    command = [str(checker), "--builtin-schema", "vendor.compose-spec", str(COMPOSE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_image_is_pinned() -> None:
    images = [service["image"] for service in services().values()]
    images += [stage.image for stage in stages_of(DOCKERFILE)]
    assert [image for image in images if not PINNED.fullmatch(image)] == []


def test_ports_are_bound_to_this_machine_alone() -> None:
    ports = [port for service in services().values() for port in service.get("ports", [])]
    assert len(ports) == 2
    assert [port for port in ports if not re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)] == []
    assert f"127.0.0.1:{Settings.model_fields['temporal_port'].default}:7233" in ports
    assert f"127.0.0.1:{Settings.model_fields['web_ui_port'].default}:8080" in ports


def test_no_path_of_the_host_is_mounted_and_nothing_is_privileged() -> None:
    named = set(composed()["volumes"])
    for name, service in services().items():
        for volume in service.get("volumes", []):
            assert volume.split(":")[0] in named, name
        assert "privileged" not in service, name
        assert not {"network_mode", "pid", "ipc", "devices"} & set(service), name
        assert service["cap_drop"] == ["ALL"], name
        assert "no-new-privileges:true" in service["security_opt"], name
        assert service["init"] is True, name
        assert service["restart"], name


def test_servers_have_health_checks_and_memory_limits() -> None:
    ending = {"temporal-schema", "temporal-namespace"}
    for name, service in services().items():
        if name in ending:
            assert service["restart"].startswith("on-failure"), name
            continue
        assert service["deploy"]["resources"]["limits"]["memory"], name
        if name != "web-ui":
            assert service["healthcheck"]["test"], name


def test_who_waits_for_whom_exists_and_can_be_waited_for() -> None:
    for name, service in services().items():
        for other, terms in service.get("depends_on", {}).items():
            awaited = services()[other]
            if terms["condition"] == "service_healthy":
                assert "healthcheck" in awaited, (name, other)
            else:
                assert awaited["restart"].startswith("on-failure"), (name, other)


def test_every_variable_is_a_setting_or_explained() -> None:
    explained = set(re.findall(r"`(DEPLOY_\w+)`", (PROJECT_FOLDER / "docs" / "server.md").read_text()))
    used = {name for name, _ in VARIABLE.findall(COMPOSE.read_text())}
    assert used - SETTINGS == explained
    # Settings refuse unknown variables with their prefix in .env, which both read.
    assert not [name for name in explained if name.startswith("PERDURE_")]


def test_no_password_has_a_default() -> None:
    found = VARIABLE.findall(COMPOSE.read_text())
    secrets = {(name, how) for name, how in found if name.endswith(("PASSWORD", "KEY"))}
    assert len({name for name, _ in secrets}) == 5
    for name, how in secrets:
        assert how.startswith(f":?set {name} to "), name


def test_the_worker_is_given_only_variables_that_it_knows() -> None:
    environment: dict[str, str] = services()["worker"]["environment"]
    unknown = [
        name for name in environment if name not in SETTINGS | {"TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE"}
    ]
    assert unknown == []


def test_the_workers_settings_load(tmp_path: Path) -> None:
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT_FOLDER)}
    for name, value in services()["worker"]["environment"].items():
        environment[name] = VARIABLE.sub(
            lambda match: match[2].removeprefix(":-") if ":-" in match[2] else "given", value
        )
    script = "from pathlib import Path; from perdure.settings import load_settings; import json, sys; "
    script += "s = load_settings(Path(sys.argv[1])); print(json.dumps([s.max_safety, s.log_format, s.metrics_address]))"
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(done.stdout) == ["cautious", "json", "127.0.0.1:9464"]


def test_the_worker_finds_every_store_by_its_service_and_port() -> None:
    environment: dict[str, str] = services()["worker"]["environment"]
    urls = {name: VARIABLE.sub("given", environment[name]) for name in environment if name.endswith("_URL")}
    found = {
        name: (urlsplit(url).scheme, urlsplit(url).hostname, urlsplit(url).port) for name, url in urls.items()
    }
    assert found == {
        "PERDURE_DATABASE_URL": ("postgresql", "postgres", 5432),
        "PERDURE_REDIS_URL": ("redis", "valkey", 6379),
        "PERDURE_CHROMA_URL": ("http", "chroma", 8000),
    }
    waited_for = services()["worker"]["depends_on"]
    assert {urlsplit(url).hostname for url in urls.values()} <= set(services()) & set(waited_for)


def test_temporal_gets_our_search_attributes_and_a_year_of_retention() -> None:
    script = composed()["configs"]["namespace"]["content"]
    assert dict(re.findall(r"--name (\w+) --type (\w+)", script)) == SEARCH_ATTRIBUTES
    assert "--retention 8760h" in script


@pytest.mark.parametrize("name", ["databases", "schema", "namespace"])
def test_scripts_in_the_compose_file_parse(name: str, tmp_path: Path) -> None:
    script = tmp_path / "script.sh"
    script.write_text(composed()["configs"][name]["content"].replace("$$", "$"))
    subprocess.run(["sh", "-n", str(script)], check=True)


def test_every_file_that_is_mounted_is_defined_and_every_one_that_is_defined_is_mounted() -> None:
    mounted = {each["source"] for service in services().values() for each in service.get("configs", [])}
    assert mounted == set(composed()["configs"])


def test_the_image_copies_what_exists_and_what_the_engine_is_sent() -> None:
    sent = {
        line.removeprefix("!")
        for line in (PROJECT_FOLDER / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    copied = {
        source for stage in stages_of(DOCKERFILE) for sources, _ in stage.copied() for source in sources
    }
    assert sorted(source for source in copied if not (PROJECT_FOLDER / source).exists()) == []
    assert copied == sent


def test_the_image_does_not_run_as_root() -> None:
    last = stages_of(DOCKERFILE)[-1]
    ((user,),) = last.words("USER")
    (made,) = [rest for name, rest in last.instructions if name == "RUN"]
    assert user.split(":")[0] in re.findall(r"useradd --uid (\d+)", made)
    assert ["/var/lib/perdure"] in last.words("VOLUME")
    assert services()["worker"]["volumes"] == ["worker:/var/lib/perdure"]


def test_the_image_is_built_from_the_locked_packages() -> None:
    (made,) = [rest for name, rest in stages_of(DOCKERFILE)[0].instructions if name == "RUN"]
    assert "--constraints requirements.lock" in made
    pinned = cast("re.Match[str]", re.search(r"uv==([\d.]+)", made))
    assert f"uv_version={pinned[1]}" in (PROJECT_FOLDER / "scripts" / "setup.sh").read_text()
    extras = set(re.findall(r"--extra (\w+)", made))
    assert extras == {"cli", "worker"}


def test_the_command_of_the_image_runs_on_what_it_copies(tmp_path: Path) -> None:
    last = stages_of(DOCKERFILE)[-1]
    for sources, target in last.copied():
        for source in sources:
            from_project, to = PROJECT_FOLDER / source, tmp_path / target / ("" if target != "./" else source)
            if from_project.is_dir():
                shutil.copytree(from_project, to, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copyfile(from_project, to)
    playbooks = {file.name for file in (PROJECT_FOLDER / "playbooks").glob("*.toml")}
    assert playbooks == {file.name for file in (tmp_path / "playbooks").glob("*.toml")}
    assert last.command[0] == "python"
    done = subprocess.run(
        [sys.executable, *last.command[1:]],
        cwd=tmp_path,
        env={
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PERDURE_HOME": str(tmp_path / "home"),
            "TEMPORAL_ADDRESS": "127.0.0.1:1",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    # Everything was found and the sandbox held; only the server is missing.
    assert done.returncode == 7, done.stderr
    assert "The Temporal server at '127.0.0.1:1'" in done.stderr
