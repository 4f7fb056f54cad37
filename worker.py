"""The composition root: wires the rooms into activities and runs a worker. Start it with ``python worker.py``."""

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from temporalio.client import Client
from temporalio.worker import PollerBehaviorSimpleMaximum, UnsandboxedWorkflowRunner, Worker

from activities.archive import ArchiveDoor
from activities.call_questions import OpensQuestions
from activities.check_work import CheckWorkDoor
from activities.close_task import CloseTaskDoor
from activities.decide import DecideDoor
from activities.door import DoorInterceptor
from activities.escalate import EscalateDoor
from activities.execute_calls import ExecuteCallsDoor
from activities.follow_playbook import FollowPlaybookDoor
from activities.grants import GrantsDoor
from activities.host_steps import Host
from activities.look_after import LookAfterDoor
from activities.look_up import LookUpArtifactDoor, LookUpDiffDoor
from activities.model_steps import Conversation
from activities.open_maintenance import OpenMaintenanceDoor
from activities.open_task import POLICY, Grants, OpenTaskDoor, check_repository_root
from activities.package_requests import note_package_request
from activities.plan import PlanDoor
from activities.prepare_workspace import PrepareWorkspaceDoor, ThisHost
from activities.preview_call import PreviewCallDoor
from activities.propose_publication import ProposePublicationDoor
from activities.read_report import ReadReportDoor
from activities.record_decision import RecordDecisionDoor
from activities.reflect import ReflectDoor
from activities.sweep_host import SweepHostDoor
from activities.synthesize import SynthesizeDoor
from perdure.assembly import Assembly
from perdure.contracts.errors import PerdureError
from perdure.contracts.names import host_queue
from perdure.contracts.repositories import strip_credentials
from perdure.eager_tools import eager_tools_of, tools_offered
from perdure.fork_points import ForkPoints
from perdure.installation import (
    NETWORK_VARIABLES,
    connect,
    database_url_of,
    deployment_of,
    limits_of,
    model_settings_of,
    required,
    search_attributes_registered,
    shared_memory_of,
    shelf_of,
    task_limits_of,
    unversioned,
)
from perdure.interpreter import rare_collections, watch_children_without_threads
from perdure.llm.arguments import parse_calls
from perdure.llm.model_settings import ModelSettings
from perdure.llm.models import Models
from perdure.llm.role_models import RoleModels
from perdure.logs import configure_logging
from perdure.memory.contexts import Contexts
from perdure.memory.ledger import TaskLedger
from perdure.memory.record import Record
from perdure.memory.task_limits import TaskLimits
from perdure.own_process import close_to_others, forget_variables
from perdure.redactions import Redactions, screens_of
from perdure.reminders import announcer_of, timing_of
from perdure.safety.approvers import Approvers
from perdure.safety.hostile import findings_in
from perdure.safety.policy import Policy
from perdure.safety.probing import probed_sandbox
from perdure.safety.secrets import Screens
from perdure.search_services import searching_of
from perdure.settings import PROJECT_FOLDER, Settings, load_settings
from perdure.surveying import survey
from perdure.tidying import keep_tidy
from perdure.workspace.host_identity import host_id
from perdure.workspace.overview import survey_branch
from perdure.workspace.working_copy import WorkingCopy
from perdure.workspace.workspaces import Workspaces
from tools.extensions import all_extensions
from tools.node.locating import find_node, find_node_modules
from tools.packages.package_registries import PackageSources
from tools.programs import toolchain_of as programs_of
from tools.quality_gate import QualityGate
from tools.registry import Registry
from tools.test_frameworks.compilers import find_cargo, find_go
from tools.tool_runner import ToolRunner
from tools.upkeep import Upkeep
from workflows.registered import WORKFLOWS

logger = logging.getLogger("perdure.worker")

STOP_WITHIN = timedelta(seconds=10)
POLLS = 25
"""Requests for work that wait at the server, of each kind and queue."""


@dataclass(frozen=True)
class House:
    """The rooms, opened."""

    settings: Settings
    client: Client
    record: Record
    limits: TaskLimits
    models: Models
    model_settings: ModelSettings
    workspaces: Workspaces
    runner: ToolRunner
    registry: Registry
    policy: Policy
    host_id: str
    search_attributes: bool
    redactions: Redactions

    @property
    def own_queue(self) -> str:
        """The queue that only this host polls."""
        return host_queue(self.settings.task_queue, self.host_id)


@contextlib.asynccontextmanager
async def open_house(settings: Settings, *, screens: Screens | None = None) -> AsyncGenerator[House]:
    """Connect to the servers, probe the sandbox, load tools and policy; everything is closed at the end."""
    screens = screens or screens_of(settings, os.environ)
    own = Registry.discover()
    own.refuse_stale(PROJECT_FOLDER / "tool_dictionary.json")
    async with all_extensions(
        [Path(folder) for folder in settings.tool_folders],
        settings.mcp_servers,
        home=settings.home,
        environment=os.environ,
        taken=own.names,
    ) as extensions:
        for problem in extensions.problems:
            logger.warning("an extension is left out", extra={"problem": problem})
        async with _furnished(settings, own.extended(extensions.tools), screens) as house:
            yield house


@contextlib.asynccontextmanager
async def _furnished(settings: Settings, registry: Registry, screens: Screens) -> AsyncGenerator[House]:
    policy = Policy.load(settings.policy, settings.user_policies)
    home = settings.home
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    node = await asyncio.to_thread(find_node, os.environ)
    programs = programs_of(
        python=settings.python or Path(sys.executable),
        node=node.program if node else None,
        ripgrep=required("rg"),
        ruff=required("ruff"),
        node_modules=find_node_modules() if node and node.is_recent else None,
        go=find_go(os.environ.get("PATH", "")),
        cargo=find_cargo(os.environ.get("PATH", "")),
    )
    # npm and pip take longer to say it than all else here, and few tasks install packages.
    find_packages = PackageSources(
        python=programs.python, node=programs.node, named=settings.package_hosts, environment=os.environ
    )
    sandbox = await probed_sandbox(workspaces=home, without_sandbox=settings.sandbox != "required")
    redactions = Redactions(screens, settings.log_code)
    client = await connect(settings, redact=screens.worker.text, found=sandbox.report)
    model_settings = model_settings_of(settings)
    models = Models(model_settings, screens)
    record = await Record.connect(database_url_of(settings), shared=shared_memory_of(settings, client))
    limits = task_limits_of(settings, record)

    def refuse_folder(folder: str) -> None:
        check_repository_root(folder, settings.repository_roots, shown=folder)
        # A user's own list narrows what their tasks name; the administrator's holds for all content.
        for roots in policy.roots_for(""):
            check_repository_root(folder, roots, shown=folder, by=POLICY)

    workspaces = Workspaces(
        home / "workspaces",
        owner=(sandbox.owner.uid, sandbox.owner.gid),
        author=(settings.git_author_name, settings.git_author_email),
        network={name: os.environ[name] for name in NETWORK_VARIABLES if name in os.environ},
        git_credentials=settings.git_credentials,
        on_git_token=redactions.know,
        refuse_folder=refuse_folder,
        store=record,
    )

    def ledger(task_id: str, at: datetime) -> TaskLedger:
        return TaskLedger(record, task_id, at)

    try:
        yield House(
            settings=settings,
            client=client,
            record=record,
            limits=limits,
            models=models,
            model_settings=model_settings,
            workspaces=workspaces,
            runner=ToolRunner(
                registry,
                policy,
                sandbox,
                programs,
                ledger,
                find_packages=find_packages,
                searching=searching_of(settings),
                known={name for names in eager_tools_of(settings, registry.names).values() for name in names},
                on_package_request=note_package_request,
                screens=screens,
            ),
            registry=registry,
            policy=policy,
            host_id=host_id(home),
            search_attributes=await search_attributes_registered(client),
            redactions=redactions,
        )
    finally:
        await models.close()
        await limits.close()
        await record.close()


def activities_of(house: House) -> tuple[list[Callable[..., Any]], list[Callable[..., Any]]]:
    """The activities for the shared queue, and those for the host that has the workspace (which it also rebuilds)."""
    settings, record, runner = house.settings, house.record, house.runner
    models = RoleModels(house.models, house.model_settings, house.redactions.screens)
    conversation = Conversation(record, models, Assembly(Contexts(record)))
    host: Host[WorkingCopy] = Host(house.host_id, record, house.workspaces, house.redactions.look_at)
    place = (house.host_id, house.own_queue, survey, strip_credentials, house.redactions.look_at)
    this_host = ThisHost[WorkingCopy](*place, *runner.sandbox_found)

    offered = tools_offered(settings, house.registry, house.policy)
    approvers = Approvers.checked(settings.approvers)
    questions = OpensQuestions(record, models, lambda: models.can_be_asked)
    gate = QualityGate(runner, house.registry)
    prepare = PrepareWorkspaceDoor(record, house.workspaces, this_host).prepare_workspace
    upkeep, grants = Upkeep(shelf_of(settings), house.registry, runner), grants_of(house)
    grants_door = GrantsDoor(record, runner, repository_s=settings.remember_repository_s)
    look_after, look_up_diff = (
        LookAfterDoor(host, record, upkeep),
        LookUpDiffDoor(house.workspaces).look_up_diff,
    )
    shared: list[Callable[..., Any]] = [
        OpenTaskDoor(record, models, grants, ForkPoints(house.client, record), house.limits).open_task,
        OpenMaintenanceDoor(record, upkeep, house.workspaces, grants, house.limits).open_maintenance,
        FollowPlaybookDoor(record, upkeep, runner).follow_playbook,
        ReadReportDoor(record, upkeep).read_report,
        prepare,
        PlanDoor(conversation).plan,
        DecideDoor(conversation, runner, parse_calls, offered, findings_in).decide,
        ReflectDoor(conversation).reflect,
        SynthesizeDoor(conversation).synthesize,
        EscalateDoor(record, announcer_of(settings, os.environ)).escalate,
        RecordDecisionDoor(record).record_decision,
        CloseTaskDoor(record, house.limits).close_task,
        LookUpArtifactDoor(record).look_up_artifact,
        look_up_diff,
        *grants_door.activities,
        *ArchiveDoor(house.client, record).activities,
    ]
    hosted: list[Callable[..., Any]] = [
        prepare,
        PreviewCallDoor(host, record, runner, runner, questions, approvers, grants_door).preview_call,
        ExecuteCallsDoor(
            host,
            record,
            runner,
            runner,
            house.workspaces,
            questions,
            approvers,
            parallel=settings.max_parallel_tools,
            remembering=grants_door,
        ).execute_calls,
        CheckWorkDoor(host, record, gate).check_work,
        look_after.look_at_conditions,
        look_after.measure_change,
        look_after.vouch_by_tests,
        ProposePublicationDoor(host, record, runner, survey_branch).propose_publication,
        look_up_diff,
        SweepHostDoor(house.host_id, house.client, record, house.workspaces).sweep_host,
    ]
    return shared, hosted


def grants_of(house: House) -> Grants:
    """What this installation allows every task."""
    settings = house.settings

    async def warnings() -> Sequence[str]:
        return [] if house.search_attributes else ["Search attributes are not registered on this server."]

    return Grants(
        max_safety=settings.max_safety,
        repository_roots=settings.repository_roots,
        policy_roots=house.policy.roots_for,
        limits=limits_of(settings),
        timing=timing_of(settings),
        tools_digest=house.registry.digest,
        search_attributes=house.search_attributes,
        strip_credentials=strip_credentials,
        warnings=warnings,
    )


@contextlib.asynccontextmanager
async def workers(house: House) -> AsyncGenerator[tuple[Worker, Worker]]:
    """Both workers of this process while they run: the shared queue's and this host's own."""
    shared, hosted = activities_of(house)
    # A stopped worker's sticky queue holds workflow tasks for this long before another worker gets them.
    sticky = timedelta(seconds=1)
    common: dict[str, Any] = {"graceful_shutdown_timeout": STOP_WITHIN, "max_concurrent_activities": 200}
    common["interceptors"] = [DoorInterceptor(house.redactions, house.limits.attended)]
    # The SDK holds beats back for four fifths of the time-out, which leaves a busy machine a fifth of it to be late.
    common["max_heartbeat_throttle_interval"] = timedelta(seconds=house.settings.heartbeat_s / 3)
    # Work that finds no request waiting is written to the server's database and read back, which for many tasks at once
    # adds to the cost of the work's own events (docs/performance.md compares 25 with the SDK's five). A
    # worker that is stopped, and not ended, swallows as many tasks as it has requests waiting, until their heartbeats
    # are missed; the server ends such requests after a minute. Whether scaling them by demand is better is not settled.
    polls = PollerBehaviorSimpleMaximum(POLLS)
    common["workflow_task_poller_behavior"] = common["activity_task_poller_behavior"] = polls
    tasks = Worker(
        house.client,
        task_queue=house.settings.task_queue,
        workflows=WORKFLOWS,
        # Every import of a workflow file is passed through, so the SDK's sandbox would guard nothing and cost a tenth
        # of a step. What it is for is checked where it costs nothing: ruff bans clocks, randomness and environment in
        # workflows/, import-linter bans the world, recorded histories replay, and a test loads the workflow in it.
        workflow_runner=UnsandboxedWorkflowRunner(),
        activities=shared,
        deployment_config=deployment_of(house.settings),
        sticky_queue_schedule_to_start_timeout=sticky,
        **common,
    )
    # Never versioned: a workspace outlives releases, so runs of every version must reach the host that has it.
    own = Worker(
        house.client,
        task_queue=house.own_queue,
        activities=hosted,
        deployment_config=unversioned(),
        **common,
    )
    keeping = asyncio.create_task(house.limits.keep())
    try:
        async with tasks, own:
            yield tasks, own
    finally:
        keeping.cancel()


async def run_worker(
    settings: Settings, *, ready: Callable[[House], None] = lambda _: None, screens: Screens | None = None
) -> None:
    """Run until a signal or cancellation; ``ready`` is called once the worker polls."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with open_house(settings, screens=screens) as house, workers(house):
        await keep_tidy(settings, house.client, house.record, house.host_id)
        server = house.client.service_client.config.target_host
        facts = {"queue": settings.task_queue, "host": house.host_id, "server": server}
        logger.info("worker is ready", extra=facts)
        with rare_collections():
            ready(house)
            await stop.wait()
        logger.info("worker is stopping", extra=facts)


def main() -> int:
    """Exit code 0 after a signal, 7 where the installation lacks something (docs/cli.md)."""
    try:
        settings = load_settings()
        screens = screens_of(settings, os.environ)
        close_to_others()
        forget_variables(os.environ)
        configure_logging(level=settings.log_level, form=settings.log_format, screens=screens)
        watch_children_without_threads()
        asyncio.run(run_worker(settings, screens=screens))
    except PerdureError as error:
        sys.stderr.write(f"{error}\n")
        return 7
    return 0


if __name__ == "__main__":
    code = main()
    # Threads of Temporal's library may touch the interpreter while it is taken down, which aborts the process instead
    # of ending it with our exit code: https://github.com/temporalio/sdk-python/issues/300
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
