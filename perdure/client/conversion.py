"""The data converter of everything that talks to the server: pydantic models, and failures that people can read."""

import dataclasses

from temporalio.api.failure.v1 import Failure
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.converter import DefaultFailureConverter, PayloadConverter

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


data_converter = dataclasses.replace(pydantic_data_converter, failure_converter_class=ReadableFailures)
