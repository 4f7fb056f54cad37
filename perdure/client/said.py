"""What people said, as it may be shown: the server keeps it as it was sent, credentials and all."""

from perdure.contracts.task import TaskRequest


def shown(text: str) -> str:
    """The text with a mark in the place of each credential that is known by its form or by what stands around it."""
    # Its patterns take a tenth of a second to load, and most who import the client read no words of anybody.
    from perdure.safety.secrets.redactor import Redactor

    return Redactor().redact(text)


def shown_request(request: TaskRequest) -> TaskRequest:
    """The request with its words as they may be shown."""
    labels = {name: shown(value) for name, value in request.labels.items()}
    return request.model_copy(update={"request": shown(request.request), "labels": labels})
