"""Every setting and environment variable, once. Only entry points read it; ``.env.example`` is generated from it.

Values come from the environment, then from ``.env`` of the project folder (never from a target repository's).
Temporal's own variables (``TEMPORAL_ADDRESS``, ``TEMPORAL_NAMESPACE``, ``TEMPORAL_API_KEY``, TLS, profiles) are read by
``temporalio.envconfig``; ``Settings.temporal_environment`` gives it both sources.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, PrivateAttr, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from perdure.contracts.errors import ConfigurationError
from perdure.contracts.model import Role
from perdure.contracts.names import TASK_QUEUE
from perdure.contracts.task import Safety
from perdure.settings_sources import refuse_unknown, sentences_of, variables_in, written

PROJECT_FOLDER = Path(__file__).resolve().parents[1]
"""The folder that holds ``starter.py`` and ``worker.py``: relative paths in settings start here."""

PREFIX = "PERDURE_"

CommaSeparated = Annotated[tuple[str, ...], NoDecode]
Positive = Annotated[float, Field(gt=0)]
Port = Annotated[int, Field(ge=0, le=65_535)]

_EAGER_READ_ONLY = ("read_file", "grep_search", "list_directory", "execute_command", "run_tests", "git_diff")
_MODELS = ("openai/gpt-oss-120b", "openai/gpt-oss-20b")


class Settings(BaseSettings):
    """What an installation of Perdure may set. ``load_settings`` is the way to get it: it explains what is wrong."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="ignore",
        str_strip_whitespace=True,
        frozen=True,
        populate_by_name=True,
        use_attribute_docstrings=True,
        hide_input_in_errors=True,
    )

    temporal_address: str | None = Field(default=None, validation_alias="TEMPORAL_ADDRESS")
    """Temporal server to use, as host:port; unset: `python starter.py up` starts one on this machine."""

    groq_api_key: SecretStr | None = Field(default=None, validation_alias="GROQ_API_KEY")
    """Key of the Groq API; without it, PERDURE_MODEL_SCRIPT must be set for tasks that need a model."""

    groq_base_url: str | None = Field(default=None, validation_alias="GROQ_BASE_URL")
    """Host root of the model API, where it is not Groq's own."""

    home: Path = Path(".perdure")
    """Folder for the host id, workspaces and the embedded stack's data, relative to the project folder."""

    task_queue: str = Field(default=TASK_QUEUE, min_length=1, max_length=200)
    """Temporal task queue that workers poll and the client starts tasks on."""

    database_url: SecretStr | None = None
    """PostgreSQL as postgresql://user:password@host/database; unset: an embedded PostgreSQL is started."""

    redis_url: SecretStr | None = None
    """Valkey or Redis as redis://user:password@host:port/0; unset: an embedded Valkey is started."""

    short_term_ttl_s: int = Field(default=14_400, ge=3_600, le=86_400)
    """Seconds that Redis keeps the newest transcript entries of a task after the last one, one hour to one day."""

    chroma_url: SecretStr | None = None
    """Chroma server as http://host:port; unset: an embedded one is started."""

    embedder: str = ""
    """What makes vectors of code for semantic_search: a folder with model.onnx and tokenizer.json, an address such as
    https://host/v1 that speaks OpenAI's form (the code is sent there), or off; unset: the one that set-up prepared."""

    embedder_model: str = ""
    """Model that an embedder's address is asked for."""

    embedder_api_key: SecretStr | None = None
    """Key for an embedder's address."""

    max_safety: Safety = Safety.CAUTIOUS
    """Most that any task may do without a person, whoever starts it: cautious, standard or autonomous."""

    repository_roots: CommaSeparated = ()
    """Folders and Git hosts a task may name, comma-separated, such as /srv/code,github.com; unset: every folder that
    the worker's user can read and every host, which is right only where all who can start tasks may see all of that."""

    policy: Path | None = None
    """The administrator's policy file, on top of what ships: it may ask, deny, demand, and loosen what the built-in policy
    lets it."""

    user_policies: Path | None = None
    """Folder of policy files <user>.toml, which narrow what tasks of that user may do."""

    model_script: Path | None = None
    """Script for the scripted model server, relative to the project folder; used only without GROQ_API_KEY."""

    model_plan: CommaSeparated = _MODELS
    """Model that plans, then its fallbacks in order, comma-separated."""

    model_decide: CommaSeparated = _MODELS
    """Model that picks tool calls, then its fallbacks in order, comma-separated."""

    model_reflect: CommaSeparated = _MODELS
    """Model that looks back at the work, then its fallbacks in order, comma-separated."""

    model_synthesize: CommaSeparated = _MODELS
    """Model that writes the final answer, then its fallbacks in order, comma-separated."""

    model_assist: CommaSeparated = _MODELS
    """Model that tools ask, such as generate_tests, then its fallbacks in order, comma-separated."""

    model_timeout_s: float = Field(default=120.0, gt=0, le=300)
    """Seconds that one request to a model may take before it counts as unanswered and is sent again, at most 300."""

    budget_usd: Positive = 5.0
    """US dollars a task may spend on models where its request names no limit."""

    budget_tokens: int = Field(default=50_000_000, gt=0)
    """Input and output tokens a task may use where its request names no limit."""

    budget_minutes: Positive = 120.0
    """Minutes a task may work where its request names no limit; waiting for a person does not count."""

    budget_steps: int = Field(default=100, gt=0)
    """Steps a task may take where its request names no limit."""

    user_tasks: int = Field(default=100, ge=0)
    """Tasks of one user that run at once; further ones wait for a place. One that waits for a person for more than ten
    minutes gives its place up. 0: no limit."""

    repository_tasks: int = Field(default=100, ge=0)
    """The same for one repository, whoever the users are."""

    user_starts: int = Field(default=1_000, ge=0)
    """Tasks that one user may start within an hour; further ones are refused. 0: no limit."""

    user_limits: CommaSeparated = ()
    """Other limits for single users, comma-separated, as name=tasks/starts, such as ada=10/100."""

    approval_deadline_s: Positive = 604_800.0
    """Seconds after which an unanswered approval counts as denied."""

    approval_reminder_s: Positive = 86_400.0
    """Seconds between reminders of an unanswered approval."""

    approval_reminders: CommaSeparated = ()
    """Moments at which an unanswered approval is brought to mind instead, comma-separated: seconds after it was asked, or
    shares of the time to its deadline, such as 50%,90%."""

    escalation_command: str = ""
    """Program and arguments that a worker runs, outside the sandbox and without a shell, when nobody decides about an
    approval: it reads the approval as JSON from its standard input; unset: nobody is told."""

    escalate_at: str = "75%"
    """When that is: seconds after the approval was asked, or a share of the time to its deadline."""

    escalation_limit_s: float = Field(default=60.0, gt=0, le=240)
    """Seconds that the command may take before it is stopped and run again."""

    remember_repository_s: Positive = 2_592_000.0
    """Seconds that an approval holds which a person remembers for a repository; then it is asked again."""

    approvers: Path | None = None
    """TOML file of who may sign approvals, with their public keys (docs/approvals.md); it belongs to the operator alone."""

    signing_key: Path | None = None
    """Private key file that `approve` signs with, made by `keys create`; only where approvals are given, not by workers."""

    heartbeat_s: Positive = 15.0
    """Seconds without a sign of life after which a running activity is given to another worker."""

    host_answer_s: Positive = 30.0
    """Seconds a host may take to pick up a step before its workspace is restored on another host."""

    sweep_every_s: float = Field(default=300.0, ge=60)
    """Seconds between two sweeps, which archive closed runs and remove the files of tasks that closed long enough ago."""

    keep_workspaces_s: float = Field(default=86_400.0, ge=0)
    """Seconds that the files of a closed task stay on their hosts; its change can be shown and it can be rewound later too."""

    reflect_every: int = Field(default=5, gt=0)
    """Steps between two looks back at the work."""

    continue_after_events: int = Field(default=0, ge=0)
    """Events of a task's history after which it goes on in a new run; 0: when the server suggests it."""

    deployment: str = Field(default="", max_length=100, pattern=r"^[\w-]*$")
    """Name of the worker deployment in Temporal, where runs are to finish on the version of the worker that began them;
    unset: any worker takes any run."""

    build_id: str = Field(default="", max_length=100, pattern=r"^[\w.+-]*$")
    """Version of this worker's code within PERDURE_DEPLOYMENT, such as a release or a commit."""

    temporal_port: Port = 7233
    """Port of the embedded Temporal server on 127.0.0.1; 0: any free port."""

    web_ui_port: Port = 8233
    """Port of the embedded Temporal Web UI on 127.0.0.1; 0: any free port."""

    chroma_port: Port = 0
    """Port of the embedded Chroma server on 127.0.0.1; 0: any free port."""

    sqlite_synchronous: Literal["off", "normal", "full"] = "normal"
    """How the embedded Temporal server writes its database: normal survives a killed process,
    full also a power cut, off is fastest."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """Least important log lines that are written."""

    log_format: Literal["json", "text"] = "text"
    """One JSON object a line, or text for people."""

    log_code: CommaSeparated = ()
    """Repositories whose content (code, names of files, words of programs) may be in log lines, comma-separated, as glob
    patterns such as github.com/acme/*,/srv/code/*, or all; one with ! before it is left out. Unset: of none."""

    known_harmless: Path | None = None
    """TOML file that names texts which look like credentials and are none, such as made-up values of tests."""

    metrics_address: str = ""
    """Where a worker serves Prometheus metrics, as host:port; unset: nowhere."""

    tool_folders: CommaSeparated = ()
    """Folders with files of further tools, comma-separated; packages add theirs by the entry point perdure.tools."""

    mcp_servers: Path | None = None
    """JSON file of the form {"mcpServers": {"name": {"command": "…"}}}: their tools are offered beside our own."""

    eager_tools_change: CommaSeparated = (
        "read_file", "edit_file", "grep_search", "execute_command", "run_tests", "list_directory", "write_file", "git_diff",
    )  # fmt: skip
    """Tools that the model of a changing task is offered from the beginning, at most eight, comma-separated, most needed
    first: the last ones give their places to tools that it finds by find_tools."""

    eager_tools_plan: CommaSeparated = _EAGER_READ_ONLY
    """The same for tasks that only plan."""

    eager_tools_answer: CommaSeparated = _EAGER_READ_ONLY
    """The same for tasks that only answer."""

    max_parallel_tools: int = Field(default=4, gt=0, le=64)
    """Read-only tool calls that one step may run at once."""

    sandbox: Literal["required", "none-i-accept-the-risk"] = "required"
    """`none-i-accept-the-risk`: programs run without any sandbox (level D), and every call asks a person."""

    playbooks: CommaSeparated = ()
    """Further folders with playbooks for maintenance runs, comma-separated; those in playbooks/ are always there."""

    git_author_name: str = Field(default="Perdure", min_length=1, max_length=200)
    """Author and committer name of the commits that tasks make."""

    git_author_email: str = Field(default="perdure@localhost", min_length=1, max_length=200)
    """Author and committer address of the commits that tasks make."""

    git_credentials: Path | None = None
    """TOML file, readable by the worker's user alone, that names a token or an ssh key for each Git host whose private
    repositories tasks may clone and push to (docs/git-credentials.md)."""

    python: Path | None = None
    """Python interpreter for the target repository's tests and checks; unset: the worker's own."""

    package_hosts: CommaSeparated = ()
    """Hosts that `install_dependencies` may reach, comma-separated, as host or host:port; unset: those of the registries
    and indexes that npm and pip of the worker's user are configured with. One with a private address needs its port."""

    _temporal_environment: dict[str, str] = PrivateAttr(default_factory=dict[str, str])

    def knowing(self, temporal_environment: Mapping[str, str]) -> "Settings":
        """The same settings with Temporal's own variables beside them."""
        copy = self.model_copy()
        copy._temporal_environment = dict(temporal_environment)
        return copy

    @field_validator(
        "repository_roots",
        "log_code",
        "playbooks",
        "user_limits",
        "model_plan",
        "model_decide",
        "model_reflect",
        "model_synthesize",
        "model_assist",
        "approval_reminders",
        "package_hosts",
        "tool_folders",
        "eager_tools_change",
        "eager_tools_plan",
        "eager_tools_answer",
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("model_plan", "model_decide", "model_reflect", "model_synthesize", "model_assist")
    @classmethod
    def _needs_a_model(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            raise ValueError("at least one model id is needed")
        return value

    @field_validator("max_safety", "log_level", "log_format", "sqlite_synchronous", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.strip().lower() if isinstance(value, str) else value

    @property
    def models(self) -> dict[Role, tuple[str, ...]]:
        """Each role's model and its fallbacks, in order."""
        return {
            Role.PLAN: self.model_plan,
            Role.DECIDE: self.model_decide,
            Role.REFLECT: self.model_reflect,
            Role.SYNTHESIZE: self.model_synthesize,
            Role.ASSIST: self.model_assist,
        }

    @property
    def scripted(self) -> bool:
        """Whether the scripted model server answers instead of a language model."""
        return self.groq_api_key is None and self.model_script is not None

    @property
    def temporal_environment(self) -> dict[str, str]:
        """Temporal's own variables from both sources, for ``temporalio.envconfig`` (``override_env_vars``)."""
        return dict(self._temporal_environment)


def variable_of(field: str) -> str:
    """The environment variable of a field of ``Settings``."""
    alias = Settings.model_fields[field].validation_alias
    return alias if isinstance(alias, str) else f"{PREFIX}{field.upper()}"


def load_settings(project_folder: Path = PROJECT_FOLDER) -> Settings:
    """Read the environment and ``.env``; raises ConfigurationError naming every variable that cannot be used."""
    file = project_folder / ".env"
    given = {**variables_in(file), **os.environ}
    refuse_unknown(given, known=[variable_of(field) for field in Settings.model_fields], prefix=PREFIX)
    try:
        # The static signature lacks the file argument that BaseSettings takes beside the fields.
        settings = Settings(_env_file=file)  # pyright: ignore[reportCallIssue]
    except ValidationError as error:
        variables = {field: variable_of(field) for field in Settings.model_fields}
        raise ConfigurationError(
            " ".join(sentences_of(error, variables)), "see .env.example for what each variable means."
        ) from error
    return _anchored(settings, project_folder, given)


def example() -> str:
    """The text of ``.env.example``: every variable with its meaning and default, commented out."""
    lines = ["# Copy to .env and change what you need. Values in the environment win over this file.", ""]
    for field, info in Settings.model_fields.items():
        lines += [f"# {line.strip()}" for line in (info.description or "").splitlines()]
        lines += [f"# {variable_of(field)}={written(info.default)}", ""]
    lines += [
        "# Temporal's own variables work too: TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS, TEMPORAL_PROFILE,",
        "# TEMPORAL_CONFIG_FILE and the others of its environment configuration.",
    ]
    return "\n".join(lines) + "\n"


def _anchored(settings: Settings, project_folder: Path, environment: Mapping[str, str]) -> Settings:
    """Relative paths start at the project folder, wherever the program was started."""
    paths = {"home": project_folder / settings.home.expanduser()}
    folders = tuple(str(project_folder / Path(folder).expanduser()) for folder in settings.playbooks)
    tool_folders = tuple(str(project_folder / Path(folder).expanduser()) for folder in settings.tool_folders)
    named = ("model_script", "mcp_servers", "git_credentials", "approvers", "signing_key", "known_harmless")
    files = {name: getattr(settings, name) for name in named}
    paths |= {name: project_folder / file.expanduser() for name, file in files.items() if file is not None}
    anchored = settings.model_copy(update={**paths, "playbooks": folders, "tool_folders": tool_folders})
    return anchored.knowing(
        {name: text for name, text in environment.items() if name.startswith("TEMPORAL_")}
    )


if __name__ == "__main__":
    sys.stdout.write(example())
