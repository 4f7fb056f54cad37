"""The data converter of everything that talks to the server: pydantic models, and failures that people can read."""

import dataclasses
from collections.abc import Callable

from temporalio.api.failure.v1 import Failure
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DataConverter, DefaultFailureConverter, PayloadConverter

EXPLAINED = frozenset({"Refused", "InvalidInput", "ConfigurationError", "PolicyDenied"})
"""Failures whose sentence says everything; a stack would only show a stranger the paths of our machine."""


class ReadableFailures(DefaultFailureConverter):
    """Leaves the stack out of failures that a person caused and can mend."""

    def to_failure(
        self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure
    ) -> None:
        """The exception as a failure; see the base class."""
        super().to_failure(exception, payload_converter, failure)
        while True:
            if failure.application_failure_info.type in EXPLAINED:
                failure.stack_trace = ""
            if not failure.HasField("cause"):
                break
            failure = failure.cause


def redacting(redact: Callable[[str], str]) -> DataConverter:
    """A converter whose failures hold no credentials, with everything that caused them."""

    class RedactedFailures(ReadableFailures):
        """Failures whose words passed ``redact``."""

        def to_failure(
            self, exception: BaseException, payload_converter: PayloadConverter, failure: Failure
        ) -> None:
            """The exception as a failure; see the base class."""
            super().to_failure(exception, payload_converter, failure)
            while True:
                failure.message, failure.stack_trace = redact(failure.message), redact(failure.stack_trace)
                if not failure.HasField("cause"):
                    break
                failure = failure.cause

    return dataclasses.replace(data_converter, failure_converter_class=RedactedFailures)


data_converter = dataclasses.replace(pydantic_data_converter, failure_converter_class=ReadableFailures)
