"""Every request that a sandboxed program makes of a package host is logged with its task, and counted."""

import logging
from typing import Protocol

from temporalio import activity

logger = logging.getLogger("perdure.packages")


class PackageRequest(Protocol):
    """What is known of a request."""

    @property
    def host(self) -> str:
        """As asked for."""
        ...

    @property
    def port(self) -> int:
        """As asked for."""
        ...

    @property
    def verdict(self) -> str:
        """``allowed``, ``refused`` or ``failed``."""
        ...

    @property
    def why(self) -> str:
        """Why it was refused or failed."""
        ...

    @property
    def sent_bytes(self) -> int:
        """What the program sent."""
        ...

    @property
    def received_bytes(self) -> int:
        """What it received."""
        ...


def note_package_request(task_id: str, request: PackageRequest) -> None:
    """Log and count a request; called within the activity that runs the program."""
    logger.info(
        "package request",
        extra={
            "task_id": task_id,
            "host": request.host,
            "port": request.port,
            "verdict": request.verdict,
            "why": request.why,
            "sent_bytes": request.sent_bytes,
            "received_bytes": request.received_bytes,
        },
    )
    # The host is no label: a program could make up as many as it likes.
    meter = activity.metric_meter().with_additional_attributes({"verdict": request.verdict})
    meter.create_counter("perdure_package_requests", "Requests to package hosts by verdict").add(1)
    moved = meter.create_counter(
        "perdure_package_bytes", "Bytes between sandboxed programs and package hosts"
    )
    moved.add(request.sent_bytes, {"direction": "sent"})
    moved.add(request.received_bytes, {"direction": "received"})
