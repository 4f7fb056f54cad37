"""What Perdure needs of a namespace of its own server: a year of retention and its search attributes."""

import asyncio
import time
from datetime import timedelta

from google.protobuf.duration_pb2 import Duration
from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest, UpdateNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from perdure.contracts.errors import ConfigurationError
from perdure.contracts.names import SEARCH_ATTRIBUTES

REGISTRATION_TIMEOUT_S = 20.0
POLL_S = 0.05


async def describe_retention(client: Client) -> timedelta:
    """How long the namespace keeps closed workflows."""
    answer = await client.workflow_service.describe_namespace(
        DescribeNamespaceRequest(namespace=client.namespace)
    )
    return answer.config.workflow_execution_retention_ttl.ToTimedelta()


async def registered_attributes(client: Client) -> dict[str, str]:
    """Name → type of the namespace's own search attributes."""
    answer = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    return {name: _type_name(number) for name, number in answer.custom_attributes.items()}


async def prepare_namespace(client: Client, *, retention: timedelta) -> None:
    """Raise the retention and register the search attributes; does nothing where both are as they should be."""
    await _until_known(client)
    if await describe_retention(client) < retention:
        await _keep_for(client, retention)
    present = await registered_attributes(client)
    for name, kind in SEARCH_ATTRIBUTES.items():
        if present.get(name, kind) != kind:
            raise ConfigurationError(
                f"The search attribute {name!r} is registered as {present[name]}, and Perdure needs {kind}.",
                f"remove it by 'temporal operator search-attribute remove --name {name}' and start again.",
            )
    missing = {name: kind for name, kind in SEARCH_ATTRIBUTES.items() if name not in present}
    if missing:
        await _register(client, missing)


async def _until_known(client: Client) -> None:
    """A server that has just started may answer before it has read its namespaces."""
    deadline = time.monotonic() + REGISTRATION_TIMEOUT_S
    while True:
        try:
            await describe_retention(client)
            return
        except RPCError as error:
            waits = error.status in {RPCStatusCode.NOT_FOUND, RPCStatusCode.UNAVAILABLE}
            if not waits or time.monotonic() > deadline:
                raise ConfigurationError(
                    f"The Temporal server does not know the namespace {client.namespace!r}: {error.message}.",
                    "set TEMPORAL_NAMESPACE to one that exists.",
                ) from error
        await asyncio.sleep(POLL_S)


async def _keep_for(client: Client, retention: timedelta) -> None:
    duration = Duration()
    duration.FromTimedelta(retention)
    await client.workflow_service.update_namespace(
        UpdateNamespaceRequest(
            namespace=client.namespace, config=NamespaceConfig(workflow_execution_retention_ttl=duration)
        )
    )
    kept = await describe_retention(client)
    if kept != retention:
        raise ConfigurationError(
            f"The namespace {client.namespace!r} keeps closed tasks for {kept}, although {retention} was asked for.",
            "set the retention by 'temporal operator namespace update --retention'.",
        )


async def _register(client: Client, missing: dict[str, str]) -> None:
    request = AddSearchAttributesRequest(namespace=client.namespace)
    for name, kind in missing.items():
        request.search_attributes[name] = IndexedValueType.Value(_enum_name(kind))
    await client.operator_service.add_search_attributes(request)
    deadline = time.monotonic() + REGISTRATION_TIMEOUT_S
    while not missing.keys() <= (await registered_attributes(client)).keys():
        if time.monotonic() > deadline:
            raise ConfigurationError(
                f"The Temporal server did not register the search attributes {sorted(missing)!r}.",
                "see the log of the Temporal server.",
            )
        await asyncio.sleep(POLL_S)


def _enum_name(kind: str) -> str:
    return f"INDEXED_VALUE_TYPE_{kind.upper()}"


def _type_name(number: "IndexedValueType.ValueType") -> str:
    return IndexedValueType.Name(number).removeprefix("INDEXED_VALUE_TYPE_").title().replace("_", "")
