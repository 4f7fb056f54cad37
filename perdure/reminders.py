"""When people are brought to mind of what waits for them, as the settings say. Entry points alone import it."""

import shlex
from collections.abc import Mapping, Sequence

from perdure.contracts.errors import ConfigurationError
from perdure.contracts.steps import Timing
from perdure.safety.announcing import KEPT_VARIABLES, Announcer
from perdure.settings import Settings, variable_of


def timing_of(settings: Settings) -> Timing:
    """The durations of a task; ConfigurationError for a moment that is none."""
    deadline_s = settings.approval_deadline_s
    reminders = all_seconds_after(
        settings.approval_reminders, deadline_s, variable=variable_of("approval_reminders")
    )
    escalation_s = seconds_after(settings.escalate_at, deadline_s, variable=variable_of("escalate_at"))
    return Timing(
        heartbeat_s=settings.heartbeat_s,
        host_answer_s=settings.host_answer_s,
        approval_deadline_s=deadline_s,
        approval_reminder_s=settings.approval_reminder_s,
        approval_reminders_s=reminders,
        approval_escalation_s=escalation_s if settings.escalation_command else 0.0,
        reflect_every=settings.reflect_every,
        continue_after_events=settings.continue_after_events,
    )


def announcer_of(settings: Settings, environment: Mapping[str, str]) -> Announcer:
    """The operator's command for approvals that nobody decides."""
    return Announcer(
        command=command_of(settings.escalation_command, variable=variable_of("escalation_command")),
        environment={name: environment[name] for name in KEPT_VARIABLES if name in environment},
        limit_s=settings.escalation_limit_s,
    )


def seconds_after(text: str, deadline_s: float, *, variable: str) -> float:
    """A moment between asking and the deadline: seconds (``3600``) or a share of the time there is (``75%``)."""
    number, percent = text.strip().removesuffix("%"), text.strip().endswith("%")
    try:
        value = float(number)
    except ValueError:
        value = -1.0
    moment_s = deadline_s * value / 100 if percent else value
    if not 0 < moment_s < deadline_s:
        raise ConfigurationError(
            f"{variable} names {text!r}, which is no moment between asking and the deadline ({deadline_s:g} s later).",
            "give seconds such as 3600, or a share such as 75%.",
        )
    return moment_s


def all_seconds_after(texts: Sequence[str], deadline_s: float, *, variable: str) -> tuple[float, ...]:
    """Several moments in order, each once."""
    return tuple(sorted({seconds_after(text, deadline_s, variable=variable) for text in texts}))


def command_of(text: str, *, variable: str) -> tuple[str, ...]:
    """A program with its arguments, split as a shell would; no shell ever runs it."""
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise ConfigurationError(
            f"{variable} cannot be split into a program and its arguments: {error}.", "close what is quoted."
        ) from error
