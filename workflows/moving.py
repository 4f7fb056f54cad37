"""Leaving whatever waits for a person, so that the task can go on in a new run on another version."""

from collections.abc import Sequence

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from perdure.contracts.continuation import Undone


# It is no error: the run's own body always catches it.
class MovingOver(Exception):
    """Nothing is under way any more; ``undone`` is what the next run begins with."""

    def __init__(self, undone: Undone) -> None:
        super().__init__(undone)
        self.undone = undone


def moving_sentence(withdrawn: Sequence[str], stays: Sequence[str]) -> str:
    """When the task goes on in a new run: at once, or after what waits in the middle of a step."""
    if withdrawn:
        return "What it asked is withdrawn, and asked anew under another id in a new run."
    if stays:
        return f"It goes on in a new run once {stays[0]!r} is answered and the step that asks is finished."
    return "It goes on in a new run before its next step, or ends where there is none."
