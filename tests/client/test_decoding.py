"""What cannot be read of a history, for want of a key or of the version that wrote it, is left out and breaks nothing."""

from collections.abc import Sequence

from temporalio.api.common.v1 import Payload
from temporalio.api.failure.v1 import Failure
from temporalio.api.history.v1 import HistoryEvent
from temporalio.converter import DataConverter, PayloadCodec

from perdure.client.decoding import Decoder
from perdure.contracts.task import TaskResult


class Locked(PayloadCodec):
    """A codec whose key is not here."""

    async def encode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Nothing is written by these tests."""
        return list(payloads)

    async def decode(self, payloads: Sequence[Payload]) -> list[Payload]:
        """Refuses."""
        raise ValueError("There is no such key.")


DECODER = Decoder(DataConverter(payload_codec=Locked()))
SEALED = Payload(metadata={"encoding": b"binary/encrypted"}, data=b"sealed")


async def test_a_summary_that_cannot_be_read_is_empty() -> None:
    event = HistoryEvent()
    event.user_metadata.summary.CopyFrom(SEALED)
    assert await DECODER.summary(event) == ""


async def test_of_a_failure_that_cannot_be_read_what_stands_open_is_told() -> None:
    failure = Failure(message="Encoded failure", encoded_attributes=SEALED)
    assert await DECODER.failure(failure) == "Encoded failure"
    assert await DECODER.failed_result(failure) is None


async def test_a_model_that_cannot_be_read_is_none() -> None:
    assert await DECODER.model([SEALED], TaskResult) is None
