"""Tasks and maintenance runs as one list, with filters. The server answers alone: no worker is needed."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field
from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import WorkflowExecution
from temporalio.common import SearchAttributeKey

from perdure.client.listing import State, state_of
from perdure.client.server import Server
from perdure.contracts.errors import ConfigurationError, InvalidInput, PerdureError
from perdure.contracts.names import (
    CODING_TASK,
    MAINTENANCE_RUN,
    SEARCH_ATTRIBUTES,
    SEARCH_COST,
    SEARCH_NEEDS,
    SEARCH_REPOSITORY,
    SEARCH_STATUS,
    SEARCH_USER,
)
from perdure.contracts.task import TaskStatus

MOST_LISTED = 1_000
KINDS = f"WorkflowType IN ('{CODING_TASK}', '{MAINTENANCE_RUN}')"
_RUNS = f"{KINDS} AND ExecutionStatus != 'ContinuedAsNew'"
_LOOKED_AT_ONCE = 50
_STAGES = {
    TaskStatus.PLANNING,
    TaskStatus.WORKING,
    TaskStatus.WAITING,
    TaskStatus.CHECKING,
    TaskStatus.PUBLISHING,
}

Needs = Literal["approval", "answer", "nothing"]


class ListedTask(BaseModel):
    """One task or maintenance run, as the server lists it."""

    model_config = ConfigDict(frozen=True)

    id: str
    """The workflow's id."""
    kind: str
    """``CodingTask`` or ``MaintenanceRun``."""
    run_id: str
    state: State
    status: str
    """As ``PerdureStatus`` has it; the server's own state where the task could not set that."""
    needs: Needs = "nothing"
    repository: str = ""
    user: str = ""
    cost_usd: float | None = None
    """None where the task could not set it."""
    started_at: datetime
    closed_at: datetime | None = None

    @property
    def open(self) -> bool:
        """Whether it still runs or waits."""
        return self.state == "running"


class TaskFilter(BaseModel):
    """Which tasks are wanted; None takes all."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    status: TaskStatus | None = None
    needs: Needs | None = None
    repository: str | None = Field(default=None, min_length=1, max_length=1_000)
    """Path or URL as the task was started with, without credentials."""
    user: str | None = Field(default=None, max_length=64)
    since: datetime | None = None
    """Started then or later; without a time zone it is UTC."""
    open: bool | None = None
    """True: only those that run or wait; False: only those that ended."""
    limit: int = Field(default=20, ge=1, le=MOST_LISTED)

    def query(self) -> str:
        """The server's query. Runs that went on in another run are left out."""
        parts = [_RUNS]
        if self.status is not None:
            parts.append(_status_query(self.status))
        for name, wanted in self._attributes().items():
            parts.append(f"{name} = {_quoted(wanted)}")
        if self.open is not None:
            parts.append(f"ExecutionStatus {'=' if self.open else '!='} 'Running'")
        if self.since is not None:
            since = self.since if self.since.tzinfo is not None else self.since.replace(tzinfo=UTC)
            parts.append(f"StartTime >= '{since.astimezone(UTC).isoformat()}'")
        return " AND ".join(parts)

    def attributes(self) -> list[str]:
        """The search attributes that this filter needs."""
        own = self.status not in {None, TaskStatus.FAILED, TaskStatus.CANCELED}
        return [*([SEARCH_STATUS] if own else []), *self._attributes()]

    def _attributes(self) -> dict[str, str]:
        wanted = {SEARCH_NEEDS: self.needs, SEARCH_REPOSITORY: self.repository, SEARCH_USER: self.user}
        return {name: text for name, text in wanted.items() if text is not None}


async def list_tasks(server: Server, wanted: TaskFilter) -> list[ListedTask]:
    """The tasks that fit, open ones first, then those that ended last; one entry an id, by its run that stands."""
    found: dict[str, ListedTask] = {}
    page: dict[str, ListedTask] = {}
    try:
        with server.explained():
            async for each in server.client.list_workflows(wanted.query(), rpc_timeout=server.limit):
                # A reset leaves the run that it replaced in the list, under the same id and after its successor.
                page.setdefault(each.id, listed(each))
                if len(page) == min(wanted.limit - len(found), _LOOKED_AT_ONCE):
                    found |= await _standing(server, page, known=found)
                    page = {}
                if len(found) == wanted.limit:
                    break
            found |= await _standing(server, page, known=found)
    except InvalidInput as error:
        raise await _not_filterable(server, wanted, error) from error
    return list(found.values())


async def _standing(
    server: Server, page: Mapping[str, ListedTask], *, known: Mapping[str, ListedTask]
) -> dict[str, ListedTask]:
    """Those that are their id's newest run: the newest one may not fit a filter that an older one fits."""
    asked = {id: each for id, each in page.items() if id not in known}
    newest: dict[str, str] = {}
    # The server lists a run that is open first, and then the one that closed last. What runs is the newest one.
    closed = [_quoted(id) for id, each in asked.items() if not each.open]
    if closed:
        query = f"{_RUNS} AND WorkflowId IN ({', '.join(closed)})"
        async for each in server.client.list_workflows(query, rpc_timeout=server.limit):
            newest.setdefault(each.id, each.run_id)
    return {id: each for id, each in asked.items() if newest.get(id, each.run_id) == each.run_id}


def listed(each: WorkflowExecution) -> ListedTask:
    """One entry of the server's list as one of ours."""
    attributes = each.typed_search_attributes
    keywords = {
        name: attributes.get(SearchAttributeKey.for_keyword(name)) or ""
        for name in (SEARCH_STATUS, SEARCH_NEEDS, SEARCH_REPOSITORY, SEARCH_USER)
    }
    state = state_of(each.status)
    ended_otherwise = state not in {"running", "completed"}
    needs = keywords[SEARCH_NEEDS] if state == "running" else "nothing"
    return ListedTask(
        id=each.id,
        kind=each.workflow_type,
        run_id=each.run_id,
        state=state,
        status=state if ended_otherwise else keywords[SEARCH_STATUS] or state,
        needs=next((word for word in get_args(Needs) if word == needs), "nothing"),
        repository=keywords[SEARCH_REPOSITORY],
        user=keywords[SEARCH_USER],
        cost_usd=attributes.get(SearchAttributeKey.for_float(SEARCH_COST)),
        started_at=each.start_time,
        closed_at=each.close_time,
    )


async def missing_attributes(server: Server) -> list[str]:
    """Search attributes of ours that the namespace lacks."""
    with server.explained():
        answer = await server.client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=server.client.namespace), timeout=server.limit
        )
    return [name for name in SEARCH_ATTRIBUTES if name not in answer.custom_attributes]


def registration(wanted: Mapping[str, str], *, address: str, namespace: str) -> str:
    """The command that registers these search attributes (name → type)."""
    pairs = " ".join(f"--name {name} --type {kind}" for name, kind in wanted.items())
    return f"temporal operator search-attribute create --address {address} --namespace {namespace} {pairs}"


async def _not_filterable(server: Server, wanted: TaskFilter, error: InvalidInput) -> PerdureError:
    """Why the server refused the filter: an attribute that is not registered, or what it says itself."""
    missing = [name for name in await missing_attributes(server) if name in wanted.attributes()]
    if not missing:
        return error
    types = {name: SEARCH_ATTRIBUTES[name] for name in missing}
    command = registration(types, address=server.address, namespace=server.client.namespace)
    return ConfigurationError(
        f"Tasks cannot be filtered so, since namespace {server.client.namespace!r} lacks the search attributes "
        f"{', '.join(missing)}. Filters by time and by open or closed work without them.",
        f"{command} registers them; then restart the workers. Tasks that started before have none.",
    )


def _status_query(status: TaskStatus) -> str:
    # A task that is terminated, or fails before it is opened, cannot say so in its own attribute.
    if status is TaskStatus.FAILED:
        return "ExecutionStatus IN ('Failed', 'Terminated', 'TimedOut')"
    if status is TaskStatus.CANCELED:
        return "ExecutionStatus = 'Canceled'"
    execution = "Running" if status in _STAGES else "Completed"
    return f"({SEARCH_STATUS} = {_quoted(status.value)} AND ExecutionStatus = '{execution}')"


def _quoted(text: str) -> str:
    """A text in the server's query language."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
