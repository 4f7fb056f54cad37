"""What is told of a new workspace. Entry points alone import it, since it joins two rooms."""

import asyncio

from activities.prepare_workspace import Surveyed
from perdure.workspace.overview import overview_of, toolchain_of
from perdure.workspace.working_copy import WorkingCopy


async def survey(copy: WorkingCopy) -> Surveyed:
    """What the model and people are told of a new workspace."""
    overview = await asyncio.to_thread(overview_of, copy.root)
    return Surveyed(overview=overview, toolchain=toolchain_of(copy.root))
