"""A server that lacks a search attribute for a while."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, RemoveSearchAttributesRequest
from temporalio.client import Client

from perdure.client import PerdureClient
from perdure.contracts.errors import ConfigurationError, InvalidInput
from perdure.contracts.names import SEARCH_NEEDS, SEARCH_USER
from tests.client.waiting import eventually

FILTERS = {SEARCH_NEEDS: {"needs": "approval"}, SEARCH_USER: {"user": "ada"}}
"""A filter of the list that needs the attribute."""


@asynccontextmanager
async def unregistered(client: PerdureClient, temporal_client: Client, name: str) -> AsyncGenerator[None]:
    """Without the attribute, in every part of the server: each hears of a change a moment later."""
    service, namespace = temporal_client.operator_service, temporal_client.namespace

    async def refused() -> bool:
        try:
            await client.tasks(**FILTERS[name])
        except (ConfigurationError, InvalidInput):
            return True
        return False

    async def without() -> bool | None:
        return await refused() or None

    async def again() -> bool | None:
        return not await refused() or None

    await service.remove_search_attributes(
        RemoveSearchAttributesRequest(namespace=namespace, search_attributes=[name])
    )
    try:
        await eventually(without)
        yield
    finally:
        keyword = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
        await service.add_search_attributes(
            AddSearchAttributesRequest(namespace=namespace, search_attributes={name: keyword})
        )
        await eventually(again)
